//! What a guest may still do in its call: how much it may write to the log, how much it may ask of the host. And the
//! log itself, `ketch:api/log`, standard output and standard error.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ketch_manifest::one_line;
use ketch_web::RequestId;
use tempfile::TempDir;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker};

use crate::state::State;

/// The most lines that a call writes to the log.
const LINES: u32 = 1_000;
/// The most bytes that a call writes to the log.
const BYTES: usize = 256 << 10;
/// The most bytes of a line; what is longer is cut.
const LINE: usize = 8 << 10;
/// The most requests that a call sends.
const REQUESTS: u32 = 64;
/// The most statements that a call has the database run.
const STATEMENTS: u32 = 1_000;
/// The most rows that a call reads.
const ROWS: usize = 20_000;

/// Whose call it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// The request; none when a project is loaded.
    pub(crate) request: Option<RequestId>,
    /// The caller, when it is known.
    pub(crate) caller_id: Option<String>,
    /// Its address, when a middleware said so.
    pub(crate) caller_email: Option<String>,
    /// The folder of the files that came with the request.
    pub(crate) files: Option<Arc<TempDir>>,
}

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Error,
}

/// How important a line is. Guests say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "guests make what is made nowhere here")]
enum Level {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

/// The account of an instance, begun anew with each call.
pub(crate) struct Ledger {
    subject: Arc<str>,
    page: Mutex<Page>,
}

struct Page {
    about: About,
    lines: u32,
    bytes: usize,
    requests: u32,
    statements: u32,
    rows: usize,
    /// Whether it was told that lines are left out.
    told: bool,
    /// Lines that have not ended: of standard output and of standard error.
    begun: [Vec<u8>; 2],
}

impl Ledger {
    /// An account of the guest that messages call `subject`.
    pub(crate) fn new(subject: Arc<str>) -> Self {
        Self { subject, page: Mutex::new(Page::new(About::default())) }
    }

    /// Begins a call.
    pub(crate) fn open(&self, about: About) {
        *self.page() = Page::new(about);
    }

    /// Ends a call: lines that have not ended are written.
    pub(crate) fn close(&self) {
        let begun = std::mem::take(&mut self.page().begun);
        for (stream, line) in [Stream::Out, Stream::Error].into_iter().zip(begun) {
            if !line.is_empty() {
                self.line(stream.level(), &String::from_utf8_lossy(&line));
            }
        }
        self.page().about = About::default();
    }

    /// Whose call it is.
    pub(crate) fn about(&self) -> About {
        self.page().about.clone()
    }

    /// Takes what was written to a stream: whole lines go to the log, what is left waits for its end.
    pub(crate) fn print(&self, stream: Stream, bytes: &[u8]) {
        let mut begun = std::mem::take(&mut self.page().begun[stream as usize]);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE.saturating_sub(begun.len());
            begun.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.line(stream.level(), String::from_utf8_lossy(&begun).trim_end());
                begun.clear();
            }
        }
        self.page().begun[stream as usize] = begun;
    }

    /// Says in the log, as one of the call's lines, what went wrong with what the guest wanted.
    pub(crate) fn warn(&self, text: &str) {
        self.line(Level::Warn, text);
    }

    /// Whether the guest may send one more request, which is counted.
    pub(crate) fn may_send(&self) -> bool {
        let mut page = self.page();
        page.requests += 1;
        page.requests <= REQUESTS
    }

    /// Whether the guest may have one more statement run, which is counted.
    pub(crate) fn may_run(&self) -> bool {
        let mut page = self.page();
        page.statements += 1;
        page.statements <= STATEMENTS
    }

    /// Whether the guest may have so many more rows, which are counted.
    pub(crate) fn may_have(&self, rows: usize) -> bool {
        let mut page = self.page();
        page.rows = page.rows.saturating_add(rows);
        page.rows <= ROWS
    }

    /// Writes a line to the log, if the call may write one more.
    fn line(&self, level: Level, text: &str) {
        let request = {
            let mut page = self.page();
            let room = page.lines < LINES && page.bytes < BYTES;
            if !room && page.told {
                return;
            }
            page.lines += 1;
            page.bytes = page.bytes.saturating_add(text.len());
            page.told = !room;
            if !room {
                let id = page.about.request.map(tracing::field::display);
                let file = &*self.subject;
                tracing::warn!(target: "ketch::wasm", id, file, "more lines than a call may write: the rest is left out");
                return;
            }
            page.about.request
        };
        let (id, file, text) = (request.map(tracing::field::display), &*self.subject, shown(text));
        match level {
            Level::Debug => tracing::debug!(target: "ketch::wasm", id, file, "{text}"),
            Level::Info => tracing::info!(target: "ketch::wasm", id, file, "{text}"),
            Level::Warn => tracing::warn!(target: "ketch::wasm", id, file, "{text}"),
            Level::Error => tracing::error!(target: "ketch::wasm", id, file, "{text}"),
        }
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    fn new(about: About) -> Self {
        let begun = Default::default();
        Self { about, lines: 0, bytes: 0, requests: 0, statements: 0, rows: 0, told: false, begun }
    }
}

impl Stream {
    fn level(self) -> Level {
        match self {
            Self::Out => Level::Info,
            Self::Error => Level::Warn,
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// The beginning of a text, at most [`LINE`] bytes of it, as one line: a guest writes no lines that look like another's.
fn shown(text: &str) -> Cow<'_, str> {
    one_line(&text[..text.floor_char_boundary(LINE)])
}

/// Gives guests `ketch:api/log`.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance("ketch:api/log@0.1.0")?.func_wrap(
        "write",
        |store: StoreContextMut<'_, State>, (level, message): (Level, String)| {
            store.data().ledger.line(level, &message);
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_written_in_pieces_is_one_and_a_long_one_is_cut() {
        let ledger = Ledger::new("a".into());
        ledger.print(Stream::Out, b"be");
        ledger.print(Stream::Out, b"gun");
        assert_eq!(ledger.page().begun[0], b"begun");
        ledger.print(Stream::Out, b"\nnext");
        assert_eq!(ledger.page().begun[0], b"next");
        assert_eq!(ledger.page().lines, 1);
        ledger.print(Stream::Out, &vec![b'x'; 1 << 20]);
        assert_eq!(ledger.page().begun[0].len(), LINE);
    }

    #[test]
    fn what_a_guest_writes_is_one_line_of_the_log() {
        assert_eq!(shown("a\n2026 ERROR \u{1b}[2Jb"), "a\\u{a}2026 ERROR \\u{1b}[2Jb");
        assert_eq!(shown(&"x".repeat(LINE * 2)).len(), LINE);
    }

    #[test]
    fn beyond_its_lines_and_bytes_a_call_writes_nothing() {
        let ledger = Ledger::new("a".into());
        (0..LINES * 2).for_each(|_| ledger.print(Stream::Error, b"line\n"));
        assert_eq!(ledger.page().lines, LINES + 1, "the one more says that lines are left out");
        ledger.open(About::default());
        (0..1_000).for_each(|_| ledger.print(Stream::Error, &[b'x'; LINE]));
        assert!(ledger.page().bytes <= BYTES + LINE);
    }
}
