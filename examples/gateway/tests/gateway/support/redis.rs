//! A Redis of a test: Debian's `redis-server`, and a client that speaks its protocol.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::PATIENCE;

/// A Redis with a folder and a port of its own, which ends with this value.
pub struct Redis {
    child: Option<Child>,
    pub address: SocketAddr,
    folder: TempDir,
    config: Vec<String>,
    password: Option<String>,
}

/// What Redis answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Nil,
    Integer(i64),
    Text(String),
    Error(String),
    Array(Vec<Self>),
}

/// Returns an address that is free, and that no connection takes meanwhile as its own.
///
/// A process that is started again needs the port that it had before. Linux takes the ports of
/// outgoing connections from 32,768 upwards.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = NEXT.load(Ordering::Relaxed) == 0;
    if start {
        let first = fastrand::u16(20_000..30_000);
        let _ = NEXT.compare_exchange(0, first, Ordering::Relaxed, Ordering::Relaxed);
    }
    for _ in 0..2_000 {
        let port = 20_000 + NEXT.fetch_add(1, Ordering::Relaxed) % 12_000;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free");
}

impl Redis {
    /// Starts one with these settings; without `appendonly` it retains nothing over a restart.
    pub fn start(config: &[(&str, &str)]) -> Self {
        Self::start_at(free_address(), config)
    }

    pub fn start_at(address: SocketAddr, config: &[(&str, &str)]) -> Self {
        let mut options = Vec::new();
        for (name, value) in config {
            options.extend([format!("--{name}"), (*value).to_owned()]);
        }
        let password = config.iter().find(|(name, _)| *name == "requirepass");
        let mut redis = Self {
            child: None,
            address,
            folder: tempfile::tempdir().expect("a folder"),
            config: options,
            password: password.map(|(_, password)| (*password).to_owned()),
        };
        redis.restart();
        redis
    }

    /// Starts it again, with the port, the settings and the files that it had.
    pub fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"])
            .args(["--repl-diskless-sync-delay", "0"])
            .args(["--port", &self.address.port().to_string()])
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.config)
            .stdout(Stdio::null());
        let child = command.spawn().expect("redis-server starts: install it");
        self.child = Some(child);
        let begin = Instant::now();
        // While it reads its files, it answers with an error.
        while self.try_command(&["PING"]) != Some(Value::Text("PONG".to_owned())) {
            let child = self.child.as_mut().expect("it was started");
            let ended = child.try_wait().expect("it is a child");
            assert!(ended.is_none() && begin.elapsed() < PATIENCE, "{ended:?}");
            sleep(Duration::from_millis(10));
        }
    }

    pub fn url(&self) -> String {
        match &self.password {
            Some(password) => format!("redis://:{password}@{}", self.address),
            None => format!("redis://{}", self.address),
        }
    }

    /// Ends the process at once, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops the process, which keeps its connections.
    pub fn stop(&self) {
        self.signal("STOP");
    }

    /// Lets a stopped process continue.
    pub fn cont(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Makes it a replica, and waits until it has what the master has.
    pub fn replica_of(&self, master: SocketAddr) {
        let port = master.port().to_string();
        self.command(&["REPLICAOF", "127.0.0.1", &port]);
        let begin = Instant::now();
        while !self.info("replication").contains("master_link_status:up") {
            assert!(begin.elapsed() < PATIENCE, "it does not replicate");
            sleep(Duration::from_millis(20));
        }
    }

    /// Executes a command that succeeds.
    pub fn command(&self, words: &[&str]) -> Value {
        match self.try_command(words) {
            Some(Value::Error(error)) => panic!("{words:?}: {error}"),
            Some(value) => value,
            None => panic!("{words:?}: no answer"),
        }
    }

    /// Executes a command; `None` if it is not answered.
    pub fn try_command(&self, words: &[&str]) -> Option<Value> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut replies = BufReader::new(stream.try_clone().ok()?);
        if let Some(password) = &self.password {
            stream.write_all(&encode(&["AUTH", password])).ok()?;
            read(&mut replies)?;
        }
        stream.write_all(&encode(words)).ok()?;
        read(&mut replies)
    }

    /// Sets an option for the next start.
    pub fn set_option(&mut self, name: &str, value: &str) {
        self.config.extend([format!("--{name}"), value.to_owned()]);
    }

    /// Changes the password that this value uses.
    pub fn set_password(&mut self, password: &str) {
        self.command(&["CONFIG", "SET", "requirepass", password]);
        self.password = (!password.is_empty()).then(|| password.to_owned());
    }

    pub fn info(&self, section: &str) -> String {
        match self.command(&["INFO", section]) {
            Value::Text(text) => text,
            value => panic!("{value:?}"),
        }
    }

    /// Returns how often a command was executed.
    pub fn calls(&self, command: &str) -> u64 {
        let prefix = format!("cmdstat_{command}:calls=");
        let text = self.info("commandstats");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
        let count = line.and_then(|line| line.split(',').next());
        count.map_or(0, |count| count.parse().expect("a number"))
    }

    /// Cuts bytes off the end of the file of commands, as a loss of power does with a disk that has
    /// not written what it reported as written. Returns how many are left.
    pub fn cut_append_only_file(&self, bytes: u64) -> u64 {
        assert!(self.child.is_none(), "it runs");
        let folder = self.folder.path().join("appendonlydir");
        let files = fs::read_dir(folder).expect("a folder");
        let paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        let mut paths = paths
            .iter()
            .filter(|path| path.to_string_lossy().ends_with(".incr.aof"));
        let (path, other) = (paths.next().expect("a file"), paths.next());
        assert_eq!(other, None);
        let file = fs::OpenOptions::new().write(true).open(path);
        let file = file.expect("a file");
        let size = file.metadata().expect("a size").len();
        let left = size.saturating_sub(bytes);
        file.set_len(left).expect("a shorter file");
        left
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Value {
    /// Returns a text, or the decimal digits of an integer.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(integer) => integer.to_string(),
            value => panic!("no text: {value:?}"),
        }
    }
}

/// Writes a command as Redis reads it.
pub fn encode(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

/// Reads what Redis, or a client of it, has written.
pub fn read(input: &mut impl BufRead) -> Option<Value> {
    let mut line = String::new();
    input.read_line(&mut line).ok()?;
    let line = line.strip_suffix("\r\n")?;
    let (kind, rest) = line.split_at_checked(1)?;
    match kind {
        "+" => Some(Value::Text(rest.to_owned())),
        "-" => Some(Value::Error(rest.to_owned())),
        ":" => Some(Value::Integer(rest.parse().ok()?)),
        "_" => Some(Value::Nil),
        "$" | "*" if rest == "-1" => Some(Value::Nil),
        "$" => {
            let mut bytes = vec![0; rest.parse::<usize>().ok()? + 2];
            input.read_exact(&mut bytes).ok()?;
            bytes.truncate(bytes.len() - 2);
            Some(Value::Text(String::from_utf8_lossy(&bytes).into_owned()))
        }
        "*" => {
            let count: usize = rest.parse().ok()?;
            let values = (0..count).map(|_| read(input));
            values.collect::<Option<_>>().map(Value::Array)
        }
        _ => None,
    }
}
