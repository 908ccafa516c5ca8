//! Decides from what publishers and clients have recorded what was lost, reported and doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::AddAssign;

/// What a client has seen, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saw {
    Event { publisher: usize, number: u64 },
    Gap(String),
}

/// What the publishers know of their events.
#[derive(Debug, Default, Clone)]
pub struct Published {
    /// Requests that were sent.
    pub attempts: u64,
    /// The numbers of each publisher that were answered with an ID.
    pub acknowledged: Vec<BTreeSet<u64>>,
    /// Events that were given up.
    pub given_up: u64,
}

/// The counts of one run, or the sum of several ones.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    pub runs: u64,
    pub attempts: u64,
    pub acknowledged: u64,
    pub given_up: u64,
    /// Events that clients have received, each once.
    pub received: u64,
    /// Acknowledged events that a client has not received.
    pub lost: u64,
    /// Those of them without a gap between the events before and after them.
    pub unreported: u64,
    /// Events that a client has received again.
    pub doubled: u64,
    /// Events that a client has received again after a gap. If Redis loses an event before it is
    /// acknowledged, and its key with it, then nobody can know that clients have it already.
    pub repeated: u64,
    /// Events that came after a later one of the same publisher.
    pub disordered: u64,
    pub clients: u64,
    pub clients_with_gap: u64,
    /// How often clients have seen each reason.
    pub gaps: BTreeMap<String, u64>,
    /// The first event that was lost without a report, doubled or out of order.
    pub first_wrong: Option<String>,
}

/// Compares what clients have seen since before the first event with what was acknowledged.
pub fn judge(published: &Published, clients: &[Vec<Saw>]) -> Counts {
    let acknowledged = published.acknowledged.iter().map(BTreeSet::len);
    let mut counts = Counts {
        runs: 1,
        attempts: published.attempts,
        acknowledged: acknowledged.sum::<usize>() as u64,
        given_up: published.given_up,
        clients: clients.len() as u64,
        ..Counts::default()
    };
    for (client, saw) in clients.iter().enumerate() {
        judge_client(&mut counts, &published.acknowledged, client, saw);
    }
    counts
}

fn judge_client(counts: &mut Counts, acknowledged: &[BTreeSet<u64>], client: usize, saw: &[Saw]) {
    let mut gaps = Vec::new();
    for (position, it) in saw.iter().enumerate() {
        if let Saw::Gap(reason) = it {
            gaps.push(position);
            *counts.gaps.entry(reason.clone()).or_default() += 1;
        }
    }
    counts.clients_with_gap += u64::from(!gaps.is_empty());
    for (of, numbers) in acknowledged.iter().enumerate() {
        let (mut first, mut last) = (BTreeMap::new(), BTreeMap::new());
        let mut newest = 0;
        for (position, it) in saw.iter().enumerate() {
            let Saw::Event { publisher, number } = it else {
                continue;
            };
            if *publisher != of {
                continue;
            }
            if let Some(earlier) = last.insert(*number, position) {
                if gaps.iter().any(|gap| (earlier..position).contains(gap)) {
                    counts.repeated += 1;
                } else {
                    counts.doubled += 1;
                    counts.note("doubled", client, of, *number);
                }
                continue;
            }
            first.insert(*number, position);
            if *number < newest {
                counts.disordered += 1;
                counts.note("out of order", client, of, *number);
            }
            newest = newest.max(*number);
        }
        counts.received += first.len() as u64;
        for number in numbers.iter().filter(|number| !first.contains_key(number)) {
            counts.lost += 1;
            let before = first.range(..number).next_back().map(|(_, at)| *at);
            let after = first.range(number..).next().map(|(_, at)| *at);
            let is_between = |gap: &usize| {
                before.is_none_or(|before| *gap > before) && after.is_none_or(|after| *gap < after)
            };
            if !gaps.iter().any(is_between) {
                counts.unreported += 1;
                counts.note("unreported", client, of, *number);
            }
        }
    }
}

impl Counts {
    fn note(&mut self, what: &str, client: usize, publisher: usize, number: u64) {
        let text = || format!("{what}: event {number} of publisher {publisher}, client {client}");
        self.first_wrong.get_or_insert_with(text);
    }

    /// Returns how often clients have seen a gap, of whatever reason.
    pub fn all_gaps(&self) -> u64 {
        self.gaps.values().sum()
    }

    /// Whether every acknowledged event reached every client, once and in order.
    pub fn is_complete(&self) -> bool {
        let again = self.doubled + self.repeated;
        self.acknowledged > 0 && (self.lost, again, self.disordered) == (0, 0, 0)
    }

    /// Whether every client knows of each loss, and received nothing twice without a gap between.
    pub fn is_reported(&self) -> bool {
        let wrong = (self.unreported, self.doubled, self.disordered);
        self.acknowledged > 0 && wrong == (0, 0, 0)
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        self.runs += other.runs;
        self.attempts += other.attempts;
        self.acknowledged += other.acknowledged;
        self.given_up += other.given_up;
        self.received += other.received;
        self.lost += other.lost;
        self.unreported += other.unreported;
        self.doubled += other.doubled;
        self.repeated += other.repeated;
        self.disordered += other.disordered;
        self.clients += other.clients;
        self.clients_with_gap += other.clients_with_gap;
        for (reason, count) in &other.gaps {
            *self.gaps.entry(reason.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            runs,
            attempts,
            acknowledged,
            given_up,
            received,
            lost,
            unreported,
            doubled,
            repeated,
            disordered,
            clients,
            clients_with_gap,
            gaps,
            first_wrong: _,
        } = self;
        write!(
            formatter,
            "runs={runs} published={} acknowledged={acknowledged} attempts={attempts} \
             received={received} lost={lost} unreported={unreported} doubled={doubled} \
             repeated={repeated} disordered={disordered} clients={clients} clients_with_gap={clients_with_gap} \
             gaps={}",
            acknowledged + given_up,
            self.all_gaps()
        )?;
        for (reason, count) in gaps {
            write!(formatter, " gap_{reason}={count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(all: &[&[u64]]) -> Published {
        let acknowledged = all.iter().map(|all| all.iter().copied().collect());
        Published {
            attempts: 9,
            acknowledged: acknowledged.collect(),
            given_up: 0,
        }
    }

    /// Reads a client: `0:1` is an event of publisher 0, and `!` a gap.
    fn client(text: &str) -> Vec<Saw> {
        let saw = |word: &str| match word.split_once(':') {
            Some((publisher, number)) => Saw::Event {
                publisher: publisher.parse().expect("a number"),
                number: number.parse().expect("a number"),
            },
            None => Saw::Gap(word.to_owned()),
        };
        text.split(' ').map(saw).collect()
    }

    /// Returns what was lost, unreported, doubled, repeated and out of order.
    fn wrong(published: &Published, saw: &str) -> [u64; 5] {
        let counts = judge(published, &[client(saw)]);
        assert_eq!(counts.is_complete(), saw == "0:1 1:1 0:2 1:2 0:3");
        let again = (counts.doubled, counts.repeated);
        [
            counts.lost,
            counts.unreported,
            again.0,
            again.1,
            counts.disordered,
        ]
    }

    #[test]
    fn each_kind_of_failure_is_noticed() {
        let published = published(&[&[1, 2, 3], &[1, 2]]);
        for (saw, expected) in [
            ("0:1 1:1 0:2 1:2 0:3", [0, 0, 0, 0, 0]),
            ("0:1 1:1 1:2 0:3", [1, 1, 0, 0, 0]),
            ("0:1 1:1 ! 1:2 0:3", [1, 0, 0, 0, 0]),
            ("! 0:1 1:1 1:2 0:3", [1, 1, 0, 0, 0]),
            ("0:1 1:1 1:2 0:3 !", [1, 1, 0, 0, 0]),
            ("0:1 0:2 1:1 1:2", [1, 1, 0, 0, 0]),
            ("0:1 0:2 1:1 ! 1:2", [1, 0, 0, 0, 0]),
            ("0:2 0:3 1:1 1:2", [1, 1, 0, 0, 0]),
            ("! 0:2 0:3 1:1 1:2", [1, 0, 0, 0, 0]),
            ("0:1 0:2 ! 0:3", [2, 0, 0, 0, 0]),
            ("0:1 ! 1:1 0:2 0:3", [1, 1, 0, 0, 0]),
            ("0:1 1:1 0:2 1:2 0:3 0:2", [0, 0, 1, 0, 0]),
            ("0:1 1:1 0:2 0:2 0:2 1:2 0:3", [0, 0, 2, 0, 0]),
            ("0:1 1:1 0:3 1:2 0:2", [0, 0, 0, 0, 1]),
            ("0:1 ! 0:1 ! 0:3 1:2 1:1 0:2", [0, 0, 0, 1, 2]),
            ("0:1 0:2 ! 0:2 0:2 1:1 1:2 0:3", [0, 0, 1, 1, 0]),
            ("! 0:1 0:2 0:2 1:1 1:2 0:3 !", [0, 0, 1, 0, 0]),
            ("!", [5, 0, 0, 0, 0]),
        ] {
            assert_eq!(wrong(&published, saw), expected, "{saw}");
        }
        let nothing = judge(&published, &[Vec::new()]);
        assert_eq!((nothing.lost, nothing.unreported), (5, 5));
        // An event that nobody acknowledged may be received or not.
        assert_eq!(judge(&published, &[client("1:1 1:2 1:3")]).lost, 3);
    }

    #[test]
    fn counts_are_added_and_printed() {
        let published = published(&[&[1, 2]]);
        let clients = [client("0:1 lost 0:2"), client("0:1 0:1 lost expired")];
        let mut counts = judge(&published, &clients);
        let more = counts.clone();
        counts += &more;
        assert_eq!(
            counts.to_string(),
            "runs=2 published=4 acknowledged=4 attempts=18 received=6 lost=2 unreported=0 \
             doubled=2 repeated=0 disordered=0 clients=4 clients_with_gap=4 gaps=6 gap_expired=2 gap_lost=4"
        );
        assert!(!counts.is_reported());
        let reported = judge(&published, &clients[..1]);
        assert!(reported.is_reported() && reported.is_complete());
    }
}
