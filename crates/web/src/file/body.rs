//! The bytes of a file on their way out, a piece at a time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::exchange::RequestId;

/// The most that is read at a time, in bytes.
pub(crate) const PIECE: u64 = 64 << 10;

/// So many bytes of a file. A file that has become shorter breaks the reply off; what it has grown by is not sent.
pub(crate) struct FileBody {
    state: State,
    left: u64,
    id: Option<RequestId>,
}

enum State {
    /// The file, and where to go on when it is not there yet.
    Waiting(File, Option<u64>),
    Reading(JoinHandle<io::Result<(File, Bytes)>>),
    Ended,
}

impl FileBody {
    /// `count` bytes from `start`.
    pub(crate) fn new(file: File, start: u64, count: u64, id: Option<RequestId>) -> Self {
        let seek = Some(start).filter(|start| *start > 0);
        Self { state: State::Waiting(file, seek), left: count, id }
    }

    fn fail(&mut self, fault: io::Error) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.state = State::Ended;
        let id = self.id.map(tracing::field::display);
        tracing::error!(request_id = id, cause = %fault, "a file could not be read to its end");
        Poll::Ready(Some(Err(fault)))
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.left == 0 {
            this.state = State::Ended;
            return Poll::Ready(None);
        }
        this.state = match std::mem::replace(&mut this.state, State::Ended) {
            State::Waiting(file, seek) => {
                let count = this.left.min(PIECE);
                State::Reading(spawn_blocking(move || piece(file, seek, count)))
            }
            other => other,
        };
        let State::Reading(reading) = &mut this.state else { return Poll::Ready(None) };
        match ready!(reading.poll_unpin(context)) {
            Ok(Ok((file, bytes))) => {
                this.left = this.left.saturating_sub(bytes.len() as u64);
                this.state = State::Waiting(file, None);
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Ok(Err(fault)) => this.fail(fault),
            Err(lost) => this.fail(io::Error::other(lost)),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn piece(mut file: File, seek: Option<u64>, count: u64) -> io::Result<(File, Bytes)> {
    if let Some(start) = seek {
        file.seek(SeekFrom::Start(start))?;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    Read::by_ref(&mut file).take(count).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter"));
    }
    Ok((file, bytes.into()))
}
