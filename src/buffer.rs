//! The memory of a decoder, and the store that the decoder manages in it.

mod growth;
mod region;
mod repair;

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

use crate::limits::Limits;

pub(crate) use region::Store;
pub(crate) use repair::replaced_len;

/// Memory for an [`EventDecoder`](crate::EventDecoder): `Vec<u8>`, `[u8; N]`, `&mut [u8]` or
/// `&mut [u8; N]`.
///
/// A `Vec<u8>` grows up to the limits, and shrinks when events no longer need it. A caller-provided
/// buffer, an array or a slice, has a fixed size, which sets the limits: a quarter for the last
/// event ID, the rest for an event.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not memory for a decoder",
    label = "neither `[u8; N]`, `&mut [u8]`, `&mut [u8; N]` nor, with the feature `alloc`, `Vec<u8>`",
    note = "`Vec<u8>` needs the feature `alloc` of sse-wire, which `std` implies; without it, provide a buffer: `EventDecoder::with_buffer([0; 512])`"
)]
pub trait Buffer: sealed::Memory {}

#[cfg(feature = "alloc")]
impl Buffer for Vec<u8> {}
impl<const N: usize> Buffer for [u8; N] {}
impl Buffer for &mut [u8] {}
impl<const N: usize> Buffer for &mut [u8; N] {}

pub(crate) mod sealed {
    use crate::limits::Limits;

    /// The memory of a decoder. Other crates can neither name nor implement it.
    #[allow(unnameable_types, reason = "this is what seals `Buffer`")]
    pub trait Memory {
        /// Whether `grow` and `shrink` have an effect.
        const GROWS: bool;
        /// A second buffer, for text that cannot be borrowed from the memory.
        type Scratch: Scratch;
        fn bytes(&self) -> &[u8];
        fn bytes_mut(&mut self) -> &mut [u8];
        /// Returns the default limits for this memory.
        fn limits(&self) -> Limits;
        /// Grows the memory to at least `length` bytes.
        fn grow(&mut self, _length: usize) {}
        /// Frees all but the first `length` bytes.
        fn shrink(&mut self, _length: usize) {}
    }

    /// A buffer for text that is written while the memory is borrowed.
    ///
    /// Memory that does not grow has none: its scratch buffer is `()`.
    #[allow(unnameable_types, reason = "this is what seals `Buffer`")]
    pub trait Scratch: Clone {
        const EMPTY: Self;
        /// Replaces the contents by `parts`, with U+FFFD for invalid UTF-8: `length` bytes of text.
        fn fill(&mut self, _parts: [&[u8]; 2], _length: usize) {}
        fn as_str(&self) -> &str {
            ""
        }
        fn capacity(&self) -> usize {
            0
        }
    }

    impl Scratch for () {
        const EMPTY: Self = ();
    }
}

#[cfg(feature = "alloc")]
impl sealed::Memory for Vec<u8> {
    const GROWS: bool = true;
    type Scratch = String;

    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn limits(&self) -> Limits {
        Limits::new()
    }

    fn grow(&mut self, length: usize) {
        if length > self.len() {
            self.reserve_exact(length - self.len());
            self.resize(length, 0);
        }
    }

    fn shrink(&mut self, length: usize) {
        self.truncate(length);
        self.shrink_to_fit();
    }
}

#[cfg(feature = "alloc")]
impl sealed::Scratch for String {
    const EMPTY: Self = Self::new();

    fn fill(&mut self, parts: [&[u8]; 2], length: usize) {
        self.clear();
        if length > self.capacity() {
            // The old buffer is freed first, so that the two never exist at once.
            *self = Self::new();
            self.reserve_exact(length);
        }
        for chunk in parts.into_iter().flat_map(<[u8]>::utf8_chunks) {
            self.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }

    fn as_str(&self) -> &str {
        self
    }

    fn capacity(&self) -> usize {
        self.capacity()
    }
}

impl<const N: usize> sealed::Memory for [u8; N] {
    const GROWS: bool = false;
    type Scratch = ();

    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn limits(&self) -> Limits {
        Limits::for_memory(N)
    }
}

impl sealed::Memory for &mut [u8] {
    const GROWS: bool = false;
    type Scratch = ();

    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn limits(&self) -> Limits {
        Limits::for_memory(self.len())
    }
}

impl<const N: usize> sealed::Memory for &mut [u8; N] {
    const GROWS: bool = false;
    type Scratch = ();

    fn bytes(&self) -> &[u8] {
        &self[..]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self[..]
    }

    fn limits(&self) -> Limits {
        Limits::for_memory(N)
    }
}
