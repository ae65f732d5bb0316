//! `host`: a request names its host, once and readably (RFC 9112, 3.2; RFC 9113, 8.3.1).

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Version};
use ketch_model::Error;
use ketch_web::Guard;

/// 400 when HTTP/1.1 comes without `Host`, when there are several or none that can be read, or when it differs from
/// the host in the target. The connection is closed: some proxy may have understood it otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl Guard for Host {
    fn name(&self) -> &'static str {
        "host"
    }

    fn check(&self, head: &Parts) -> Result<(), Error> {
        let mut hosts = head.headers.get_all(HOST).iter();
        let target = head.uri.authority();
        let host = match (hosts.next(), hosts.next()) {
            (Some(_), Some(_)) => return Err(bad("the request names its host more than once")),
            // Nearly every request: a name and perhaps a port, and nothing to compare them with.
            (Some(host), None) if target.is_none() && is_plain(host.as_bytes()) => return Ok(()),
            (Some(host), None) => Some(readable(host)?),
            (None, _) if head.version == Version::HTTP_11 => {
                return Err(bad("an HTTP/1.1 request must have a `Host`"));
            }
            (None, _) => None,
        };
        if target.is_some_and(|target| !is_host(target)) {
            return Err(bad("the host in the request's target is no host"));
        }
        match (host, target) {
            (Some(host), Some(target)) if !same(&host, target) => {
                Err(bad("the host in the target and the one in `Host` differ"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether this is letters, digits, dots and dashes, and perhaps a port. Not every good host is plain.
fn is_plain(host: &[u8]) -> bool {
    let (name, port) = match memchr::memchr(b':', host) {
        Some(colon) => (&host[..colon], &host[colon + 1..]),
        None => (host, &b"0"[..]),
    };
    let number = |port: &[u8]| port.iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    !name.is_empty()
        && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && (1..=5).contains(&port.len())
        && port.iter().all(u8::is_ascii_digit)
        && number(port) <= u32::from(u16::MAX)
}

fn readable(host: &HeaderValue) -> Result<Authority, Error> {
    let unreadable = || bad("the request's `Host` is no host");
    let authority = Authority::try_from(host.as_bytes()).map_err(|_| unreadable())?;
    if is_host(&authority) { Ok(authority) } else { Err(unreadable()) }
}

/// A host and perhaps a port, without the user that an authority could have.
fn is_host(authority: &Authority) -> bool {
    let host = authority.host();
    let spelled = |b: u8| b.is_ascii_alphanumeric() || b"-._~[]:%!$&'()*+;=".contains(&b);
    // What `http` takes for a port it does not check.
    let port = match authority.as_str().strip_prefix(host) {
        Some("" | ":") => true,
        Some(rest) => rest
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()),
        None => false,
    };
    !host.is_empty() && host.bytes().all(spelled) && port
}

fn same(a: &Authority, b: &Authority) -> bool {
    a.host().eq_ignore_ascii_case(b.host())
        && (a.port_u16().is_none() || b.port_u16().is_none() || a.port_u16() == b.port_u16())
}

fn bad(message: &'static str) -> Error {
    Error::new(400, "bad_host", message).closing()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(host: &str) -> bool {
        let (head, ()) =
            http::Request::builder().uri("/").header(HOST, host).body(()).expect("a request").into_parts();
        Host.check(&head).is_ok()
    }

    #[test]
    fn hosts_are_told_from_what_is_none() {
        for good in [
            "a",
            "example.com",
            "example.com:80",
            "127.0.0.1:65535",
            "[::1]",
            "[::1]:80",
            "a_b",
            "a:",
            "A-1.b",
        ] {
            assert!(verdict(good), "{good}");
        }
        for bad in
            ["", ":80", "a:65536", "a:99999999", "a:8x", "a:+80", "u@a", "a b", "a/b", "a,b", "a:80:80", "é"]
        {
            assert!(!verdict(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_plain_is_good() {
        for host in ["a", "a.b:1", "a:65535", "a:65536", "a:", ":1", "a_b", "a:12345678901", ""] {
            assert!(!is_plain(host.as_bytes()) || verdict(host), "{host}");
        }
    }
}
