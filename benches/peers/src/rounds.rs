//! Taking the time: in rounds, in each of which every contender runs once, so that whatever slows the machine down for a while
//! slows all of them.

use core::time::Duration;
use std::time::Instant;

/// How much time there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// The size of a stream.
    pub(crate) stream: usize,
    /// The size of the stream whose events are encoded, one by one.
    pub(crate) encoded: usize,
    /// The most rounds, and the least.
    pub(crate) rounds: usize,
    least: usize,
    /// No further round begins after this time, but for the least.
    pub(crate) cell: Duration,
    /// Who has run this long sits out the rounds behind the least.
    pub(crate) contender: Duration,
    /// Who needs longer than this for one run is too slow.
    pub(crate) run: Duration,
}

const MEBIBYTE: usize = 1024 * 1024;

impl Budget {
    pub(crate) const FULL: Self = Self {
        stream: 8 * MEBIBYTE,
        encoded: MEBIBYTE,
        rounds: 25,
        least: 3,
        cell: Duration::from_secs(6),
        contender: Duration::from_millis(500),
        run: Duration::from_secs(2),
    };

    pub(crate) const QUICK: Self = Self {
        stream: MEBIBYTE,
        encoded: MEBIBYTE / 4,
        rounds: 7,
        least: 1,
        cell: Duration::from_millis(400),
        contender: Duration::from_millis(20),
        run: Duration::from_millis(150),
    };
}

/// How long the runs of one contender took, the fastest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) const fn rounds(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn fastest(&self) -> Duration {
        self.0.first().copied().expect("there was a round")
    }

    pub(crate) fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }
}

/// One run of one contender: how long it took.
pub(crate) type Run<'r> = Box<dyn FnMut() -> Duration + 'r>;

/// Runs all of them in rounds. Each round begins with another one, so that none is always behind the same.
pub(crate) fn rounds(budget: &Budget, runs: &mut [Run<'_>]) -> Vec<Times> {
    let mut times = vec![Times::default(); runs.len()];
    let begin = Instant::now();
    for round in 0..budget.rounds {
        if round >= budget.least && begin.elapsed() > budget.cell {
            break;
        }
        for place in 0..runs.len() {
            let contender = (round + place) % runs.len();
            let Times(times) = &mut times[contender];
            let spent: Duration = times.iter().sum();
            if times.len() >= budget.least && spent > budget.contender {
                continue;
            }
            times.push(runs[contender]());
        }
    }
    for Times(times) in &mut times {
        times.sort_unstable();
    }
    times
}

#[cfg(test)]
mod tests {
    use core::cell::RefCell;

    use super::*;

    #[test]
    fn each_round_begins_with_another_and_the_slow_sit_out() {
        let budget = Budget {
            rounds: 4,
            least: 2,
            ..Budget::FULL
        };
        let order = RefCell::new(Vec::new());
        let run = |name: char, milliseconds| {
            let order = &order;
            Box::new(move || {
                order.borrow_mut().push(name);
                Duration::from_millis(milliseconds)
            }) as Run<'_>
        };
        let times = rounds(&budget, &mut [run('a', 3), run('b', 400), run('c', 1)]);
        assert_eq!(order.take().iter().collect::<String>(), "abcbcacaac");
        assert_eq!(
            times.iter().map(Times::rounds).collect::<Vec<_>>(),
            [4, 2, 4]
        );
    }

    #[test]
    fn fastest_and_median() {
        let budget = Budget {
            rounds: 5,
            ..Budget::FULL
        };
        let mut times = [50, 10, 40, 20, 30].map(Duration::from_millis).into_iter();
        let run = Box::new(move || times.next().expect("five rounds"));
        let times = rounds(&budget, &mut [run as Run<'_>]);
        assert_eq!(times[0].fastest(), Duration::from_millis(10));
        assert_eq!(times[0].median(), Duration::from_millis(30));
    }
}
