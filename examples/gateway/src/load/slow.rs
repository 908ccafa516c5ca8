//! Subscribers that never read, and what the server did about them.

use std::time::Duration;

use serde::Serialize;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Failure;
use super::state::State;
use super::target::Target;

/// The size of a receive buffer, so that the server has to buffer the rest.
const BUFFER: usize = 4_096;

/// How long a connection may be silent at the end before it counts as open.
const SILENCE: Duration = Duration::from_secs(1);

/// The connections that nobody reads.
#[derive(Debug, Default)]
pub(super) struct Slow(Vec<TcpStream>);

/// What became of them.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Report {
    pub(super) subscribers: u32,
    /// The server closed the connection.
    pub(super) closed: u32,
    /// The connection was open at the end.
    pub(super) open: u32,
    /// What was unread in all of them, in the buffers of the kernel and of the server.
    pub(super) unread_bytes: u64,
}

impl Slow {
    /// Requests event streams, as many as the plan has.
    pub(super) async fn connect(state: &State, target: &Target) -> Result<Self, Failure> {
        let path = target.subscription(None);
        let mut streams = Vec::new();
        for index in state.plan.readers()..state.plan.subscribers {
            let server = target.server(index)?;
            let mut request = format!("GET {path} HTTP/1.1\r\n").into_bytes();
            for (name, value) in target.request(server, &path, "")?.headers() {
                let name = name.as_str().as_bytes();
                request.extend([name, b": ", value.as_bytes(), b"\r\n"].concat());
            }
            request.extend(b"\r\n");
            let address = server.address;
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            socket.set_recv_buffer_size(BUFFER)?;
            socket.connect(&address.into())?;
            socket.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(socket.into())?;
            stream.write_all(&request).await?;
            streams.push(stream);
        }
        Ok(Self(streams))
    }

    /// Reads everything at last; `None` if there are no slow subscribers.
    pub(super) async fn report(self) -> Option<Report> {
        if self.0.is_empty() {
            return None;
        }
        let mut reading = JoinSet::new();
        for stream in self.0 {
            reading.spawn(read_rest(stream));
        }
        let mut report = Report::default();
        while let Some(read) = reading.join_next().await {
            let Ok((bytes, is_closed)) = read else {
                continue;
            };
            report.subscribers += 1;
            report.unread_bytes += bytes;
            report.closed += u32::from(is_closed);
            report.open += u32::from(!is_closed);
        }
        Some(report)
    }
}

/// Returns how many bytes were unread, and whether the server has closed the connection.
async fn read_rest(mut stream: TcpStream) -> (u64, bool) {
    let mut buffer = vec![0; 64 * 1_024];
    let mut bytes = 0;
    loop {
        match timeout(SILENCE, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return (bytes, true),
            Ok(Ok(read)) => bytes += u64::try_from(read).unwrap_or_default(),
            Err(_) => return (bytes, false),
        }
    }
}
