//! Clients that stop: their connections end, and leave nothing behind.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::support::{Gateway, PATIENCE, Seen};

const SUBSCRIBE: &str = "GET /events?topic=a HTTP/1.1\r\nhost: x\r\n\r\n";

/// What connections use, as it is without any.
async fn at_rest(gateway: &Gateway) -> [f64; 3] {
    // Those of /metrics before this one are closed.
    tokio::time::sleep(Duration::from_millis(100)).await;
    [
        gateway.metric("gateway_connections").await,
        gateway.metric("gateway_streams").await,
        gateway.metric("process_open_fds").await,
    ]
}

async fn is_at_rest(gateway: &Gateway, rest: [f64; 3]) {
    gateway.wait_for("gateway_connections", rest[0]).await;
    gateway.wait_for("gateway_streams", rest[1]).await;
    gateway
        .wait_until("process_open_fds", |open| open <= rest[2])
        .await;
}

/// Connects with a small receive buffer, so that a client that does not read soon takes no bytes.
async fn connect(gateway: &Gateway) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a size");
    socket.connect(gateway.address).await.expect("it listens")
}

async fn publish_large(gateway: &Gateway, count: usize) {
    let event = format!(r#"{{"topic":"a","data":"{}"}}"#, "x".repeat(60_000));
    for _ in 0..count {
        gateway.publish(&event).await;
    }
}

fn ends(reason: &str) -> String {
    format!(r#"gateway_connection_ends_total{{reason="{reason}"}}"#)
}

#[tokio::test]
async fn clients_that_stop_reading_are_cut_and_leave_nothing() {
    let options = ["--write-timeout", "500ms", "--log-events", "200"];
    let gateway = Gateway::start(&options);
    let rest = at_rest(&gateway).await;
    let mut stopped = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(&gateway).await;
        stream
            .write_all(SUBSCRIBE.as_bytes())
            .await
            .expect("it is read");
        stopped.push(stream);
    }
    let mut reader = gateway.events("topic=a", None).await;
    reader.begin().await;
    gateway.wait_for("gateway_streams", 21.0).await;
    let before = gateway.metric("process_resident_memory_bytes").await;
    publish_large(&gateway, 60).await;
    // One that reads receives everything meanwhile.
    assert_eq!(reader.data(60).await.len(), 60);
    gateway.wait_for(&ends("write-timeout"), 20.0).await;
    drop(reader);
    is_at_rest(&gateway, rest).await;
    // The log has 3.6 MB; what was sent to the stopped is shared with it, whatever their number.
    let grown = gateway.metric("process_resident_memory_bytes").await - before;
    assert!(grown < 16e6, "{grown} bytes");
    drop(stopped);
}

#[tokio::test]
async fn a_client_that_the_log_has_left_behind_is_cut_and_learns_of_the_gap_later() {
    let options = ["--write-timeout", "1h", "--log-events", "8"];
    let gateway = Gateway::start(&options);
    let rest = at_rest(&gateway).await;
    let mut slow = connect(&gateway).await;
    slow.write_all(SUBSCRIBE.as_bytes())
        .await
        .expect("it is read");
    gateway.wait_for("gateway_streams", 1.0).await;
    publish_large(&gateway, 40).await;
    gateway.wait_for(&ends("left-behind"), 1.0).await;
    is_at_rest(&gateway, rest).await;
    // What was on its way arrives; then the connection breaks.
    let mut received = Vec::new();
    let read = timeout(PATIENCE, slow.read_to_end(&mut received)).await;
    let _ = read.expect("an end");
    let text = String::from_utf8_lossy(&received);
    let id = text
        .rsplit("id: ")
        .find_map(|rest| rest.split_once('\n'))
        .expect("an ID")
        .0;
    let mut events = gateway.events("topic=a", Some(id)).await;
    assert_eq!(events.gap().await.0, "expired");
}

#[tokio::test]
async fn clients_that_dribble_a_head_are_cut() {
    let gateway = Gateway::start(&["--request-timeout", "400ms"]);
    let rest = at_rest(&gateway).await;
    let dribble = |_| async {
        let mut stream = TcpStream::connect(gateway.address)
            .await
            .expect("it listens");
        for byte in b"GET /events?topic=aaaaaaaaaaaaaaaaaaaaaaaaa" {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let read = timeout(PATIENCE, stream.read(&mut [0; 100])).await;
        assert!(matches!(read.expect("an end"), Ok(0) | Err(_)));
    };
    futures_util::future::join_all((0..20).map(dribble)).await;
    gateway.wait_for(&ends("request-timeout"), 20.0).await;
    is_at_rest(&gateway, rest).await;
}

#[tokio::test]
async fn a_connection_without_a_further_request_ends() {
    let gateway = Gateway::start(&["--request-timeout", "300ms"]);
    let mut stream = TcpStream::connect(gateway.address)
        .await
        .expect("it listens");
    let request = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is read");
    let mut answer = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.expect("an end").expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_until_others_end() {
    let gateway = Gateway::start(&["--max-connections", "3"]);
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut events = gateway.events("topic=a", None).await;
        events.begin().await;
        streams.push(events);
    }
    // Health of a full server is asked at the other address.
    for _ in 0..3 {
        assert_eq!(gateway.status("/events?topic=a").await, 503);
    }
    assert_eq!(
        gateway.metric("gateway_refused_connections_total").await,
        3.0
    );
    drop(streams.pop());
    gateway.wait_for("gateway_streams", 2.0).await;
    gateway.events("topic=a", None).await.begin().await;
}

#[tokio::test]
async fn a_connection_ends_with_a_farewell_when_it_has_lived_long_enough() {
    let gateway = Gateway::start(&["--max-lifetime", "500ms"]);
    let mut events = gateway.events("topic=a", None).await;
    let start = events.begin().await;
    assert_eq!(events.next().await, Some(Seen::Checkpoint(start)));
    assert_eq!(events.next().await, None);
    // With the stream, and not when it is cut, which is 5 s later.
    let end = Instant::now();
    gateway.wait_for(&ends("lifetime"), 1.0).await;
    assert!(end.elapsed() < Duration::from_secs(4));
}

/// With a peer that cannot take the farewell.
#[tokio::test]
async fn a_connection_that_has_lived_long_enough_is_cut_even_if_it_takes_no_bytes() {
    let options = ["--max-lifetime", "1s", "--write-timeout", "1h"];
    let gateway = Gateway::start(&options);
    let mut slow = connect(&gateway).await;
    slow.write_all(SUBSCRIBE.as_bytes())
        .await
        .expect("it is read");
    gateway.wait_for("gateway_streams", 1.0).await;
    publish_large(&gateway, 20).await;
    gateway.wait_for(&ends("lifetime"), 1.0).await;
    gateway.wait_for("gateway_streams", 0.0).await;
}

#[tokio::test]
async fn what_is_not_http_ends_at_once() {
    let gateway = Gateway::start(&[]);
    let rest = at_rest(&gateway).await;
    for garbage in [
        "\x16\x03\x01\x02",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(gateway.address)
            .await
            .expect("it listens");
        stream
            .write_all(garbage.as_bytes())
            .await
            .expect("it is read");
        stream.shutdown().await.expect("it is open");
        let mut answer = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        let _ = read.expect("an end");
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{garbage:?}"
        );
    }
    is_at_rest(&gateway, rest).await;
}

/// A network of two machines, as far as the kernel is concerned. The addresses are those that are
/// reserved for such tests (RFC 2544).
struct Link {
    name: String,
}

impl Link {
    /// `None` where the test may not create one.
    fn new() -> Option<Self> {
        let name = format!("gw{}", std::process::id());
        let link = Self { name };
        let (near, far) = (link.near(), format!("{}b", link.name));
        let all = [
            format!("netns add {}", link.name),
            format!("link add {near} type veth peer name {far}"),
            format!("link set {far} netns {}", link.name),
            format!("addr add 198.18.203.1/30 dev {near}"),
            format!("link set {near} up"),
            format!("-n {} addr add 198.18.203.2/30 dev {far}", link.name),
            format!("-n {} link set {far} up", link.name),
        ];
        all.iter().all(|command| ip(command)).then_some(link)
    }

    fn near(&self) -> String {
        format!("{}a", self.name)
    }

    /// Runs a script on the other machine.
    fn run(&self, script: &str) -> Running {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, "bash", "-c", script]);
        Running(command.spawn().expect("bash starts"))
    }

    /// Loses every packet from now on.
    fn cut(&self) {
        assert!(ip(&format!("-n {0} link set {0}b down", self.name)));
    }
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        ip(&format!("link del {}", self.near()));
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(command: &str) -> bool {
    let mut ip = Command::new("ip");
    let output = ip.args(command.split(' ')).stderr(Stdio::null()).status();
    output.is_ok_and(|status| status.success())
}

/// The other machine loses its power: no FIN, no RST, no acknowledgement.
#[tokio::test]
async fn clients_that_vanish_are_cut_though_they_have_room_for_more_bytes() {
    let Some(link) = Link::new() else {
        eprintln!("no network namespace is allowed here: not tested");
        return;
    };
    let options = ["--remote", "--write-timeout", "1s", "--keep-alive", "200ms"];
    let gateway = Gateway::start_at("198.18.203.1:0", &options);
    let rest = at_rest(&gateway).await;
    let port = gateway.address.port();
    let script = format!(
        "exec 3<>/dev/tcp/198.18.203.1/{port}; printf 'GET /events?topic=a HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n' >&3; \
         exec cat <&3 >/dev/null"
    );
    let clients: Vec<_> = (0..5).map(|_| link.run(&script)).collect();
    gateway.wait_for("gateway_streams", 5.0).await;
    link.cut();
    gateway.wait_for(&ends("vanished"), 5.0).await;
    is_at_rest(&gateway, rest).await;
    drop(clients);
}
