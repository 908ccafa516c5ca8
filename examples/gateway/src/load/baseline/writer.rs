//! The process of the baseline: it writes each frame to the sockets, with a thread per core.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::Ipv4Addr;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use crate::load::{Failure, descriptors};

/// The receiver of a frame that goes to every socket.
pub(super) const EVERYBODY: u32 = u32::MAX;

/// A frame, and the subscriber that it is for.
type Message = (u32, Arc<[u8]>);

/// Prints its port, accepts the subscribers, and writes frames until the first connection ends.
pub(in crate::load) fn run() -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?.port())?;
    let (mut control, _) = listener.accept()?;
    let subscribers = read_number(&mut control)?;
    let frame_len = usize::try_from(read_number(&mut control)?)?;
    descriptors::ensure_count(u64::from(subscribers) + 64)?;

    let threads = u32::try_from(thread::available_parallelism()?.get())?;
    let mut sockets: Vec<Vec<(u32, TcpStream)>> = (0..threads).map(|_| Vec::new()).collect();
    for _ in 0..subscribers {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let index = read_number(&mut socket)?;
        let part = usize::try_from(index % threads)?;
        let part = sockets.get_mut(part).ok_or("there is no such thread")?;
        part.push((index, socket));
    }
    let mut queues = Vec::new();
    for part in sockets {
        let (queue, messages) = mpsc::channel();
        thread::Builder::new().spawn(move || write(part, &messages))?;
        queues.push(queue);
    }
    control.write_all(&[1])?;
    loop {
        let receiver = match read_number(&mut control) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            receiver => receiver?,
        };
        let mut frame = vec![0; frame_len];
        control.read_exact(&mut frame)?;
        let frame: Arc<[u8]> = frame.into();
        for queue in &queues {
            // The threads end after this one.
            let _ = queue.send((receiver, Arc::clone(&frame)));
        }
    }
}

fn read_number(stream: &mut TcpStream) -> io::Result<u32> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

/// Writes frames to the sockets of one thread; a socket that fails is closed.
fn write(mut sockets: Vec<(u32, TcpStream)>, messages: &Receiver<Message>) {
    for (receiver, frame) in messages {
        sockets.retain_mut(|(index, socket)| {
            let is_receiver = receiver == EVERYBODY || receiver == *index;
            !is_receiver || socket.write_all(&frame).is_ok()
        });
    }
}
