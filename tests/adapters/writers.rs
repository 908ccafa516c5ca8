//! What every writer promises: a block is written whole and flushed before the next one, or the
//! error of the connection is returned. A new one is one more entry in [`WRITERS`].

use crate::common::transport::Fault;
#[cfg(any(feature = "embedded-io-async", feature = "tokio"))]
use futures_util::FutureExt;
use sse_wire::{EventType, LastEventId, Outgoing};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};

/// A connection that is written to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sink {
    /// How much each write takes, or how it fails; those that follow take everything.
    pub(crate) takes: VecDeque<Result<usize, ErrorKind>>,
    /// How the first flushes fail.
    pub(crate) flush_fails: VecDeque<ErrorKind>,
    pub(crate) written: Vec<u8>,
    /// How much each write was given.
    pub(crate) writes: Vec<usize>,
    /// How much had been written at each flush.
    pub(crate) flushes: Vec<usize>,
}

impl Sink {
    pub(crate) fn taking(takes: impl IntoIterator<Item = Result<usize, ErrorKind>>) -> Self {
        Self {
            takes: takes.into_iter().collect(),
            ..Self::default()
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        self.writes.push(bytes.len());
        let taken = self
            .takes
            .pop_front()
            .unwrap_or(Ok(bytes.len()))
            .map_err(Fault)?;
        let taken = taken.min(bytes.len());
        self.written.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.flushes.push(self.written.len());
        self.flush_fails
            .pop_front()
            .map_or(Ok(()), |kind| Err(Fault(kind)))
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(Self::write(self, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(Self::flush(self)?)
    }
}

impl embedded_io::ErrorType for Sink {
    type Error = Fault;
}

impl embedded_io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        Self::write(self, bytes)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        Self::flush(self)
    }
}

impl embedded_io_async::Write for Sink {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        Self::write(self, bytes)
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        Self::flush(self)
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncWrite for Sink {
    fn poll_write(
        mut self: core::pin::Pin<&mut Self>,
        _: &mut core::task::Context<'_>,
        bytes: &[u8],
    ) -> core::task::Poll<io::Result<usize>> {
        core::task::Poll::Ready(io::Write::write(&mut *self, bytes))
    }

    fn poll_flush(
        mut self: core::pin::Pin<&mut Self>,
        _: &mut core::task::Context<'_>,
    ) -> core::task::Poll<io::Result<()>> {
        core::task::Poll::Ready(io::Write::flush(&mut *self))
    }

    fn poll_shutdown(
        self: core::pin::Pin<&mut Self>,
        _: &mut core::task::Context<'_>,
    ) -> core::task::Poll<io::Result<()>> {
        core::task::Poll::Ready(Ok(()))
    }
}

/// Writes these blocks to a connection, up to the first error.
type Write = fn(&mut Sink, &[Outgoing<'_>]) -> Result<(), Fault>;

const WRITERS: &[(&str, Write)] = &[
    #[cfg(feature = "std")]
    ("io", |sink, blocks| {
        let mut writer = sse_wire::io::EventWriter::new(sink);
        Ok(blocks.iter().try_for_each(|block| writer.write(*block))?)
    }),
    #[cfg(feature = "embedded-io")]
    ("embedded, blocking", |sink, blocks| {
        let mut memory = [0; 100];
        let mut writer = sse_wire::embedded::EventWriter::new(sink, &mut memory);
        blocks
            .iter()
            .try_for_each(|block| writer.write(*block))
            .map_err(fault)
    }),
    #[cfg(feature = "embedded-io-async")]
    ("embedded, async", |sink, blocks| {
        let mut memory = [0; 100];
        let mut writer = sse_wire::embedded::EventWriter::new(sink, &mut memory);
        let write = |block: &Outgoing<'_>| {
            writer
                .write_async(*block)
                .now_or_never()
                .expect("it is ready")
        };
        blocks.iter().try_for_each(write).map_err(fault)
    }),
    #[cfg(feature = "tokio")]
    ("codec", |sink, blocks| {
        use futures_util::SinkExt;
        let codec = sse_wire::tokio::EventCodec::new();
        let mut framed = tokio_util::codec::FramedWrite::new(sink, codec);
        let send = |block| framed.send(block).now_or_never().expect("it is ready");
        Ok(blocks.iter().try_for_each(send)?)
    }),
];

#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
fn fault(error: sse_wire::WriteError<Fault>) -> Fault {
    match error {
        sse_wire::WriteError::Transport(fault) => fault,
        error => panic!("{error}"),
    }
}

fn blocks() -> [Outgoing<'static>; 4] {
    [
        Outgoing::message("1"),
        Outgoing::new().comment("ping"),
        Outgoing::event(EventType::from_static("tick"), "a\nb\r\nc")
            .id(LastEventId::from_static("7")),
        Outgoing::message(""),
    ]
}

#[test]
fn each_block_is_written_whole_and_flushed_however_much_the_connection_takes() {
    let encoded = blocks().map(|block| block.to_string());
    let ends: Vec<_> = (1..=encoded.len())
        .map(|end| encoded[..end].concat().len())
        .collect();
    for (name, write) in WRITERS {
        for most in [1, 2, 3, 10, 100] {
            let mut sink = Sink::taking([Ok(most); 200]);
            write(&mut sink, &blocks()).expect("it takes all");
            assert_eq!(
                sink.written,
                encoded.concat().as_bytes(),
                "{name}, {most} at once"
            );
            assert_eq!(sink.flushes, ends, "{name}, {most} at once");
        }
        let mut sink = Sink::default();
        write(&mut sink, &blocks()).expect("it takes all");
        let lengths = encoded.each_ref().map(String::len);
        assert_eq!(sink.writes, lengths, "{name} writes each block at once");
    }
}

#[test]
fn an_empty_block_writes_nothing() {
    for (name, write) in WRITERS {
        let mut sink = Sink::default();
        write(&mut sink, &[Outgoing::new()]).expect("there is nothing to take");
        assert!(sink.writes.is_empty(), "{name}");
    }
}

#[test]
fn the_error_of_the_connection_is_returned() {
    for (name, write) in WRITERS {
        for (takes, kind) in [
            (Err(ErrorKind::BrokenPipe), ErrorKind::BrokenPipe),
            (Ok(0), ErrorKind::WriteZero),
        ] {
            // The blocking writer of `embedded-io` forbids a driver to write nothing.
            if takes.is_err() || !name.starts_with("embedded") {
                let mut sink = Sink::taking([Ok(3), takes]);
                let error = write(&mut sink, &blocks()).expect_err("it is broken");
                assert_eq!(
                    (error, &*sink.written),
                    (Fault(kind), &b"dat"[..]),
                    "{name}"
                );
            }
        }
        let flush_fails = [ErrorKind::ConnectionReset].into();
        let mut sink = Sink {
            flush_fails,
            ..Sink::default()
        };
        let error = write(&mut sink, &blocks()).expect_err("it cannot be flushed");
        assert_eq!(error, Fault(ErrorKind::ConnectionReset), "{name}");
        assert_eq!(sink.written, b"data: 1\n\n", "{name}");
    }
}
