//! The hub without sockets: every subscriber receives exactly what concerns it, however it is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use gateway::hub::{
    Delivery, Ended, Filter, Gap, Hub, LeftBehind, Message, Position, Subscription,
};
use sse_wire::{EventDecoder, EventType, Outgoing};

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn hub(frames: usize) -> Arc<Hub> {
    Arc::new(Hub::new("e", frames, 1 << 20, Duration::from_secs(60)))
}

fn message<'a>(topic: &'a str, user: Option<&'a str>, data: &'a str) -> Message<'a> {
    let event = Outgoing::event(EventType::from_static("t"), data);
    Message {
        topic,
        user,
        event,
        is_last: false,
    }
}

fn filter(topics: &[&str], user: Option<&str>) -> Filter {
    let topics = topics.iter().map(|topic| (*topic).into()).collect();
    Filter {
        topics,
        user: user.map(Into::into),
    }
}

fn subscribe(hub: &Arc<Hub>, filter: Filter, id: Option<&str>) -> (Subscription, Option<Gap>) {
    hub.subscribe(filter, id, || {})
        .expect("its topics have not ended")
}

/// Reads one event: its data and ID. Those of a gap are its reason, and the position.
fn read(
    subscription: &Subscription,
    waker: &Waker,
) -> Poll<Option<Result<(String, String), LeftBehind>>> {
    let next = subscription.poll_next(&mut Context::from_waker(waker));
    next.map(|next| {
        next.map(|next| {
            let frame = match next? {
                Delivery::Event(frame) => frame,
                Delivery::Gap(gap) => {
                    return Ok((gap.reason().to_owned(), position(subscription)));
                }
            };
            let (mut decoder, mut input) = (EventDecoder::new(), &frame.as_bytes()[..]);
            let event = decoder
                .decode(&mut input)
                .expect("it is valid")
                .expect("it is one");
            Ok((event.data().to_owned(), event.last_event_id().to_owned()))
        })
    })
}

fn position(subscription: &Subscription) -> String {
    let frame = subscription.checkpoint(Outgoing::new());
    let (mut decoder, mut input) = (EventDecoder::new(), &frame.as_bytes()[..]);
    assert!(!input.is_empty());
    assert_eq!(decoder.decode(&mut input), Ok(None));
    decoder.last_event_id().to_owned()
}

struct Client {
    filter: Filter,
    subscription: Option<Subscription>,
    /// The last ID that it has seen, in an event or a checkpoint.
    id: String,
    received: Vec<usize>,
}

/// Subscribers that are read at random, that vanish and continue from an event or a checkpoint.
#[test]
fn every_subscriber_receives_what_concerns_it_once_and_in_order() {
    const TOPICS: [&str; 3] = ["a", "b", "c"];
    const USERS: [Option<&str>; 3] = [None, Some("ann"), Some("bob")];
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let hub = hub(10_000);
        let mut clients: Vec<_> = (0..12)
            .map(|number| {
                let topics: Vec<_> = TOPICS.into_iter().filter(|_| random.bool()).collect();
                let topics = if topics.is_empty() { vec!["a"] } else { topics };
                let filter = filter(&topics, USERS[number % 3]);
                let (subscription, gap) = subscribe(&hub, filter.clone(), None);
                assert_eq!(gap, None);
                let id = position(&subscription);
                Client {
                    filter,
                    subscription: Some(subscription),
                    id,
                    received: Vec::new(),
                }
            })
            .collect();
        let mut published = Vec::new();
        for step in 0..400 {
            if random.u8(..4) == 0 {
                let (topic, user) = (
                    *random.choice(&TOPICS).unwrap(),
                    *random.choice(&USERS).unwrap(),
                );
                let data = published.len().to_string();
                published.push((topic, user));
                hub.publish(&message(topic, user, &data), Duration::ZERO)
                    .expect("it has not ended");
            }
            let client = &mut clients[random.usize(..12)];
            match (&client.subscription, random.u8(..10)) {
                (Some(_), 0) => client.subscription = None,
                (None, _) => {
                    let id = Some(&*client.id);
                    let (subscription, gap) = subscribe(&hub, client.filter.clone(), id);
                    assert_eq!((gap, &position(&subscription)), (None, &client.id));
                    client.subscription = Some(subscription);
                }
                (Some(subscription), 1) => client.id = position(subscription),
                (Some(_), _) => read_one(client),
            }
            if step % 50 == 0 {
                assert!(hub.maintain(Duration::ZERO) <= published.len() as u64);
            }
        }
        for client in &mut clients {
            let id = client.id.clone();
            client.subscription = Some(subscribe(&hub, client.filter.clone(), Some(&id)).0);
            for _ in 0..published.len() + 1 {
                read_one(client);
            }
            let concerns = |(topic, user): &(&str, Option<&str>)| {
                client.filter.topics.iter().any(|of| **of == **topic)
                    && user.is_none_or(|user| client.filter.user.as_deref() == Some(user))
            };
            let all = published
                .iter()
                .enumerate()
                .filter(|(_, event)| concerns(event));
            let all: Vec<_> = all.map(|(number, _)| number).collect();
            assert_eq!(client.received, all, "seed {seed}");
        }
    }
}

fn read_one(client: &mut Client) {
    let Some(subscription) = &client.subscription else {
        return;
    };
    if let Poll::Ready(Some(event)) = read(subscription, Waker::noop()) {
        let (data, id) = event.expect("it is not slow");
        client.received.push(data.parse().expect("a number"));
        client.id = id;
    }
}

#[test]
fn a_subscriber_is_woken_once_until_it_has_read() {
    let hub = hub(10);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let (ann, _) = subscribe(&hub, filter(&["a"], Some("ann")), None);
    assert!(read(&ann, &waker).is_pending());
    let publish = |user| {
        hub.publish(&message("a", user, "x"), Duration::ZERO)
            .map(|it| it.woken)
    };
    assert_eq!(publish(Some("bob")), Ok(0));
    assert_eq!(publish(Some("ann")), Ok(1));
    assert_eq!(publish(None), Ok(0));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    for _ in 0..2 {
        assert!(read(&ann, &waker).is_ready());
    }
    assert!(read(&ann, &waker).is_pending());
    assert_eq!(publish(None), Ok(1));
    drop(ann);
    assert_eq!(publish(None), Ok(0));
}

#[test]
fn only_an_event_that_concerns_it_leaves_a_subscriber_behind() {
    let hub = hub(4);
    let cuts = Arc::new(AtomicUsize::new(0));
    let slow = |filter| {
        let cuts = cuts.clone();
        let on_left_behind = move || {
            cuts.fetch_add(1, Ordering::Relaxed);
        };
        hub.subscribe(filter, None, on_left_behind)
            .expect("its topics have not ended")
            .0
    };
    let (ann, bob) = (
        slow(filter(&["a"], Some("ann"))),
        slow(filter(&["a"], Some("bob"))),
    );
    for number in 0..20 {
        hub.publish(&message("a", Some("bob"), "x"), Duration::ZERO)
            .expect("it has not ended");
        let lag = if number < 4 { number + 1 } else { 0 };
        assert_eq!(hub.maintain(Duration::ZERO), lag);
    }
    assert_eq!(cuts.load(Ordering::Relaxed), 1);
    assert_eq!(
        read(&bob, Waker::noop()),
        Poll::Ready(Some(Err(LeftBehind)))
    );
    assert!(read(&ann, Waker::noop()).is_pending());
    assert_eq!(position(&ann), "e.20");
    // What has expired is evicted without a new event.
    hub.publish(&message("a", Some("ann"), "y"), Duration::ZERO)
        .expect("it has not ended");
    assert_eq!(hub.maintain(Duration::from_secs(60)), 1);
    assert_eq!(hub.maintain(Duration::from_secs(61)), 0);
    assert_eq!(cuts.load(Ordering::Relaxed), 2);
}

#[test]
fn a_subscriber_that_reads_far_lets_others_have_the_lock() {
    let hub = hub(5000);
    let first = position(&subscribe(&hub, filter(&["a"], None), None).0);
    for _ in 0..3000 {
        hub.publish(&message("b", None, "x"), Duration::ZERO)
            .expect("it has not ended");
    }
    hub.publish(&message("a", None, "y"), Duration::ZERO)
        .expect("it has not ended");
    let wakes = Arc::new(Wakes::default());
    let (subscription, gap) = subscribe(&hub, filter(&["a"], None), Some(&first));
    assert_eq!(gap, None);
    let mut polls = 0;
    while read(&subscription, &wakes.clone().into()).is_pending() {
        polls += 1;
        assert_eq!(wakes.0.load(Ordering::Relaxed), polls);
    }
    assert_eq!(polls, 2);
}

#[test]
fn a_topic_that_has_ended_may_be_used_again_when_its_end_is_too_old() {
    let (hub, seconds) = (hub(10), Duration::from_secs);
    let last = Message {
        is_last: true,
        ..message("a", None, "")
    };
    for (time, maintained) in [(0, false), (61, true), (122, false)] {
        if maintained {
            hub.maintain(seconds(time));
            subscribe(&hub, filter(&["a"], None), None);
        }
        assert!(hub.publish(&last, seconds(time)).is_ok());
        assert_eq!(hub.publish(&last, seconds(time)), Err(Ended));
        hub.maintain(seconds(time + 60));
        assert_eq!(hub.publish(&last, seconds(time + 60)), Err(Ended));
    }
}

#[test]
fn topics_that_have_ended_end_a_subscription() {
    let hub = hub(10);
    let (both, _) = subscribe(&hub, filter(&["a", "b"], None), None);
    for (number, topic) in ["a", "b"].into_iter().enumerate() {
        assert!(read(&both, Waker::noop()).is_pending());
        let last = Message {
            is_last: true,
            ..message(topic, None, "")
        };
        hub.publish(&last, Duration::ZERO)
            .expect("it has not ended");
        assert_eq!(hub.publish(&last, Duration::ZERO), Err(Ended));
        let id = format!("e.{}", number + 1);
        assert_eq!(
            read(&both, Waker::noop()),
            Poll::Ready(Some(Ok((String::new(), id))))
        );
    }
    assert_eq!(read(&both, Waker::noop()), Poll::Ready(None));
    for id in [None, Some("e.2")] {
        let ended = hub.subscribe(filter(&["a", "b"], None), id, || {});
        assert_eq!(ended.map(|_| ()), Err(Ended));
    }
    for id in ["e.0", "e.1", "x"] {
        assert!(
            hub.subscribe(filter(&["a", "b"], None), Some(id), || {})
                .is_ok(),
            "{id}"
        );
    }
}

fn stored(milliseconds: u64, sequence: u64) -> Position {
    Position {
        milliseconds,
        sequence,
    }
}

fn ready(data: &str, id: &str) -> Poll<Option<Result<(String, String), LeftBehind>>> {
    Poll::Ready(Some(Ok((data.to_owned(), id.to_owned()))))
}

#[test]
fn a_hub_that_follows_a_stored_log_has_its_ids_and_reports_a_restart_to_all() {
    let hub = hub(10);
    hub.restart("a", stored(5, 1), Gap::Deleted, Vec::new());
    let wakes = Arc::new(Wakes::default());
    let (live, gap) = subscribe(&hub, filter(&["a"], None), Some("a.5-1"));
    assert_eq!(gap, None);
    assert!(read(&live, &wakes.clone().into()).is_pending());
    hub.apply(stored(6, 0), Some(&message("a", None, "x")), Duration::ZERO);
    // An entry that is no event moves the position.
    hub.apply(stored(6, 1), None, Duration::ZERO);
    assert_eq!(read(&live, Waker::noop()), ready("x", "a.6-0"));
    assert!(read(&live, &wakes.clone().into()).is_pending());
    assert_eq!(position(&live), "a.6-1");
    assert_eq!(hub.newest(), ("a".to_owned(), stored(6, 1)));

    let (away, _) = subscribe(&hub, filter(&["a"], None), None);
    away.leave("a.3-0");
    hub.apply(stored(7, 0), Some(&message("a", None, "y")), Duration::ZERO);
    hub.restart("b", stored(9, 0), Gap::Failover, Vec::new());
    assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
    // No position before the gap: a client that is cut now must learn of it later.
    assert_eq!(position(&live), "");
    assert_eq!(read(&live, Waker::noop()), ready("failover", "b.9-0"));
    assert!(read(&live, Waker::noop()).is_pending());
    hub.apply(stored(9, 1), Some(&message("a", None, "z")), Duration::ZERO);
    assert_eq!(read(&live, Waker::noop()), ready("z", "b.9-1"));

    assert!(read(&away, Waker::noop()).is_pending());
    assert_eq!(position(&away), "a.3-0");
    assert_eq!(away.join("a.3-0"), Err(Gap::OtherEpoch));
    assert_eq!(away.join("b.8-0"), Err(Gap::Expired));
    assert_eq!(away.join("b.9-2"), Err(Gap::Unknown));
    away.join_after(Gap::OtherEpoch);
    assert_eq!(read(&away, Waker::noop()), ready("other-epoch", "b.9-0"));
    assert_eq!(read(&away, Waker::noop()), ready("z", "b.9-1"));
    assert!(read(&away, Waker::noop()).is_pending());
    away.leave("b.9-0");
    assert_eq!(away.join("b.9-0"), Ok(()));
    assert_eq!(read(&away, Waker::noop()), ready("z", "b.9-1"));
}

#[test]
fn a_subscriber_that_reads_elsewhere_is_never_left_behind() {
    let hub = hub(2);
    hub.restart("a", stored(1, 0), Gap::Deleted, Vec::new());
    let cut = || panic!("it reads elsewhere");
    let subscribed = hub.subscribe(filter(&["a"], None), None, cut);
    let (subscription, _) = subscribed.expect("its topic has not ended");
    subscription.leave("a.1-0");
    for number in 1..=9 {
        hub.apply(
            stored(2, number),
            Some(&message("a", None, "x")),
            Duration::ZERO,
        );
        hub.maintain(Duration::ZERO);
    }
    assert_eq!(subscription.join("a.1-0"), Err(Gap::Expired));
    assert_eq!(subscription.join("a.2-7"), Ok(()));
    assert_eq!(read(&subscription, Waker::noop()), ready("x", "a.2-8"));
}

#[test]
fn a_topic_that_has_ended_in_a_stored_log_stays_so_until_it_is_evicted_there() {
    let hub = hub(2);
    let ended = vec![("a".into(), stored(3, 0)), ("b".into(), stored(2, 0))];
    hub.restart("e", stored(5, 0), Gap::Deleted, ended);
    hub.set_evicted(stored(1, 0));
    let has_ended = |topic| {
        hub.maintain(Duration::ZERO);
        hub.subscribe(filter(&[topic], None), None, || {}).is_err()
    };
    assert!(has_ended("a") && has_ended("b") && !has_ended("c"));
    for number in 1..=9 {
        hub.apply(
            stored(5, number),
            Some(&message("c", None, "x")),
            Duration::ZERO,
        );
    }
    assert!(has_ended("a") && has_ended("b"));
    hub.set_evicted(stored(2, 0));
    assert!(has_ended("a") && !has_ended("b"));
    let last = Message {
        is_last: true,
        ..message("c", None, "")
    };
    hub.apply(stored(6, 0), Some(&last), Duration::ZERO);
    assert!(has_ended("c"));
}
