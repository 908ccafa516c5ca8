//! Metrics in the text format of Prometheus: scraped from a server, or read of a process.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Failure;
use super::target::{Server, Target};
use crate::process;

/// How long a scrape may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The metric of how far a gateway is behind Redis.
pub(super) const REDIS_LAG: &str = "gateway_redis_lag_seconds";

/// Where metrics come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Scrape(Server, String),
    /// The CPU time and memory of a process on this machine.
    Process(u32),
}

/// Samples, by name and labels as they are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Metrics(BTreeMap<String, f64>);

impl Source {
    pub(super) async fn read(&self) -> Result<Metrics, Failure> {
        match self {
            Self::Process(process) => Ok(Metrics::of_process(*process)),
            Self::Scrape(server, path) => {
                let scraped = timeout(PATIENCE, scrape(server, path)).await;
                let scraped = scraped.unwrap_or_else(|_| Err("no response in time".into()));
                scraped.map_err(|error| format!("the metrics: {error}").into())
            }
        }
    }
}

/// Where the metrics of all servers come from, and of Redis.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    /// In the order of the servers; empty without metrics.
    pub(super) servers: Vec<Source>,
    pub(super) redis: Option<Source>,
}

impl Sources {
    pub(super) fn new(target: &Target) -> Self {
        let servers = target.metrics.iter().cloned();
        let servers = servers.map(|(server, path)| Source::Scrape(server, path));
        Self {
            servers: servers.collect(),
            redis: target.redis.map(Source::Process),
        }
    }

    /// Reads the metrics of each server.
    pub(super) async fn read(&self) -> Result<Vec<Metrics>, Failure> {
        let mut all = Vec::new();
        for source in &self.servers {
            all.push(source.read().await?);
        }
        Ok(all)
    }
}

impl Metrics {
    /// Adds up the samples of several servers.
    pub(super) fn total(all: &[Self]) -> Self {
        let mut total = BTreeMap::new();
        for (sample, value) in all.iter().flat_map(|metrics| &metrics.0) {
            *total.entry(sample.clone()).or_default() += value;
        }
        Self(total)
    }

    fn of_process(process: u32) -> Self {
        let cpu = ("process_cpu_seconds_total", process::cpu_seconds(process));
        let memory = (
            "process_resident_memory_bytes",
            process::resident_bytes(process),
        );
        let samples = [cpu, memory].into_iter();
        Self(
            samples
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect(),
        )
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| {
            // A timestamp may follow the value; labels may contain spaces.
            let end = line.rfind('}').map_or(0, |end| end + 1);
            let space = end + line.get(end..)?.find(' ')?;
            let (name, rest) = line.split_at_checked(space)?;
            let value = rest.split_whitespace().next()?.parse().ok()?;
            Some((name.to_owned(), value))
        });
        Self(samples.collect())
    }

    /// Returns the sum of the samples with this name, whatever their labels.
    pub(super) fn sum(&self, name: &str) -> Option<f64> {
        let samples = self
            .0
            .iter()
            .filter(|(sample, _)| sample.split('{').next() == Some(name));
        samples
            .map(|(_, value)| *value)
            .reduce(|sum, value| sum + value)
    }

    /// Returns how much the samples with this name grew since `earlier`, by the value of `label`.
    pub(super) fn growth_by(
        &self,
        earlier: &Self,
        name: &str,
        label: &str,
    ) -> BTreeMap<String, f64> {
        let start = format!("{label}=\"");
        let samples = self.0.iter().filter_map(|(sample, value)| {
            let labels = sample.strip_prefix(name)?.strip_prefix('{')?;
            let (_, rest) = labels.split_once(&start)?;
            let (label, _) = rest.split_once('"')?;
            let growth = value - earlier.0.get(sample).copied().unwrap_or_default();
            (growth > 0.0).then(|| (label.to_owned(), growth))
        });
        samples.collect()
    }

    /// Returns how much the samples with this name grew since `earlier`.
    pub(super) fn growth(&self, earlier: &Self, name: &str) -> Option<f64> {
        Some(self.sum(name)? - earlier.sum(name).unwrap_or_default())
    }
}

async fn scrape(server: &Server, path: &str) -> Result<Metrics, Failure> {
    let socket = TcpStream::connect(server.address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    // Its errors come out of the request, too.
    let connection = tokio::spawn(connection);
    let request = Request::get(path).header("host", &server.host);
    let response = sender
        .send_request(request.body(Empty::<Bytes>::new())?)
        .await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    if status != 200 {
        return Err(format!("the status is {status}").into());
    }
    Ok(Metrics::parse(std::str::from_utf8(&body)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_and_compared() {
        let earlier = Metrics::parse("gaps_total{reason=\"expired\"} 2\nevents_total 5\n");
        let later = "# TYPE gaps_total counter\n\
            gaps_total{reason=\"expired\",topic=\"a b\"} 1\n\
            gaps_total{reason=\"expired\"} 4\n\
            gaps_total{reason=\"unknown\"} 1 1700000000\n\
            events_total 25\nevents_total_created 3\n# EOF\n";
        let later = Metrics::parse(later);
        assert_eq!(later.sum("gaps_total"), Some(6.0));
        assert_eq!(later.growth(&earlier, "events_total"), Some(20.0));
        assert_eq!(later.growth(&earlier, "absent_total"), None);
        let gaps = Metrics::parse("gaps_total{reason=\"expired\"} 4\ngaps_total{reason=\"x\"} 0\n")
            .growth_by(&earlier, "gaps_total", "reason");
        assert_eq!(
            gaps.into_iter().collect::<Vec<_>>(),
            [("expired".to_owned(), 2.0)]
        );
        let total = Metrics::total(&[earlier, later]);
        assert_eq!(total.sum("events_total"), Some(30.0));
        assert_eq!(total.sum("gaps_total"), Some(8.0));
    }
}
