//! From text to values: JSON with comments and trailing commas. The reader is `jsonc-parser`; here is what it does not
//! do: it is kept from what is nested too deeply, its words are made into what to do, and where it is plain what was
//! meant the rest of the file is read as well, so that one run finds the problems behind the first.

use std::borrow::Cow;
use std::collections::HashMap;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::tokens::Token;
use jsonc_parser::{
    CollectOptions, CommentCollectionStrategy, ParseOptions, ParseStringErrorKind, Scanner, ScannerOptions,
    parse_to_ast,
};
use ketch_model::{Place, Problem};

use crate::fields::near;
use crate::source::{Json, Source, Spanned};

/// How deeply lists and objects may be nested. What reads them calls itself once for each level.
const DEEPEST: usize = 96;

/// Slips of one file that are told of before its reader gives up.
const MOST_SLIPS: usize = 32;

/// What messages about the form of a file are about.
const SUBJECT: &str = "JSON";

/// Reads a text. Without a value it could not be read to its end, and the problems say why.
pub(crate) fn parse(source: &Source, problems: &mut Vec<Problem>) -> Option<Spanned> {
    let problem = |at: usize, message: String| Problem::new(Some(source.place(at)), SUBJECT, message);
    for (at, fault) in look(source.text()) {
        problems.push(problem(at, fault.message()));
        if fault == Fault::TooDeep {
            return None;
        }
    }
    let mut text = Cow::Borrowed(source.text());
    let mut options = strict();
    for _ in 0..MOST_SLIPS {
        let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false };
        match parse_to_ast(&text, &collect, &options) {
            Ok(parsed) => {
                let Some(value) = parsed.value else {
                    problems.push(problem(0, "the file is empty: write `{}` at least".to_owned()));
                    return None;
                };
                return Some(Reader { source, problems }.value(value));
            }
            Err(error) => {
                problems.push(problem(error.range().start, message(&error)));
                text = Cow::Owned(mended(text.into_owned(), &error, &mut options)?);
            }
        }
    }
    None
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_extended_string_escapes: false,
        allow_non_finite_numbers: false,
    }
}

/// What the parser does not look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    TooDeep,
    /// A line ends within a text.
    Line,
}

impl Fault {
    fn message(self) -> String {
        match self {
            Self::TooDeep => format!("lists and objects are nested more than {DEEPEST} deep here"),
            Self::Line => {
                "this text goes on over the end of its line: close it with `\"`, or write the end of a line \
                           as `\\n`"
                    .to_owned()
            }
        }
    }
}

/// Looks at the tokens alone. What is no token ends it, and is for the parser to tell.
fn look(text: &str) -> Vec<(usize, Fault)> {
    let options = ScannerOptions {
        allow_single_quoted_strings: true,
        allow_hexadecimal_numbers: true,
        allow_unary_plus_numbers: true,
        allow_bare_decimal_point_numbers: true,
        allow_non_finite_numbers: true,
        allow_extended_string_escapes: true,
    };
    let mut scanner = Scanner::new(text, &options);
    let (mut depth, mut faults) = (0_usize, Vec::new());
    while let Ok(Some(token)) = scanner.scan() {
        match token {
            Token::OpenBrace | Token::OpenBracket => depth += 1,
            Token::CloseBrace | Token::CloseBracket => depth = depth.saturating_sub(1),
            Token::String(_)
                if faults.is_empty() && text[scanner.token_start()..scanner.token_end()].contains('\n') =>
            {
                faults.push((scanner.token_start(), Fault::Line));
            }
            _ => {}
        }
        if depth > DEEPEST {
            faults.push((scanner.token_start(), Fault::TooDeep));
            break;
        }
    }
    faults
}

/// The text with a slip undone, when it is plain what was meant. Every byte stays where it was.
fn mended(text: String, error: &ParseError, options: &mut ParseOptions) -> Option<String> {
    let at = error.range().start;
    let mut bytes = text.into_bytes();
    let byte = bytes.get_mut(at);
    match error.kind() {
        ParseErrorKind::ExpectedComma => *byte.filter(|byte| byte.is_ascii_whitespace())? = b',',
        ParseErrorKind::UnexpectedComma | ParseErrorKind::UnexpectedTokenInObject => {
            *byte.filter(|byte| **byte == b',')? = b' ';
        }
        ParseErrorKind::SingleQuotedStringsNotAllowed => options.allow_single_quoted_strings = true,
        ParseErrorKind::ExpectedStringObjectProperty => options.allow_loose_object_property_names = true,
        _ => return None,
    }
    String::from_utf8(bytes).ok()
}

/// What is wrong, and what to write.
fn message(error: &ParseError) -> String {
    let text = match error.kind() {
        ParseErrorKind::ExpectedComma => "a comma is missing here",
        ParseErrorKind::UnexpectedComma => "this comma is one too many",
        ParseErrorKind::ExpectedColonAfterObjectKey => "a `:` and a value are missing after a name",
        ParseErrorKind::ExpectedObjectValue => "a value is missing after the `:`",
        ParseErrorKind::ExpectedStringObjectProperty => "names stand in quotes: `\"name\": …`",
        ParseErrorKind::SingleQuotedStringsNotAllowed => "text stands in double quotes: `\"…\"`",
        ParseErrorKind::UnexpectedTokenInObject => "a name in quotes or a `}` is missing here",
        ParseErrorKind::UnexpectedWord | ParseErrorKind::UnexpectedToken => {
            "this is no value: write text in quotes, a number, `true`, `false`, `null`, a list or an object"
        }
        ParseErrorKind::UnexpectedColon => "this `:` follows no name",
        ParseErrorKind::UnexpectedCloseBrace => {
            "this `}` closes nothing: is a `]` or a value missing before it?"
        }
        ParseErrorKind::UnexpectedCloseBracket => {
            "this `]` closes nothing: is a `}` or a value missing before it?"
        }
        ParseErrorKind::UnterminatedObject => "this `{` is never closed: a `}` is missing",
        ParseErrorKind::UnterminatedArray => "this `[` is never closed: a `]` is missing",
        ParseErrorKind::UnterminatedCommentBlock => "this comment is never closed: a `*/` is missing",
        ParseErrorKind::MultipleRootJsonValues => "the file ended before this: is a `}` too many above?",
        ParseErrorKind::String(ParseStringErrorKind::UnterminatedStringLiteral) => {
            "this text is never closed: a `\"` is missing"
        }
        ParseErrorKind::String(_) => {
            "there is no such escape: write `\\\\` for a backslash, `\\u00e9` for a character"
        }
        other => return format!("this is not JSON: {other}"),
    };
    text.to_owned()
}

struct Reader<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn value(&mut self, value: ast::Value<'_>) -> Spanned {
        let place = self.source.place(value.start());
        let value = match value {
            ast::Value::NullKeyword(_) => Json::Null,
            ast::Value::BooleanLit(it) => Json::Bool(it.value),
            ast::Value::NumberLit(it) => Json::Number(self.number(&it)),
            ast::Value::StringLit(it) => Json::Text(it.value.into_owned()),
            ast::Value::Array(it) => {
                Json::List(it.elements.into_iter().map(|item| self.value(item)).collect())
            }
            ast::Value::Object(it) => {
                let mut members = Vec::with_capacity(it.properties.len());
                for member in it.properties {
                    let place = self.source.place(member.name.start());
                    members.push((member.name.into_string(), place, self.value(member.value)));
                }
                self.doubles(&members);
                Json::Object(members)
            }
        };
        Spanned { value, place }
    }

    /// Names that are written twice: of the two values one would be lost.
    fn doubles(&mut self, members: &[(String, Place, Spanned)]) {
        let mut seen: HashMap<&str, &Place> = HashMap::new();
        for (name, place, _) in members {
            let Some(first) = seen.insert(name, place) else { continue };
            let message = format!("`{name}` is written twice: here and {}", near(first, place));
            self.problems.push(Problem::new(Some(place.clone()), SUBJECT, message));
        }
    }

    fn number(&mut self, number: &ast::NumberLit<'_>) -> String {
        if serde_json::from_str::<serde_json::Number>(number.value).is_err() {
            let message = format!("the number {:.40} is too large", number.value);
            self.problems.push(Problem::new(Some(self.source.place(number.start())), SUBJECT, message));
            return "0".to_owned();
        }
        number.value.to_owned()
    }
}
