//! Text that programs and components wrote, on its way to a log.

use std::borrow::Cow;

/// Foreign text as one line: what a terminal obeys, what ends a line and what is not seen is escaped. So nothing that is
/// run here can write what looks like another's line.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_escaped) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\t' => shown.push(' '),
            character if is_escaped(character) => shown.extend(character.escape_unicode()),
            character => shown.push(character),
        }
    }
    shown.into()
}

/// The most of foreign bytes that is put into one line of the log.
pub(crate) const SHOWN: usize = 1024;

/// Foreign bytes as one line of a log: cut, and as [`one_line`] has it.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(SHOWN)];
    let mut shown = one_line(&String::from_utf8_lossy(cut)).into_owned();
    if bytes.len() > cut.len() {
        shown.push('…');
    }
    shown
}

/// Whether a character is a control, or changes the order or look of those beside it.
fn is_escaped(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_text_is_escaped() {
        assert_eq!(one_line("größer, 3 < 4"), "größer, 3 < 4");
        assert_eq!(one_line("a\tb"), "a b");
        assert_eq!(one_line("a\r\nERROR b\u{1b}[2J\u{202e}"), "a\\u{d}\\u{a}ERROR b\\u{1b}[2J\\u{202e}");
    }
}
