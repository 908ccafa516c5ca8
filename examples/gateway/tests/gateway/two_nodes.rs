//! `deploy/two-nodes.sh`, as a user runs it: what it says about each kill is true.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::support::PATIENCE;
use super::support::authentication::ask;

/// What is killed starts again after 5 seconds, and then has to connect.
const RESTART: Duration = PATIENCE.saturating_mul(2);

/// The script in one of its modes, which ends with this value, and the lines that it has printed.
struct Script {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn start(mode: &[&str], ports: &str, token: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/two-nodes.sh");
        let mut command = Command::new(path);
        command.args(mode).stdout(Stdio::piped());
        command.env("GATEWAY", env!("CARGO_BIN_EXE_gateway"));
        command.env("PORTS", ports).env("TOKEN", token);
        command.env_remove("FSYNC");
        let mut child = command.spawn().expect("bash is installed");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let read = Arc::clone(&lines);
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                read.lock().expect("no panic").push(line);
            }
        });
        Self { child, lines }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").clone()
    }

    /// What follows after this in each line that begins with it.
    fn after(&self, prefix: &str) -> Vec<String> {
        let lines = self.lines();
        let rests = lines
            .iter()
            .filter_map(|line| line.trim_start().strip_prefix(prefix));
        rests.map(str::to_owned).collect()
    }

    /// Waits until there are `count` such lines, and returns the last of them.
    async fn wait_for(&mut self, prefix: &str, count: usize) -> String {
        let begin = Instant::now();
        loop {
            let found = self.after(prefix);
            if found.len() >= count {
                return found[found.len() - 1].clone();
            }
            let ended = self.child.try_wait().expect("it is a child");
            assert!(
                ended.is_none() && begin.elapsed() < RESTART,
                "no {prefix:?}, {ended:?}: {:#?}",
                self.lines()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It ends its children.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &id]).status();
        let _ = self.child.wait();
    }
}

/// Everything together.
struct Nodes {
    script: Script,
    watch: Script,
    proxy: SocketAddr,
    ports: Vec<u16>,
    token: String,
    published: usize,
}

impl Nodes {
    async fn start() -> Self {
        // Programs that take no port 0: another one might take these in between.
        let free = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
        let ports = free.map(|free| free.local_addr().expect("it is bound").port());
        let text = ports.map(|port| port.to_string()).join(" ");
        let mut script = Script::start(&[], &text, "");
        let token = script.wait_for("export TOKEN=", 1).await;
        script.wait_for("Logs are in ", 1).await;
        let mut watch = Script::start(&["watch"], &text, &token);
        watch.wait_for("id: ", 1).await;
        Self {
            script,
            watch,
            proxy: ([127, 0, 0, 1], ports[0]).into(),
            ports: ports.to_vec(),
            token,
            published: 0,
        }
    }

    /// Publishes through nginx, again until it is acknowledged, as a publisher should.
    async fn publish(&mut self, count: usize) {
        let bearer = format!("Bearer {}", self.token);
        for _ in 0..count {
            let key = format!("event-{}", self.published);
            let headers = [
                ("content-type", "application/json"),
                ("authorization", &*bearer),
                ("idempotency-key", &*key),
            ];
            let body = format!(r#"{{"topic":"news","data":"{}"}}"#, self.published);
            let begin = Instant::now();
            loop {
                let answer = ask(self.proxy, "POST", "/publish", &headers, &body).await;
                if answer.status == 201 {
                    break;
                }
                let is_away = [502, 503, 504].contains(&answer.status);
                assert!(is_away && begin.elapsed() < RESTART, "{answer:?}");
                sleep(Duration::from_millis(100)).await;
            }
            self.published += 1;
        }
    }

    /// Waits until everything was received, each event once and in order, without a gap.
    async fn receive_all(&mut self) {
        let count = self.published;
        self.watch.wait_for("data: ", count).await;
        let expected: Vec<_> = (0..count).map(|number| number.to_string()).collect();
        assert_eq!(self.watch.after("data: "), expected);
        assert!(self.watch.after("event: ").is_empty());
    }

    /// Kills one of the four, whose ID the script has printed last.
    async fn kill(&mut self, name: &str) {
        let prefix = format!("{name} has the PID ");
        let id = self.script.wait_for(&prefix, 1).await;
        let status = Command::new("kill").args(["-9", &id]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits until the script has started it so many times.
    async fn wait_for_start(&mut self, name: &str, count: usize) {
        let prefix = format!("{name} has the PID ");
        self.script.wait_for(&prefix, count).await;
    }

    /// The node that sends the stream, after so many connections.
    async fn serving(&mut self, connections: usize) -> &'static str {
        let address = self.watch.wait_for("--- connected to ", connections).await;
        let nodes = [("node1", self.ports[1]), ("node2", self.ports[2])];
        let mut nodes = nodes.into_iter();
        let found = nodes.find(|(_, port)| address.ends_with(&format!(":{port}")));
        found.expect("one of the two").0
    }
}

#[tokio::test]
#[ignore = "needs redis-server and nginx"]
async fn a_stream_survives_what_the_script_says() {
    let mut nodes = Nodes::start().await;
    nodes.publish(10).await;
    nodes.receive_all().await;

    // Each of the nodes, while it sends the stream.
    let first = nodes.serving(1).await;
    nodes.kill(first).await;
    nodes.publish(10).await;
    nodes.receive_all().await;
    nodes.wait_for_start(first, 2).await;
    let second = nodes.serving(2).await;
    assert_ne!(first, second);
    nodes.kill(second).await;
    nodes.publish(10).await;
    nodes.receive_all().await;

    // Redis writes each event to its file before it is acknowledged.
    nodes.kill("redis").await;
    nodes.publish(10).await;
    nodes.receive_all().await;
    nodes.wait_for_start("redis", 2).await;

    let port = nodes.ports[3].to_string();
    let flush = Command::new("redis-cli")
        .args(["-p", &port, "flushall"])
        .output();
    let flush = flush.expect("it is installed with redis-server");
    assert!(flush.status.success(), "{flush:?}");
    nodes.watch.wait_for("event: gap", 1).await;
    let reason = r#"data: {"reason":"deleted"}"#;
    nodes.watch.wait_for(reason, 1).await;
    nodes.publish(1).await;
    let data = format!("data: {}", nodes.published - 1);
    nodes.watch.wait_for(&data, 1).await;
    assert_eq!(nodes.watch.after("event: ").len(), 1);
}
