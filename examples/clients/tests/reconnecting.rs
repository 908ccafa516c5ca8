//! The programs that reconnect, as a user runs them, against a server that closes connections.

use core::time::Duration;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::time::Instant;
use std::{env, fs, process, thread};

const PROGRAMS: [&str; 3] = [
    env!("CARGO_BIN_EXE_reconnecting-reqwest"),
    env!("CARGO_BIN_EXE_reconnecting-hyper"),
    env!("CARGO_BIN_EXE_reconnecting-ureq"),
];

const OPEN: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const REJECTED: &str = "HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 19\r\nconnection: close\r\n\r\n{\"error\":\"no more\"}";

/// A request, as far as it matters: its line, its headers in lower case, and its body.
#[derive(Debug)]
struct Received {
    line: String,
    headers: Vec<String>,
    body: String,
}

fn read_request(socket: &TcpStream) -> Received {
    let mut reader = BufReader::new(socket);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a request comes");
        line.trim_end().to_owned()
    };
    let first = line();
    let mut headers = Vec::new();
    loop {
        let header = line();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').expect("a header has a colon");
        headers.push(format!("{}: {}", name.to_ascii_lowercase(), value.trim()));
    }
    let length = headers
        .iter()
        .find_map(|header| header.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    reader.read_exact(&mut body).expect("the body comes");
    Received {
        line: first,
        headers,
        body: String::from_utf8(body).expect("it is text"),
    }
}

/// Runs a program with these arguments against a server that gives one answer after the other, each for a while.
fn run(program: &str, arguments: &[&str], answers: &[(&str, Duration)]) -> (Output, Vec<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!(
        "http://{}/events",
        listener.local_addr().expect("it has one")
    );
    let answers: Vec<(String, Duration)> = answers
        .iter()
        .map(|(answer, pause)| ((*answer).to_owned(), *pause))
        .collect();
    let server = thread::spawn(move || {
        let mut requests = Vec::new();
        for (answer, pause) in answers {
            let (mut socket, _) = listener.accept().expect("somebody connects");
            requests.push(read_request(&socket));
            socket.write_all(answer.as_bytes()).expect("it is read");
            thread::sleep(pause);
        }
        requests
    });
    let output = Command::new(program)
        .args(arguments)
        .arg(url)
        .output()
        .expect("it runs");
    (output, server.join().expect("all requests came"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it is text")
}

#[test]
fn they_resume_after_the_last_event_and_report_the_connection() {
    let first = format!("{OPEN}retry: 1\n\nid: 1\ndata: one\n\nid: 2\ndata: cut");
    let second = format!("{OPEN}event: add\nid: 2\ndata: two\n\n");
    let now = Duration::ZERO;
    for program in PROGRAMS {
        let arguments = ["--header", "X-Test: yes", "--last-event-id", "0"];
        let (output, requests) = run(
            program,
            &arguments,
            &[(&first, now), (&second, now), (REJECTED, now)],
        );
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(stdout, "message: one\nadd: two\n", "{program}: {stderr}");
        assert_eq!(output.status.code(), Some(1), "{program}: {stderr}");
        assert_eq!(
            stderr.matches("connected\n").count(),
            2,
            "{program}: {stderr}"
        );
        assert_eq!(
            stderr.matches("reconnecting in").count(),
            2,
            "{program}: {stderr}"
        );
        assert!(
            stderr.contains("404") && stderr.ends_with("{\"error\":\"no more\"}\n"),
            "{program}: {stderr}"
        );
        for (request, id) in requests.iter().zip(["0", "1", "2"]) {
            assert_eq!(request.line, "GET /events HTTP/1.1");
            for header in [
                "accept: text/event-stream",
                "cache-control: no-cache",
                "x-test: yes",
                &format!("last-event-id: {id}"),
            ] {
                assert!(
                    request.headers.contains(&header.to_owned()),
                    "{program}: {header} {request:?}"
                );
            }
        }
    }
}

#[test]
fn a_post_is_sent_once_and_resumed_by_a_get_if_there_is_an_id() {
    let file = env::temp_dir().join(format!("sse-wire-post-{}", process::id()));
    fs::write(&file, "{\"prompt\":1}").expect("it can be written");
    let path = file.to_str().expect("it is text");
    let now = Duration::ZERO;
    for program in PROGRAMS {
        let body = format!("{OPEN}data: no id\n\n");
        let (output, requests) = run(program, &["--post", path], &[(&body, now)]);
        let stderr = text(&output.stderr);
        assert!(
            stderr.contains("request not sent again"),
            "{program}: {stderr}"
        );
        assert_eq!(
            (requests[0].line.as_str(), requests[0].body.as_str()),
            ("POST /events HTTP/1.1", "{\"prompt\":1}")
        );

        let body = format!("{OPEN}retry: 1\nid: 7\ndata: with an id\n\n");
        let (_, requests) = run(program, &["--post", path], &[(&body, now), (REJECTED, now)]);
        assert_eq!(requests[1].line, "GET /events HTTP/1.1");
        assert!(requests[1].headers.contains(&"last-event-id: 7".to_owned()));
    }
    fs::remove_file(file).expect("it is there");
}

#[test]
fn silence_ends_a_connection_and_attempts_are_limited() {
    let silent = format!("{OPEN}retry: 1\n\ndata: 1\n\n");
    for program in PROGRAMS {
        let started = Instant::now();
        let arguments = ["--idle-timeout", "0.2", "--max-attempts", "1"];
        let pause = Duration::from_secs(4);
        let (output, _) = run(program, &arguments, &[(&silent, pause)]);
        let stderr = text(&output.stderr);
        assert!(
            stderr.contains("nothing was received within the idle timeout"),
            "{program}: {stderr}"
        );
        // The server has gone then, or does not answer.
        assert!(
            stderr.contains("too many failed attempts"),
            "{program}: {stderr}"
        );
        assert!(started.elapsed() >= Duration::from_millis(200));
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn a_wrong_command_line_is_reported() {
    for program in PROGRAMS {
        for arguments in [
            &[][..],
            &["--nonsense"],
            &["--last-event-id", "1\n2", "http://localhost"],
            &["--header", "none", "http://localhost"],
            &["--post", "/does/not/exist", "x"],
        ] {
            let output = Command::new(program)
                .args(arguments)
                .output()
                .expect("it runs");
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            assert!(text(&output.stderr).contains("--help"));
        }
        let output = Command::new(program)
            .arg("--help")
            .output()
            .expect("it runs");
        assert!(output.status.success() && text(&output.stdout).contains("--idle-timeout"));
    }
}
