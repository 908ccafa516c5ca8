//! Calls of an asynchronous reader's `next_event`, without a runtime.

use core::pin::pin;
use core::task::{Context, Poll, Waker};

/// What `future` gives if it is ready at once; otherwise drops it, as a `select!` or a timeout does.
#[inline(always)]
pub(crate) fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Passes on each `Result` of `$events.next_event()`, until all that has arrived is used up.
///
/// There are two calls, which take turns. A function with one call is inlined into its caller, whatever its size; a
/// program that reads events in two places does without that, and its figures are those that count.
macro_rules! read_in_two_places {
    ($events:expr, until $is_used_up:expr, |$next:ident| $use:expr) => {
        loop {
            $crate::polling::read_in_two_places!(@call $events, $is_used_up, $next, $use);
            $crate::polling::read_in_two_places!(@call $events, $is_used_up, $next, $use);
        }
    };
    (@call $events:expr, $is_used_up:expr, $next:ident, $use:expr) => {
        match $crate::polling::poll_once($events.next_event()) {
            core::task::Poll::Ready(next) => match next.transpose() {
                Some($next) => $use,
                None => break,
            },
            core::task::Poll::Pending => {
                // Otherwise it has yielded after so many chunks.
                if $is_used_up {
                    break;
                }
            }
        }
    };
}
pub(crate) use read_in_two_places;
