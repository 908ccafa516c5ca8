//! A connection, which its streams and its deadlines share.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The client closed it, or the response was complete.
    Closed,
    /// The client did not send the head of a request in time.
    RequestTimeout,
    /// The client took no bytes for too long.
    WriteTimeout,
    /// The client's machine no longer answers.
    Vanished,
    /// It had lived long enough.
    Lifetime,
    /// The server was shut down.
    Drain,
    /// The log no longer had the client's next event.
    LeftBehind,
    /// What the client sent was not HTTP, or another error.
    Failed,
}

impl Reason {
    /// Returns the reason as metrics and log show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::RequestTimeout => "request-timeout",
            Self::WriteTimeout => "write-timeout",
            Self::Vanished => "vanished",
            Self::Lifetime => "lifetime",
            Self::Drain => "drain",
            Self::LeftBehind => "left-behind",
            Self::Failed => "failed",
        }
    }
}

/// A connection, which its streams and its deadlines share.
#[derive(Debug)]
pub struct Connection {
    /// The client's address.
    pub peer: SocketAddr,
    says_farewell: AtomicBool,
    /// The task of the connection, which waits for the farewell in its stream.
    waker: AtomicWaker,
    reason: OnceLock<Reason>,
    cut: Notify,
}

impl Connection {
    /// Creates one that nobody ends.
    pub fn new(peer: SocketAddr) -> Self {
        Self {
            peer,
            says_farewell: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            reason: OnceLock::new(),
            cut: Notify::new(),
        }
    }

    /// Lets the stream send a farewell and end.
    pub fn farewell(&self) {
        self.says_farewell.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Waits until the stream should send a farewell.
    pub fn poll_farewell(&self, context: &mut Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        match self.says_farewell.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Closes the socket, whatever is in progress. The first reason counts.
    pub fn cut(&self, reason: Reason) {
        let _ = self.reason.set(reason);
        self.cut.notify_one();
    }

    /// Waits until the connection should be cut, and returns why.
    pub async fn wait_for_cut(&self) -> Reason {
        loop {
            if let Some(reason) = self.reason.get() {
                return *reason;
            }
            self.cut.notified().await;
        }
    }

    /// Returns why the connection should be cut, if it should.
    pub fn cut_reason(&self) -> Option<Reason> {
        self.reason.get().copied()
    }
}
