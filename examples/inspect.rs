//! Decodes an event stream as its bytes arrive and prints each event at the moment it is dispatched.
//!
//! ```text
//! cargo run --example inspect -- tests/data/openai-chat.sse
//! curl -N https://example.com/events | cargo run --example inspect -- --all
//! ```

use core::fmt::{self, Write as _};
use core::num::NonZeroUsize;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use lexopt::ValueExt as _;
use sse_wire::{CutLine, DecodeError, Event, EventDecoder, Item, Limits};

const HELP: &str = "\
Decodes an event stream (Server-Sent Events) and prints each event when it is dispatched.

Usage: inspect [OPTIONS] [FILE]

Standard input is read without FILE, or when FILE is -. A summary goes to standard error.

Options:
      --json         one JSON object per line: {\"type\":…,\"data\":…,\"lastEventId\":…}
      --all          everything, in the order of the stream: also comments, reconnection times,
                     blocks without data, and lines that are no fields
                     (in JSON: {\"comment\":…}, {\"retry\":milliseconds}, {\"ignored\":…} and
                     {\"notDispatched\":{\"type\":…,\"lastEventId\":…}})
      --chunk N      feed the decoder at most N bytes at a time
      --limit BYTES  reject larger events with a line on standard error, and continue
      --recover      also print what the end of the stream cut off
  -h, --help         print this help
  -V, --version      print the version

Without --json, characters that could disturb a terminal are escaped. A comment or an
ignored line longer than 64 KiB is printed in parts.

Exit code: 0, also when standard output is closed early; 1 when reading or writing
failed; 2 when the command line is wrong or FILE cannot be opened.
";

/// How much is read at once, at most: a read returns what has arrived.
const READ_SIZE: usize = 64 * 1024;

/// How much of a line is buffered until its end, so that an endless one cannot fill the memory.
const LINE_PART: usize = 64 * 1024;

fn main() -> ExitCode {
    let result = match Request::from_arguments(lexopt::Parser::from_env()) {
        Ok(Request::Help) => print(HELP),
        Ok(Request::Version) => print(concat!("inspect ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Request::Inspect(options)) => inspect(&options),
        Err(error) => Err(Failure::Usage(format!("{error} (see --help)"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// What the command line asks for.
enum Request {
    Help,
    Version,
    Inspect(Options),
}

#[derive(Default)]
struct Options {
    json: bool,
    all: bool,
    recover: bool,
    chunk: Option<NonZeroUsize>,
    limits: Limits,
    file: Option<PathBuf>,
}

impl Request {
    fn from_arguments(mut arguments: lexopt::Parser) -> Result<Self, lexopt::Error> {
        use lexopt::Arg::{Long, Short, Value};

        let mut options = Options::default();
        let mut file: Option<OsString> = None;
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("json") => options.json = true,
                Long("all") => options.all = true,
                Long("recover") => options.recover = true,
                Long("chunk") => {
                    options.chunk = Some(arguments.value()?.parse().map_err(named("--chunk"))?)
                }
                Long("limit") => {
                    let bytes = arguments.value()?.parse().map_err(named("--limit"))?;
                    options.limits = Limits::new().with_event(bytes);
                }
                Long("help") | Short('h') => return Ok(Self::Help),
                Long("version") | Short('V') => return Ok(Self::Version),
                Value(path) if file.is_none() => file = Some(path),
                other => return Err(other.unexpected()),
            }
        }
        options.file = file.filter(|path| path != "-").map(PathBuf::from);
        Ok(Self::Inspect(options))
    }
}

/// Says which option an error is about: lexopt names only the value.
fn named(option: &str) -> impl Fn(lexopt::Error) -> lexopt::Error {
    move |error| format!("{option}: {error}").into()
}

fn print(text: &str) -> Result<(), Failure> {
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(Failure::Output)
}

fn inspect(options: &Options) -> Result<(), Failure> {
    let (name, mut input) = open(options)?;
    let mut inspector = Inspector::new(options, BufWriter::new(io::stdout().lock()));
    let read = inspector.read_all(&mut input).map_err(Failure::Output)?;
    let end = inspector.end().map_err(Failure::Output)?;
    if let Err(error) = &read {
        complain(&format!("cannot read {name}: {error}"));
    }
    complain(&inspector.summary(end));
    if let (0, Some(first)) = (inspector.count.events, inspector.decoder.first_ignored()) {
        let first = String::from_utf8_lossy(first);
        complain(&format!("no events; the first ignored line is \"{first}\""));
    }
    read.map_err(|_| Failure::Reported)
}

/// The input, and what to call it.
fn open(options: &Options) -> Result<(String, Box<dyn Read>), Failure> {
    let Some(path) = &options.file else {
        return Ok(("standard input".to_owned(), Box::new(io::stdin().lock())));
    };
    match File::open(path) {
        Ok(file) => Ok((path.display().to_string(), Box::new(file))),
        Err(error) => {
            let message = format!("cannot open {}: {error}", path.display());
            Err(Failure::Usage(message))
        }
    }
}

/// Feeds a decoder, and prints and counts what comes out of it.
struct Inspector<W> {
    decoder: EventDecoder,
    printer: Printer<W>,
    count: Count,
    chunk: usize,
    recover: bool,
}

impl<W: Write> Inspector<W> {
    fn new(options: &Options, out: W) -> Self {
        Self {
            decoder: EventDecoder::with_limits(options.limits),
            printer: Printer::new(options, out),
            count: Count::default(),
            chunk: options.chunk.map_or(READ_SIZE, NonZeroUsize::get),
            recover: options.recover,
        }
    }

    /// Reads to the end. The outer error is one of writing, the inner one of reading.
    fn read_all(&mut self, input: &mut dyn Read) -> io::Result<io::Result<()>> {
        let mut buffer = vec![0; READ_SIZE];
        loop {
            match input.read(&mut buffer) {
                Ok(0) => return Ok(Ok(())),
                Ok(count) => {
                    for chunk in buffer[..count].chunks(self.chunk) {
                        self.feed(chunk)?;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    fn feed(&mut self, mut chunk: &[u8]) -> io::Result<()> {
        self.count.bytes += chunk.len() as u64;
        loop {
            match self.decoder.decode_item(&mut chunk) {
                Ok(Some(item)) => {
                    self.count.add(&item);
                    self.printer.item(&item)?;
                }
                Ok(None) => return Ok(()),
                // The event is lost, and the stream is not: the next call continues after it.
                Err(error) => self.count.reject(error),
            }
        }
    }

    /// A browser discards what the end of the stream cuts off; `--recover` acts as if the line and the block had ended.
    fn end(&mut self) -> io::Result<End> {
        let (end, cut_off) = match self.decoder.finish() {
            None => (End::BetweenEvents, Ok(None)),
            Some(incomplete) => {
                let end = if incomplete.is_inside_line() {
                    End::InsideLine
                } else {
                    End::InsideEvent
                };
                let cut_off = if self.recover {
                    incomplete.recover(CutLine::Keep)
                } else {
                    Ok(None)
                };
                (end, cut_off)
            }
        };
        if let Some(open) = self.count.open.filter(|_| self.recover) {
            let rest = open(b"", true);
            self.count.add(&rest);
            self.printer.item(&rest)?;
        }
        match cut_off {
            Ok(Some(event)) => {
                let event = Item::Event(event);
                self.count.add(&event);
                self.printer.item(&event)?;
            }
            Ok(None) => {}
            Err(error) => self.count.reject(error),
        }
        Ok(end)
    }

    fn summary(&self, end: End) -> String {
        let Count {
            bytes,
            events,
            comments,
            rejected,
            ..
        } = self.count;
        let ignored = self.decoder.ignored_lines();
        let id = self.decoder.last_event_id();
        let retry = match self.decoder.reconnection_time() {
            Some(time) => format!("{} ms", time.as_millis()),
            None => "not set".to_owned(),
        };
        format!(
            "bytes {bytes}, events {events}, comments {comments}, rejected {rejected}, \
             ignored lines {ignored}, last event ID \"{id}\", reconnection time {retry}, {end}"
        )
    }
}

#[derive(Default)]
struct Count {
    bytes: u64,
    events: u64,
    comments: u64,
    rejected: u64,
    /// The fragment that came last, if its line has not ended.
    open: Option<fn(&[u8], bool) -> Item<'_>>,
}

impl Count {
    fn add(&mut self, item: &Item<'_>) {
        match item {
            Item::Event(_) => self.events += 1,
            Item::Comment { end, .. } => self.comments += u64::from(*end),
            _ => {}
        }
        self.open = match item {
            Item::Comment { end: false, .. } => Some(|text, end| Item::Comment { text, end }),
            Item::Ignored { end: false, .. } => Some(|text, end| Item::Ignored { text, end }),
            _ => None,
        };
    }

    fn reject(&mut self, error: DecodeError) {
        self.rejected += 1;
        complain(&format!("event rejected: {error}"));
    }
}

/// Where the stream ended.
#[derive(Clone, Copy)]
enum End {
    BetweenEvents,
    InsideEvent,
    InsideLine,
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BetweenEvents => "ended between events",
            Self::InsideEvent => "ended inside an event",
            Self::InsideLine => "ended inside an event, within a line",
        })
    }
}

/// Writes items for people or as JSON, and flushes each.
struct Printer<W> {
    out: W,
    start: Instant,
    json: bool,
    all: bool,
    /// The fragments so far of a comment or an ignored line that has not ended.
    line: Vec<u8>,
}

impl<W: Write> Printer<W> {
    fn new(options: &Options, out: W) -> Self {
        Self {
            out,
            start: Instant::now(),
            json: options.json,
            all: options.all,
            line: Vec::new(),
        }
    }

    fn item(&mut self, item: &Item<'_>) -> io::Result<()> {
        match item {
            Item::Event(event) => self.event(event),
            _ if !self.all => Ok(()),
            Item::NotDispatched(event) => self.not_dispatched(event),
            Item::Comment { text, end } => self.fragment("comment", text, *end),
            Item::Retry(time) => self.retry(time.as_millis()),
            Item::Ignored { text, end } => self.fragment("ignored", text, *end),
            _ => Ok(()),
        }
    }

    fn not_dispatched(&mut self, block: &Event<'_>) -> io::Result<()> {
        if self.json {
            self.out.write_all(b"{\"notDispatched\":")?;
            let (event_type, id) = (block.event_type(), block.last_event_id());
            self.json_object(&[("type", event_type), ("lastEventId", id)])?;
            self.out.write_all(b"}\n")?;
            return self.out.flush();
        }
        self.head("no data", block)?;
        self.out.flush()
    }

    /// Writes the time, what it is, its type and the last event ID.
    fn head(&mut self, kind: &str, event: &Event<'_>) -> io::Result<()> {
        self.time()?;
        write!(self.out, "{kind} {}", Printable(event.event_type()))?;
        if !event.last_event_id().is_empty() {
            write!(self.out, "  id \"{}\"", Printable(event.last_event_id()))?;
        }
        writeln!(self.out)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if self.json {
            return self.json_line(&[
                ("type", event.event_type()),
                ("data", event.data()),
                ("lastEventId", event.last_event_id()),
            ]);
        }
        self.head("event", event)?;
        for line in event.data().split('\n') {
            writeln!(self.out, "           | {}", Printable(line))?;
        }
        self.out.flush()
    }

    fn retry(&mut self, milliseconds: u128) -> io::Result<()> {
        if self.json {
            writeln!(self.out, "{{\"retry\":{milliseconds}}}")?;
        } else {
            self.time()?;
            writeln!(self.out, "retry {milliseconds} ms")?;
        }
        self.out.flush()
    }

    /// Joins the fragments of a line, up to a bound: the decoder buffers none of it.
    fn fragment(&mut self, kind: &str, mut text: &[u8], end: bool) -> io::Result<()> {
        loop {
            let (fits, rest) = text.split_at(text.len().min(LINE_PART - self.line.len()));
            self.line.extend_from_slice(fits);
            text = rest;
            if text.is_empty() {
                break;
            }
            self.print_line(kind, complete_characters(&self.line))?;
        }
        if end {
            self.print_line(kind, self.line.len())
        } else {
            Ok(())
        }
    }

    fn print_line(&mut self, kind: &str, length: usize) -> io::Result<()> {
        let line: Vec<u8> = self.line.drain(..length).collect();
        let text = String::from_utf8_lossy(&line);
        if self.json {
            return self.json_line(&[(kind, &text)]);
        }
        self.time()?;
        writeln!(self.out, "{kind}:{}", Printable(&text))?;
        self.out.flush()
    }

    fn time(&mut self) -> io::Result<()> {
        write!(self.out, "{:>9.3}s ", self.start.elapsed().as_secs_f64())
    }

    /// One object on one line.
    fn json_line(&mut self, members: &[(&str, &str)]) -> io::Result<()> {
        self.json_object(members)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    /// Writes the members in the given order.
    fn json_object(&mut self, members: &[(&str, &str)]) -> io::Result<()> {
        let mut separator = '{';
        for (name, value) in members {
            write!(self.out, "{separator}\"{name}\":")?;
            serde_json::to_writer(&mut self.out, value)?;
            separator = ',';
        }
        self.out.write_all(b"}")
    }
}

/// How much of `text` can be printed now: a character at its end may lack its last bytes.
fn complete_characters(text: &[u8]) -> usize {
    let cut = text
        .utf8_chunks()
        .last()
        .map_or(0, |chunk| chunk.invalid().len());
    text.len() - cut
}

/// Text for a terminal: what could move its cursor, change its state or reorder its line is escaped.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if disturbs_a_terminal(character) {
                write!(formatter, "{}", character.escape_default())?;
            } else {
                formatter.write_char(character)?;
            }
        }
        Ok(())
    }
}

fn disturbs_a_terminal(character: char) -> bool {
    let breaks = matches!(character, '\u{2028}' | '\u{2029}');
    let reorders = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || breaks || reorders
}

/// Why the program ends early.
enum Failure {
    Usage(String),
    Output(io::Error),
    /// Something that standard error already tells.
    Reported,
}

impl Failure {
    fn report(self) -> ExitCode {
        match self {
            Self::Usage(message) => {
                complain(&message);
                ExitCode::from(2)
            }
            // Whoever read the output has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::Output(error) => {
                complain(&format!("cannot write: {error}"));
                ExitCode::FAILURE
            }
            Self::Reported => ExitCode::FAILURE,
        }
    }
}

/// One line on standard error. Unlike `eprintln!` it does not panic when nobody reads there.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "inspect: {}", Printable(message));
}
