//! The keep-alives of an [`EventBody`](super::EventBody).

use core::{
    fmt,
    future::{Future, Pending},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;

use crate::frame::Frame;

pin_project! {
    /// The keep-alive of an [`EventBody`](super::EventBody), set by
    /// [`keep_alive`](super::EventBody::keep_alive): the functions that sleep and make a frame.
    pub struct KeepAlive<Z = fn(Duration) -> Pending<()>, F = Pending<()>, W = fn() -> Frame> {
        period: Duration,
        new_sleep: Z,
        new_frame: W,
        // The period that is running.
        #[pin]
        sleep: Option<F>,
        // A period has passed, but was not waited for.
        is_due: bool,
    }
}

impl<Z, F, W> KeepAlive<Z, F, W> {
    pub(super) const fn new(period: Duration, new_sleep: Z, new_frame: W) -> Self {
        Self {
            period,
            new_sleep,
            new_frame,
            sleep: None,
            is_due: false,
        }
    }

    /// Ends the period, since a frame was sent. The next poll begins another one, so that a stream
    /// that always has a frame ready starts no timers.
    pub(super) fn reset(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.sleep.set(None);
        *this.is_due = false;
    }
}

impl<Z, F, W> KeepAlive<Z, F, W>
where
    Z: FnMut(Duration) -> F,
    F: Future<Output = ()>,
    W: FnMut() -> Frame,
{
    /// Waits for the end of the period, and returns the frame to send, which is not empty.
    pub(super) fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Frame> {
        let mut this = self.as_mut().project();
        let is_due = match this.sleep.as_mut().as_pin_mut() {
            Some(sleep) => {
                ready!(sleep.poll(context));
                true
            }
            None => mem::take(this.is_due),
        };
        if is_due {
            this.sleep.set(None);
            let frame = (this.new_frame)();
            if !frame.is_empty() {
                return Poll::Ready(frame);
            }
        }
        self.begin(context);
        Poll::Pending
    }

    /// Begins a period. One that has passed at once yields to the executor first: otherwise the
    /// body would always be ready, and whoever sends it would not do anything else.
    fn begin(self: Pin<&mut Self>, context: &mut Context<'_>) {
        let mut this = self.project();
        if this.period.is_zero() {
            return;
        }
        this.sleep.set(Some((this.new_sleep)(*this.period)));
        let sleep = this.sleep.as_mut().as_pin_mut();
        if sleep.is_some_and(|sleep| sleep.poll(context).is_ready()) {
            this.sleep.set(None);
            *this.is_due = true;
            context.waker().wake_by_ref();
        }
    }
}

impl<Z, F, W> fmt::Debug for KeepAlive<Z, F, W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeepAlive")
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}
