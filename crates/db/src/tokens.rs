//! SQL text as tokens: enough to find `:name` parameters, keywords and the ends of statements, and never to mistake what
//! stands in a string, a quoted name or a comment for them.
//!
//! What is a token follows each engine's own lexer: PostgreSQL's comments nest and its strings may be `E'…'` or `$$…$$`;
//! SQLite quotes names with `[…]` and backticks too. What the tokens mean is not known here: wrong SQL has tokens as well,
//! and the engine says what is wrong with it.

mod statements;

use std::borrow::Cow;

use crate::driver::Dialect;

pub use statements::{split, words};

/// What a piece of SQL text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// White space.
    Space,
    /// A comment, with its marks.
    Comment,
    /// A keyword or a name that is not quoted.
    Word,
    /// A quoted name: `"…"`, with SQLite also `[…]` and backticks.
    Name,
    /// A string: `'…'`, with PostgreSQL also `E'…'` and `$tag$…$tag$`.
    String,
    /// Digits.
    Number,
    /// `:name`.
    Parameter,
    /// `$1`.
    Positional,
    /// `;`.
    End,
    /// Anything else, one character each; `::` and `:=` are one.
    Other,
}

/// A piece of SQL text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'s> {
    /// What it is.
    pub kind: Kind,
    /// Its text. All pieces one after the other are the whole text.
    pub text: &'s str,
}

/// The tokens of a text, one after the other.
///
/// `:` and a name is a parameter wherever it is no `::cast`. In the slice of an array, `a[lo:hi]`, `:hi` is one too: a
/// space says otherwise, `a[lo : hi]`. Digits are no name: `a[1:2]` has no parameters.
#[derive(Clone, Debug)]
pub struct Tokens<'s> {
    rest: &'s str,
    dialect: Dialect,
}

impl<'s> Tokens<'s> {
    /// The tokens of a text in an engine's SQL.
    pub fn new(sql: &'s str, dialect: Dialect) -> Self {
        Self { rest: sql, dialect }
    }

    /// What the text begins with, and its length in bytes.
    fn first(&self) -> Option<(Kind, usize)> {
        let rest = self.rest;
        let postgres = self.dialect == Dialect::Postgres;
        let mut chars = rest.chars();
        let first = chars.next()?;
        let second = chars.next().unwrap_or('\0');
        Some(match first {
            _ if space(first) => (Kind::Space, length(rest, space)),
            '-' if second == '-' => {
                (Kind::Comment, length(rest, |it| !(it == '\n' || postgres && it == '\r')))
            }
            '/' if second == '*' => (Kind::Comment, block_comment(rest, self.dialect)),
            '\'' => (Kind::String, quoted(rest, '\'')),
            '"' => (Kind::Name, quoted(rest, '"')),
            '`' if !postgres => (Kind::Name, quoted(rest, '`')),
            '[' if !postgres => (Kind::Name, rest.find(']').map_or(rest.len(), |end| end + 1)),
            'e' | 'E' if postgres && second == '\'' => (Kind::String, escaped(rest)),
            '$' if second.is_ascii_digit() => (Kind::Positional, 1 + length(&rest[1..], digit)),
            '$' if postgres => dollar_quoted(rest).map_or((Kind::Other, 1), |length| (Kind::String, length)),
            ':' if second == ':' || second == '=' => (Kind::Other, 2),
            ':' if begins_name(second) => (Kind::Parameter, 1 + length(&rest[1..], continues_name)),
            ';' => (Kind::End, 1),
            _ if first.is_ascii_digit() => (Kind::Number, length(rest, digit)),
            // A dollar sign inside a word belongs to it, so that no string begins there.
            _ if begins_name(first) => (Kind::Word, length(rest, |it| continues_name(it) || it == '$')),
            _ => (Kind::Other, first.len_utf8()),
        })
    }
}

impl<'s> Iterator for Tokens<'s> {
    type Item = Token<'s>;

    fn next(&mut self) -> Option<Token<'s>> {
        let (kind, length) = self.first()?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(Token { kind, text })
    }
}

/// A statement with its parameters numbered, as PostgreSQL takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered<'s> {
    /// The text, with `$1` for the first name and so on. A name that comes twice has one number.
    pub sql: Cow<'s, str>,
    /// The names without their colon: the first is `$1`.
    pub names: Vec<&'s str>,
    /// Whether the text had `$1` of its own.
    pub positional: bool,
}

/// Numbers the `:name` parameters of a statement in PostgreSQL's SQL. A text without any is left as it is.
pub fn number(sql: &str) -> Numbered<'_> {
    let mut names: Vec<&str> = Vec::new();
    let mut text = String::new();
    let mut positional = false;
    // How much of the text is in `text` already.
    let (mut done, mut at) = (0, 0);
    for token in Tokens::new(sql, Dialect::Postgres) {
        positional |= token.kind == Kind::Positional;
        if token.kind == Kind::Parameter {
            let name = &token.text[1..];
            let known = names.iter().position(|it| *it == name);
            let index = known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            text.push_str(&sql[done..at]);
            // `a:b` is two tokens, `a$1` would be one.
            if sql[..at].ends_with(|it: char| continues_name(it) || it == '$') {
                text.push(' ');
            }
            text.push('$');
            text.push_str(&(index + 1).to_string());
            done = at + token.text.len();
        }
        at += token.text.len();
    }
    if names.is_empty() {
        return Numbered { sql: Cow::Borrowed(sql), names, positional };
    }
    text.push_str(&sql[done..]);
    Numbered { sql: Cow::Owned(text), names, positional }
}

/// What both engines take for white space: nothing beyond ASCII.
fn space(it: char) -> bool {
    matches!(it, ' ' | '\t'..='\r')
}

/// To both engines every character beyond ASCII is a letter.
fn begins_name(it: char) -> bool {
    it == '_' || it.is_ascii_alphabetic() || !it.is_ascii()
}

fn continues_name(it: char) -> bool {
    begins_name(it) || it.is_ascii_digit()
}

fn digit(it: char) -> bool {
    it.is_ascii_digit()
}

/// How many bytes at the beginning are like this.
fn length(text: &str, like: impl Fn(char) -> bool) -> usize {
    text.find(|it| !like(it)).unwrap_or(text.len())
}

/// The length of what begins with a quote and ends with the next that is not doubled.
fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(found) = text[at..].find(quote) {
        at += found + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// The length of `E'…'`, in which a backslash takes the next character along. As any string it goes on after white space
/// with a line break in it, if a quote follows.
fn escaped(text: &str) -> usize {
    let mut at = 2;
    loop {
        let Some(found) = text[at..].find(['\'', '\\']) else { return text.len() };
        at += found + 1;
        if text[..at].ends_with('\\') {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        } else if text[at..].starts_with('\'') {
            at += 1;
        } else {
            match continued(&text[at..]) {
                Some(length) => at += length,
                None => return at,
            }
        }
    }
}

/// The length of what stands between two parts of one string, the quote that begins the second included.
fn continued(text: &str) -> Option<usize> {
    let mut at = 0;
    let mut broken = false;
    loop {
        let spaces = length(&text[at..], space);
        broken |= text[at..at + spaces].contains(['\n', '\r']);
        at += spaces;
        if text[at..].starts_with("--") {
            at += length(&text[at..], |it| it != '\n' && it != '\r');
        } else {
            return (broken && text[at..].starts_with('\'')).then_some(at + 1);
        }
    }
}

/// The length of `/* … */`.
fn block_comment(text: &str, dialect: Dialect) -> usize {
    let mut depth = 1_usize;
    let mut at = 2;
    loop {
        let Some(found) = text[at..].find(['*', '/']) else { return text.len() };
        at += found;
        if text[at..].starts_with("*/") {
            at += 2;
            depth -= 1;
            if depth == 0 {
                return at;
            }
        } else if dialect == Dialect::Postgres && text[at..].starts_with("/*") {
            at += 2;
            depth += 1;
        } else {
            at += 1;
        }
    }
}

/// The length of `$tag$…$tag$`, if that is what it is.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag = length(&text[1..], continues_name) + 1;
    if !text[tag..].starts_with('$') {
        return None;
    }
    let mark = &text[..=tag];
    Some(text[mark.len()..].find(mark).map_or(text.len(), |end| mark.len() + end + mark.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(sql: &str, dialect: Dialect) -> Vec<(Kind, &str)> {
        Tokens::new(sql, dialect).map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn comments_nest_in_postgresql_only() {
        let sql = "/*a/*b*/:c*/";
        assert_eq!(pieces(sql, Dialect::Postgres), [(Kind::Comment, sql)]);
        let sqlite = pieces(sql, Dialect::Sqlite);
        assert_eq!(sqlite[..2], [(Kind::Comment, "/*a/*b*/"), (Kind::Parameter, ":c")]);
    }

    #[test]
    fn brackets_quote_in_sqlite_only() {
        assert_eq!(pieces("[:a]", Dialect::Sqlite), [(Kind::Name, "[:a]")]);
        assert_eq!(pieces("[:a]", Dialect::Postgres)[1], (Kind::Parameter, ":a"));
        assert_eq!(pieces("`:a`", Dialect::Sqlite), [(Kind::Name, "`:a`")]);
    }
}
