//! What a hostile peer can send: each attack is one row of the table in `SECURITY.md`, under the same name.

use sse_wire::Limits;

/// What comes before every attack, so that there is something to lose.
pub(crate) const BEFORE: &[u8] = b"event: before\nid: 1\ndata: first\n\ndata: second\n\n";

/// What comes after it: its first event shows which last event ID the attack left.
pub(crate) const AFTER: &[u8] = b"data: third\n\nid: 2\ndata: fourth\n\n";

/// A part of a stream that means harm.
#[derive(Debug, Clone)]
pub(crate) struct Attack {
    /// As in `SECURITY.md`, up to what stands in parentheses.
    pub(crate) name: &'static str,
    pub(crate) begins: Vec<u8>,
    /// What is repeated for as long as the attack lasts.
    pub(crate) goes_on: Vec<u8>,
    pub(crate) ends: Vec<u8>,
    pub(crate) gives: Gives,
    /// The last event ID afterwards, as text.
    pub(crate) last_event_id: String,
    /// The reconnection time afterwards, in milliseconds.
    pub(crate) reconnection_time: Option<u64>,
}

/// What comes out between what comes before and what comes after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gives {
    Nothing,
    /// One event is refused, however long it went on.
    Refused(TooLarge),
    /// An event is refused each time.
    RefusedEach(TooLarge),
    /// An event of this type and with this data, before invalid UTF-8 is replaced, when the attack ends.
    Event(&'static [u8], Vec<u8>),
    /// The same each time.
    EventEach(&'static [u8], Vec<u8>),
}

/// What exceeded its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooLarge {
    Event,
    LastEventId,
}

impl Attack {
    fn new(name: &'static str, begins: impl Into<Vec<u8>>, goes_on: impl Into<Vec<u8>>) -> Self {
        Self {
            name,
            begins: begins.into(),
            goes_on: goes_on.into(),
            ends: b"\n\n".to_vec(),
            gives: Gives::Nothing,
            last_event_id: "1".to_owned(),
            reconnection_time: None,
        }
    }

    fn ends(mut self, ends: &[u8]) -> Self {
        self.ends = ends.to_vec();
        self
    }

    fn gives(mut self, gives: Gives) -> Self {
        self.gives = gives;
        self
    }

    fn leaves_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = id.into();
        self
    }

    fn leaves_time(mut self, milliseconds: u64) -> Self {
        self.reconnection_time = Some(milliseconds);
        self
    }

    /// How often it is repeated to be of about so many bytes.
    pub(crate) fn rounds(&self, bytes: usize) -> usize {
        1.max(bytes / self.goes_on.len())
    }

    /// The whole stream, with the attack of about so many bytes.
    pub(crate) fn stream(&self, bytes: usize) -> Vec<u8> {
        let attack = self.goes_on.repeat(self.rounds(bytes));
        [BEFORE, &self.begins, &attack, &self.ends, AFTER].concat()
    }
}

/// An event by its type, its data and the last event ID; or what was too large.
pub(crate) type Told<'e> = Result<(&'e [u8], &'e [u8], &'e str), TooLarge>;

/// Holds what was told against what is expected.
///
/// # Panics
///
/// When they differ. Of what is long, and most of it is, the message shows how it begins.
#[track_caller]
pub(crate) fn assert_told(place: usize, told: Told<'_>, expected: Told<'_>) {
    let beginning = |bytes: &[u8]| {
        let shown = bytes[..bytes.len().min(40)].escape_ascii();
        format!("\"{shown}\" ({} bytes)", bytes.len())
    };
    let show = |told: Told<'_>| match told {
        Ok((event_type, data, id)) => {
            let parts = [event_type, data, id.as_bytes()];
            parts.map(beginning).join(", ")
        }
        Err(what) => format!("refused: {what:?}"),
    };
    assert!(
        told == expected,
        "{place}: {}; expected {}",
        show(told),
        show(expected)
    );
}

/// All that comes out of a stream with an attack in it, in order.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    attack: &'a Attack,
    /// How many events, or refusals, the attack itself gives.
    within: usize,
    /// The type and the data of such an event, as the bytes that came and as text.
    raw: (&'a [u8], &'a [u8]),
    text: (Vec<u8>, Vec<u8>),
}

impl<'a> Script<'a> {
    pub(crate) fn new(attack: &'a Attack, bytes: usize) -> Self {
        let (within, raw): (usize, (&[u8], &[u8])) = match &attack.gives {
            Gives::Nothing => (0, (b"", b"")),
            Gives::Refused(_) => (1, (b"", b"")),
            Gives::RefusedEach(_) => (attack.rounds(bytes), (b"", b"")),
            Gives::Event(event_type, data) => (1, (event_type, data)),
            Gives::EventEach(event_type, data) => (attack.rounds(bytes), (event_type, data)),
        };
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned().into_bytes();
        Self {
            attack,
            within,
            raw,
            text: (text(raw.0), text(raw.1)),
        }
    }

    pub(crate) fn count(&self) -> usize {
        2 + self.within + 2
    }

    /// What comes at this place: an event by its type, its data and the last event ID, or what was too large. Does not allocate.
    pub(crate) fn at(&self, place: usize, as_text: bool) -> Told<'_> {
        let id = &*self.attack.last_event_id;
        match place {
            0 => Ok((b"before", b"first", "1")),
            1 => Ok((b"message", b"second", "1")),
            _ if place == 2 + self.within => Ok((b"message", b"third", id)),
            _ if place == 3 + self.within => Ok((b"message", b"fourth", "2")),
            _ if place > 3 + self.within => panic!("nothing comes behind the last event"),
            _ => match self.attack.gives {
                Gives::Refused(what) | Gives::RefusedEach(what) => Err(what),
                _ if as_text => Ok((&self.text.0, &self.text.1, id)),
                _ => Ok((self.raw.0, self.raw.1, id)),
            },
        }
    }
}

/// Every attack that is one stream. What must go beyond a limit does so with these.
pub(crate) fn attacks(limits: Limits) -> Vec<Attack> {
    use Gives::{Event, EventEach, Refused, RefusedEach};

    let giant_data = "x".repeat(limits.event + 1);
    let giant_id = "1".repeat(limits.last_event_id + 1);
    let largest_id = "1".repeat(limits.last_event_id);
    // As text it is three times as long, and still fits.
    let invalid = b"\xFF".repeat(limits.event / 3);
    let broken = b"\xED\xA0\x80\xF0\x9F\x98\xC0\xAF\x80";
    vec![
        Attack::new("endless data line", "data: ", "x").gives(Refused(TooLarge::Event)),
        Attack::new("endless line that is no field", "x", "x"),
        Attack::new("endless line that is no field", "data", "data"),
        Attack::new("endless comment", ":", "x"),
        Attack::new("endless comments", "", ": keep-alive\n"),
        Attack::new("endless blank lines", "", "\n"),
        Attack::new("endless blank lines", "", "\r"),
        Attack::new("endless blank lines", "", "\r\n"),
        Attack::new("endless tiny data lines within one event", "", "data\n")
            .gives(Refused(TooLarge::Event)),
        Attack::new("endless tiny data lines within one event", "", "data:x\r")
            .gives(Refused(TooLarge::Event)),
        Attack::new("oversized event type", "event: ", "x")
            .ends(b"\ndata: lost\n\n")
            .gives(Refused(TooLarge::Event)),
        Attack::new("endless event types", "", "event: x\n"),
        Attack::new("oversized id", "id: ", "1")
            .ends(b"\ndata: lost\n\n")
            .gives(Refused(TooLarge::LastEventId)),
        Attack::new("endless ids", "", "id: 12345\n").leaves_id("12345"),
        Attack::new(
            "oversized ids, again and again",
            "",
            ["id: ", &giant_id, "\n\n"].concat(),
        )
        .gives(RefusedEach(TooLarge::LastEventId)),
        Attack::new(
            "the largest id, and events that inherit it",
            ["id: ", &largest_id, "\n\n"].concat(),
            "data: tiny\n\n",
        )
        .gives(EventEach(b"message", b"tiny".to_vec()))
        .leaves_id(&*largest_id),
        Attack::new("id with NUL", "", "id: a\0b\n")
            .ends(b"data: kept\n\n")
            .gives(Event(b"message", b"kept".to_vec())),
        Attack::new("id with control characters", "", "id: \x01\x1B[2J\x7F\t\n")
            .ends(b"data: kept\n\n")
            .gives(Event(b"message", b"kept".to_vec()))
            .leaves_id("\x01\x1B[2J\x7F\t"),
        Attack::new("NUL everywhere", "", "\0\ndata\0: x\n:\0\nretry: 1\0\n"),
        Attack::new("NUL everywhere", "", "event: \0\ndata: \0\n\n")
            .gives(EventEach(b"\0", b"\0".to_vec())),
        Attack::new("retry flood", "", "retry: 1\n").leaves_time(1),
        Attack::new("retry flood", "", "retry: 1\n\n").leaves_time(1),
        Attack::new("retry overflow", "retry: ", "9").leaves_time(u64::MAX),
        Attack::new("retry overflow", "retry: 1", "0").leaves_time(u64::MAX),
        Attack::new(
            "retry that is none",
            "",
            "retry: -1\nretry: 1e9\nretry: 1 \nretry\n",
        ),
        Attack::new("retry that is none", "retry: 9", "9").ends(b"x\n\n"),
        Attack::new(
            "fields by names that are almost theirs",
            "",
            "dat: x\nDATA: x\n data: x\nids: 9\nEvent: x\n",
        ),
        Attack::new("as many events as fit", "", "data\n\n")
            .gives(EventEach(b"message", Vec::new())),
        Attack::new("as many events as fit", "", "event:x\rdata:x\r\r")
            .gives(EventEach(b"x", b"x".to_vec())),
        Attack::new(
            "events beyond the limit, again and again",
            "",
            ["data: ", &giant_data, "\n\n"].concat(),
        )
        .gives(RefusedEach(TooLarge::Event)),
        Attack::new("broken UTF-8 everywhere", "", {
            let line = |name: &[u8]| [name, broken, b"\n"].concat();
            [
                line(b"data: "),
                line(b":"),
                line(b"data"),
                line(b""),
                line(b"retry: 1"),
                line(b"id: "),
                b"event: \xC3\n\n".to_vec(),
            ]
            .concat()
        })
        .gives(EventEach(b"\xC3", broken.to_vec()))
        .leaves_id(String::from_utf8_lossy(broken)),
        Attack::new(
            "broken UTF-8 that grows threefold as text",
            "data: ",
            "\u{FEFF}",
        )
        .gives(Refused(TooLarge::Event)),
        Attack::new(
            "broken UTF-8 that grows threefold as text",
            "",
            [b"data: ", &invalid[..], b"\n\n"].concat(),
        )
        .gives(EventEach(b"message", invalid)),
        Attack::new("byte order marks", "", "\u{FEFF}"),
        Attack::new(
            "byte order marks",
            "",
            "\u{FEFF}data: x\n\u{FEFF}\n\u{FEFF}id: 9\n",
        ),
        Attack::new(
            "byte order marks",
            "\n",
            b"\xEF\n\xEF\xBB\n\xEF\xBBdata: x\n".to_vec(),
        ),
    ]
}
