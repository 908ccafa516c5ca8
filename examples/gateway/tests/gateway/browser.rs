//! What a page experiences, in a real browser: Debian's `chromium` and `chromium-driver`.

use std::time::Duration;

use tokio::time::sleep;

use super::documents::README;
use super::support::Gateway;
use super::support::authentication::{ask, bearer, start_with_secret, token};
use super::support::chromium::Page;

async fn publish(gateway: &Gateway, token: &str, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let body = format!(r#"{{"topic":"a","type":"n","data":{number}}}"#);
        let (status, _) = gateway
            .post(&body, &[("authorization", &bearer(token))])
            .await;
        assert_eq!(status, 201);
    }
}

async fn assert_no_gap(page: &Page) {
    let gap = "return seen.some((it) => it.startsWith('gap'))";
    assert_eq!(page.run(gap).await, false);
}

/// An expression that is true when exactly these numbers were seen, in their order.
fn has_seen(numbers: std::ops::Range<u32>) -> String {
    let all: Vec<_> = numbers.map(|number| format!("n:{number}")).collect();
    format!(
        "seen.filter((it) => it.startsWith('n:')).join() === '{}'",
        all.join(",")
    )
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_page_of_the_readme_shows_what_is_published() {
    let gateway = Gateway::start(&["--demo"]);
    let page = Page::open(&gateway).await;
    let html = README.split("```html\n").nth(1).expect("a page");
    let html = html.split("```").next().expect("its end");
    let html = serde_json::to_string(html).expect("text");
    page.run(&format!(
        "document.open(); document.write({html}); document.close();
         window.text = (name) => document.querySelector(name)?.value ?? document.querySelector(name)?.textContent;"
    ))
    .await;
    page.wait_for("document.querySelector('form')?.onsubmit != null")
        .await;
    page.run(
        "document.querySelector('[name=name]').value = 'bob';
         document.querySelector('[name=password]').value = 'bob-demo';
         document.querySelector('button').click();",
    )
    .await;
    page.wait_for("text('output') === 'open'").await;
    let token = bearer(&gateway.login("ann").await);
    for body in [
        r#"{"topic":"news","type":"headline","data":"for all"}"#,
        r#"{"topic":"news","user":"ann","data":"for ann"}"#,
        r#"{"topic":"news","user":"bob","data":"<b>for bob</b>"}"#,
    ] {
        let (status, _) = gateway.post(body, &[("authorization", &token)]).await;
        assert_eq!(status, 201);
    }
    page.wait_for("text('ul') === 'for all<b>for bob</b>'")
        .await;
}

/// Connections end after a second each; `EventSource` itself reconnects, with the cookie of its stream.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_stream_with_a_ticket_survives_its_connections() {
    let gateway = Gateway::start(&["--demo", "--max-lifetime", "1s", "--retry", "100ms"]);
    let page = Page::open(&gateway).await;
    page.log_in("ann").await;
    page.run("connect('/events?topic=a', { ticket, state, events: { n: note, gap: note } })")
        .await;
    let token = gateway.login("ann").await;
    page.wait_for("states.includes('open')").await;
    for number in 0..40 {
        publish(&gateway, &token, number..number + 1).await;
        sleep(Duration::from_millis(100)).await;
    }
    page.wait_for(&has_seen(0..40)).await;
    page.wait_for("states.filter((it) => it === 'open').length >= 3")
        .await;
    assert_eq!(page.run("return tickets").await, 1);
    assert_no_gap(&page).await;
}

/// URL and cookie are of no use any more: `EventSource` gives up, and the page takes another ticket.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_stream_that_is_closed_continues_with_another_ticket_at_the_same_position() {
    let options = ["--demo", "--token-lifetime", "4s", "--retry", "100ms"];
    let (gateway, _folder) = start_with_secret(&options);
    let page = Page::open(&gateway).await;
    page.run(
        "const ticket = async () => {
           const { token } = await post('/login', { name: 'ann', password: 'ann-demo' });
           const init = { method: 'POST', headers: { authorization: 'Bearer ' + token }, credentials: 'omit' };
           return (tickets++, (await (await fetch('/ticket', init)).json()).ticket);
         };
         connect('/events?topic=a', { ticket, state, delay: 10, events: { n: note, gap: note } })",
    )
    .await;
    page.wait_for("states.includes('open')").await;
    let token = token("ann", &["a"], 600.0);
    for number in 0..80 {
        publish(&gateway, &token, number..number + 1).await;
        sleep(Duration::from_millis(100)).await;
    }
    page.wait_for(&has_seen(0..80)).await;
    page.wait_for("tickets >= 2").await;
    assert_no_gap(&page).await;
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_stream_is_renewed_without_a_new_connection_and_ends_with_the_logout() {
    let gateway = Gateway::start(&["--demo", "--token-lifetime", "4s"]);
    let page = Page::open(&gateway).await;
    page.log_in("bob").await;
    // The cookie of the session authenticates, without a ticket.
    page.run("connect('/events?topic=news', { renew: () => post('/session'), state, events: { expiring: note } })").await;
    page.wait_for("seen.length >= 4").await;
    assert_eq!(
        page.run("return states").await,
        serde_json::json!(["connecting", "open"])
    );
    // Another page of the same user logs out.
    let token = gateway.login("bob").await;
    let authorization = [("authorization", &*bearer(&token))];
    assert_eq!(
        gateway
            .ask("DELETE", "/session", &authorization)
            .await
            .status,
        204
    );
    page.wait_for("states.at(-1) === 'signed-out'").await;
    page.run("connect('/events?topic=news', { ticket, state })")
        .await;
    page.wait_for("states.filter((it) => it === 'signed-out').length === 2")
        .await;
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_renewal_that_fails_is_no_error_of_the_page() {
    let gateway = Gateway::start(&["--demo", "--token-lifetime", "2s"]);
    let page = Page::open(&gateway).await;
    page.log_in("bob").await;
    // Chromium reports no unhandled rejection of a function that its driver has defined.
    page.run(
        "window.errors = []; addEventListener('unhandledrejection', (event) => errors.push('' + event.reason));
         const script = document.createElement('script');
         script.textContent = 'window.renew = async () => { throw new Error(1) }';
         document.head.append(script);
         connect('/events?topic=news', { renew, state, events: { expiring: note } })",
    )
    .await;
    page.wait_for("seen.length > 0 && states.at(-1) === 'signed-out'")
        .await;
    assert_eq!(page.run("return errors").await, serde_json::json!([]));
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_page_closes_after_done_and_asks_nothing_more() {
    let gateway = Gateway::start(&["--demo", "--retry", "50ms"]);
    let page = Page::open(&gateway).await;
    page.log_in("ann").await;
    page.run("connect('/events?topic=a&topic=b', { ticket, state, events: { done: note } })")
        .await;
    page.wait_for("states.includes('open')").await;
    let token = bearer(&gateway.login("ann").await);
    for topic in ["a", "b"] {
        assert_eq!(page.run("return states.includes('done')").await, false);
        let body = format!(r#"{{"topic":"{topic}","type":"done","data":"{topic}"}}"#);
        gateway.post(&body, &[("authorization", &token)]).await;
        page.wait_for(&format!("seen.includes('done:{topic}')"))
            .await;
    }
    page.wait_for("states.at(-1) === 'done'").await;
    gateway.wait_for("gateway_streams", 0.0).await;
    sleep(Duration::from_millis(500)).await;
    assert_eq!(page.run("return tickets + states.at(-1)").await, "1done");
    // Nor does a page that comes later.
    for options in ["{ ticket, state }", "{ state }"] {
        page.run(&format!(
            "states.length = 0; connect('/events?topic=a&topic=b', {options})"
        ))
        .await;
        page.wait_for("states.at(-1) === 'done'").await;
        let states = serde_json::json!(["connecting", "done"]);
        assert_eq!(page.run("return states").await, states);
    }
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_page_at_the_limit_is_told_so_and_waits() {
    let gateway = Gateway::start(&["--demo", "--max-streams-per-user", "1"]);
    let page = Page::open(&gateway).await;
    page.log_in("ann").await;
    let token = gateway.login("ann").await;
    let mut first = gateway.stream_of(&token, "topic=a").await;
    first.begin().await;
    page.run("window.stream = connect('/events?topic=a', { ticket, state, silence: 100, events: { busy: note } })").await;
    page.wait_for("states.includes('busy') && states.at(-1) === 'waiting'")
        .await;
    // For at least ten seconds, and without the watchdog of a connection.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(
        page.run("return [seen, tickets]").await,
        serde_json::json!([[r#"busy:{"limit":"user"}"#], 1])
    );
    page.run("stream.close()").await;
    assert_eq!(page.run("return states.at(-1)").await, "closed");
}

/// That event has no ID, and comes on a connection that has seen no other.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_page_at_the_limit_remembers_its_position() {
    let options = [
        "--demo",
        "--max-streams-per-user",
        "1",
        "--keep-alive",
        "10m",
    ];
    let gateway = Gateway::start(&options);
    let page = Page::open(&gateway).await;
    page.log_in("ann").await;
    let token = gateway.login("ann").await;
    page.run("Math.random = () => 0.5; window.stream = connect('/events?topic=a', { state, silence: 1000, delay: 4000, events: { n: note } })").await;
    page.wait_for("states.includes('open')").await;
    publish(&gateway, &token, 0..1).await;
    page.wait_for(&has_seen(0..1)).await;
    let position = page.run("return stream.lastEventId()").await;
    assert!(position.as_str().is_some_and(|id| id.ends_with(".1")));
    // After the silence, the page waits for two seconds before it connects again.
    gateway.wait_for("gateway_streams", 0.0).await;
    let mut other = gateway.stream_of(&token, "topic=a").await;
    other.begin().await;
    page.wait_for("states.includes('busy')").await;
    assert_eq!(page.run("return stream.lastEventId()").await, position);
}

/// The process is stopped: its sockets stay open, and nothing comes.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn silence_ends_a_connection_and_what_was_missed_comes_with_the_next() {
    let gateway = Gateway::start(&["--demo", "--keep-alive", "200ms"]);
    let page = Page::open(&gateway).await;
    page.log_in("ann").await;
    let token = gateway.login("ann").await;
    page.run("connect('/events?topic=a', { state, silence: 1000, delay: 100, events: { n: note, gap: note } })").await;
    page.wait_for("states.includes('open')").await;
    publish(&gateway, &token, 0..3).await;
    page.wait_for(&has_seen(0..3)).await;
    // Longer than the silence that is allowed, without an event: checkpoints are heard.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(
        page.run("return states").await,
        serde_json::json!(["connecting", "open"])
    );
    gateway.signal("STOP");
    page.wait_for("states.includes('waiting')").await;
    gateway.signal("CONT");
    publish(&gateway, &token, 3..6).await;
    page.wait_for(&has_seen(0..6)).await;
    assert_no_gap(&page).await;
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_browser_reads_compressed_events_at_once() {
    let gateway = Gateway::start(&["--demo", "--keep-alive", "10m"]);
    let page = Page::open(&gateway).await;
    page.log_in("ann").await;
    let encoding = "const response = await fetch('/events?topic=a'); const it = response.headers.get('content-encoding');
        response.body.cancel(); return it";
    assert_eq!(page.run(encoding).await, "gzip");
    page.run("connect('/events?topic=a', { state, events: { n: note } })")
        .await;
    page.wait_for("states.includes('open')").await;
    let token = gateway.login("ann").await;
    for number in 0..10 {
        publish(&gateway, &token, number..number + 1).await;
        page.wait_for(&has_seen(0..number + 1)).await;
    }
}

/// What a page of another origin sends has no cookie, or is refused.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_page_of_another_origin_gets_nothing() {
    let (gateway, other) = (Gateway::start(&["--demo"]), Gateway::start(&["--demo"]));
    let page = Page::open(&gateway).await;
    page.log_in("ann").await;
    // Another port is another origin, but the same site: the cookie is sent.
    page.client
        .goto(&format!("{}/healthz", other.origin()))
        .await
        .expect("a page");
    let origin = gateway.origin();
    let script = format!(
        "const attempt = async (path, init) => {{
           try {{ return (await fetch('{origin}' + path, {{ credentials: 'include', ...init }})).status }} catch {{ return 'blocked' }}
         }};
         const source = new EventSource('{origin}/events?topic=a', {{ withCredentials: true }});
         const stream = await new Promise((done) => {{ source.onopen = () => done('open'); source.onerror = () => done('blocked'); }});
         const text = {{ method: 'POST', headers: {{ 'content-type': 'text/plain' }}, body: '{{\"topic\":\"a\",\"data\":1}}' }};
         const json = {{ method: 'POST', headers: {{ 'content-type': 'application/json' }}, body: text.body }};
         const simple = await fetch('{origin}/publish', {{ ...text, mode: 'no-cors', credentials: 'include' }});
         return [stream, source.readyState, simple.type, await attempt('/publish', json), await attempt('/session', {{ method: 'DELETE' }})]"
    );
    let seen = page.run(&script).await;
    assert_eq!(
        seen,
        serde_json::json!(["blocked", 2, "opaque", "blocked", "blocked"])
    );
    let streams = ask(gateway.metrics, "GET", "/metrics", &[], "").await.text;
    assert!(streams.contains("gateway_events_total 0"), "{streams}");
}
