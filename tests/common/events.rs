//! What the tests of the adapters share: a stream, its events, and how they are polled.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "several tests share it, and none uses all of it"
)]

extern crate alloc;

use alloc::sync::Arc;
use alloc::task::Wake;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;
#[cfg(feature = "alloc")]
use sse_wire::OwnedItem;
use sse_wire::{Event, EventDecoder, Item, RawEvent};

/// Events with everything in them that a chunk can end within.
pub const STREAM: &[u8] = b"\xEF\xBB\xBF: hello\n\nretry: 1500\r\nid: 1\r\nevent: add\r\ndata: one\r\ndata: two\r\n\r\n\
    data: caf\xC3\rid\r\r: ping\n:\ndata\n\nid: 2\nevent: tick\nunknown: x\n: within\ndata: last\n\n";

/// Type, data, last event ID and own `id` of an event.
pub type Parts = (String, String, String, Option<String>);

pub fn parts(event: Event<'_>) -> Parts {
    let id = event.id().map(str::to_owned);
    let (event_type, data) = (event.event_type().to_owned(), event.data().to_owned());
    (event_type, data, event.last_event_id().to_owned(), id)
}

pub fn raw_parts(event: RawEvent<'_>) -> Parts {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let id = event.id().map(str::to_owned);
    let (event_type, data) = (text(event.event_type()), text(event.data()));
    (event_type, data, event.last_event_id().to_owned(), id)
}

/// `None` if it is no event.
pub fn item_parts(item: Item<'_>) -> Option<Parts> {
    match item {
        Item::Event(event) => Some(parts(event)),
        Item::Comment { .. } | Item::Retry(_) => None,
    }
}

/// `None` if it is no event.
#[cfg(feature = "alloc")]
pub fn owned_item_parts(item: &OwnedItem) -> Option<Parts> {
    match item {
        OwnedItem::Event(event) => Some(parts(event.as_event())),
        OwnedItem::Comment { .. } | OwnedItem::Retry(_) => None,
    }
}

/// The events of a stream that is decoded whole.
pub fn events_of(mut stream: &[u8]) -> Vec<Parts> {
    let mut decoder = EventDecoder::with_buffer([0; 256]);
    let mut events = Vec::new();
    while let Some(event) = decoder.decode(&mut stream).expect("it fits") {
        events.push(parts(event));
    }
    events
}

/// The items of a stream that is decoded whole.
#[cfg(feature = "alloc")]
pub fn items_of(mut stream: &[u8]) -> Vec<OwnedItem> {
    let mut decoder = EventDecoder::new();
    let mut items = Vec::new();
    while let Some(item) = decoder.decode_item(&mut stream).expect("it fits") {
        items.push(item.into());
    }
    items
}

/// How often a task was woken.
#[derive(Debug, Default)]
pub struct Wakes(AtomicUsize);

impl Wakes {
    pub fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (wakes.clone(), wakes.into())
    }

    pub fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether a type is `Send` and so on, as a value: an inherent constant takes precedence over that of a trait.
pub struct Probe<T>(PhantomData<T>);

impl<T: Send> Probe<T> {
    pub const IS_SEND: bool = true;
}

impl<T: Sync> Probe<T> {
    pub const IS_SYNC: bool = true;
}

impl<T: Unpin> Probe<T> {
    pub const IS_UNPIN: bool = true;
}

pub trait Otherwise {
    const IS_SEND: bool = false;
    const IS_SYNC: bool = false;
    const IS_UNPIN: bool = false;
}

impl<T> Otherwise for Probe<T> {}
