//! Data that a closure writes into the block.

use alloc::vec::Vec;
use core::fmt;
#[cfg(feature = "std")]
use std::io;

use super::lines::data_lines;
use super::sink::Append;

/// The writer of the closure of [`Outgoing::encode_with`](crate::Outgoing::encode_with): a
/// [`fmt::Write`], and with `std` a [`std::io::Write`].
///
/// CRLF, CR and LF each begin a new data line, also if they are split across two writes. Bytes
/// written through `io::Write` are not validated as UTF-8: where they are not, the client receives
/// U+FFFD.
#[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
#[derive(Debug)]
pub struct DataWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The last byte written was a CR: an LF that comes next belongs to it.
    after_cr: bool,
}

impl<'a> DataWriter<'a> {
    pub(super) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            after_cr: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Some(&last) = bytes.last() else { return };
        let bytes = match bytes.strip_prefix(b"\n") {
            Some(rest) if self.after_cr => rest,
            _ => bytes,
        };
        self.after_cr = last == b'\r';
        let Ok(()) = data_lines(bytes, &mut Append(self.out));
    }
}

impl fmt::Write for DataWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(feature = "std")]
impl io::Write for DataWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes back what was written unless it is complete: an open block would swallow the next event.
pub(super) struct Rollback<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) length: usize,
}

impl Drop for Rollback<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.length);
    }
}
