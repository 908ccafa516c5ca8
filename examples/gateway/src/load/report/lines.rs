//! Lines that begin with a name, and the parts of a report that are made of them.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::load::usage::{OfProcess, OfServer};
use crate::load::{logins, slow, storm};

/// Lines that begin with a name.
#[derive(Default)]
pub(super) struct Lines(pub(super) String);

impl Lines {
    pub(super) fn add(&mut self, name: &str, value: impl Display) {
        self.0 += &format!("{name:<17} {value}\n");
    }

    /// Adds counts, if there are any.
    pub(super) fn counts<N: Display>(&mut self, name: &str, counts: &BTreeMap<String, N>) {
        for (key, count) in counts {
            self.add(name, format_args!("{count}: {key}"));
        }
    }

    pub(super) fn storm(&mut self, storm: &storm::Report) {
        let back = storm
            .all_back_ms
            .map_or("not all".to_owned(), |time| format!("all in {time:.0} ms"));
        let jitter = if storm.jitter { "with" } else { "without" };
        self.add(
            "storm",
            format_args!(
                "{} back, {back}, {jitter} jitter, {} failed attempts",
                storm.reconnected, storm.failed_attempts,
            ),
        );
        self.add("reconnect", storm.reconnect);
    }

    pub(super) fn slow(&mut self, slow: &slow::Report) {
        self.add(
            "slow subscribers",
            format_args!(
                "{}, {} closed by the server, {} open, {} bytes unread",
                slow.subscribers, slow.closed, slow.open, slow.unread_bytes,
            ),
        );
    }

    pub(super) fn logins(&mut self, logins: &logins::Report) {
        for (answer, rate) in &logins.per_second {
            self.add("logins", format_args!("{rate:.1}/s: {answer}"));
        }
    }

    /// Adds what a process cost that has no metrics.
    pub(super) fn process(&mut self, name: &str, process: &OfProcess) {
        self.add(
            name,
            format_args!(
                "{} s, {} of a core; memory {}",
                number(process.cpu_seconds, 2),
                percent(process.cpu_share),
                mebibytes(process.resident_bytes),
            ),
        );
    }

    /// Adds what each of several servers cost.
    pub(super) fn each(&mut self, servers: &[OfServer]) {
        for (number, server) in (1..).zip(servers).take_while(|_| servers.len() > 1) {
            let process = OfProcess {
                cpu_seconds: server.cpu_seconds,
                cpu_share: server.cpu_share,
                resident_bytes: server.resident_bytes_after,
            };
            self.process(&format!("server {number}'s CPU"), &process);
        }
    }

    /// Adds what all servers cost together.
    pub(super) fn server(&mut self, server: &OfServer) {
        self.add(
            "server's CPU",
            format_args!(
                "{} s, {} of a core",
                number(server.cpu_seconds, 2),
                percent(server.cpu_share),
            ),
        );
        self.add(
            "per event",
            format_args!(
                "{} wake-ups, {} encoded frames",
                number(server.wakeups_per_event, 2),
                number(server.encoded_frames_per_event, 2),
            ),
        );
        self.add(
            "encoding",
            format_args!(
                "{} s, {} of the server's CPU",
                number(server.encode_seconds, 4),
                percent(server.encode_share),
            ),
        );
        self.add(
            "server sent",
            format_args!("{} bytes", number(server.sent_bytes, 0)),
        );
        self.add(
            "slowest lag",
            format_args!("{} events", number(server.slowest_lag_events, 0)),
        );
        if server.redis_lag_seconds.is_some() {
            self.add(
                "lag behind Redis",
                format_args!("{} s at most", number(server.redis_lag_seconds, 3)),
            );
        }
        self.add(
            "server's memory",
            format_args!(
                "{} before, {} idle, {} after; {} bytes per idle connection",
                mebibytes(server.resident_bytes_before),
                mebibytes(server.resident_bytes_idle),
                mebibytes(server.resident_bytes_after),
                number(server.bytes_per_idle_connection, 0),
            ),
        );
        self.counts("server's gaps", &server.gaps);
        self.counts("connection ends", &server.connection_ends);
    }
}

pub(super) fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or("?".to_owned(), |value| format!("{value:.decimals$}"))
}

pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or("?".to_owned(), |share| format!("{:.1}%", share * 100.0))
}

pub(super) fn mebibytes(bytes: Option<f64>) -> String {
    bytes.map_or("?".to_owned(), |bytes| {
        format!("{:.1} MiB", bytes / 1_048_576.0)
    })
}
