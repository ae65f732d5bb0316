//! Words and tables: data goes to stdout, words to stderr, and nothing that was stored moves the cursor.

use std::io::{IsTerminal, Write};

use anyhow::{Result, bail};
use serde_json::Value;

/// Writes data for whoever reads stdout. A reader that has seen enough, such as `head`, is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whoever cannot be told on stderr cannot be told at all.
pub(crate) fn say(text: &str) {
    let _unheard = writeln!(std::io::stderr(), "{text}");
}

/// Asks whoever sits there; nobody is asked when nobody does. What is asked about is told before, in whole lines.
/// `undone` says what did not happen: "nothing was undone".
pub(crate) fn confirm(about: &str, question: &str, undone: &str) -> Result<()> {
    let (mut stderr, stdin) = (std::io::stderr(), std::io::stdin());
    stderr.write_all(about.as_bytes())?;
    if !stderr.is_terminal() || !stdin.is_terminal() {
        bail!("nobody can be asked here, so {undone}: say `--yes` if this is what you want");
    }
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("{undone}"),
    }
}

/// Columns that are as wide as what stands in them.
pub(crate) fn table(rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.collect();
    let columns = rows.first().map_or(0, Vec::len);
    let wide = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let mut out = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out += cells.join("  ").trim_end();
        out.push('\n');
    }
    out
}

/// How many characters go on a line of stdout; none when it is no terminal.
pub(crate) fn width() -> Option<usize> {
    let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width))
}

/// Text that somebody stored, in one line: what would move the cursor, or turn the direction of writing, is escaped.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// JSON in lines. Of what was stored only that is escaped which a terminal would obey; it is the same JSON.
pub(crate) fn json(value: &Value) -> String {
    let mut out = String::new();
    for c in format!("{value:#}\n").chars() {
        // Breaks of lines within a text are escaped already.
        if c != '\n' && (c.is_control() || is_invisible(c)) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Breaks of lines, marks of direction, and letters without a width (Unicode 16, chapter 23).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The beginning of a text, with a mark where it was cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_stored_moves_the_cursor() {
        assert_eq!(clean("plain é 漢 \u{1f600}"), "plain é 漢 \u{1f600}");
        assert_eq!(clean("\u{1b}[2J\r\n\t\u{7f}\u{9b}"), r"\u{1b}[2J\r\n\t\u{7f}\u{9b}");
        assert_eq!(clean("a\u{202e}b\u{2066}c\u{200b}"), r"a\u{202e}b\u{2066}c\u{200b}");
    }

    #[test]
    fn json_moves_no_cursor_either_and_says_the_same() {
        let value =
            serde_json::json!({ "a\u{9b}": ["\u{1b}[2J\r\n\u{7f}\u{9b}2J\u{202e}", "é 漢 \u{1f600} \\"] });
        let text = json(&value);
        assert!(text.contains(r"\u007f\u009b2J\u202e") && text.contains("é 漢 \u{1f600}"), "{text}");
        assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || is_invisible(c))), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("äbcd", 3), "äb…");
        assert_eq!(cut("abcd", 0), "…");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["id", "name"], ["7", "é"], ["4711", "a"]];
        let rows = rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect());
        assert_eq!(table(rows), "id    name\n7     é\n4711  a\n");
    }
}
