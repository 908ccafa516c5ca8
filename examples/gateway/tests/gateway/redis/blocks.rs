//! What the tests are made of does what it says: a Redis that loses data, and a bad network.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::PATIENCE;
use crate::support::proxy::Proxy;
use crate::support::redis::{Redis, Value, encode};

/// A connection to Redis through a proxy.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(proxy: &Proxy) -> Self {
        let stream = TcpStream::connect(proxy.address).await.expect("it listens");
        Self(BufReader::new(stream))
    }

    /// Sends a command without waiting for its reply.
    async fn send(&mut self, words: &[&str]) {
        let sent = self.0.write_all(&encode(words)).await;
        sent.expect("it is sent");
    }

    /// Returns a line of the reply; an empty one if the connection was cut.
    async fn reply(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.0.read_line(&mut line)).await;
        let _ = read.expect("a line, or the end");
        line
    }

    async fn is_silent(&mut self) -> bool {
        let wait = Duration::from_millis(100);
        timeout(wait, self.0.fill_buf()).await.is_err()
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_proxy_stalls_cuts_closes_and_loses_replies() {
    let (first, second) = (Redis::start(&[]), Redis::start(&[]));
    second.command(&["SET", "a", "second"]);
    let proxy = Proxy::start(first.address).await;
    let mut connection = Connection::open(&proxy).await;
    connection.send(&["INCR", "a"]).await;
    assert_eq!(connection.reply().await, ":1\r\n");
    proxy.stall(true);
    connection.send(&["INCR", "a"]).await;
    assert!(connection.is_silent().await);
    proxy.stall(false);
    assert_eq!(connection.reply().await, ":2\r\n");
    proxy.delay(Duration::from_millis(200));
    connection.send(&["INCR", "a"]).await;
    assert!(connection.is_silent().await);
    assert_eq!(connection.reply().await, ":3\r\n");
    proxy.delay(Duration::ZERO);
    proxy.cut();
    assert_eq!(connection.reply().await, "");
    proxy.close(true);
    assert_eq!(Connection::open(&proxy).await.reply().await, "");
    proxy.close(false);
    proxy.switch(second.address);
    let mut connection = Connection::open(&proxy).await;
    connection.send(&["GET", "a"]).await;
    assert_eq!(connection.reply().await, "$6\r\n");
    proxy.switch(first.address);
    // Of connections 3 to 8, two receive replies, and all are executed.
    proxy.lose_replies_but_of_each(3);
    let mut replies = Vec::new();
    for _ in 0..6 {
        let mut connection = Connection::open(&proxy).await;
        connection.send(&["INCR", "a"]).await;
        replies.push(connection.reply().await);
    }
    assert_eq!(replies, [":4\r\n", "", "", ":7\r\n", "", ""]);
    assert_eq!(first.command(&["GET", "a"]), Value::Text("9".to_owned()));
    assert_eq!(proxy.connections(), 9);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_redis_retains_or_loses_what_its_test_wants() {
    let config = [("appendonly", "yes"), ("appendfsync", "always")];
    let mut redis = Redis::start(&config);
    let count = |redis: &Redis| match redis.command(&["DBSIZE"]) {
        Value::Integer(count) => count,
        value => panic!("{value:?}"),
    };
    let value = "x".repeat(1_000);
    for number in 0..100 {
        redis.command(&["SET", &number.to_string(), &value]);
    }
    redis.kill();
    redis.restart();
    assert_eq!(count(&redis), 100);
    assert_eq!(redis.calls("dbsize"), 1);
    redis.kill();
    assert!(redis.cut_append_only_file(64 << 10) > 20_000);
    redis.restart();
    let left = count(&redis);
    assert!((20..60).contains(&left), "{left}");
    let mut forgetful = Redis::start(&[]);
    forgetful.command(&["SET", "a", "b"]);
    forgetful.kill();
    assert_eq!(forgetful.try_command(&["PING"]), None);
    forgetful.restart();
    assert_eq!(forgetful.command(&["GET", "a"]), Value::Nil);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_replica_without_its_link_is_behind() {
    let (master, replica) = (Redis::start(&[]), Redis::start(&[]));
    let link = Proxy::start(master.address).await;
    master.command(&["SET", "a", "1"]);
    replica.replica_of(link.address);
    assert_eq!(replica.command(&["GET", "a"]), Value::Text("1".to_owned()));
    let error = replica.try_command(&["SET", "a", "2"]).expect("an answer");
    assert!(matches!(error, Value::Error(text) if text.starts_with("READONLY")));
    link.close(true);
    master.command(&["SET", "a", "3"]);
    replica.command(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(replica.command(&["GET", "a"]), Value::Text("1".to_owned()));
    replica.command(&["SET", "a", "4"]);
}
