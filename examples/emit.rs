//! Writes an event stream to standard output, each event flushed when it is written.
//!
//! ```text
//! cargo run --example emit | cargo run --example inspect -- --all
//! cargo run --example emit -- --type greeting --ids 'Hello' 'two
//! lines'
//! ```

use core::num::ParseIntError;
use core::str::FromStr;
use core::time::Duration;
use std::io::{self, BufRead as _, BufWriter, IsTerminal as _, StdoutLock, Write};
use std::process::ExitCode;
use std::thread;

use lexopt::ValueExt as _;
use serde_json::value::RawValue;
use sse_wire::{EventType, LastEventId, Outgoing};

const HELP: &str = "\
Writes an event stream (Server-Sent Events): one event for each DATA, or for each line of
standard input without DATA. Line ends inside DATA make several data lines.

Usage: emit [OPTIONS] [DATA]...

Options:
      --type T       the event type
      --id ID        the ID of every event
      --ids          number the events: 1, 2, 3, ...
      --retry MS     begin the stream with a reconnection time, in milliseconds
      --comment TEXT begin the stream with a comment
      --json         DATA is JSON text: check that it is, and write it with
                     serde_json, to the letter
      --large BYTES  one event instead, whose only data line has this many bytes
      --demo         a short demonstration instead, with a bit of everything; it is also
                     what comes without any argument when standard input is a terminal
      --pause MS     wait after each event
  -h, --help         print this help
  -V, --version      print the version

Exit code: 0, also when standard output is closed early; 1 when the input cannot be sent,
or reading or writing failed; 2 when the command line is wrong.
";

/// The bound of `--large`: the line is made in memory.
const LARGEST: usize = 1 << 30;

fn main() -> ExitCode {
    let result = match Request::from_arguments(lexopt::Parser::from_env()) {
        Ok(Request::Help) => print(HELP),
        Ok(Request::Version) => print(concat!("emit ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Request::Demonstrate(pause)) => demonstrate(pause),
        Ok(Request::Emit(options)) => emit(&options),
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
    Demonstrate(Duration),
    Emit(Options),
}

#[derive(Default, PartialEq)]
struct Options {
    event_type: Option<String>,
    id: Option<String>,
    numbered: bool,
    retry: Option<Duration>,
    comment: Option<String>,
    json: bool,
    large: Option<usize>,
    pause: Duration,
    data: Vec<String>,
}

impl Request {
    fn from_arguments(mut arguments: lexopt::Parser) -> Result<Self, lexopt::Error> {
        use lexopt::Arg::{Long, Short, Value};

        let mut options = Options::default();
        let mut demonstrate = false;
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("type") => options.event_type = Some(arguments.value()?.string()?),
                Long("id") => options.id = Some(arguments.value()?.string()?),
                Long("ids") => options.numbered = true,
                Long("retry") => options.retry = Some(milliseconds("--retry", &mut arguments)?),
                Long("comment") => options.comment = Some(arguments.value()?.string()?),
                Long("json") => options.json = true,
                Long("large") => options.large = Some(number("--large", &mut arguments)?),
                Long("demo") => demonstrate = true,
                Long("pause") => options.pause = milliseconds("--pause", &mut arguments)?,
                Long("help") | Short('h') => return Ok(Self::Help),
                Long("version") | Short('V') => return Ok(Self::Version),
                Value(data) => options.data.push(data.string()?),
                other => return Err(other.unexpected()),
            }
        }
        options.check(demonstrate)?;
        if demonstrate || (options.are_empty() && io::stdin().is_terminal()) {
            return Ok(Self::Demonstrate(options.pause));
        }
        Ok(Self::Emit(options))
    }
}

impl Options {
    fn check(&self, demonstrate: bool) -> Result<(), String> {
        let made = self.large.is_some();
        if demonstrate && !self.are_empty() {
            Err("--demo goes with --pause only".to_owned())
        } else if made && (self.json || !self.data.is_empty()) {
            Err("--large goes neither with DATA nor with --json".to_owned())
        } else if self.large > Some(LARGEST) {
            Err(format!("--large must be at most {LARGEST}"))
        } else if self.id.is_some() && self.numbered {
            Err("--id and --ids exclude each other".to_owned())
        } else {
            Ok(())
        }
    }

    /// Whether they say nothing about what to send.
    fn are_empty(&self) -> bool {
        let pause = self.pause;
        *self
            == Self {
                pause,
                ..Self::default()
            }
    }
}

fn milliseconds(option: &str, arguments: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    number(option, arguments).map(Duration::from_millis)
}

/// An option's value. lexopt's own message names only the value, not the option.
fn number<T>(option: &str, arguments: &mut lexopt::Parser) -> Result<T, lexopt::Error>
where
    T: FromStr<Err = ParseIntError>,
{
    let value = arguments.value()?;
    value
        .parse()
        .map_err(|error| format!("{option}: {error}").into())
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).map_err(Failure::Output)
}

fn demonstrate(pause: Duration) -> Result<(), Failure> {
    const PRICE: EventType<'_> = EventType::from_static("price");
    const GOODBYE: EventType<'_> = EventType::from_static("goodbye");
    let demonstration = [
        Outgoing::new()
            .comment("a demonstration")
            .retry(Duration::from_secs(3)),
        Outgoing::message("Hello, world!"),
        Outgoing::message("Each line of the data\nis a field of its own,\n\n    kept as it is."),
        Outgoing::event(PRICE, r#"{"symbol":"ACME","price":41.97}"#)
            .id(LastEventId::from_static("1")),
        Outgoing::new().comment("a comment keeps a quiet connection open"),
        Outgoing::event(PRICE, r#"{"symbol":"ACME","price":42.03}"#)
            .id(LastEventId::from_static("2")),
        Outgoing::message("Grüße, 世界, नमस्ते! 👋"),
        Outgoing::message("A CR ends a line too,\rid: so this is text and not a field"),
        Outgoing::event(GOODBYE, ""),
    ];
    let mut out = Output::new(pause);
    demonstration
        .iter()
        .try_for_each(|outgoing| out.write(outgoing))
}

fn emit(options: &Options) -> Result<(), Failure> {
    let mut emitter = Emitter::new(options)?;
    emitter.open(options)?;
    if let Some(bytes) = options.large {
        return emitter.send(&letters(bytes));
    }
    if options.data.is_empty() {
        let mut lines = io::stdin().lock().lines();
        return lines.try_for_each(|line| emitter.send(&line.map_err(Failure::Input)?));
    }
    options.data.iter().try_for_each(|data| emitter.send(data))
}

fn letters(count: usize) -> String {
    ('a'..='z').cycle().take(count).collect()
}

/// Makes events out of data, with what the options say about each of them.
struct Emitter<'a> {
    event_type: Option<EventType<'a>>,
    id: Option<LastEventId<'a>>,
    numbered: bool,
    json: bool,
    sent: u64,
    out: Output,
}

impl<'a> Emitter<'a> {
    /// Checks the event type and the ID once: with what these types hold, no event can break out of its block.
    fn new(options: &'a Options) -> Result<Self, Failure> {
        let event_type = options
            .event_type
            .as_deref()
            .map(EventType::new)
            .transpose();
        let id = options.id.as_deref().map(LastEventId::new).transpose();
        Ok(Self {
            event_type: event_type.map_err(|error| Failure::Usage(format!("--type: {error}")))?,
            id: id.map_err(|error| Failure::Usage(format!("--id: {error}")))?,
            numbered: options.numbered,
            json: options.json,
            sent: 0,
            out: Output::new(options.pause),
        })
    }

    /// Writes what stands at the start of the stream, if anything does: a block without data.
    fn open(&mut self, options: &Options) -> Result<(), Failure> {
        let mut opening = Outgoing::new();
        if let Some(comment) = &options.comment {
            opening = opening.comment(comment);
        }
        if let Some(time) = options.retry {
            opening = opening.retry(time);
        }
        if opening.encoded_len() == 0 {
            return Ok(());
        }
        self.out.write(&opening)
    }

    fn send(&mut self, data: &str) -> Result<(), Failure> {
        self.sent += 1;
        let number = self.sent.to_string();
        let id = if self.numbered {
            // Digits are always a valid ID.
            LastEventId::new(&number).ok()
        } else {
            self.id
        };
        if !self.json {
            return self.out.write(&self.outgoing(data, id));
        }
        let value: &RawValue = serde_json::from_str(data)
            .map_err(|error| Failure::Data(format!("event {number} is not JSON: {error}")))?;
        self.out.write_json(&self.outgoing("", id), value)
    }

    fn outgoing<'d>(&self, data: &'d str, id: Option<LastEventId<'d>>) -> Outgoing<'d>
    where
        'a: 'd,
    {
        let outgoing = match self.event_type {
            Some(event_type) => Outgoing::event(event_type, data),
            None => Outgoing::message(data),
        };
        match id {
            Some(id) => outgoing.id(id),
            None => outgoing,
        }
    }
}

/// Standard output, flushed after each event.
struct Output {
    out: BufWriter<StdoutLock<'static>>,
    pause: Duration,
}

impl Output {
    fn new(pause: Duration) -> Self {
        Self {
            out: BufWriter::new(io::stdout().lock()),
            pause,
        }
    }

    fn write(&mut self, outgoing: &Outgoing<'_>) -> Result<(), Failure> {
        outgoing.write_to(&mut self.out).map_err(Failure::Output)?;
        self.finish_event()
    }

    /// Writes the value straight into the event's data, without a `String` of JSON in between.
    fn write_json(&mut self, outgoing: &Outgoing<'_>, value: &RawValue) -> Result<(), Failure> {
        let mut frame = Vec::new();
        outgoing
            .encode_with(&mut frame, |data| serde_json::to_writer(data, value))
            .map_err(|error| Failure::Output(error.into()))?;
        self.out.write_all(&frame).map_err(Failure::Output)?;
        self.finish_event()
    }

    fn finish_event(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::Output)?;
        thread::sleep(self.pause);
        Ok(())
    }
}

/// Why the program ends early.
enum Failure {
    Usage(String),
    Data(String),
    Input(io::Error),
    Output(io::Error),
}

impl Failure {
    fn report(self) -> ExitCode {
        let (code, message) = match self {
            // Whoever read the output has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            Self::Usage(message) => (2, message),
            Self::Data(message) => (1, message),
            Self::Input(error) => (1, format!("cannot read standard input: {error}")),
            Self::Output(error) => (1, format!("cannot write: {error}")),
        };
        let line = message.replace(char::is_control, "?");
        // Unlike `eprintln!` this does not panic when nobody reads standard error.
        let _ = writeln!(io::stderr(), "emit: {line}");
        ExitCode::from(code)
    }
}
