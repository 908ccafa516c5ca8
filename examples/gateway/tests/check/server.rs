//! A server with at most one fault, on a raw socket.

use core::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Longer than what the checks accept as prompt.
const LATE: Duration = Duration::from_millis(1_800);
const KEEP_ALIVE: Duration = Duration::from_millis(900);

/// What the server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    WrongStatus,
    NotFound,
    WrongContentType,
    Buffered,
    Transformable,
    Cacheable,
    ContentLength,
    LateFirstByte,
    HeadWithFirstEvent,
    HeldBack,
    EventsLost,
    PostRejected,
    Silent,
    CutWithinEvent,
    ConnectionBroken,
    SomeWithoutId,
    NoIds,
    SameIdTwice,
    ResumeSkipsOne,
    ResumeRepeatsOne,
    ResumeRepeatsAll,
    ResumeIsLive,
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

/// A server that runs until the runtime ends.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    fault: Fault,
    /// The data of all events.
    log: watch::Sender<Vec<String>>,
}

impl Server {
    /// Starts a server; returns it with its address.
    pub(crate) async fn start(fault: Fault) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let log = watch::channel(Vec::new()).0;
        let server = Self { fault, log };
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let server = accepting.clone();
                // The client may go away at any time.
                tokio::spawn(async move { server.serve(socket).await.ok() });
            }
        });
        (server, address)
    }

    /// Appends an event.
    pub(crate) fn publish(&self, data: &str) {
        self.log.send_modify(|log| log.push(data.to_owned()));
    }

    async fn serve(&self, socket: TcpStream) -> std::io::Result<()> {
        socket.set_nodelay(true)?;
        let mut socket = BufReader::new(socket);
        let (mut request, mut line) = (String::new(), String::new());
        while socket.read_line(&mut line).await? > 2 {
            request += &line;
            line.clear();
        }
        let header = |name| {
            let mut lines = request.lines();
            lines
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        if request.starts_with("POST") {
            let length = header("content-length:").and_then(|length| length.parse().ok());
            let mut body = vec![0; length.unwrap_or_default()];
            socket.read_exact(&mut body).await?;
            let status = self.accept(String::from_utf8_lossy(&body).trim());
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            return socket.write_all(answer.as_bytes()).await;
        }
        let id = header("last-event-id:").map(str::to_owned);
        self.stream(id.as_deref(), socket.into_inner()).await
    }

    fn accept(&self, body: &str) -> &'static str {
        match self.fault {
            Fault::PostRejected => return "415 Unsupported Media Type",
            Fault::EventsLost => {}
            _ => self.publish(body),
        }
        "201 Created"
    }

    async fn stream(&self, id: Option<&str>, mut socket: TcpStream) -> std::io::Result<()> {
        let mut log = self.log.subscribe();
        let live = log.borrow().len();
        let position = id.map(|id| self.position(id));
        if let Some(answer) = self.answer_instead(position) {
            return socket.write_all(answer.as_bytes()).await;
        }
        if (self.fault, id) == (Fault::UnknownHangs, id) && position == Some(None) {
            sleep(LATE * 10).await;
        }
        if (self.fault, id) == (Fault::HeadWithFirstEvent, None) {
            log.wait_for(|log| !log.is_empty()).await.ok();
        }
        socket.write_all(self.head().as_bytes()).await?;
        if self.fault == Fault::LateFirstByte {
            sleep(LATE).await;
        }
        let mut next = match position {
            None => live,
            Some(Some(next)) => next,
            Some(None) if self.fault == Fault::UnknownIsLive => live,
            Some(None) => {
                let gap = b"event: gap\ndata: {\"reason\":\"unknown\"}\n\n";
                self.write(&mut socket, gap).await?;
                live
            }
        };
        self.write(&mut socket, &self.first_block(live)).await?;
        loop {
            let known = log.borrow_and_update().clone();
            for (index, data) in known.iter().enumerate().skip(next) {
                if self.fault == Fault::HeldBack && index >= live {
                    sleep(LATE).await;
                }
                self.write(&mut socket, &self.block(index, data)).await?;
            }
            // The event after a resumption is the last one.
            if id.is_some() && known.len() > live {
                if self.fault == Fault::CutWithinEvent {
                    self.write(&mut socket, b"data: cut\n").await?;
                    return socket.write_all(b"0\r\n\r\n").await;
                }
                if self.fault == Fault::ConnectionBroken {
                    return Ok(());
                }
            }
            next = next.max(known.len());
            while timeout(KEEP_ALIVE, log.changed()).await.is_err() {
                if self.fault != Fault::Silent {
                    self.write(&mut socket, b": keep-alive\n").await?;
                }
            }
        }
    }

    /// The position after an ID, if the server knows it.
    fn position(&self, id: &str) -> Option<usize> {
        let next: usize = id.strip_prefix("e.")?.parse().ok()?;
        let live = self.log.borrow().len();
        Some(match self.fault {
            Fault::ResumeSkipsOne => next + 1,
            Fault::ResumeRepeatsOne => next - 1,
            Fault::ResumeRepeatsAll => 0,
            Fault::ResumeIsLive => live,
            _ => next,
        })
    }

    fn answer_instead(&self, position: Option<Option<usize>>) -> Option<String> {
        let status = match (self.fault, position) {
            (Fault::NotFound, _) => "404 Not Found",
            (Fault::UnknownIsServerError, Some(None)) => "500 Internal Server Error",
            (Fault::UnknownIsRejected, Some(None)) => "400 Bad Request",
            (Fault::ResumeRejected, Some(Some(_))) => "409 Conflict",
            _ => return None,
        };
        Some(format!(
            "HTTP/1.1 {status}\r\ncontent-length: 4\r\n\r\nno\r\n"
        ))
    }

    fn head(&self) -> String {
        let status = match self.fault {
            Fault::WrongStatus => "203 Non-Authoritative Information",
            _ => "200 OK",
        };
        let content_type = match self.fault {
            Fault::WrongContentType => "text/plain",
            _ => "text/event-stream",
        };
        let buffering = match self.fault {
            Fault::Buffered => "",
            _ => "x-accel-buffering: no\r\n",
        };
        let cache_control = match self.fault {
            Fault::Transformable => "no-store",
            Fault::Cacheable => "no-transform",
            _ => "no-store, no-transform",
        };
        let length = match self.fault {
            Fault::ContentLength => "content-length: 10000000",
            _ => "transfer-encoding: chunked",
        };
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n{buffering}\
            cache-control: {cache_control}\r\n{length}\r\n\r\n"
        )
    }

    /// What a client receives first.
    fn first_block(&self, live: usize) -> Vec<u8> {
        let retry = match self.fault {
            Fault::NoRetry => "",
            Fault::ShortRetry => "retry: 1\n",
            Fault::LongRetry => "retry: 3600000\n",
            Fault::InvalidRetry => "retry: 2s\n",
            _ => "retry: 2000\n",
        };
        let id = match self.fault {
            Fault::NoCheckpoint | Fault::NoIds => String::new(),
            _ => format!("id: e.{live}\n"),
        };
        let more = match self.fault {
            Fault::TypeWithoutData => "event: ready\n\n".to_owned(),
            Fault::Oversized => format!("data: {}\n\n", "x".repeat((1 << 20) + 1)),
            _ => String::new(),
        };
        format!("{retry}{id}\n{more}").into_bytes()
    }

    fn block(&self, index: usize, data: &str) -> Vec<u8> {
        let id = match self.fault {
            Fault::NoIds => None,
            Fault::SomeWithoutId if index == 1 => None,
            Fault::SameIdTwice if index == 3 => Some(index),
            _ => Some(index + 1),
        };
        let id = id.map_or(String::new(), |id| format!("id: e.{id}\n"));
        let more = match self.fault {
            Fault::UnknownField => &b"Data: x\n"[..],
            Fault::InvalidUtf8 => b"data: \xFF\n",
            _ => b"",
        };
        let block = format!("event: t\ndata: {data}\n{id}");
        [block.as_bytes(), more, b"\n"].concat()
    }

    /// Writes a chunk.
    async fn write(&self, socket: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
        if self.fault == Fault::ContentLength {
            return socket.write_all(bytes).await;
        }
        let head = format!("{:x}\r\n", bytes.len()).into_bytes();
        socket.write_all(&[&head, bytes, b"\r\n"].concat()).await
    }
}
