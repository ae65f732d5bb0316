//! Heads of HTTP/1 requests: the watch over the wire sees what hyper's parser forgives, and what the guards let pass
//! says one thing only.
//!
//! An input is one byte, how the rest is cut, and what a client sends.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderName, Request, Version};
use ketch_edge::__fuzz::first_bad;
use ketch_edge::{Limits, shipped};

/// As many as hyper reads.
const MOST_HEADERS: usize = 100;

/// Tries one connection's bytes, then their first head.
pub(crate) fn run(bytes: &[u8]) {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let cuts: Vec<&[u8]> = bytes.chunks(1 + usize::from(*cut)).collect();
    assert_eq!(first_bad(&cuts), first_bad(&[bytes]), "cuts change nothing");

    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = request.parse(bytes) else { return };
    let Some(head) = parts(&request) else { return };
    watched(&bytes[..length], &head);
    guarded(&head);
}

/// The head as hyper would hand it on; `None` where hyper refuses it.
fn parts(request: &httparse::Request<'_, '_>) -> Option<Parts> {
    let version = if request.version? == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut builder = Request::builder().method(request.method?).uri(request.path?).version(version);
    for header in request.headers.iter() {
        builder = builder.header(HeaderName::from_bytes(header.name.as_bytes()).ok()?, header.value);
    }
    Some(builder.body(()).ok()?.into_parts().0)
}

fn watched(bytes: &[u8], head: &Parts) {
    let bare =
        bytes.iter().enumerate().any(|(at, byte)| *byte == b'\n' && (at == 0 || bytes[at - 1] != b'\r'));
    let both = head.headers.contains_key(CONTENT_LENGTH) && head.headers.contains_key(TRANSFER_ENCODING);
    let text = String::from_utf8_lossy(bytes);
    if bare || both {
        assert_eq!(first_bad(&[bytes]), 1, "ambiguous, but not seen: {text}");
    }
    let is_plain = |line: &[u8]| {
        line.len() < 40 && line.iter().rev().take_while(|byte| byte.is_ascii_digit()).count() < 20
    };
    let plain = head.headers.get_all(CONTENT_LENGTH).iter().all(|length| {
        let digits = length.as_bytes();
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    });
    let short = bytes.split(|byte| *byte == b'\n').all(|line| is_plain(line.trim_ascii_end()));
    if plain && short && !bare && !both {
        assert_eq!(first_bad(&[bytes]), 0, "refused without a reason: {text}");
    }
}

fn guarded(head: &Parts) {
    let refused = shipped(&Limits::default()).iter().find_map(|guard| guard.check(head).err());
    if let Some(error) = refused {
        let status = error.status().as_u16();
        assert!((400..500).contains(&status) || status == 501, "{status} for {head:?}");
        return;
    }
    assert!(head.uri.path().starts_with('/') || head.uri.path() == "*", "{head:?}");
    assert!(head.uri.to_string().is_ascii(), "{head:?}");
    let codings: Vec<_> = head.headers.get_all(TRANSFER_ENCODING).iter().collect();
    assert!(
        codings.is_empty() || (codings.len() == 1 && codings[0].as_bytes().eq_ignore_ascii_case(b"chunked"))
    );
    let hosts: Vec<_> = head.headers.get_all(HOST).iter().collect();
    assert!(hosts.len() == 1 || (hosts.is_empty() && head.version == Version::HTTP_10), "{head:?}");
    for host in hosts {
        let authority = Authority::try_from(host.as_bytes()).expect("a host is an authority");
        let rest = authority.as_str().strip_prefix(authority.host()).expect("the host comes first");
        assert!(!authority.host().is_empty(), "{head:?}");
        assert!(matches!(rest, "" | ":") || authority.port_u16().is_some(), "{head:?}");
        if let Some(target) = head.uri.authority() {
            assert!(target.host().eq_ignore_ascii_case(authority.host()), "{head:?}");
        }
    }
}
