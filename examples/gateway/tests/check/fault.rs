//! The faults, and what a server with one of them sends.

/// What the server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    WrongStatus,
    NotFound,
    HangsUp,
    WrongContentType,
    Buffered,
    Transformable,
    Cacheable,
    ContentLength,
    LateFirstByte,
    HeadWithFirstEvent,
    HeldBack,
    Compressed,
    CompressedAndFlushed,
    CompressedAlways,
    CompressionRejected,
    EventsLost,
    PostRejected,
    Silent,
    CutWithinEvent,
    ConnectionBroken,
    SomeWithoutId,
    NoIds,
    SameIdTwice,
    IdNotSendable,
    ResumeSkipsOne,
    ResumeRepeatsOne,
    ResumeRepeatsAll,
    ResumeIsLive,
    ResumeEndsLive,
    ResumeRepeatsLive,
    ResumeRejected,
    UnknownIsLive,
    UnknownIsServerError,
    UnknownHangs,
    UnknownIsRejected,
    NoCheckpoint,
    NoRetry,
    ShortRetry,
    LongRetry,
    InvalidRetry,
    UnknownField,
    TypeWithoutData,
    InvalidUtf8,
    Oversized,
}

impl Fault {
    /// A response that is no stream.
    pub(crate) fn answer_instead(
        self,
        position: Option<Option<usize>>,
        accepts_gzip: bool,
    ) -> Option<String> {
        let status = match (self, position) {
            (Self::CompressionRejected, _) if accepts_gzip => "401 Unauthorized",
            (Self::HangsUp, _) => return Some(String::new()),
            (Self::NotFound, _) => "404 Not Found",
            (Self::UnknownIsServerError, Some(None)) => "500 Internal Server Error",
            (Self::UnknownIsRejected, Some(None)) => "400 Bad Request",
            (Self::ResumeRejected, Some(Some(_))) => "409 Conflict",
            _ => return None,
        };
        Some(format!(
            "HTTP/1.1 {status}\r\ncontent-length: 4\r\n\r\nno\r\n"
        ))
    }

    /// Whether nothing follows what is sent at once.
    pub(crate) fn goes_silent(self, resumes: bool, accepts_gzip: bool) -> bool {
        match self {
            Self::ResumeEndsLive => resumes,
            Self::Compressed => accepts_gzip,
            _ => false,
        }
    }

    /// The head of a stream.
    pub(crate) fn head(self, accepts_gzip: bool) -> String {
        let status = match self {
            Self::WrongStatus => "203 Non-Authoritative Information",
            _ => "200 OK",
        };
        let content_type = match self {
            Self::WrongContentType => "text/plain",
            _ => "text/event-stream",
        };
        let buffering = match self {
            Self::Buffered => "",
            _ => "x-accel-buffering: no\r\n",
        };
        let cache_control = match self {
            Self::Transformable => "no-store",
            Self::Cacheable => "no-transform",
            _ => "no-store, no-transform",
        };
        let length = match self {
            Self::ContentLength => "content-length: 10000000",
            Self::Compressed | Self::CompressedAndFlushed if accepts_gzip => {
                "transfer-encoding: chunked\r\ncontent-encoding: gzip"
            }
            Self::CompressedAlways => "transfer-encoding: chunked\r\ncontent-encoding: gzip",
            _ => "transfer-encoding: chunked",
        };
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n{buffering}\
            cache-control: {cache_control}\r\n{length}\r\n\r\n"
        )
    }

    /// What a client receives first.
    pub(crate) fn first_block(self, live: usize) -> Vec<u8> {
        let retry = match self {
            Self::NoRetry => "",
            Self::ShortRetry => "retry: 1\n",
            Self::LongRetry => "retry: 3600000\n",
            Self::InvalidRetry => "retry: 2s\n",
            _ => "retry: 2000\n",
        };
        let id = match self {
            Self::NoCheckpoint | Self::NoIds => String::new(),
            _ => format!("id: e.{live}\n"),
        };
        let more = match self {
            Self::TypeWithoutData => "event: ready\n\n".to_owned(),
            Self::Oversized => format!("data: {}\n\n", "x".repeat((1 << 20) + 1)),
            _ => String::new(),
        };
        format!("{retry}{id}\n{more}").into_bytes()
    }

    /// An event.
    pub(crate) fn block(self, index: usize, data: &str) -> Vec<u8> {
        let id = match self {
            Self::NoIds => None,
            Self::SomeWithoutId if index == 1 => None,
            Self::SameIdTwice if index == 3 => Some(index),
            _ => Some(index + 1),
        };
        let space = match self {
            Self::IdNotSendable if index == 1 => " ",
            _ => "",
        };
        let id = id.map_or(String::new(), |id| format!("id: e.{id}{space}\n"));
        let more = match self {
            Self::UnknownField => &b"Data: x\n"[..],
            Self::InvalidUtf8 => b"data: \xFF\n",
            _ => b"",
        };
        let block = format!("event: t\ndata: {data}\n{id}");
        [block.as_bytes(), more, b"\n"].concat()
    }
}
