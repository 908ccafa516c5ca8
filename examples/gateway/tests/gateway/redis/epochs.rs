//! What begins another epoch and what does not, for a gateway that only reads: nothing that it publishes
//! helps it to notice.

use super::bench::wait_until_ready;
use crate::support::proxy::Proxy;
use crate::support::redis::{Redis, Value};
use crate::support::{Events, Gateway, Seen};

const ALWAYS: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];
const EVERYSEC: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "everysec")];

/// A gateway that reads through a proxy, and a stream of it that has received an event.
struct Reader {
    redis: Redis,
    proxy: Proxy,
    gateway: Gateway,
    events: Events,
}

impl Reader {
    async fn start(config: &[(&str, &str)]) -> Self {
        let redis = Redis::start(config);
        let proxy = Proxy::start(redis.address).await;
        let url = format!("redis://{}", proxy.address);
        let options = ["--redis", &url, "--keep-alive", "0", "--log-level", "error"];
        let gateway = Gateway::start(&options);
        wait_until_ready(&gateway).await;
        let mut events = gateway.events("topic=a", None).await;
        events.begin().await;
        gateway.publish(r#"{"topic":"a","data":"first"}"#).await;
        assert_eq!(events.data(1).await, ["first"]);
        Self {
            redis,
            proxy,
            gateway,
            events,
        }
    }

    /// Waits until the gateway has connected once more.
    async fn reconnected(&self, connections: f64) {
        let name = "gateway_redis_connections_total";
        self.gateway.wait_until(name, |is| is > connections).await;
    }

    async fn connections(&self) -> f64 {
        self.gateway.metric("gateway_redis_connections_total").await
    }

    /// What the stream receives next: the reason of a gap, or the data of an event.
    async fn next(&mut self) -> String {
        match self.events.next().await.expect("the stream continues") {
            Seen::Event { data, .. } => data,
            seen => panic!("{seen:?}"),
        }
    }

    /// Publishes an event, before which there must be a gap for this reason, or none.
    async fn expect(mut self, reason: Option<&str>) {
        if let Some(reason) = reason {
            // Before anything is published.
            assert_eq!(self.next().await, format!(r#"{{"reason":"{reason}"}}"#));
        }
        self.gateway.publish(r#"{"topic":"a","data":"last"}"#).await;
        assert_eq!(self.next().await, "last");
    }

    async fn restart(&mut self) {
        let connections = self.connections().await;
        self.redis.kill();
        self.redis.restart();
        self.reconnected(connections).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_log_that_is_deleted_is_noticed_without_publishing() {
    for key in ["{gateway}:log", "{gateway}:state"] {
        let reader = Reader::start(ALWAYS).await;
        assert_eq!(reader.redis.command(&["DEL", key]), Value::Integer(1));
        reader.expect(Some("deleted")).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_restart_counts_unless_each_write_was_and_is_on_disk() {
    let mut reader = Reader::start(ALWAYS).await;
    reader.restart().await;
    reader.expect(None).await;

    let mut reader = Reader::start(EVERYSEC).await;
    reader.restart().await;
    reader.expect(Some("restarted")).await;

    // It was not when the events were written.
    let mut reader = Reader::start(EVERYSEC).await;
    let connections = reader.connections().await;
    reader.redis.kill();
    reader.redis.set_option("appendfsync", "always");
    reader.redis.restart();
    reader.reconnected(connections).await;
    reader.expect(Some("restarted")).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_failover_counts_though_nothing_is_missing_and_a_new_replica_does_not() {
    let mut reader = Reader::start(ALWAYS).await;
    let replica = Redis::start(ALWAYS);
    // The replication ID of the master changes with its first replica.
    replica.replica_of(reader.redis.address);
    let connections = reader.connections().await;
    reader.proxy.cut();
    reader.reconnected(connections).await;
    reader
        .gateway
        .publish(r#"{"topic":"a","data":"second"}"#)
        .await;
    assert_eq!(reader.next().await, "second");
    replica.command(&["REPLICAOF", "NO", "ONE"]);
    reader.proxy.switch(replica.address);
    reader.redis.kill();
    reader.proxy.cut();
    let _master = std::mem::replace(&mut reader.redis, replica);
    reader.expect(Some("failover")).await;
}
