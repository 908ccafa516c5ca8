//! Event streams to measure on: twelve shapes, generated from a fixed seed, the same on every machine.
//!
//! Lengths vary by half of their mean in both directions, since a stream of events of one length teaches the branch
//! predictor that length and is decoded two to three times as fast as any real one. To show how much that is, the
//! first four shapes have a twin of constant lengths; its figures say nothing without those of the varied stream.
//!
//! Needs nothing but this directory: another package includes it by path.

/// What the events of a stream look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Chunks of a chat completion: one JSON object in one data line, about 250 bytes an event.
    LlmChunks,
    /// An event type and a small JSON object, about 120 bytes an event.
    TypedEvents,
    /// `data: x`: one data line of one to three bytes.
    Tiny,
    /// One to three comments, event type, id, retry and data, about 300 bytes an event.
    Notifications,
    /// Eight data lines of about 60 bytes each.
    EightLines,
    /// An image in base64: one data line of about 1 MiB.
    Base64,
    /// As [`TypedEvents`](Self::TypedEvents), with CRLF after every line.
    Crlf,
    /// As [`LlmChunks`](Self::LlmChunks), with text of two to four bytes a character.
    NonAscii,
    /// One data line of about 4 KiB, in ASCII.
    Large4kAscii,
    /// One data line of about 4 KiB, with three bytes a character.
    Large4kCjk,
    /// One data line of about 12 KiB, in ASCII.
    Large12kAscii,
    /// One data line of about 12 KiB, with three bytes a character.
    Large12kCjk,
}

/// How long the events of a stream, and the parts of an event, are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lengths {
    /// Uniformly drawn from half to one and a half times the mean.
    Varied,
    /// Always the mean.
    Constant,
}

/// Every stream there is to measure on: the twelve shapes, and the constant twins of the first four.
pub(crate) const STREAMS: [(Shape, Lengths); 16] = [
    (Shape::LlmChunks, Lengths::Varied),
    (Shape::LlmChunks, Lengths::Constant),
    (Shape::TypedEvents, Lengths::Varied),
    (Shape::TypedEvents, Lengths::Constant),
    (Shape::Tiny, Lengths::Varied),
    (Shape::Tiny, Lengths::Constant),
    (Shape::Notifications, Lengths::Varied),
    (Shape::Notifications, Lengths::Constant),
    (Shape::EightLines, Lengths::Varied),
    (Shape::Base64, Lengths::Varied),
    (Shape::Crlf, Lengths::Varied),
    (Shape::NonAscii, Lengths::Varied),
    (Shape::Large4kAscii, Lengths::Varied),
    (Shape::Large4kCjk, Lengths::Varied),
    (Shape::Large12kAscii, Lengths::Varied),
    (Shape::Large12kCjk, Lengths::Varied),
];

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::LlmChunks => "llm-chunks",
            Self::TypedEvents => "typed-events",
            Self::Tiny => "tiny",
            Self::Notifications => "notifications",
            Self::EightLines => "eight-lines",
            Self::Base64 => "base64",
            Self::Crlf => "crlf",
            Self::NonAscii => "non-ascii",
            Self::Large4kAscii => "large-4k-ascii",
            Self::Large4kCjk => "large-4k-cjk",
            Self::Large12kAscii => "large-12k-ascii",
            Self::Large12kCjk => "large-12k-cjk",
        }
    }

    /// The size of stream that the figures are taken on: thousands of events, too many lengths for a branch predictor
    /// to learn by heart, or several that are oversized.
    pub(crate) fn usual_size(self) -> usize {
        match self {
            Self::Base64 => 4 * MEBIBYTE,
            _ => MEBIBYTE,
        }
    }
}

const KIBIBYTE: usize = 1024;
const MEBIBYTE: usize = 1024 * KIBIBYTE;

/// A generated stream, and what decoding it must give.
#[derive(Debug)]
pub(crate) struct Stream {
    /// The name of the shape, with `-constant` for a twin.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Where each event ends in `bytes`, its blank line included; every block dispatches one event.
    pub(crate) event_ends: Vec<usize>,
    /// The length of the data of all events together, as dispatched.
    pub(crate) data_bytes: usize,
}

impl Stream {
    /// Whole events until there are at least `size` bytes.
    pub(crate) fn generate(shape: Shape, lengths: Lengths, size: usize) -> Self {
        let mut generator = Generator {
            // Any seed will do, as long as no two shapes share their lengths.
            random: SplitMix64(0x5eed_0000 + shape as u64),
            lengths,
            bytes: Vec::with_capacity(size + size / 2),
            data_bytes: 0,
        };
        let mut event_ends = Vec::new();
        while generator.bytes.len() < size {
            generator.event(shape);
            event_ends.push(generator.bytes.len());
        }
        let suffix = match lengths {
            Lengths::Varied => "",
            Lengths::Constant => "-constant",
        };
        Self {
            name: format!("{}{suffix}", shape.name()),
            bytes: generator.bytes,
            event_ends,
            data_bytes: generator.data_bytes,
        }
    }

    /// The number of events that decoding the stream gives.
    pub(crate) fn events(&self) -> usize {
        self.event_ends.len()
    }
}

/// Sebastiano Vigna's generator, here so that no version of a dependency can change the streams.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("less than a usize")
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const EVENT_TYPES: [&str; 5] = ["update", "ping", "content_delta", "usage", "block_stop"];

/// Two, three and four bytes a character.
const SCRIPTS: [&[char]; 4] = [
    &['á', 'ç', 'é', 'ñ', 'ö', 'ü', 'ß'],
    &['а', 'в', 'е', 'и', 'к', 'л', 'н', 'о', 'с', 'т'],
    &['中', '文', '字', '流', '事', '件', '数', '据'],
    &['😀', '🚀', '🎉', '👍'],
];

struct Generator {
    random: SplitMix64,
    lengths: Lengths,
    bytes: Vec<u8>,
    data_bytes: usize,
}

impl Generator {
    /// Appends one block.
    fn event(&mut self, shape: Shape) {
        let start = self.bytes.len();
        match shape {
            Shape::LlmChunks => {
                let end = start + self.length(250);
                self.chunk(end, Self::words);
            }
            Shape::NonAscii => {
                let end = start + self.length(250);
                self.chunk(end, Self::foreign_words);
            }
            Shape::TypedEvents => {
                let end = start + self.length(120);
                self.typed(end, "\n");
            }
            Shape::Crlf => {
                let end = start + self.length(120);
                self.typed(end, "\r\n");
            }
            Shape::Tiny => {
                let length = self.length(2);
                self.data_line(|line| line.letters(length));
                self.put("\n");
            }
            Shape::Notifications => {
                let end = start + self.length(300);
                self.notification(end);
            }
            Shape::EightLines => {
                for _ in 0..8 {
                    let length = self.length(60);
                    self.data_line(|line| line.words(length));
                }
                self.data_bytes += 7;
                self.put("\n");
            }
            Shape::Large4kAscii => self.large(4 * KIBIBYTE, Self::words),
            Shape::Large4kCjk => self.large(4 * KIBIBYTE, Self::cjk),
            Shape::Large12kAscii => self.large(12 * KIBIBYTE, Self::words),
            Shape::Large12kCjk => self.large(12 * KIBIBYTE, Self::cjk),
            Shape::Base64 => {
                let end = start + self.length(MEBIBYTE);
                self.data_line(|line| line.base64(end - line.bytes.len() - "\n\n".len()));
                self.put("\n");
            }
        }
    }

    fn chunk(&mut self, end: usize, text: fn(&mut Self, usize)) {
        let tail = "\"}}]}";
        self.data_line(|line| {
            let id = line.random.next() >> 32;
            line.put(&format!(
                "{{\"id\":\"chunk-{id:08x}\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\""
            ));
            text(line, end - line.bytes.len() - tail.len() - "\n\n".len());
            line.put(tail);
        });
        self.put("\n");
    }

    fn large(&mut self, mean: usize, text: fn(&mut Self, usize)) {
        let end = self.bytes.len() + self.length(mean);
        self.data_line(|line| text(line, end - line.bytes.len() - "\n\n".len()));
        self.put("\n");
    }

    fn typed(&mut self, end: usize, line_end: &str) {
        let event_type = self.event_type();
        self.put(&format!("event: {event_type}{line_end}data: "));
        let data = self.bytes.len();
        self.put("{\"text\":\"");
        self.words(end - self.bytes.len() - "\"}".len() - 2 * line_end.len());
        self.put("\"}");
        self.data_bytes += self.bytes.len() - data;
        self.put(line_end);
        self.put(line_end);
    }

    fn notification(&mut self, end: usize) {
        for _ in 0..self.length(2) {
            self.put(": ");
            let length = self.length(10);
            self.words(length);
            self.put("\n");
        }
        let event_type = self.event_type();
        self.put(&format!("event: {event_type}\nid: "));
        let length = self.length(16);
        self.letters(length);
        let digits = u32::try_from(self.length(4)).expect("at most six");
        let retry = 10_usize.pow(digits - 1) + self.random.below(9);
        self.put(&format!("\nretry: {retry}\n"));
        self.data_line(|line| line.words(end - line.bytes.len() - "\n\n".len()));
        self.put("\n");
    }

    fn data_line(&mut self, value: impl FnOnce(&mut Self)) {
        self.put("data: ");
        let start = self.bytes.len();
        value(self);
        self.data_bytes += self.bytes.len() - start;
        self.put("\n");
    }

    fn event_type(&mut self) -> &'static str {
        match self.lengths {
            Lengths::Varied => self.random.pick(&EVENT_TYPES),
            Lengths::Constant => EVENT_TYPES[0],
        }
    }

    fn length(&mut self, mean: usize) -> usize {
        match self.lengths {
            Lengths::Varied => mean - mean / 2 + self.random.below(mean / 2 * 2 + 1),
            Lengths::Constant => mean,
        }
    }

    fn put(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn letters(&mut self, length: usize) {
        for _ in 0..length {
            let letter = self.random.pick(b"abcdefghijklmnopqrstuvwxyz");
            self.bytes.push(letter);
        }
    }

    fn words(&mut self, length: usize) {
        let end = self.bytes.len() + length;
        while self.bytes.len() < end {
            let word = 1 + self.random.below(9);
            self.letters(word.min(end - self.bytes.len()));
            // Never last, so that a value neither begins nor ends with a space.
            if self.bytes.len() + 1 < end {
                self.bytes.push(b' ');
            }
        }
    }

    fn foreign_words(&mut self, length: usize) {
        let end = self.bytes.len() + length;
        while self.bytes.len() < end {
            let script = self.random.pick(&SCRIPTS);
            for _ in 0..=self.random.below(9) {
                let character = self.random.pick(script);
                if self.bytes.len() + character.len_utf8() <= end {
                    self.put(character.encode_utf8(&mut [0; 4]));
                }
            }
            if self.bytes.len() + 1 < end {
                self.bytes.push(b' ');
            } else {
                // One byte may remain, which no character of the scripts fits into.
                self.letters(end - self.bytes.len());
            }
        }
    }

    fn cjk(&mut self, length: usize) {
        let [_, _, cjk, _] = SCRIPTS;
        let end = self.bytes.len() + length;
        while self.bytes.len() + 3 <= end {
            let character = self.random.pick(cjk);
            self.put(character.encode_utf8(&mut [0; 4]));
        }
        self.letters(end - self.bytes.len());
    }

    fn base64(&mut self, length: usize) {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for _ in 0..length {
            let digit = self.random.pick(alphabet);
            self.bytes.push(digit);
        }
    }
}
