//! A connection, which its streams and its deadlines share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

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
    /// The token of its stream expired.
    Expired,
    /// The user of its stream logged out.
    LoggedOut,
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
            Self::Expired => "expired",
            Self::LoggedOut => "logged-out",
            Self::LeftBehind => "left-behind",
            Self::Failed => "failed",
        }
    }
}

/// What the deadlines of a connection should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Close the socket, whatever is in progress.
    Cut(Reason),
    /// Let the stream say farewell now.
    End(Reason),
    /// Let the stream end as its token says.
    Expire(Expiry),
}

/// When the token of a stream expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// At this time, or never, whatever was true of the stream before.
    Begin(Option<Instant>),
    /// Not before this time.
    Renew(Instant),
}

/// A connection, which its streams and its deadlines share.
#[derive(Debug)]
pub struct Connection {
    /// The client's address.
    pub peer: SocketAddr,
    says_farewell: AtomicBool,
    says_expiring: AtomicBool,
    /// The task of the connection, which waits for these two in its stream.
    waker: AtomicWaker,
    orders: Mutex<Orders>,
    ordered: Notify,
}

/// The orders that were not yet obeyed.
#[derive(Debug, Default)]
struct Orders {
    /// It stays, and so the first counts.
    cut: Option<Reason>,
    end: Option<Reason>,
    expire: Option<Expiry>,
}

impl Connection {
    /// Creates one that nobody ends.
    pub fn new(peer: SocketAddr) -> Self {
        Self {
            peer,
            says_farewell: AtomicBool::new(false),
            says_expiring: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            orders: Mutex::default(),
            ordered: Notify::new(),
        }
    }

    /// Lets the stream send a farewell and end.
    pub fn farewell(&self) {
        self.says_farewell.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Lets the stream say that its token expires soon.
    pub fn expiring(&self) {
        self.says_expiring.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Waits until the stream should send a farewell, or say that its token expires soon.
    pub fn poll_notice(&self, context: &mut Context<'_>) -> Poll<Notice> {
        self.waker.register(context.waker());
        if self.says_farewell.load(Ordering::Acquire) {
            return Poll::Ready(Notice::Farewell);
        }
        if self.says_expiring.swap(false, Ordering::AcqRel) {
            return Poll::Ready(Notice::Expiring);
        }
        Poll::Pending
    }

    /// Closes the socket, whatever is in progress. The first reason counts.
    pub fn cut(&self, reason: Reason) {
        self.order(|orders| {
            orders.cut.get_or_insert(reason);
        });
    }

    /// Lets the stream say farewell and end, as soon as it can be sent.
    pub fn end(&self, reason: Reason) {
        self.order(|orders| orders.end = Some(reason));
    }

    /// Begins a stream that ends at a time, or never because of its token.
    pub fn expire(&self, at: Option<Instant>) {
        self.order(|orders| orders.expire = Some(Expiry::Begin(at)));
        self.says_expiring.store(false, Ordering::Release);
    }

    /// Lets the stream run until a time, unless it may run longer.
    pub fn renew(&self, at: Instant) {
        self.order(|orders| {
            orders.expire = Some(match orders.expire {
                Some(Expiry::Begin(old)) => Expiry::Begin(old.max(Some(at))),
                Some(Expiry::Renew(old)) => Expiry::Renew(old.max(at)),
                None => Expiry::Renew(at),
            });
        });
    }

    /// Waits for what the deadlines should do next.
    pub async fn next_order(&self) -> Order {
        loop {
            if let Some(order) = self.lock().next() {
                return order;
            }
            self.ordered.notified().await;
        }
    }

    /// Returns why the connection should be cut, if it should.
    pub fn cut_reason(&self) -> Option<Reason> {
        self.lock().cut
    }

    fn order(&self, order: impl FnOnce(&mut Orders)) {
        order(&mut self.lock());
        self.ordered.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a stream should say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A farewell, and then the end.
    Farewell,
    /// That its token expires soon.
    Expiring,
}

impl Orders {
    fn next(&mut self) -> Option<Order> {
        if let Some(reason) = self.cut {
            return Some(Order::Cut(reason));
        }
        let end = self.end.take().map(Order::End);
        end.or_else(|| self.expire.take().map(Order::Expire))
    }
}
