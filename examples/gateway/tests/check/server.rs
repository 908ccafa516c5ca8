//! A server with at most one fault, on a raw socket.

use std::time::Duration;

use super::fault::Fault;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Longer than what the checks accept as prompt.
const LATE: Duration = Duration::from_millis(1_800);
const KEEP_ALIVE: Duration = Duration::from_millis(900);

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
        let accepts_gzip = header("accept-encoding:").is_some();
        let socket = socket.into_inner();
        self.stream(id.as_deref(), accepts_gzip, socket).await
    }

    fn accept(&self, body: &str) -> &'static str {
        match self.fault {
            Fault::PostRejected => return "415 Unsupported Media Type",
            Fault::EventsLost => {}
            _ => self.publish(body),
        }
        "201 Created"
    }

    async fn stream(
        &self,
        id: Option<&str>,
        accepts_gzip: bool,
        mut socket: TcpStream,
    ) -> std::io::Result<()> {
        let fault = self.fault;
        let mut log = self.log.subscribe();
        let live = log.borrow().len();
        let position = id.map(|id| self.position(id));
        if let Some(answer) = fault.answer_instead(position, accepts_gzip) {
            return socket.write_all(answer.as_bytes()).await;
        }
        if (fault, position) == (Fault::UnknownHangs, Some(None)) {
            sleep(LATE * 10).await;
        }
        if (fault, id) == (Fault::HeadWithFirstEvent, None) {
            log.wait_for(|log| !log.is_empty()).await.ok();
        }
        socket
            .write_all(fault.head(accepts_gzip).as_bytes())
            .await?;
        if fault == Fault::LateFirstByte {
            sleep(LATE).await;
        }
        let mut next = match position {
            None => live,
            Some(Some(next)) => next,
            Some(None) if fault == Fault::UnknownIsLive => live,
            Some(None) => {
                let gap = b"event: gap\ndata: {\"reason\":\"unknown\"}\n\n";
                self.write(&mut socket, gap).await?;
                live
            }
        };
        self.write(&mut socket, &fault.first_block(live)).await?;
        loop {
            let known = log.borrow_and_update().clone();
            for (index, data) in known.iter().enumerate().skip(next) {
                self.send(&mut socket, index, data, (index >= live, id.is_some()))
                    .await?;
            }
            // The event after a resumption is the last one.
            if id.is_some() && known.len() > live {
                if fault == Fault::CutWithinEvent {
                    self.write(&mut socket, b"data: cut\n").await?;
                    return socket.write_all(b"0\r\n\r\n").await;
                }
                if fault == Fault::ConnectionBroken {
                    return Ok(());
                }
            }
            next = next.max(known.len());
            if fault.goes_silent(id.is_some(), accepts_gzip) {
                sleep(LATE * 10).await;
            }
            while timeout(KEEP_ALIVE, log.changed()).await.is_err() {
                if fault != Fault::Silent {
                    self.write(&mut socket, b": keep-alive\n").await?;
                }
            }
        }
    }

    /// Sends an event, which may be live, on a connection that may have resumed.
    async fn send(
        &self,
        socket: &mut TcpStream,
        index: usize,
        data: &str,
        (is_live, resumes): (bool, bool),
    ) -> std::io::Result<()> {
        if self.fault == Fault::HeldBack && is_live {
            sleep(LATE).await;
        }
        let block = self.fault.block(index, data);
        self.write(socket, &block).await?;
        if self.fault == Fault::ResumeRepeatsLive && is_live && resumes {
            self.write(socket, &block).await?;
        }
        Ok(())
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

    /// Writes a chunk.
    async fn write(&self, socket: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
        if self.fault == Fault::ContentLength {
            return socket.write_all(bytes).await;
        }
        let head = format!("{:x}\r\n", bytes.len()).into_bytes();
        socket.write_all(&[&head, bytes, b"\r\n"].concat()).await
    }
}
