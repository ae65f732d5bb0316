//! Lines of the log as text, written as `tracing_subscriber` writes them by itself, at half the cost.
//!
//! Every request has a line, and formatting it the general way is a third of what a short request computes. The common
//! cases are written straight here, everything else is left to `tracing_subscriber`; a test holds that nobody can tell.

use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Debug};
use std::time::UNIX_EPOCH;

use ketch_model::{Clock as _, SystemClock};
use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput as _};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, DefaultVisitor, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// The fields of an event: `name="text" other=7`.
pub(crate) struct TextFields;

impl<'w> FormatFields<'w> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        // With colours somebody sits before a terminal, and nothing is in a hurry.
        if writer.has_ansi_escapes() {
            return DefaultFields::new().format_fields(writer, fields);
        }
        let mut line = Line { writer, is_empty: true, result: Ok(()) };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'w> {
    writer: Writer<'w>,
    is_empty: bool,
    result: fmt::Result,
}

impl Line<'_> {
    fn plain(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if self.result.is_ok() {
            self.result = self.name(field).and_then(|()| self.writer.write_fmt(value));
        }
    }

    fn quoted(&mut self, field: &Field, value: &str) -> fmt::Result {
        self.name(field)?;
        self.writer.write_char('"')?;
        self.writer.write_str(value)?;
        self.writer.write_char('"')
    }

    fn name(&mut self, field: &Field) -> fmt::Result {
        if !std::mem::take(&mut self.is_empty) {
            self.writer.write_char(' ')?;
        }
        self.writer.write_str(field.name())?;
        self.writer.write_char('=')
    }

    fn usual(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        if self.result.is_ok() {
            let mut visitor = DefaultVisitor::new(self.writer.by_ref(), std::mem::take(&mut self.is_empty));
            record(&mut visitor);
            self.result = visitor.finish();
        }
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if is_usual(field) || !value.bytes().all(is_plain) {
            return self.usual(|visitor| visitor.record_str(field, value));
        }
        if self.result.is_ok() {
            self.result = self.quoted(field, value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if is_usual(field) {
            return self.usual(|visitor| visitor.record_u64(field, value));
        }
        self.plain(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.usual(|visitor| visitor.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.usual(|visitor| visitor.record_debug(field, value));
    }
}

/// Fields that have a form of their own: the message, and names that are Rust's keywords.
fn is_usual(field: &Field) -> bool {
    field.name() == "message" || field.name().starts_with("r#")
}

/// Whether the byte stands for itself between quotation marks.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// The time of day, as RFC 3339 with microseconds. All but those are worked out once a second.
pub(crate) struct Time;

thread_local! {
    /// The last second since 1970 that was written by this thread, and its text up to the point.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

impl FormatTime for Time {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let Ok(now) = SystemClock.now().duration_since(UNIX_EPOCH) else {
            return SystemTime.format_time(writer);
        };
        SECOND.with_borrow_mut(|(second, text)| {
            if *second != now.as_secs() {
                text.clear();
                SystemTime.format_time(&mut Writer::new(text))?;
                // It has looked at its watch later than we have.
                let seconds = format!(":{:02}", now.as_secs() % 60);
                match text.rsplit_once('.').map(|(start, _)| start.len()) {
                    Some(point) if text[..point].ends_with(&seconds) => text.truncate(point),
                    _ => {
                        *second = u64::MAX;
                        return writer.write_str(text);
                    }
                }
                *second = now.as_secs();
            }
            writer.write_str(text)?;
            write!(writer, ".{:06}Z", now.subsec_micros())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn log_everything() {
        let fault = io::Error::other(io::Error::other("the \u{1b}[31mcause"));
        for text in
            ["", "plain", "two words", "\"", "\\", "a\nb", "\u{1b}[31m", "é", "it's", "\u{7f}", "=,{}"]
        {
            tracing::info!(target: "ketch::request", id = "1f", path = text, status = 200_u16, bytes = 7_u64, body = "whole");
            tracing::info!(text);
            tracing::warn!(r#type = text, "message {text}");
            tracing::warn!(message = text, text);
        }
        tracing::error!(error = &fault as &dyn Error, "failed");
        tracing::error!(%fault, ?fault, number = -3, large = u128::MAX, share = 0.5, yes = true, "failed");
        tracing::info!(first = tracing::field::Empty, most = u64::MAX);
        let span = tracing::info_span!("span", name = "x y", number = 7_u64, later = tracing::field::Empty);
        span.record("later", "now");
        span.in_scope(|| tracing::info!(inside = "yes", "done"));
    }

    #[test]
    fn nobody_can_tell_the_lines_from_the_usual_ones() {
        for ansi in [false, true] {
            let (usual, ours) = (Lines::default(), Lines::default());
            let builder = |lines: &Lines| {
                let lines = lines.clone();
                tracing_subscriber::fmt().without_time().with_ansi(ansi).with_writer(move || lines.clone())
            };
            tracing::subscriber::with_default(builder(&usual).finish(), log_everything);
            tracing::subscriber::with_default(builder(&ours).fmt_fields(TextFields).finish(), log_everything);
            assert!(usual.text().lines().count() >= 48, "{}", usual.text());
            for (usual, ours) in usual.text().lines().zip(ours.text().lines()) {
                assert_eq!(usual, ours);
            }
            assert_eq!(usual.text(), ours.text());
        }
    }

    #[test]
    fn the_time_is_the_one_that_the_usual_clock_shows() {
        let shown = |timer: &dyn FormatTime| {
            let mut text = String::new();
            timer.format_time(&mut Writer::new(&mut text)).unwrap();
            text
        };
        // Long enough to see a second end, and both of its kinds of line.
        let started = std::time::Instant::now();
        while started.elapsed() < std::time::Duration::from_millis(1_200) {
            let times = [shown(&SystemTime), shown(&Time), shown(&SystemTime)];
            assert!(times.is_sorted() && times.iter().all(|time| time.len() == times[0].len()), "{times:?}");
        }
    }
}
