//! What fails under load: no loss is silent, and nothing arrives twice.

use std::time::Duration;

use tokio::time::sleep;

use super::bench::{Bench, Load, Mode, Setup, repeat};
use super::judge::Counts;
use crate::support::Gateway;
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;

const ALWAYS: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];
const EVERYSEC: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "everysec")];
const NEVER: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "no")];

/// Everything arrives, and no client is troubled with a gap.
fn nothing_happened(counts: &Counts) -> bool {
    counts.is_complete() && counts.all_gaps() == 0
}

/// Every client knows that something is lost.
fn every_client_knows(counts: &Counts) -> bool {
    counts.is_reported() && counts.clients_with_gap == counts.clients
}

/// A pause that is another one in each run, in milliseconds.
async fn pause(range: std::ops::Range<u64>) {
    sleep(Duration::from_millis(fastrand::u64(range))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_a_gateway_without_redis_is_reported_to_every_client() {
    let options = ["--retry", "50ms"];
    let gateway = Gateway::start(&options);
    let address = gateway.address.to_string();
    let addresses = [gateway.address];
    let load = Load::start(&addresses, &addresses, 0).await;
    load.publishers.more(100).await;
    drop(gateway);
    pause(50..100).await;
    let gateway = Gateway::start_at(&address, &options);
    load.publishers.more(100).await;
    let counts = load.finish().await;
    drop(gateway);
    assert_eq!(counts.unreported, 0, "{counts}");
    assert_eq!(counts.clients_with_gap, counts.clients, "{counts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_share_nothing_are_noticed() {
    let gateways = [Gateway::start(&[]), Gateway::start(&[])];
    let addresses = gateways.each_ref().map(|gateway| gateway.address);
    let load = Load::start(&addresses, &addresses, 0).await;
    load.publishers.more(100).await;
    let counts = load.finish().await;
    // Each client is connected to one of two.
    assert_eq!(counts.received * 2, counts.acknowledged * counts.clients);
    assert_eq!(
        (counts.unreported, counts.lost),
        (counts.received, counts.received)
    );
    assert!(!counts.is_complete() && !counts.is_reported());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn without_a_fault_everything_arrives_on_both_nodes() {
    let fault = async |bench: &mut Bench| bench.more(400).await;
    repeat("none", &Setup::default(), fault, nothing_happened).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn clients_of_a_node_that_crashes_continue_on_the_other_one() {
    let fault = async |bench: &mut Bench| {
        for number in [0, 1] {
            bench.more(150).await;
            bench.kill_node(number);
            bench.more(150).await;
            bench.start_node(number).await;
        }
        bench.more(100).await;
    };
    repeat("kill-node", &Setup::default(), fault, nothing_happened).await;
}

/// Kills Redis and starts it again.
async fn kill_redis(bench: &mut Bench) {
    bench.more(150).await;
    bench.redis.kill();
    pause(0..400).await;
    bench.redis.restart();
    bench.more(150).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_crash_of_a_redis_that_syncs_each_write_loses_nothing() {
    let setup = Setup {
        config: ALWAYS,
        is_direct: true,
        ..Setup::default()
    };
    repeat("kill-redis-always", &setup, kill_redis, nothing_happened).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_crash_of_a_redis_that_syncs_later_is_reported() {
    let runs = [("kill-redis-everysec", EVERYSEC), ("kill-redis-no", NEVER)];
    for (name, config) in runs {
        let setup = Setup {
            config,
            is_direct: true,
            ..Setup::default()
        };
        repeat(name, &setup, kill_redis, every_client_knows).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_crash_of_a_redis_without_files_is_reported() {
    let setup = Setup {
        is_direct: true,
        ..Setup::default()
    };
    repeat("kill-redis-memory", &setup, kill_redis, every_client_knows).await;
}

/// Kills Redis, and takes the end of its file away.
async fn lose_power(bench: &mut Bench) {
    bench.redis.kill();
    let left = bench.redis.cut_append_only_file(64 << 10);
    // That everything is lost is another case.
    assert!(left > 10_000 || bench.mode == Mode::PubSub, "{left}");
    bench.redis.restart();
    bench.more(150).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_loss_of_power_is_reported_even_if_redis_syncs_each_write() {
    for (name, config) in [("power-always", ALWAYS), ("power-everysec", EVERYSEC)] {
        let setup = Setup {
            config,
            padding: 600,
            ..Setup::default()
        };
        let fault = async |bench: &mut Bench| {
            bench.more(250).await;
            lose_power(bench).await;
        };
        repeat(name, &setup, fault, every_client_knows).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_loss_of_power_is_reported_to_clients_of_a_node_that_was_away() {
    let setup = Setup {
        config: EVERYSEC,
        padding: 600,
        ..Setup::default()
    };
    let fault = async |bench: &mut Bench| {
        bench.more(100).await;
        bench.proxies[1].close(true);
        bench.more(250).await;
        bench.proxies[1].close(false);
        lose_power(bench).await;
    };
    repeat("power-one-node-away", &setup, fault, every_client_knows).await;
    // With a disk that reports as written what it has not, a node that has not seen an event cannot
    // know that it was there, until one that has seen it reports the loss to all.
    let setup = Setup {
        config: ALWAYS,
        ..setup
    };
    let is_right = |counts: &Counts| {
        counts.clients_with_gap == counts.clients && counts.doubled + counts.disordered == 0
    };
    repeat("power-always-one-node-away", &setup, fault, is_right).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_failover_to_a_replica_that_is_behind_is_reported() {
    let setup = Setup {
        config: ALWAYS,
        ..Setup::default()
    };
    let fault = async |bench: &mut Bench| {
        let replica = Redis::start(ALWAYS);
        let link = Proxy::start(bench.redis.address).await;
        replica.replica_of(link.address);
        bench.more(200).await;
        replica.stop();
        // What the kernel has for a stopped process would reach it later.
        link.close(true);
        bench.more(200).await;
        bench.redis.kill();
        replica.cont();
        replica.command(&["REPLICAOF", "NO", "ONE"]);
        for proxy in &bench.proxies {
            proxy.switch(replica.address);
        }
        bench.redis = replica;
        bench.more(200).await;
    };
    repeat("failover", &setup, fault, every_client_knows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn two_masters_at_a_time_are_reported() {
    let setup = Setup {
        config: ALWAYS,
        ..Setup::default()
    };
    let fault = async |bench: &mut Bench| {
        let replica = Redis::start(ALWAYS);
        replica.replica_of(bench.redis.address);
        bench.more(150).await;
        // One node still writes to the master that was replaced.
        replica.command(&["REPLICAOF", "NO", "ONE"]);
        bench.proxies[1].switch(replica.address);
        bench.more(150).await;
        bench.redis.kill();
        bench.proxies[0].switch(replica.address);
        bench.redis = replica;
        bench.more(150).await;
    };
    // Two logs exist for a while: the events of one of them are lost, and each client learns of it, but
    // perhaps not between the events that were next to it.
    let is_right = |counts: &Counts| {
        counts.clients_with_gap == counts.clients && counts.doubled + counts.disordered == 0
    };
    repeat("two-masters", &setup, fault, is_right).await;
}

/// Executes a command that deletes something, under load.
async fn delete(
    name: &str,
    command: &[&str],
    setup: &Setup<'_>,
    is_right: impl Fn(&Counts) -> bool,
) {
    let fault = async |bench: &mut Bench| {
        bench.more(200).await;
        bench.redis.command(command);
        bench.more(200).await;
    };
    repeat(name, setup, fault, is_right).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn deleted_keys_are_reported() {
    let is_deleted = |counts: &Counts| {
        every_client_knows(counts) && counts.gaps.get("deleted") >= Some(&counts.clients)
    };
    let setup = Setup::default();
    delete("flushall", &["FLUSHALL"], &setup, is_deleted).await;
    let log = ["DEL", "{gateway}:log"];
    delete("delete-log", &log, &setup, is_deleted).await;
    // The log is complete without it: clients may learn of the new epoch, and lose nothing.
    let state = ["DEL", "{gateway}:state"];
    delete("delete-state", &state, &setup, Counts::is_reported).await;
    // Whoever publishes finds out by that.
    let setup = Setup {
        has_reader: true,
        ..setup
    };
    delete("flushall-reader", &["FLUSHALL"], &setup, is_deleted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_connection_that_stalls_costs_time_alone() {
    let fault = async |bench: &mut Bench| {
        bench.more(100).await;
        for proxy in &bench.proxies {
            proxy.stall(true);
        }
        match bench.mode {
            Mode::Streams => bench.wait_until_away().await,
            // A subscription on which nothing comes is not noticed.
            Mode::PubSub => pause(3_000..3_500).await,
        }
        for proxy in &bench.proxies {
            proxy.stall(false);
        }
        bench.more(200).await;
    };
    repeat("stall", &Setup::default(), fault, nothing_happened).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_connection_of_one_node_that_stalls_delays_its_clients_alone() {
    let fault = async |bench: &mut Bench| {
        bench.more(100).await;
        bench.proxies[1].stall(true);
        bench.more(200).await;
        bench.proxies[1].stall(false);
        bench.more(100).await;
    };
    repeat("stall-one-node", &Setup::default(), fault, nothing_happened).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn connections_that_are_cut_again_and_again_lose_nothing() {
    let fault = async |bench: &mut Bench| {
        bench.more(100).await;
        for _ in 0..20 {
            for proxy in &bench.proxies {
                proxy.cut();
                pause(0..80).await;
            }
        }
        bench.more(200).await;
    };
    repeat("cut", &Setup::default(), fault, nothing_happened).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn what_an_operator_does_to_redis_loses_nothing() {
    let fault = async |bench: &mut Bench| {
        for command in [
            &["SCRIPT", "FLUSH"][..],
            &["CLIENT", "PAUSE", "700", "ALL"],
            &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
            &["CLIENT", "KILL", "TYPE", "pubsub"],
        ] {
            bench.more(60).await;
            bench.redis.command(command);
        }
        bench.more(100).await;
    };
    repeat("operator", &Setup::default(), fault, nothing_happened).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_slow_network_loses_nothing() {
    let fault = async |bench: &mut Bench| {
        bench.more(50).await;
        for proxy in &bench.proxies {
            proxy.delay(Duration::from_millis(50));
        }
        bench.more(60).await;
    };
    repeat("delay", &Setup::default(), fault, nothing_happened).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn publishers_whose_answers_are_lost_publish_nothing_twice() {
    let setup = Setup {
        answers_of_each: 3,
        ..Setup::default()
    };
    let fault = async |bench: &mut Bench| bench.more(60).await;
    let is_right =
        |counts: &Counts| nothing_happened(counts) && counts.attempts > 2 * counts.acknowledged;
    repeat("lose-answers", &setup, fault, is_right).await;
}
