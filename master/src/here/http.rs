//! A request to a server, from the master: 2xx and 3xx are success, 4xx and 5xx failure, no answer an exception (F17).
//!
//! Redirections are not followed: what was asked for is what was asked, and its headers go to nobody else.

use std::fmt::Write as _;
use std::io::Read as _;
use std::time::Duration;

use linn_core::model::{CommandSpec, Exit, HttpCommand};
use linn_core::time::Span;
use tokio::sync::watch;
use ureq::http::{Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::Ending;
use super::output::Output;

/// The most of an answer that is kept, in bytes.
const MAX_ANSWER: u64 = 1 << 20;
/// The most that a server may say before the body, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Asks, and says how that was.
pub(super) async fn run(
    spec: &CommandSpec,
    command: &HttpCommand,
    output: &mut Output,
    mut ending: watch::Receiver<Ending>,
) -> Exit {
    output.say(&format!("{} {}", command.method, command.url)).await;
    // An answer is the only thing it could say, so silence and time in all are the same here.
    let limit = [spec.timeouts.silence, spec.timeouts.total].into_iter().flatten().min();
    let asked = command.clone();
    let mut asking = tokio::task::spawn_blocking(move || ask(&asked, limit));
    let answered = tokio::select! {
        answered = &mut asking => answered,
        // The request itself goes on until its time is over; nobody hears its answer.
        Ok(_) = ending.wait_for(|asked| *asked > Ending::No) => return Exit::Interrupted,
    };
    let answer = match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => {
            output.say(&format!("# no answer: {why}")).await;
            return Exit::Unanswered(why);
        }
        Err(_) => return Exit::Unanswered("the request broke down".to_owned()),
    };
    output.say(&answer.status).await;
    for (name, value) in &answer.headers {
        output.say(&format!("{name}: {value}")).await;
    }
    output.say("").await;
    output.write(&answer.body).await;
    if answer.cut {
        output.say(&format!("\n# the answer is longer; {MAX_ANSWER} bytes of it are kept")).await;
    }
    match answer.code {
        200..400 => Exit::Exited(0),
        _ => Exit::Failed(answer.status),
    }
}

/// What a server said.
struct Answer {
    code: u16,
    /// `404 Not Found`.
    status: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// There was more.
    cut: bool,
}

/// Asks and waits; the error is a sentence for people.
fn ask(command: &HttpCommand, limit: Option<Span>) -> Result<Answer, String> {
    let limit = limit.map(|span| Duration::from_millis(u64::try_from(span.millis()).unwrap_or(0)));
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_response_header_size(MAX_HEAD)
        .timeout_global(limit)
        .user_agent(concat!("linn/", env!("CARGO_PKG_VERSION")))
        // Those that this machine trusts, so that a site's own authority is among them.
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .allow_non_standard_methods(false)
        .build()
        .into();
    let mut request = Request::builder().method(command.method.as_str()).uri(address(command));
    if let Some((name, password)) = &command.auth {
        let credentials = base64(format!("{name}:{password}").as_bytes());
        request = request.header("Authorization", format!("Basic {credentials}"));
    }
    for (name, value) in &command.headers {
        request = request.header(name, value);
    }
    let wrong = |error: ureq::http::Error| format!("the request is none: {error}");
    let answered = match &command.data {
        Some(data) => agent.run(request.body(data.as_str()).map_err(wrong)?),
        None => agent.run(request.body(()).map_err(wrong)?),
    };
    read(answered.map_err(|error| error.to_string())?)
}

/// The address with its parameters, before what stands behind a `#`.
fn address(command: &HttpCommand) -> String {
    let (before, fragment) = command.url.split_once('#').unwrap_or((&command.url, ""));
    let mut address = before.to_owned();
    for (name, value) in &command.params {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(&escaped(name));
        address.push('=');
        address.push_str(&escaped(value));
    }
    if !fragment.is_empty() {
        address.push('#');
        address.push_str(fragment);
    }
    address
}

/// With all but what RFC 3986 leaves free written as `%XX`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |nth: usize| u32::from(three.get(nth).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for nth in 0..4 {
            let sign = SIGNS[(bits >> (18 - 6 * nth) & 63) as usize];
            out.push(if nth <= three.len() { char::from(sign) } else { '=' });
        }
    }
    out
}

fn read(response: Response<Body>) -> Result<Answer, String> {
    let (head, body) = response.into_parts();
    let reason = head.status.canonical_reason().unwrap_or_default();
    let status = format!("{} {reason}", head.status.as_u16()).trim_end().to_owned();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let headers = headers.collect();
    let mut kept = Vec::new();
    let read = body.into_reader().take(MAX_ANSWER + 1).read_to_end(&mut kept);
    read.map_err(|error| format!("the answer broke off: {error}"))?;
    let cut = kept.len() as u64 > MAX_ANSWER;
    kept.truncate(usize::try_from(MAX_ANSWER).unwrap_or(usize::MAX));
    Ok(Answer { code: head.status.as_u16(), status, headers, body: kept, cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_go_behind_the_address() {
        let address = |url: &str, params: &[(&str, &str)]| {
            let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
            super::address(&HttpCommand {
                method: "GET".to_owned(),
                url: url.to_owned(),
                params: params.iter().map(owned).collect(),
                headers: Vec::new(),
                auth: None,
                data: None,
            })
        };
        assert_eq!(address("http://h/x#y", &[]), "http://h/x#y");
        assert_eq!(
            address("http://h/x#y", &[("a b", "c&d=ä")]),
            "http://h/x?a%20b=c%26d%3D%C3%A4#y"
        );
        assert_eq!(address("http://h/x?q=1", &[("a", "1"), ("b", "")]), "http://h/x?q=1&a=1&b=");
    }

    #[test]
    fn base64_as_the_rfc_has_it() {
        for (text, written) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), written);
        }
    }
}
