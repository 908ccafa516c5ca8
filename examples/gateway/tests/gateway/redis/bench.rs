//! Two gateways with one Redis, under load while something fails.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::client::{Client, TOPIC};
use super::judge::{Counts, Saw, judge};
use super::publisher::{Publishers, post};
use crate::support::proxy::Proxy;
use crate::support::redis::{Redis, free_address};
use crate::support::{Gateway, PATIENCE};

const NODES: usize = 2;
const CLIENTS_OF_EACH: usize = 8;
const PUBLISHERS: usize = 4;
/// The pause of a publisher after each event.
const INTERVAL: Duration = Duration::from_millis(4);

/// How the nodes use Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Streams,
    PubSub,
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Streams => "streams",
            Self::PubSub => "pubsub",
        })
    }
}

/// What a run begins with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup<'a> {
    /// The configuration of Redis.
    pub config: &'a [(&'a str, &'a str)],
    /// Further options of the nodes.
    pub options: &'a [&'a str],
    /// Whether nodes connect to Redis itself, not to their proxies.
    pub is_direct: bool,
    /// Bytes that each event has beside its number.
    pub padding: usize,
    /// Whether publishers use the first node alone, so that the other one only reads.
    pub has_reader: bool,
    /// Of how many answers to publishers one arrives; all, if it is 0.
    pub answers_of_each: usize,
}

/// Clients and publishers of a number of nodes.
pub struct Load {
    pub addresses: Vec<SocketAddr>,
    pub clients: Vec<Client>,
    pub publishers: Publishers,
}

impl Load {
    /// Connects all clients, waits for the beginning of their streams, and starts the publishers.
    pub async fn start(
        addresses: &[SocketAddr],
        to_publish: &[SocketAddr],
        padding: usize,
    ) -> Self {
        let connect = |number| Client::connect(addresses, number % addresses.len());
        let count = CLIENTS_OF_EACH * addresses.len();
        let clients: Vec<_> = (0..count).map(connect).collect();
        for client in &clients {
            client.wait_for(|state| state.has_begun).await;
        }
        Self {
            publishers: Publishers::start(to_publish, PUBLISHERS, INTERVAL, padding),
            addresses: addresses.to_vec(),
            clients,
        }
    }

    /// Ends the publishers, waits until all clients have received what came last, and judges.
    pub async fn finish(self) -> Counts {
        let published = self.publishers.finish().await;
        let (begin, mut mark) = (Instant::now(), 0);
        // A client whose mark is lost receives a later one.
        while self.clients.iter().any(|client| client.lock().mark == 0) {
            mark += 1;
            let body = format!(r#"{{"topic":"{TOPIC}","data":{{"mark":{mark}}}}}"#);
            for address in &self.addresses {
                post(*address, &body, &format!("mark-{mark}-{address}")).await;
            }
            for _ in 0..100 {
                if self.clients.iter().all(|client| client.lock().mark > 0) {
                    break;
                }
                sleep(Duration::from_millis(5)).await;
            }
            let summaries = self.clients.iter().map(Client::summary);
            assert!(
                begin.elapsed() < 2 * PATIENCE,
                "clients do not receive what comes last: {:?}",
                summaries.collect::<Vec<_>>()
            );
        }
        let saw = self.clients.iter().map(|client| client.lock().saw.clone());
        let saw: Vec<Vec<Saw>> = saw.collect();
        judge(&published, &saw)
    }
}

/// Everything of a run.
pub struct Bench {
    pub mode: Mode,
    pub redis: Redis,
    /// One before each node's Redis.
    pub proxies: Vec<Proxy>,
    pub nodes: Vec<Option<Gateway>>,
    options: Vec<Vec<String>>,
    pub load: Load,
    _publisher_proxies: Vec<Proxy>,
}

impl Bench {
    pub async fn start(mode: Mode, setup: &Setup<'_>) -> Self {
        let redis = Redis::start(setup.config);
        let (mut proxies, mut nodes, mut options) = (Vec::new(), Vec::new(), Vec::new());
        let mut addresses = Vec::new();
        for _ in 0..NODES {
            let proxy = Proxy::start(redis.address).await;
            let url = match setup.is_direct {
                true => redis.url(),
                false => format!("redis://{}", proxy.address),
            };
            let mode = mode.to_string();
            let mut all = vec!["--redis", &url, "--redis-mode", &mode, "--retry", "50ms"];
            all.extend(["--log-level", "error"]);
            all.extend(setup.options);
            let address = free_address();
            nodes.push(Some(Gateway::start_at(&address.to_string(), &all)));
            options.push(all.into_iter().map(str::to_owned).collect());
            addresses.push(address);
            proxies.push(proxy);
        }
        for node in nodes.iter().flatten() {
            wait_until_ready(node).await;
        }
        let (mut to_publish, mut publisher_proxies) = (addresses.clone(), Vec::new());
        if setup.has_reader {
            to_publish.truncate(1);
        }
        if setup.answers_of_each > 0 {
            for address in &mut to_publish {
                let proxy = Proxy::start(*address).await;
                proxy.lose_replies_but_of_each(setup.answers_of_each);
                *address = proxy.address;
                publisher_proxies.push(proxy);
            }
        }
        Self {
            mode,
            redis,
            proxies,
            nodes,
            options,
            load: Load::start(&addresses, &to_publish, setup.padding).await,
            _publisher_proxies: publisher_proxies,
        }
    }

    /// Waits until so many further events were acknowledged.
    pub async fn more(&self, count: u64) {
        self.load.publishers.more(count).await;
    }

    /// Ends a node at once, as a crash does.
    pub fn kill_node(&mut self, number: usize) {
        self.nodes[number] = None;
    }

    /// Starts a node again at the same address.
    pub async fn start_node(&mut self, number: usize) {
        let options: Vec<_> = self.options[number].iter().map(String::as_str).collect();
        let address = self.load.addresses[number].to_string();
        let node = Gateway::start_at(&address, &options);
        wait_until_ready(&node).await;
        self.nodes[number] = Some(node);
    }

    /// Waits until all nodes have noticed that Redis does not answer.
    pub async fn wait_until_away(&self) {
        for node in self.nodes.iter().flatten() {
            node.wait_for("gateway_redis_up", 0.0).await;
        }
    }

    pub async fn finish(self) -> Counts {
        let counts = self.load.finish().await;
        // Until here, the others were needed.
        drop((self.nodes, self.proxies, self.redis));
        counts
    }
}

/// Waits until a node serves clients.
pub async fn wait_until_ready(node: &Gateway) {
    let begin = Instant::now();
    while node.status("/readyz").await != 200 {
        assert!(begin.elapsed() < PATIENCE, "the node is not ready");
        sleep(Duration::from_millis(10)).await;
    }
}

/// How often each fault is repeated.
pub fn runs() -> u64 {
    let text = std::env::var("GATEWAY_REDIS_RUNS").unwrap_or_else(|_| "1".to_owned());
    text.parse().expect("a number of runs")
}

/// Lets a fault happen in each mode, as often as it is asked for, and prints the counts.
///
/// `is_right` is for streams: Pub/Sub promises nothing but that it continues.
pub async fn repeat(
    name: &str,
    setup: &Setup<'_>,
    fault: impl AsyncFn(&mut Bench),
    is_right: impl Fn(&Counts) -> bool,
) {
    let mut wrong = Vec::new();
    for mode in [Mode::Streams, Mode::PubSub] {
        let mut total = Counts::default();
        for run in 1..=runs() {
            let mut bench = Bench::start(mode, setup).await;
            fault(&mut bench).await;
            let counts = bench.finish().await;
            let line = format!("{name} {mode} run={run} {counts}");
            println!("redis-run {line}");
            if mode == Mode::Streams && !is_right(&counts) {
                let first = counts.first_wrong.as_deref().unwrap_or("nothing lost");
                wrong.push(format!("{line}; {first}"));
            }
            total += &counts;
        }
        println!("redis-fault {name} {mode} {total}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
