//! A subscriber of the baseline: it reads frames of a fixed length, without decoding them.

use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::load::state::State;
use crate::load::tally::{Received, Tally};

/// What follows the data in a frame.
const END: usize = "\n\n".len();

/// Connects, and sends the number of the subscriber.
pub(super) async fn connect(state: &State, port: u16, index: u32) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.write_u32(index).await?;
    state.connected.fetch_add(1, Relaxed);
    Ok(socket)
}

/// Reads until the run stops.
pub(super) async fn run(
    state: &State,
    mut socket: TcpStream,
    index: u32,
    frame_len: usize,
) -> Tally {
    let mut tally = Tally::default();
    let mut buffer = Vec::with_capacity(8 * 1_024);
    let mut stop = pin!(state.stop.cancelled());
    loop {
        let read = tokio::select! {
            biased;
            () = &mut stop => return tally,
            read = socket.read_buf(&mut buffer) => read,
        };
        match read {
            Ok(1..) => {}
            Ok(0) => tally.count_loss("end of the connection"),
            Err(error) => tally.count_loss(error),
        }
        if !tally.losses.is_empty() {
            state.connected.fetch_sub(1, Relaxed);
            return tally;
        }
        let now = state.now();
        let whole = buffer.len() - buffer.len() % frame_len;
        for frame in buffer.drain(..whole).as_slice().chunks_exact(frame_len) {
            let data = frame.len().saturating_sub(state.size + END)..frame.len() - END;
            let data = frame.get(data).unwrap_or_default();
            if let Received::New(payload) = tally.count(state, index, data) {
                state.record(index, &payload, now, false);
            }
        }
    }
}
