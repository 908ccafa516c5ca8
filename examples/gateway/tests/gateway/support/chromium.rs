//! A page in Chromium, driven over WebDriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Gateway, PATIENCE};

/// What Chromium is told, so that it runs without a screen, as root, and asks for nothing beyond this machine.
const ARGUMENTS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A page of a gateway, with `connect` of /event-stream.js; Chromium ends with it.
pub struct Page {
    pub client: Client,
    session: String,
    port: u16,
    driver: Child,
    _profile: TempDir,
}

impl Page {
    pub async fn open(gateway: &Gateway) -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped());
        let mut driver = command
            .spawn()
            .expect("chromedriver starts: install chromium-driver");
        let out = BufReader::new(driver.stdout.take().expect("a pipe"));
        let mut lines = out.lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let port: u16 = port.expect("a port");
        // It would end if nobody read what it prints.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().expect("a folder");
        let folder = format!("--user-data-dir={}", profile.path().display());
        let mut arguments: Vec<_> = ARGUMENTS.map(Value::from).into();
        arguments.push(folder.into());
        let options = json!({ "goog:chromeOptions": { "args": arguments } });
        let mut builder =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(options.as_object().expect("an object").clone());
        let url = format!("http://127.0.0.1:{port}");
        let client = builder.connect(&url).await.expect("Chromium starts");
        let session = client.session_id().await.expect("a session");
        let page = Self {
            client,
            session: session.expect("a session"),
            port,
            driver,
            _profile: profile,
        };
        page.client
            .goto(&format!("{}/healthz", gateway.origin()))
            .await
            .expect("a page");
        page.run(
            "window.seen = []; window.states = []; window.tickets = 0;
             window.post = async (path, body = {}, method = 'POST') => {
               const headers = { 'content-type': 'application/json' };
               const response = await fetch(path, { method, headers, body: JSON.stringify(body) });
               if (!response.ok) throw Object.assign(new Error(path), { status: response.status });
               return response.status === 204 ? null : response.json();
             };
             window.ticket = async () => (window.tickets++, (await post('/ticket')).ticket);
             window.note = (event) => window.seen.push(event.type + ':' + event.data);
             window.state = (state) => window.states.push(state);
             const { connect } = await import('/event-stream.js'); window.connect = connect;",
        )
        .await;
        page
    }

    /// Runs a script, and returns its value.
    pub async fn run(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {script} }})().then((value) => done([value ?? null]), (error) => done('' + error));"
        );
        let value = self
            .client
            .execute_async(&script, vec![])
            .await
            .expect("a script");
        match value {
            Value::Array(value) => value.into_iter().next().unwrap_or_default(),
            error => panic!("{error} in {script}"),
        }
    }

    pub async fn log_in(&self, name: &str) {
        let script = format!(
            "return (await post('/login', {{ name: '{name}', password: '{name}-demo' }})).expires_in"
        );
        assert!(self.run(&script).await.is_u64());
    }

    /// Waits until an expression is true.
    pub async fn wait_for(&self, expression: &str) {
        let begin = Instant::now();
        loop {
            if self.run(&format!("return {expression}")).await == true {
                return;
            }
            if begin.elapsed() > PATIENCE {
                let state = self.run("return [seen, states, tickets]").await;
                panic!("{expression}: {state}");
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // Without it, Chromium outlives its driver.
        if let Ok(mut socket) = TcpStream::connect(("127.0.0.1", self.port)) {
            let (port, session) = (self.port, &self.session);
            let head =
                format!("DELETE /session/{session} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n");
            let _ = socket.write_all(head.as_bytes());
            let _ = socket.read(&mut [0; 1024]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
