//! Where the pieces of a block go.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use core::convert::Infallible;

/// Receives the pieces of a block.
pub(super) trait Sink {
    type Error;

    fn put(&mut self, piece: &[u8]) -> Result<(), Self::Error>;

    /// Puts the first `length` bytes of `text`.
    fn put_first(&mut self, text: &[u8], length: usize) -> Result<(), Self::Error> {
        self.put(text.get(..length).unwrap_or_default())
    }
}

impl<F, E> Sink for F
where
    F: FnMut(&[u8]) -> Result<(), E>,
{
    type Error = E;

    fn put(&mut self, piece: &[u8]) -> Result<(), E> {
        self(piece)
    }
}

#[cfg(feature = "alloc")]
pub(super) struct Append<'a>(pub(super) &'a mut Vec<u8>);

#[cfg(feature = "alloc")]
impl Sink for Append<'_> {
    type Error = Infallible;

    #[inline(always)]
    fn put(&mut self, piece: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(piece);
        Ok(())
    }

    #[inline(always)]
    fn put_first(&mut self, text: &[u8], length: usize) -> Result<(), Infallible> {
        // To copy a whole block, and drop what is too much, costs less than to copy as many bytes
        // as there are.
        match text.first_chunk::<BLOCK>() {
            Some(block) if length <= BLOCK => {
                let end = self.0.len() + length;
                self.0.extend_from_slice(block);
                self.0.truncate(end);
                Ok(())
            }
            _ => self.put(text.get(..length).unwrap_or_default()),
        }
    }
}

#[cfg(feature = "alloc")]
const BLOCK: usize = 64;
