//! A proxy for any protocol over TCP that fails as networks do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

/// How many chunks are under way in a direction.
const QUEUE: usize = 1_024;

/// A proxy on a port of its own, which ends with this value.
pub struct Proxy {
    pub address: SocketAddr,
    control: watch::Sender<Control>,
    connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

#[derive(Clone)]
struct Control {
    target: SocketAddr,
    is_stalled: bool,
    is_closed: bool,
    /// Connections that were accepted before it changed are cut.
    generation: usize,
    delay: Duration,
    /// Of how many connections one receives replies; the others are cut instead.
    replies_of_each: usize,
}

impl Proxy {
    /// Starts one before the server at `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let control = watch::Sender::new(Control {
            target,
            is_stalled: false,
            is_closed: false,
            generation: 0,
            delay: Duration::ZERO,
            replies_of_each: 1,
        });
        let connections = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(accept(listener, control.clone(), connections.clone()));
        Self {
            address,
            control,
            connections,
            task: task.abort_handle(),
        }
    }

    /// Returns how many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Sends further connections to another server, and cuts those that are open.
    pub fn switch(&self, target: SocketAddr) {
        self.control.send_modify(|control| {
            control.target = target;
            control.generation += 1;
        });
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.control.send_modify(|control| control.generation += 1);
    }

    /// Keeps the connections, accepts others, and passes nothing on until it is false.
    pub fn stall(&self, is_stalled: bool) {
        self.control.send_modify(|it| it.is_stalled = is_stalled);
    }

    /// Cuts all connections, and closes each new one at once, until it is false.
    pub fn close(&self, is_closed: bool) {
        self.control.send_modify(|control| {
            control.is_closed = is_closed;
            control.generation += usize::from(is_closed);
        });
    }

    /// Delays what it passes on, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.control.send_modify(|control| control.delay = delay);
    }

    /// Passes replies on in one of `count` connections, and cuts the others at the first reply.
    pub fn lose_replies_but_of_each(&self, count: usize) {
        self.control.send_modify(|it| it.replies_of_each = count);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        // What is open would else stay until the runtime ends.
        self.close(true);
    }
}

async fn accept(
    listener: TcpListener,
    control: watch::Sender<Control>,
    connections: Arc<AtomicUsize>,
) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        let number = connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(connect(client, control.subscribe(), number));
    }
}

/// Serves a connection until one of its ends closes it, or it is cut.
async fn connect(client: TcpStream, mut control: watch::Receiver<Control>, number: usize) {
    let now = control.borrow().clone();
    if now.is_closed {
        return;
    }
    let generation = now.generation;
    let cut = {
        let mut control = control.clone();
        async move {
            let _ = control.wait_for(|it| it.generation != generation).await;
        }
    };
    let pass = async move {
        if control.wait_for(|it| !it.is_stalled).await.is_err() {
            return;
        }
        let Ok(server) = TcpStream::connect(now.target).await else {
            return;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (client_input, client_output) = client.into_split();
        let (server_input, server_output) = server.into_split();
        let has_replies = number.is_multiple_of(now.replies_of_each);
        let replies = async {
            match has_replies {
                true => pass_on(server_input, client_output, control.clone()).await,
                false => lose_reply(server_input, client_output).await,
            }
        };
        tokio::select! {
            () = pass_on(client_input, server_output, control.clone()) => {}
            () = replies => {}
        }
    };
    tokio::select! {
        () = cut => {}
        () = pass => {}
    }
}

/// Waits for a reply. The connection ends after that.
async fn lose_reply(mut input: OwnedReadHalf, output: OwnedWriteHalf) {
    let _ = input.read_u8().await;
    drop(output);
}

async fn pass_on(
    mut input: OwnedReadHalf,
    mut output: OwnedWriteHalf,
    mut control: watch::Receiver<Control>,
) {
    let (sender, mut receiver) = mpsc::channel(QUEUE);
    let delays = control.clone();
    let read = async move {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(count @ 1..) = input.read(&mut buffer).await {
            let due = Instant::now() + delays.borrow().delay;
            if sender.send((due, buffer[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, bytes)) = receiver.recv().await {
            sleep_until(due).await;
            let is_running = control.wait_for(|it| !it.is_stalled).await.is_ok();
            if !is_running || output.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(read, write);
}
