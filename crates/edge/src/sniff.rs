//! Which HTTP a connection speaks: HTTP/2 begins with its preface (RFC 9113, 3.4), HTTP/1 with anything else.
//!
//! hyper-util can tell as well, but has no deadline while it waits for the first bytes and cannot be asked to stop then.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What was found out, and the bytes it took.
pub(crate) enum Spoken {
    Http1(BytesMut),
    Http2(BytesMut),
}

/// Reads until it is clear; none when the peer went away first. The caller sets the deadline.
pub(crate) async fn sniff(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Spoken>> {
    // What a small request needs, so that most heads arrive with the first read.
    let mut read = BytesMut::with_capacity(1 << 10);
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
        let common = read.len().min(PREFACE.len());
        if read[..common] != PREFACE[..common] {
            return Ok(Some(Spoken::Http1(read)));
        }
        if common == PREFACE.len() {
            return Ok(Some(Spoken::Http2(read)));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn spoken(parts: &[&[u8]]) -> &'static str {
        let (mut near, mut far) = tokio::io::duplex(1024);
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
        tokio::spawn(async move {
            for part in parts {
                far.write_all(&part).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        match sniff(&mut near).await.unwrap() {
            None => "nothing",
            Some(Spoken::Http1(_)) => "1",
            Some(Spoken::Http2(_)) => "2",
        }
    }

    #[tokio::test]
    async fn the_preface_decides_as_soon_as_it_can() {
        assert_eq!(spoken(&[PREFACE]).await, "2");
        assert_eq!(spoken(&[b"PRI * HTTP", b"/2.0\r\n\r\nSM\r\n\r\nmore"]).await, "2");
        assert_eq!(spoken(&[b"P", b"OST / HTTP/1.1\r\n"]).await, "1");
        assert_eq!(spoken(&[b"PRI * HTTP/1.1\r\n"]).await, "1");
        assert_eq!(spoken(&[b"PRI"]).await, "nothing");
        assert_eq!(spoken(&[]).await, "nothing");
    }
}
