//! The bytes of one connection, watched: what HTTP/1 heads hold (see [`scan`](crate::scan)), and readers who do not
//! read. hyper has no deadline for writing.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::limits::Limits;
use crate::scan::Scan;

/// How long, and how much of it, the rest of a refused body is read before the connection is closed: a socket closed
/// on unread bytes resets, and the client may then never see why it was refused.
const LINGER: (Duration, usize) = (Duration::from_secs(1), 1 << 20);

/// Set in `first_bad` when nothing more of the connection is to be trusted. No connection counts to it.
pub(crate) const LOST: u64 = 1 << 63;

/// A socket, with what was read of it already.
pub(crate) struct Wire {
    stream: TcpStream,
    early: BytesMut,
    scan: Option<Scan>,
    first_bad: Arc<AtomicU64>,
    stall: Stall,
    linger: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Wire {
    /// Watches HTTP/1. The ordinal of the first head to refuse goes to `first_bad`.
    pub(crate) fn http1(
        stream: TcpStream,
        early: BytesMut,
        limits: &Limits,
        first_bad: Arc<AtomicU64>,
    ) -> Self {
        Self { scan: Some(Scan::default()), first_bad, ..Self::http2(stream, early, limits) }
    }

    /// Watches HTTP/2, whose framing hyper is strict about.
    pub(crate) fn http2(stream: TcpStream, early: BytesMut, limits: &Limits) -> Self {
        let stall = Stall { patience: limits.patience, enough: limits.enough(), waiting: None };
        Self { stream, early, scan: None, first_bad: Arc::default(), stall, linger: None }
    }

    fn look(&mut self, bytes: &[u8]) {
        if let Some(scan) = &mut self.scan {
            scan.feed(bytes);
            let lost = if scan.is_lost() { LOST } else { 0 };
            self.first_bad.store(scan.first_bad() | lost, Ordering::Release);
        }
    }

    /// Reads and drops what a refused client still sends, within [`LINGER`].
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (sleep, left) = self.linger.get_or_insert_with(|| (Box::pin(sleep(LINGER.0)), LINGER.1));
        let mut scratch = [0; 4096];
        while *left > 0 && sleep.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *left = left.saturating_sub(buffer.filled().len()),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let wire = &mut *self;
        if !wire.early.is_empty() {
            let count = wire.early.len().min(buffer.remaining());
            let early = wire.early.split_to(count);
            wire.look(&early);
            buffer.put_slice(early.chunk());
            if wire.early.is_empty() {
                wire.early = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut wire.stream).poll_read(context, buffer))?;
        wire.look(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.stall.judge(context, wrote, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.stall.judge(context, wrote, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self.scan.as_ref().is_some_and(Scan::in_body) {
            ready!(self.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

/// Tells a reader who is slow from one who does not read: as long as bytes wait to be taken, so many must be taken in
/// each span of patience.
struct Stall {
    patience: Duration,
    enough: u64,
    /// While bytes wait: how many were taken in this span, and its end.
    waiting: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Stall {
    /// Passes a write's outcome on, or ends the connection when its reader has taken too little.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        wrote: Poll<Result<usize>>,
        wanted: usize,
    ) -> Poll<Result<usize>> {
        match wrote {
            Poll::Ready(Ok(count)) if count == wanted => self.waiting = None,
            Poll::Ready(Ok(count)) => {
                if let Some((taken, _)) = &mut self.waiting {
                    *taken += count as u64;
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let patience = self.patience;
                let (taken, span) = self.waiting.get_or_insert_with(|| (0, Box::pin(sleep(patience))));
                while span.as_mut().poll(context).is_ready() {
                    if *taken < self.enough {
                        let late = Error::new(ErrorKind::TimedOut, "the peer does not read its replies");
                        return Poll::Ready(Err(late));
                    }
                    *taken = 0;
                    span.as_mut().reset(Instant::now() + patience);
                }
            }
        }
        wrote
    }
}
