//! A transport that does what a test tells it, and is everything that an adapter can read from.

#![allow(
    clippy::exhaustive_enums,
    reason = "nothing outside the tests builds upon these"
)]

use core::cell::RefCell;
use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use std::collections::VecDeque;
use std::io::{self, BufRead, ErrorKind};
use std::rc::Rc;
use std::sync::Arc;

/// What a transport does when it is read.
#[derive(Debug, Clone)]
pub enum Step {
    /// It gives these bytes, as many at once as the reader has room for.
    Gives(Vec<u8>),
    /// It fails.
    Fails(ErrorKind),
    /// It has nothing yet, and wakes the task at once. Blocking, it fails with `WouldBlock`.
    Pends,
    /// It is at its end, though more may follow.
    Ends,
}

/// What a transport fails with, which is an error of every kind that an adapter passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault(pub ErrorKind);

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the transport failed: {:?}", self.0)
    }
}

impl core::error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        fault.0.into()
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self(error.kind())
    }
}

/// A transport. Clones share their state: a test keeps one, and the adapter reads from the other.
#[derive(Clone)]
pub struct Transport(Rc<RefCell<Script>>);

struct Script {
    steps: VecDeque<Step>,
    reads: usize,
    has_ended: bool,
    /// Woken once there is more: by the last read, which found nothing left to do.
    waiting: Option<Waker>,
    /// What blocking readers, which get no waker, wake.
    waker: Waker,
    /// Each chunk that was given and not dropped has a clone.
    alive: Arc<()>,
}

/// Bytes that a transport gave, which it counts until they are dropped.
#[derive(Debug)]
pub struct Chunk {
    bytes: Vec<u8>,
    _alive: Arc<()>,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Transport {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(Rc::new(RefCell::new(Script {
            steps: steps.into_iter().collect(),
            reads: 0,
            has_ended: false,
            waiting: None,
            waker: Waker::noop().clone(),
            alive: Arc::default(),
        })))
    }

    pub fn set_waker(&self, waker: &Waker) {
        self.0.borrow_mut().waker.clone_from(waker);
    }

    /// Has more to do, which wakes a task that waits.
    pub fn push(&self, step: Step) {
        let mut script = self.0.borrow_mut();
        script.steps.push_back(step);
        if let Some(waker) = script.waiting.take() {
            waker.wake();
        }
    }

    /// How often it was read.
    pub fn reads(&self) -> usize {
        self.0.borrow().reads
    }

    /// How many steps it has not taken.
    pub fn steps_left(&self) -> usize {
        self.0.borrow().steps.len()
    }

    /// Whether the last read found nothing left to do.
    pub fn is_waiting(&self) -> bool {
        self.0.borrow().waiting.is_some()
    }

    /// How many clones of it there are.
    pub fn handles(&self) -> usize {
        Rc::strong_count(&self.0)
    }

    /// How many of the chunks that it gave were not dropped.
    pub fn chunks_alive(&self) -> usize {
        Arc::strong_count(&self.0.borrow().alive) - 1
    }

    /// Takes the next step, which gives a chunk, or nothing at the end.
    fn step(&self, context: Option<&Context<'_>>) -> Poll<Result<Option<Chunk>, Fault>> {
        let mut script = self.0.borrow_mut();
        let waker = context
            .map_or(&script.waker, |context| context.waker())
            .clone();
        script.reads += 1;
        script.waiting = None;
        match script.steps.pop_front() {
            Some(Step::Gives(bytes)) => {
                let _alive = script.alive.clone();
                Poll::Ready(Ok(Some(Chunk { bytes, _alive })))
            }
            Some(Step::Fails(kind)) => Poll::Ready(Err(Fault(kind))),
            Some(Step::Pends) => {
                waker.wake();
                Poll::Pending
            }
            Some(Step::Ends) => {
                script.has_ended = true;
                Poll::Ready(Ok(None))
            }
            None if script.has_ended => Poll::Ready(Ok(None)),
            None => {
                script.waiting = Some(waker);
                Poll::Pending
            }
        }
    }

    /// The same for readers, to which nothing read would be the end.
    fn chunk(&self, context: Option<&Context<'_>>) -> Poll<Result<Option<Vec<u8>>, Fault>> {
        loop {
            let chunk = ready!(self.step(context))?.map(|mut chunk| mem::take(&mut chunk.bytes));
            if chunk.as_ref().is_none_or(|bytes| !bytes.is_empty()) {
                return Poll::Ready(Ok(chunk));
            }
        }
    }

    fn read(&self, buffer: &mut [u8], context: Option<&Context<'_>>) -> Poll<Result<usize, Fault>> {
        let mut bytes = ready!(self.chunk(context))?.unwrap_or_default();
        let left = bytes.split_off(bytes.len().min(buffer.len()));
        buffer[..bytes.len()].copy_from_slice(&bytes);
        if !left.is_empty() {
            self.0.borrow_mut().steps.push_front(Step::Gives(left));
        }
        Poll::Ready(Ok(bytes.len()))
    }
}

/// What a blocking reader returns, which fails where there is nothing yet.
fn blocking<T>(polled: Poll<Result<T, Fault>>) -> Result<T, Fault> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Fault(ErrorKind::WouldBlock)),
    }
}

impl io::Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(blocking(Self::read(self, buffer, None))?)
    }
}

/// A reader whose buffer is a chunk of the transport.
pub struct Buffered {
    pub transport: Transport,
    buffer: io::Cursor<Vec<u8>>,
}

impl Buffered {
    pub fn new(transport: Transport) -> Self {
        let buffer = io::Cursor::default();
        Self { transport, buffer }
    }
}

impl io::Read for Buffered {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        unreachable!("it has a buffer")
    }
}

impl BufRead for Buffered {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffer.fill_buf()?.is_empty() {
            let chunk = blocking(self.transport.chunk(None))?;
            self.buffer = io::Cursor::new(chunk.unwrap_or_default());
        }
        self.buffer.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.buffer.consume(length);
    }
}

impl embedded_io::Error for Fault {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self.0 {
            ErrorKind::Interrupted => embedded_io::ErrorKind::Interrupted,
            // There is no `WouldBlock`.
            ErrorKind::TimedOut | ErrorKind::WouldBlock => embedded_io::ErrorKind::TimedOut,
            _ => embedded_io::ErrorKind::Other,
        }
    }
}

impl embedded_io::ErrorType for Transport {
    type Error = Fault;
}

impl embedded_io::Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        blocking(Self::read(self, buffer, None))
    }
}

impl embedded_io_async::Read for Transport {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        poll_fn(|context| Self::read(self, buffer, Some(context))).await
    }
}

impl futures_util::Stream for Transport {
    type Item = Result<Chunk, Fault>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.step(Some(context)).map(Result::transpose)
    }
}

#[cfg(feature = "http-body")]
impl http_body::Body for Transport {
    type Data = bytes::Bytes;
    type Error = Fault;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Fault>>> {
        let chunk = ready!(self.step(Some(context))).transpose();
        Poll::Ready(chunk.map(|chunk| {
            chunk.map(|chunk| http_body::Frame::data(bytes::Bytes::from_owner(chunk)))
        }))
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = ready!(Self::read(
            &self,
            buffer.initialize_unfilled(),
            Some(context)
        ))?;
        buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}
