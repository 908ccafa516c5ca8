//! A proxy that splits a response into other chunks, and a server with one response for every request.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use crate::random::Random;

/// So much of either end of a body goes out in the smallest pieces.
const FINE: usize = 16 << 10;

/// Long enough for a reader to see most pieces by themselves; what is read does not depend on it.
const PAUSE: Duration = Duration::from_micros(20);

/// What went through the proxy.
#[derive(Debug)]
pub struct Exchange {
    /// The head of the request, in lower case.
    pub request: String,
    /// The head of the response, in lower case.
    pub response: String,
    /// How many pieces the body of the response was cut into.
    pub pieces: usize,
    /// How many of them were a single byte.
    pub single_bytes: usize,
}

/// Takes one connection, and relays one exchange: first it reads the response of `server` to its end, then it sends the
/// body, as it was transferred, in pieces that follow from `seed`. So a chunk's header may be cut as well.
pub fn relay(server: SocketAddr, seed: u64) -> (SocketAddr, JoinHandle<Exchange>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let exchange = thread::spawn(move || {
        let (client, _) = listener.accept().expect("a connection");
        exchange(client, server, seed).expect("both sides stay to the end")
    });
    (address, exchange)
}

fn exchange(mut client: TcpStream, server: SocketAddr, seed: u64) -> io::Result<Exchange> {
    // Each piece by itself.
    client.set_nodelay(true)?;
    let request = read_head(&mut client)?;
    let mut server = TcpStream::connect(server)?;
    server.write_all(closing(&request).as_bytes())?;
    let response = read_head(&mut server)?;
    let mut body = Vec::new();
    server.read_to_end(&mut body)?;

    let mut exchange = Exchange {
        request: request.to_ascii_lowercase(),
        response: response.to_ascii_lowercase(),
        pieces: 0,
        single_bytes: 0,
    };
    let mut random = Random::new(seed);
    // Every other time the head brings the start of the body with it: what is read behind the head must not be lost.
    let with_head = if seed % 2 == 0 { 200 } else { 0 };
    let (start, mut rest) = body.split_at(body.len().min(with_head));
    client.write_all(&[closing(&response).as_bytes(), start].concat())?;
    while !rest.is_empty() {
        let is_fine = body.len() - rest.len() < FINE || rest.len() <= FINE;
        let (piece, behind) = rest.split_at(length(is_fine, &mut random).min(rest.len()));
        client.write_all(piece)?;
        exchange.pieces += 1;
        exchange.single_bytes += usize::from(piece.len() == 1);
        rest = behind;
        thread::sleep(PAUSE);
    }
    Ok(exchange)
}

/// Answers every request with the same bytes.
pub fn answer_all(response: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("a connection");
            // A client that goes away has its reasons.
            let _ = read_head(&mut client).and_then(|_| client.write_all(response.as_bytes()));
        }
    });
    address
}

/// How long the next piece is.
fn length(is_fine: bool, random: &mut Random) -> usize {
    let most = if is_fine {
        *random.choose(&[1, 1, 8, 16])
    } else {
        *random.choose(&[1, 16, 1_500, 32_000])
    };
    1 + random.below(most)
}

/// Reads byte by byte, and so nothing of what follows.
fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// The head of a connection that serves one exchange, as this one does.
fn closing(head: &str) -> String {
    let is_kept = |line: &&str| !line.to_ascii_lowercase().starts_with("connection:");
    let lines = head.trim_end().split("\r\n").filter(is_kept);
    let lines: Vec<_> = lines.chain(["connection: close\r\n\r\n"]).collect();
    lines.join("\r\n")
}
