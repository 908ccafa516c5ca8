//! What the server prints at its start: where it is, and what to try.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;

use crate::app::App;
use crate::auth::Auth;

/// Prints it. The server serves even if nobody reads this.
pub(crate) fn print(app: &App, address: SocketAddr, metrics: SocketAddr) {
    let text = text(&app.auth, address, metrics);
    let _ = io::stdout().write_all(text.as_bytes());
}

fn text(auth: &Auth, address: SocketAddr, metrics: SocketAddr) -> String {
    let mut text = format!("listening at http://{address}, metrics at http://{metrics}/metrics");
    let mut header = String::new();
    if let Some(users) = auth.demo_users() {
        text.push_str("\nusers:");
        let users: Vec<_> = users.collect();
        for (name, password) in &users {
            let _ = write!(text, " {name} with the password {password},");
        }
        text.pop();
        let (name, password) = users.first().copied().unwrap_or_default();
        let _ = write!(
            text,
            "; log in and try:
  TOKEN=$(curl -s -H 'content-type: application/json' -d '{{\"name\":\"{name}\",\"password\":\"{password}\"}}' \
http://{address}/login | sed 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/')"
        );
    } else if auth.is_open() {
        text.push_str("; try:");
    } else {
        text.push_str("; try, with TOKEN=$(gateway token NAME --topic news --publish news):");
    }
    if !auth.is_open() {
        header.push_str("-H \"authorization: Bearer $TOKEN\" ");
    }
    let check_header = header.replacen("-H", "--header", 1);
    let _ = writeln!(
        text,
        "
  curl -N {header}'http://{address}/events?topic=news'
  curl {header}-H 'content-type: application/json' \
-d '{{\"topic\":\"news\",\"type\":\"headline\",\"data\":\"hello\"}}' 'http://{address}/publish'
  cargo run -p gateway -- check {check_header}'http://{address}/events?topic=news' \
--post 'http://{address}/publish' --body '{{\"topic\":\"news\",\"data\":\"{{token}}\"}}'"
    );
    text
}
