//! JSON in the data of events (feature `json`).

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::encode::Outgoing;
use crate::event::{Event, OwnedEvent, RawEvent};
#[cfg(feature = "bytes")]
use crate::frame::Frame;

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl<'a> Event<'a> {
    /// Deserializes the data as JSON. `T` may borrow from the data.
    ///
    /// ```
    /// use sse_wire::EventDecoder;
    ///
    /// let mut input: &[u8] = b"data: {\"delta\":\"hello\"}\n\n";
    /// let mut decoder = EventDecoder::new();
    /// let event = decoder.decode(&mut input)?.expect("a block");
    /// let message: std::collections::BTreeMap<&str, &str> = event.json()?;
    /// assert_eq!(message["delta"], "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`serde_json::from_str`]: the data is not JSON, or not a `T`. The decoder is
    /// not affected.
    pub fn json<T: Deserialize<'a>>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.data())
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl<'a> RawEvent<'a> {
    /// Deserializes the data as JSON, without validating it as UTF-8 first. `T` may borrow from the
    /// data.
    ///
    /// ```
    /// use sse_wire::EventDecoder;
    ///
    /// let mut input: &[u8] = b"data: [\"a\", \"b\"]\n\n";
    /// let mut decoder = EventDecoder::new();
    /// let event = decoder.decode_raw(&mut input)?.expect("a block");
    /// assert_eq!(event.json::<(&str, &str)>()?, ("a", "b"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`serde_json::from_slice`]: the data is not JSON, not a `T`, or has a string
    /// of `T` that is not UTF-8. The decoder is not affected.
    pub fn json<T: Deserialize<'a>>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(self.data())
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl OwnedEvent {
    /// Deserializes the data as JSON. `T` may borrow from the data.
    ///
    /// ```
    /// use sse_wire::OwnedEvent;
    ///
    /// let event = OwnedEvent::message("[1, 2]");
    /// assert_eq!(event.json::<Vec<u32>>()?, [1, 2]);
    /// # Ok::<(), sse_wire::serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`serde_json::from_str`]: the data is not JSON, or not a `T`.
    pub fn json<'d, T: Deserialize<'d>>(&'d self) -> serde_json::Result<T> {
        serde_json::from_str(self.data())
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl Outgoing<'_> {
    /// Appends the block to `out`, with `value` serialized as JSON after the data set, if any.
    ///
    /// The value is written directly into the data lines. A raw value with line breaks arrives as
    /// one event all the same.
    ///
    /// ```
    /// use sse_wire::Outgoing;
    ///
    /// let mut out = Vec::new();
    /// Outgoing::new().encode_json(&mut out, &["a", "b"])?;
    /// assert_eq!(out, b"data: [\"a\",\"b\"]\n\n");
    /// # Ok::<(), sse_wire::serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`serde_json::to_writer`]; `out` is unchanged then.
    pub fn encode_json(
        &self,
        out: &mut Vec<u8>,
        value: &(impl Serialize + ?Sized),
    ) -> serde_json::Result<()> {
        self.encode_with(out, |data| serde_json::to_writer(data, value))
    }

    /// Encodes the block as a frame, with `value` serialized as JSON after the data set, if any; see
    /// [`encode_json`](Self::encode_json).
    ///
    /// ```
    /// use sse_wire::{LastEventId, Outgoing};
    ///
    /// let frame = Outgoing::new().id(LastEventId::from_static("7")).json(&[1, 2])?;
    /// assert_eq!(frame.as_bytes(), "id: 7\ndata: [1,2]\n\n");
    /// # Ok::<(), sse_wire::serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`serde_json::to_writer`].
    #[cfg(feature = "bytes")]
    #[cfg_attr(docsrs, doc(cfg(all(feature = "json", feature = "bytes"))))]
    pub fn json(&self, value: &(impl Serialize + ?Sized)) -> serde_json::Result<Frame> {
        Frame::encode_with(*self, |data| serde_json::to_writer(data, value))
    }
}
