//! A task that polls, and counts how often it is woken.

use core::future::Future;
use core::pin::pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

/// How often a task was woken.
#[derive(Debug, Default)]
pub struct Wakes(AtomicUsize);

impl Wakes {
    pub fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (wakes.clone(), wakes.into())
    }

    pub fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A task that awaits one future after the other.
#[derive(Debug)]
pub struct Task {
    pub wakes: Arc<Wakes>,
    pub waker: Waker,
    /// Whether it drops each future that is pending, as `select!` does.
    pub drops_futures: bool,
}

impl Task {
    pub fn new(drops_futures: bool) -> Self {
        let (wakes, waker) = Wakes::new();
        Self {
            wakes,
            waker,
            drops_futures,
        }
    }

    /// Polls a future once, or until it is not woken any more.
    pub fn poll<F: Future>(&self, future: F) -> Poll<F::Output> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(&self.waker);
        loop {
            let polled = future.as_mut().poll(&mut context);
            if polled.is_ready() || self.drops_futures || self.wakes.take() == 0 {
                return polled;
            }
        }
    }
}
