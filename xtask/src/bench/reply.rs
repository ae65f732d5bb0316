//! Whether both sides do the same: they must answer with the same bytes, but for the order of headers and for what
//! differs from request to request. Without that a comparison says nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::ENDPOINTS;
use super::server::Server;

/// Headers whose values differ from request to request; their lengths must not.
const VARYING: [&str; 2] = ["date", "x-request-id"];

/// Fails when the two programs answer any endpoint differently.
pub(super) fn same(programs: &[PathBuf; 2]) -> Result<()> {
    let [baseline, candidate] = programs;
    let (baseline, candidate) =
        (Server::start(baseline, &ENDPOINTS[0])?, Server::start(candidate, &ENDPOINTS[0])?);
    for ask in &ENDPOINTS {
        let (name, path) = (ask.name, ask.path);
        let replies = (comparable(&baseline.ask(ask)?)?, comparable(&candidate.ask(ask)?)?);
        ensure!(replies.0 == replies.1, "the replies to {path} differ:\n{:#?}\n{:#?}", replies.0, replies.1);
        println!("{name}: {} bytes in the body, {} headers", replies.0.body.len(), replies.0.headers.len());
    }
    Ok(())
}

/// A reply without the order of its headers and without what varies.
#[derive(Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) status: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

pub(super) fn comparable(reply: &str) -> Result<Reply> {
    let (head, body) = reply.split_once("\r\n\r\n").context("the reply has no head")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').with_context(|| format!("`{line}` is no header"))?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        let value = if VARYING.contains(&name.as_str()) { "*".repeat(value.len()) } else { value.to_owned() };
        headers.insert(name, value);
    }
    Ok(Reply { status, headers, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(head: &str, body: &str) -> Reply {
        comparable(&format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}")).unwrap()
    }

    #[test]
    fn order_and_what_varies_make_no_difference() {
        let one = reply("Date: Mon\r\nX-Request-Id: 1234\r\ncontent-length: 2", "ab");
        assert_eq!(one, reply("content-length: 2\r\nx-request-id: abcd\r\ndate: Tue", "ab"));
    }

    #[test]
    fn everything_else_does() {
        let one = reply("x-request-id: 1234", "ab");
        assert_ne!(one, reply("x-request-id: 12345", "ab"));
        assert_ne!(one, reply("x-request-id: 1234", "ba"));
        assert_ne!(one, reply("x-request-id: 1234\r\nvary: a", "ab"));
    }
}
