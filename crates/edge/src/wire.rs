//! The bytes of one connection, watched: what HTTP/1 heads hold (see [`scan`](crate::scan)), and readers who do not
//! read. hyper has no deadline for writing.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

use crate::limits::Limits;
use crate::listen::{Phase, Phases};
use crate::scan::Scan;

/// How long, and how much of it, the rest of a refused body is read before the connection is closed: a socket closed
/// on unread bytes resets, and the client may then never see why it was refused.
const LINGER: (Duration, usize) = (Duration::from_secs(1), 1 << 20);

/// Set in `first_bad` when nothing more of the connection is to be trusted. No connection counts to it.
pub(crate) const LOST: u64 = 1 << 63;

/// A socket, with what was read of it already.
pub(crate) struct Wire<S> {
    stream: S,
    early: BytesMut,
    scan: Option<Scan>,
    first_bad: Arc<AtomicU64>,
    stall: Stall,
    linger: Option<(Pin<Box<Sleep>>, usize)>,
    idle: Duration,
    switch: Option<Switch>,
    switched: Option<Switched>,
}

/// What becomes of an HTTP/1 connection that switches to another protocol (RFC 9110, 7.8). hyper lets go of it then, so
/// nobody but this wire bounds it.
pub(crate) struct Switch {
    /// Set when it switches.
    pub(crate) told: Arc<AtomicBool>,
    pub(crate) phases: Phases,
    /// Dropped with the wire, so that the connection counts as long as it is open.
    pub(crate) _open: oneshot::Sender<()>,
}

/// A connection that has switched: its peer may be silent for so long, and it ends when the server drains.
struct Switched {
    idle: Duration,
    silence: Pin<Box<Sleep>>,
    draining: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Watches HTTP/1. The ordinal of the first head to refuse goes to `first_bad`.
    pub(crate) fn http1(
        stream: S,
        early: BytesMut,
        limits: &Limits,
        first_bad: Arc<AtomicU64>,
        switch: Switch,
    ) -> Self {
        let (scan, switch) = (Some(Scan::default()), Some(switch));
        Self { scan, first_bad, switch, ..Self::http2(stream, early, limits) }
    }

    /// Watches HTTP/2, whose framing hyper is strict about.
    pub(crate) fn http2(stream: S, early: BytesMut, limits: &Limits) -> Self {
        let stall = Stall { patience: limits.patience, enough: limits.enough(), waiting: None };
        let idle = limits.switched_idle;
        let (scan, linger, switch, switched) = (None, None, None, None);
        Self { stream, early, scan, first_bad: Arc::default(), stall, linger, idle, switch, switched }
    }

    fn look(&mut self, bytes: &[u8]) {
        if let Some(scan) = &mut self.scan {
            scan.feed(bytes);
            let lost = if scan.is_lost() { LOST } else { 0 };
            self.first_bad.store(scan.first_bad() | lost, Ordering::Release);
        }
    }

    /// From the switch on the bytes are no HTTP, and the deadline is another.
    fn see_switch(&mut self) {
        let Some(switch) = &self.switch else { return };
        if self.switched.is_some() || !switch.told.load(Ordering::Acquire) {
            return;
        }
        self.scan = None;
        let mut phases = switch.phases.clone();
        let draining = async move {
            // Without a server there is nobody to serve for.
            let _gone = phases.wait_for(|phase| *phase != Phase::Serving).await;
        };
        let (idle, silence) = (self.idle, Box::pin(sleep(self.idle)));
        self.switched = Some(Switched { idle, silence, draining: Some(Box::pin(draining)) });
    }

    /// Whether the server has given up waiting for a connection that has switched.
    fn is_over(&self) -> bool {
        self.switch.as_ref().is_some_and(|switch| {
            switch.told.load(Ordering::Acquire) && *switch.phases.borrow() == Phase::Over
        })
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
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
        wire.see_switch();
        if let Some(switched) = &mut wire.switched
            && switched.poll_draining(context)
        {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut wire.stream).poll_read(context, buffer);
        if let Some(switched) = &mut wire.switched {
            return switched.judge(context, read);
        }
        ready!(read)?;
        wire.look(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if self.is_over() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.stall.judge(context, wrote, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        if self.is_over() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
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

impl Switched {
    /// Whether the server drains: then the peer has said its last.
    fn poll_draining(&mut self, context: &mut Context<'_>) -> bool {
        if let Some(draining) = &mut self.draining
            && draining.as_mut().poll(context).is_ready()
        {
            self.draining = None;
        }
        self.draining.is_none()
    }

    /// Passes a read's outcome on, or ends the connection when its peer has been silent for too long.
    fn judge(&mut self, context: &mut Context<'_>, read: Poll<Result<()>>) -> Poll<Result<()>> {
        if read.is_ready() {
            self.silence.as_mut().reset(Instant::now() + self.idle);
        } else if self.silence.as_mut().poll(context).is_ready() {
            let late = Error::new(ErrorKind::TimedOut, "the peer has said nothing for too long");
            return Poll::Ready(Err(late));
        }
        read
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
