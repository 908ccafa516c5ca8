//! Topics, users, positions and gaps.

use std::time::Duration;

use hyper::StatusCode;

use super::support::{Events, Gateway, Seen, request, text};

const RETRY: Duration = Duration::from_secs(2);

fn message(topic: &str, user: Option<&str>, data: &str) -> String {
    let user = user.map_or_else(String::new, |user| format!(r#""user":"{user}","#));
    format!(r#"{{"topic":"{topic}",{user}"type":"t","data":"{data}"}}"#)
}

fn after(id: &str, events: u64) -> String {
    let (epoch, number) = id.split_once('.').expect("epoch and number");
    format!(
        "{epoch}.{}",
        number.parse::<u64>().expect("a number") + events
    )
}

#[tokio::test]
async fn named_events_arrive_by_topic_and_user_and_for_everybody() {
    let gateway = Gateway::start(&[]);
    let mut ann = gateway.events("topic=a&topic=b&user=ann", None).await;
    let mut bob = gateway.events("topic=b&user=bob", None).await;
    let mut nobody = gateway.events("topic=b", None).await;
    let start = ann.begin().await;
    for stream in [&mut bob, &mut nobody] {
        assert_eq!(stream.begin().await, start);
    }
    for (topic, user, data) in [
        ("a", None, "1"),
        ("b", Some("bob"), "2"),
        ("c", None, "3"),
        ("b", Some("ann"), "4"),
        ("b", None, "5 \u{e4}\\n6"),
    ] {
        gateway.publish(&message(topic, user, data)).await;
    }
    let event = |data, number| Seen::event("t", data, &after(&start, number));
    assert_eq!(ann.next().await, Some(event("1", 1)));
    assert_eq!(ann.next().await, Some(event("4", 4)));
    assert_eq!(bob.next().await, Some(event("2", 2)));
    for stream in [&mut ann, &mut bob, &mut nobody] {
        assert_eq!(stream.next().await, Some(event("5 \u{e4}\n6", 5)));
        assert!(stream.is_silent().await);
    }
}

#[tokio::test]
async fn an_event_wakes_only_those_whom_it_concerns() {
    let gateway = Gateway::start(&[]);
    let mut streams = Vec::new();
    for user in 0..20 {
        let mut events = gateway.events(&format!("topic=a&user=u{user}"), None).await;
        events.begin().await;
        streams.push(events);
    }
    gateway.publish(&message("a", Some("u7"), "x")).await;
    gateway.publish(&message("other", None, "x")).await;
    assert_eq!(streams[7].data(1).await, ["x"]);
    assert_eq!(gateway.metric("gateway_wakeups_total").await, 1.0);
    assert_eq!(gateway.metric("gateway_deliveries_total").await, 1.0);
    gateway.publish(&message("a", None, "y")).await;
    for stream in &mut streams {
        assert_eq!(stream.data(1).await, ["y"]);
    }
    assert_eq!(gateway.metric("gateway_wakeups_total").await, 21.0);
    assert_eq!(gateway.metric("gateway_encoded_frames_total").await, 3.0);
}

#[tokio::test]
async fn a_stream_begins_with_retry_and_position_and_repeats_the_position_after_silence() {
    let gateway = Gateway::start(&["--keep-alive", "300ms"]);
    let mut events = gateway.events("topic=a&user=ann", None).await;
    assert_eq!(events.next().await, Some(Seen::Retry(RETRY)));
    let Some(Seen::Checkpoint(start)) = events.next().await else {
        panic!("no position")
    };
    // Of another user: the position passes it, and nothing is shown of it.
    gateway.publish(&message("a", Some("bob"), "secret")).await;
    assert_eq!(
        events.next().await,
        Some(Seen::Checkpoint(after(&start, 1)))
    );
    gateway.publish(&message("a", None, "x")).await;
    assert_eq!(
        events.next().await,
        Some(Seen::event("t", "x", &after(&start, 2)))
    );
    assert_eq!(
        events.next().await,
        Some(Seen::Checkpoint(after(&start, 2)))
    );
}

#[tokio::test]
async fn the_keep_alive_counts_from_the_last_event() {
    let gateway = Gateway::start(&["--keep-alive", "1s"]);
    let mut events = gateway.events("topic=a", None).await;
    events.begin().await;
    for number in 0..8 {
        gateway
            .publish(&message("a", None, &number.to_string()))
            .await;
        tokio::time::sleep(Duration::from_millis(250)).await;
        // In two seconds of events there is no silence of one second.
        assert!(
            matches!(events.next().await, Some(Seen::Event { .. })),
            "{number}"
        );
    }
    assert!(matches!(events.next().await, Some(Seen::Checkpoint(_))));
}

#[tokio::test]
async fn a_client_continues_after_its_last_event_id() {
    let gateway = Gateway::start(&[]);
    let start = gateway.events("topic=a", None).await.begin().await;
    let mut ids = vec![start];
    for number in 1..=5 {
        ids.push(
            gateway
                .publish(&message("a", None, &number.to_string()))
                .await,
        );
    }
    for (received, id) in ids.iter().enumerate() {
        let mut by_header = gateway.events("topic=a", Some(id)).await;
        let mut by_query = gateway
            .events(&format!("topic=a&last_event_id={id}"), None)
            .await;
        for events in [&mut by_header, &mut by_query] {
            assert_eq!(events.begin().await, *id);
            let expected: Vec<_> = (received + 1..=5)
                .map(|number| number.to_string())
                .collect();
            assert_eq!(events.data(5 - received).await, expected);
            assert!(events.is_silent().await);
        }
    }
    // A page that reconnects sends the header, and the URL of its first request.
    let query = format!("topic=a&last_event_id={}", ids[1]);
    let mut events = gateway.events(&query, Some(&ids[4])).await;
    assert_eq!(events.data(1).await, ["5"]);
}

#[tokio::test]
async fn a_client_that_received_nothing_for_long_continues_without_a_gap() {
    let gateway = Gateway::start(&["--log-events", "10", "--keep-alive", "300ms"]);
    let mut events = gateway.events("topic=a&user=ann", None).await;
    let first = events.begin().await;
    for _ in 0..100 {
        gateway.publish(&message("a", Some("bob"), "x")).await;
    }
    let Some(Seen::Checkpoint(position)) = events.next().await else {
        panic!("no checkpoint")
    };
    drop(events);
    gateway.publish(&message("a", Some("ann"), "y")).await;
    let mut events = gateway.events("topic=a&user=ann", Some(&position)).await;
    assert_eq!(events.begin().await, position);
    assert_eq!(events.data(1).await, ["y"]);
    // Without the checkpoint there would be a gap.
    let mut events = gateway.events("topic=a&user=ann", Some(&first)).await;
    assert_eq!(events.gap().await.0, "expired");
}

#[tokio::test]
async fn a_gap_is_an_event_with_reason_and_the_position_where_the_stream_continues() {
    let gateway = Gateway::start(&["--log-events", "3"]);
    let start = gateway.events("topic=a", None).await.begin().await;
    for number in 1..=9 {
        gateway
            .publish(&message("a", None, &number.to_string()))
            .await;
    }
    let (oldest, newest) = (after(&start, 6), after(&start, 9));
    let (expired, ahead) = (after(&start, 5), after(&start, 10));
    let other = format!("{}0", if start.starts_with('0') { 'f' } else { '0' });
    let other = start.replacen(&start[..1], &other[..1], 1);
    let (padded, longer) = (newest.replace('.', ".0"), format!("0{start}"));
    let long = format!("{newest}{}", "0".repeat(64));
    let huge = format!("{}.99999999999999999999", start.split('.').next().unwrap());
    for (id, reason, position, left) in [
        (&*start, "expired", &oldest, 3),
        (&expired, "expired", &oldest, 3),
        (&other, "other-epoch", &oldest, 3),
        (&ahead, "unknown", &newest, 0),
        (&huge, "malformed", &newest, 0),
        (&padded, "malformed", &newest, 0),
        (&longer, "malformed", &newest, 0),
        ("17", "malformed", &newest, 0),
        ("v1.2", "malformed", &newest, 0),
        (".7", "malformed", &newest, 0),
        ("a.+7", "malformed", &newest, 0),
        (&long, "malformed", &newest, 0),
    ] {
        let mut events = gateway.events("topic=a", Some(id)).await;
        let gap = (reason.to_owned(), position.to_string());
        assert_eq!(events.gap().await, gap, "{id}");
        assert_eq!(events.data(left).await.len(), left);
        assert!(events.is_silent().await);
        // From the position there is no gap any more.
        let mut again = gateway.events("topic=a", Some(position)).await;
        assert_eq!(again.begin().await, *position);
        assert_eq!(again.data(left).await.len(), left);
    }
    assert_eq!(
        gateway
            .metric(r#"gateway_gaps_total{reason="expired"}"#)
            .await,
        2.0
    );
    assert_eq!(
        gateway
            .metric(r#"gateway_gaps_total{reason="malformed"}"#)
            .await,
        8.0
    );
}

#[tokio::test]
async fn a_topic_ends_with_done_and_then_there_is_no_content() {
    let gateway = Gateway::start(&["--log-events", "4"]);
    let mut both = gateway.events("topic=a&topic=b", None).await;
    let mut one = gateway.events("topic=a", None).await;
    let start = one.begin().await;
    both.begin().await;
    gateway.publish(&message("a", None, "x")).await;
    let done = gateway
        .publish(r#"{"topic":"a","type":"done","data":""}"#)
        .await;
    assert_eq!(
        one.next().await,
        Some(Seen::event("t", "x", &after(&start, 1)))
    );
    assert_eq!(one.next().await, Some(Seen::event("done", "", &done)));
    assert_eq!(one.next().await, None);
    // A page that did not close receives no events and no reason to reconnect.
    for id in [Some(&*done), None] {
        let response = gateway.get_events("topic=a", id).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
    // Who has not seen the end yet receives it.
    let mut late = gateway.events("topic=a", Some(&start)).await;
    assert_eq!(late.data(2).await, ["x", ""]);
    assert_eq!(late.next().await, None);
    // The other topic continues.
    assert_eq!(both.data(2).await, ["x", ""]);
    gateway.publish(&message("b", None, "y")).await;
    assert_eq!(both.data(1).await, ["y"]);
    let (status, answer) = gateway.post(&message("a", None, "z"), &[]).await;
    assert_eq!(
        (status, answer["error"].as_str()),
        (409, Some(r#"the topic "a" has ended"#))
    );
    // When the log has forgotten the end, the topic may be used again.
    for _ in 0..4 {
        gateway.publish(&message("b", None, "z")).await;
    }
    let mut again = gateway.events("topic=a", None).await;
    again.begin().await;
    gateway.publish(&message("a", None, "w")).await;
    assert_eq!(again.data(1).await, ["w"]);
}

#[tokio::test]
async fn a_wrong_subscription_is_refused_with_the_reason() {
    let gateway = Gateway::start(&[]);
    let long = format!("topic={}", "x".repeat(129));
    let many: Vec<_> = (0..33).map(|number| format!("topic={number}")).collect();
    let many = many.join("&");
    for (query, reason) in [
        ("", "0 topics; subscribe to 1 to 32: ?topic=a&topic=b"),
        (&many, "33 topics; subscribe to 1 to 32: ?topic=a&topic=b"),
        (&long, "topic has 129 bytes; at most 128 are allowed"),
        ("topic=", "topic is empty"),
        ("topic=%ff", "topic is not UTF-8"),
        ("topic=a&%ff=b", "a name is not UTF-8"),
        ("topic=a%0Ab", r#"topic "a\nb" has a control character"#),
        ("topic=a&user=", "user is empty"),
        (
            "topic=a&color=red",
            "unknown parameter \"color\"; there are topic, user, last_event_id, ticket, checkpoint, busy",
        ),
        (
            "topic=a&topic=%61",
            "the parameter topic is there twice with the same value",
        ),
        ("topic=a&user=b&user=c", "the parameter user is there twice"),
        (
            "topic=a&last_event_id=b&last_event_id=b",
            "the parameter last_event_id is there twice",
        ),
    ] {
        let response = gateway.get_events(query, None).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        let answer: serde_json::Value = serde_json::from_str(&text(response).await).expect("JSON");
        assert_eq!(answer["error"].as_str(), Some(reason), "{query}");
    }
    assert_eq!(gateway.metric("gateway_streams").await, 0.0);
    // What looks strange and is right.
    let mut events = gateway.events("topic=a+b%2Bc&&topic=%C3%A4", None).await;
    events.begin().await;
    gateway.publish(&message("a b+c", None, "1")).await;
    gateway.publish(&message("\u{e4}", None, "2")).await;
    assert_eq!(events.data(2).await, ["1", "2"]);
}

#[tokio::test]
async fn two_last_event_ids_are_none() {
    let gateway = Gateway::start(&[]);
    let start = gateway.events("topic=a", None).await.begin().await;
    let headers = [("last-event-id", &*start), ("last-event-id", &*start)];
    let response = request(gateway.address, "GET", "/events?topic=a", &headers, "").await;
    let mut events = Events::new(response);
    assert_eq!(events.gap().await, ("malformed".to_owned(), start));
}

/// The mode that is there to measure the other one.
#[tokio::test]
async fn events_that_are_encoded_for_each_subscriber_are_the_same() {
    let gateway = Gateway::start(&["--encode-per-subscriber", "--keep-alive", "0"]);
    let mut events = gateway.events("topic=a", None).await;
    let Some(Seen::Checkpoint(start)) = events.next().await else {
        panic!("no position")
    };
    assert!(events.is_silent().await);
    gateway.publish(&message("a", None, "1\\n2")).await;
    let event = Seen::event("t", "1\n2", &after(&start, 1));
    assert_eq!(events.next().await, Some(event));
    assert_eq!(gateway.metric("gateway_encoded_frames_total").await, 2.0);
}
