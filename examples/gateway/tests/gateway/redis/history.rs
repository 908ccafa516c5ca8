//! Positions that a node no longer has in memory, and those that Redis no longer has.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::bench::wait_until_ready;
use super::client::{Client, State, TOPIC};
use super::judge::{Published, Saw, judge};
use crate::support::proxy::Proxy;
use crate::support::redis::{Redis, Value};
use crate::support::{Events, Gateway, PATIENCE};

/// How many clients resume at once.
const CLIENTS: usize = 2_000;

async fn node(url: &str, options: &[&str]) -> Gateway {
    let options = [&["--redis", url, "--log-level", "error"], options].concat();
    let gateway = Gateway::start(&options);
    wait_until_ready(&gateway).await;
    gateway
}

/// Publishes the next numbers as data, and returns the ID of the last one.
async fn publish(gateway: &Gateway, numbers: std::ops::Range<usize>) -> String {
    let mut id = String::new();
    for number in numbers {
        id = gateway
            .publish(&format!(r#"{{"topic":"a","data":"{number}"}}"#))
            .await;
    }
    id
}

/// Waits until Redis retains at most so many entries.
async fn wait_until_trimmed(redis: &Redis, most: i64) -> i64 {
    let begin = Instant::now();
    loop {
        match redis.command(&["XLEN", "{gateway}:log"]) {
            Value::Integer(count) if count <= most => return count,
            count => assert!(begin.elapsed() < PATIENCE, "still {count:?} entries"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Reads numbers that follow each other, up to the last one, and returns the first.
async fn read_up_to(events: &mut Events, last: usize) -> usize {
    let mut first = None;
    let mut next = 0;
    while first.is_none() || next <= last {
        let [data] = &events.data(1).await[..] else {
            panic!("one event was asked for")
        };
        let number = data.parse().expect("a number");
        first.get_or_insert(number);
        assert!(next == 0 || number == next, "{number} instead of {next}");
        next = number + 1;
    }
    first.expect("it was set")
}

/// Reads the beginning of a stream with one gap, and returns the number after that. Before it, there
/// may be events that Redis has no longer, and the node has.
async fn read_past_gap(events: &mut Events, last: usize) -> usize {
    events.begin().await;
    let mut previous = None;
    loop {
        let [data] = &events.data(1).await[..] else {
            panic!("one event was asked for")
        };
        if data == r#"{"reason":"expired"}"# {
            break;
        }
        let number: usize = data.parse().expect("a number");
        assert!(
            previous.is_none_or(|previous| previous + 1 == number),
            "{number}"
        );
        previous = Some(number);
    }
    read_up_to(events, last).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_client_continues_as_long_as_redis_has_its_position() {
    let redis = Redis::start(&[]);
    let options = ["--redis-events", "200", "--log-events", "50"];
    let first = node(&redis.url(), &options).await;
    let start = first.events("topic=a", None).await.begin().await;
    let before = publish(&first, 0..150).await;
    // Its own log begins after that.
    let second = node(&redis.url(), &options).await;
    for gateway in [&first, &second] {
        let mut events = gateway.events("topic=a", Some(&start)).await;
        assert_eq!(events.begin().await, start);
        assert_eq!(read_up_to(&mut events, 149).await, 0);
        assert!(gateway.metric("gateway_redis_history_reads_total").await > 0.0);
    }
    publish(&first, 150..1_150).await;
    let retained = wait_until_trimmed(&redis, 300).await;
    assert!(retained >= 200, "{retained}");
    for gateway in [&first, &second] {
        for id in [&start, &before] {
            let mut events = gateway.events("topic=a", Some(id)).await;
            let oldest = read_past_gap(&mut events, 1_149).await;
            assert!((151..=950).contains(&oldest), "{oldest}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_node_that_is_away_for_too_long_reports_what_was_trimmed() {
    let redis = Redis::start(&[]);
    let options = ["--redis-events", "200", "--log-events", "50"];
    let first = node(&redis.url(), &options).await;
    let proxy = Proxy::start(redis.address).await;
    let url = format!("redis://{}", proxy.address);
    let second = node(&url, &options).await;
    let client = Client::connect(&[second.address], 0);
    client.wait_for(|state| state.has_begun).await;
    let mut published = Published::default();
    published.acknowledged.push(BTreeSet::new());
    let add = async |published: &mut Published, numbers: std::ops::Range<u64>| {
        for number in numbers.clone() {
            let data = format!(r#"{{"p":0,"n":{number}}}"#);
            let body = format!(r#"{{"topic":"{TOPIC}","data":{data}}}"#);
            first.publish(&body).await;
        }
        published.acknowledged[0].extend(numbers);
    };
    add(&mut published, 1..11).await;
    for round in [0, 1] {
        client
            .wait_for(|state| newest(state) == Some(round * 1_000 + 10))
            .await;
        proxy.close(true);
        let from = 11 + round * 1_000;
        add(&mut published, from..from + 1_000).await;
        wait_until_trimmed(&redis, 300).await;
        proxy.close(false);
    }
    client.wait_for(|state| newest(state) == Some(2_010)).await;
    let counts = judge(&published, &[client.lock().saw.clone()]);
    assert!(counts.is_reported(), "{counts}");
    assert_eq!(counts.gaps.get("expired"), Some(&2), "{counts}");
    // What Redis has retained arrives.
    assert!((1_000..=1_600).contains(&counts.lost), "{counts}");
    assert_eq!(counts.all_gaps(), 2, "{counts}");
}

/// Returns the number of the event that a client has received last.
fn newest(state: &State) -> Option<u64> {
    state.saw.iter().rev().find_map(|saw| match saw {
        Saw::Event { number, .. } => Some(*number),
        Saw::Gap(_) => None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn what_is_trimmed_by_hand_is_reported() {
    let redis = Redis::start(&[]);
    let first = node(&redis.url(), &[]).await;
    let start = first.events("topic=a", None).await.begin().await;
    let mut ids = vec![start];
    for number in 0..10 {
        ids.push(publish(&first, number..number + 1).await);
    }
    redis.command(&["XTRIM", "{gateway}:log", "MAXLEN", "5"]);
    // What the first node has in memory, this one has not.
    let second = node(&redis.url(), &[]).await;
    // Nothing follows the last one.
    for (place, id) in ids.iter().enumerate().take(10) {
        let mut events = second.events("topic=a", Some(id)).await;
        let next = events.data(1).await.remove(0);
        let has_gap = next.starts_with('{');
        // The entry of an ID that is known must be there, or the one that precedes the log.
        assert!(has_gap || next == place.to_string(), "{place}: {next}");
        assert!(has_gap || place >= 5, "{place}: {next}");
    }
}

/// Opens a connection without sending anything.
async fn open(address: SocketAddr) -> TcpStream {
    let opened = timeout(PATIENCE, TcpStream::connect(address)).await;
    opened.expect("in time").expect("it listens")
}

/// Resumes, and reads data until the last number. Returns how many numbers came, in their order.
async fn resume(mut stream: TcpStream, id: String, first: usize, last: usize) -> usize {
    let request = format!("GET /events?topic=a HTTP/1.1\r\nhost: x\r\nlast-event-id: {id}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let (mut bytes, mut buffer, mut next) = (Vec::new(), vec![0; 64 << 10], first);
    while next <= last {
        let read = timeout(2 * PATIENCE, stream.read(&mut buffer)).await;
        let count = read.expect("something comes").expect("no error");
        assert!(count > 0, "the stream ends before {next}");
        bytes.extend_from_slice(&buffer[..count]);
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let text = std::str::from_utf8(&bytes[..end]).expect("text");
        assert!(!text.contains("event: gap") && !text.contains("event:gap"));
        for line in text.lines() {
            if let Some(data) = line.strip_prefix("data:") {
                let number: usize = data.trim().parse().expect("a number");
                assert_eq!(number, next);
                next += 1;
            }
        }
        bytes.drain(..=end);
    }
    next - first
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn many_clients_that_resume_at_once_share_what_is_read_from_redis() {
    rlimit::increase_nofile_limit(u64::MAX).expect("a limit");
    let redis = Redis::start(&[]);
    let all = CLIENTS.to_string();
    let connections = (CLIENTS + 100).to_string();
    let options = [
        "--log-events",
        "100",
        "--max-streams-per-address",
        &all,
        "--max-connections-per-address",
        &connections,
    ];
    let gateway = node(&redis.url(), &options).await;
    let events = 3_000;
    let mut ids = vec![publish(&gateway, 0..2_700).await];
    for number in 2_700..2_800 {
        ids.push(publish(&gateway, number..number + 1).await);
    }
    publish(&gateway, 2_800..events).await;
    let mut sockets = Vec::new();
    for _ in 0..CLIENTS / 100 {
        let batch = (0..100).map(|_| open(gateway.address));
        sockets.extend(futures_util::future::join_all(batch).await);
    }
    let reads = || redis.calls("xrange") + redis.calls("xrevrange");
    let before = reads();
    let mut tasks = Vec::new();
    for (number, socket) in sockets.into_iter().enumerate() {
        let place = number % ids.len();
        let resumed = resume(socket, ids[place].clone(), 2_700 + place, events - 1);
        tasks.push(tokio::spawn(resumed));
    }
    let mut received = 0;
    for task in tasks {
        received += task.await.expect("all events");
    }
    let reads = reads() - before;
    println!("redis-history clients={CLIENTS} received={received} reads={reads}");
    assert!((1..200).contains(&reads), "{reads}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn what_an_operator_has_trimmed_is_missing_even_at_the_beginning_of_the_log() {
    let redis = Redis::start(&[]);
    let first = node(&redis.url(), &[]).await;
    let start = first.events("topic=a", None).await.begin().await;
    publish(&first, 0..10).await;
    redis.command(&["XTRIM", "{gateway}:log", "MAXLEN", "5"]);
    let second = node(&redis.url(), &[]).await;
    let mut events = second.events("topic=a", Some(&start)).await;
    assert_eq!(events.begin().await, start);
    assert_eq!(events.data(1).await, [r#"{"reason":"expired"}"#]);
    // The other node still has them in memory.
    let mut events = first.events("topic=a", Some(&start)).await;
    assert_eq!(events.begin().await, start);
    assert_eq!(read_up_to(&mut events, 9).await, 0);
}
