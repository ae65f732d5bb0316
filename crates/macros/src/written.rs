//! Attributes as they are written: `"route", key = value, middleware += ["a"]`. Every mistake is kept, none stops
//! the reading of the rest.

use ketch_syntax::{KEYS, Key, Kind, closest, date, duration, rate, size, version};
use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{ExprPath, Ident, LitBool, LitInt, LitStr, Token, bracketed, token};

/// Where an attribute stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    /// `#[service(…)]`.
    Service,
    /// `#[get(…)]` and its kin.
    Endpoint,
}

/// The settings of one attribute, in the order written.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) entries: Vec<Entry>,
    /// The path in `crate = "…"`.
    pub(crate) krate: Option<syn::Path>,
}

/// One setting.
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) op: Op,
    pub(crate) value: Value,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Set,
    Add,
    Drop,
}

pub(crate) enum Value {
    Text(LitStr),
    /// A constant of type `&str`, which the server reads when it is built.
    Constant(ExprPath),
    Names(Vec<Name>),
    Scope(Vec<Vec<LitStr>>),
    Flag(bool),
}

/// An item of a list: text, or a constant of type `&str`.
pub(crate) enum Name {
    Text(LitStr),
    Constant(ExprPath),
}

impl Parse for Name {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) { input.parse().map(Self::Text) } else { constant(input).map(Self::Constant) }
    }
}

impl Written {
    /// The text of a key, when it is given as one.
    pub(crate) fn text(&self, key: Key) -> Option<&LitStr> {
        self.entries.iter().find_map(|entry| match &entry.value {
            Value::Text(text) if entry.key == key => Some(text),
            _ => None,
        })
    }
}

/// Reads an attribute's tokens; mistakes go to `errors`.
pub(crate) fn read(tokens: TokenStream, stand: Stand, errors: &mut Vec<syn::Error>) -> Written {
    let mut written = Written::default();
    let result = (|input: ParseStream<'_>| {
        if stand == Stand::Endpoint
            && let Some((span, value)) = leading_route(input)?
        {
            written.keep(Entry { key: Key::Route, op: Op::Set, span, value }, errors);
            comma(input, errors);
        }
        while !input.is_empty() {
            if let Err(error) = entry(input, stand, &mut written, errors) {
                errors.push(error);
            }
            comma(input, errors);
        }
        Ok(())
    })
    .parse2(tokens);
    errors.extend(result.err());
    written
}

/// The route that stands first without its key: a text, or a constant written in capitals or with a path.
fn leading_route(input: ParseStream<'_>) -> syn::Result<Option<(Span, Value)>> {
    if input.peek(LitStr) {
        let route: LitStr = input.parse()?;
        return Ok(Some((route.span(), Value::Text(route))));
    }
    let ahead = input.fork();
    match ahead.parse::<ExprPath>() {
        Ok(path) if is_constant(&path) && (ahead.is_empty() || ahead.peek(Token![,])) => {
            let path: ExprPath = input.parse()?;
            Ok(Some((path.span(), Value::Constant(path))))
        }
        _ => Ok(None),
    }
}

fn constant(input: ParseStream<'_>) -> syn::Result<ExprPath> {
    let at = input.span();
    match input.parse::<ExprPath>() {
        Ok(path) if is_constant(&path) => Ok(path),
        _ => Err(syn::Error::new(at, "expected a text in quotes, or the name of a constant")),
    }
}

/// Whether a path looks like a constant's: its last part has no small letters.
fn is_constant(path: &ExprPath) -> bool {
    path.path.segments.last().is_some_and(|last| {
        last.arguments.is_empty() && !last.ident.to_string().contains(|c: char| c.is_lowercase())
    })
}

impl Written {
    fn keep(&mut self, entry: Entry, errors: &mut Vec<syn::Error>) {
        // `+=` and `-=` may both stand beside each other; the same operation may not come twice.
        if self.entries.iter().any(|known| known.key == entry.key && known.op == entry.op) {
            errors.push(syn::Error::new(entry.span, format!("`{}` is given twice", entry.key.name())));
        } else {
            self.entries.push(entry);
        }
    }
}

/// Skips what is left of a broken entry, and the comma after it.
fn comma(input: ParseStream<'_>, errors: &mut Vec<syn::Error>) {
    let mut told = !errors.is_empty();
    while !input.is_empty() && !input.peek(Token![,]) {
        if !told {
            errors.push(input.error("expected `,`"));
            told = true;
        }
        let _skipped: syn::Result<proc_macro2::TokenTree> = input.parse();
    }
    let _comma: syn::Result<Token![,]> = input.parse();
}

fn entry(
    input: ParseStream<'_>,
    stand: Stand,
    written: &mut Written,
    errors: &mut Vec<syn::Error>,
) -> syn::Result<()> {
    if input.peek(Token![crate]) {
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        let path: LitStr = input.parse()?;
        written.krate = Some(path.parse()?);
        return Ok(());
    }
    let name: Ident = input.call(syn::ext::IdentExt::parse_any)?;
    let key = key(&name, stand)?;
    let (op, value) = op_and_value(input, &name, key)?;
    check(&name, key, op, &value)?;
    written.keep(Entry { key, op, value, span: name.span() }, errors);
    Ok(())
}

fn key(name: &Ident, stand: Stand) -> syn::Result<Key> {
    let text = name.to_string();
    let allowed = || KEYS.iter().filter(|spec| stand == Stand::Endpoint || spec.inherited);
    match Key::parse(&text) {
        Some(key) if stand == Stand::Service && !key.spec().inherited => {
            let hint = if key == Key::Route { "; a service has a `root`" } else { "" };
            Err(syn::Error::new(name.span(), format!("`{text}` belongs to one endpoint{hint}")))
        }
        Some(key) => Ok(key),
        None => {
            let names = || allowed().map(|spec| spec.names[0]);
            let hint = match closest(&text, names()) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => format!("; the settings are: {}", names().collect::<Vec<_>>().join(", ")),
            };
            Err(syn::Error::new(name.span(), format!("unknown setting `{text}`{hint}")))
        }
    }
}

fn op_and_value(input: ParseStream<'_>, name: &Ident, key: Key) -> syn::Result<(Op, Value)> {
    let op = if input.parse::<Option<Token![+=]>>()?.is_some() {
        Op::Add
    } else if input.parse::<Option<Token![-=]>>()?.is_some() {
        Op::Drop
    } else if input.parse::<Option<Token![=]>>()?.is_some() {
        Op::Set
    } else if matches!(key.spec().kind, Kind::Flag | Kind::FlagOrDate) {
        return Ok((Op::Set, Value::Flag(true)));
    } else {
        return Err(syn::Error::new(
            name.span(),
            format!("`{name}` needs a value: `{name} = {}`", example(key)),
        ));
    };
    Ok((op, value(input, key)?))
}

fn value(input: ParseStream<'_>, key: Key) -> syn::Result<Value> {
    if input.peek(token::Bracket) {
        let content;
        bracketed!(content in input);
        if content.peek(token::Bracket) {
            return scope(&content).map(Value::Scope);
        }
        let names = content.parse_terminated(<Name as Parse>::parse, Token![,])?;
        return Ok(Value::Names(names.into_iter().collect()));
    }
    if input.peek(LitBool) {
        return Ok(Value::Flag(input.parse::<LitBool>()?.value));
    }
    if input.peek(LitStr) {
        return Ok(Value::Text(input.parse()?));
    }
    if input.peek(LitInt) && key.spec().kind == Kind::Status {
        let number: LitInt = input.parse()?;
        return Ok(Value::Text(LitStr::new(number.base10_digits(), number.span())));
    }
    if input.fork().parse::<ExprPath>().is_ok_and(|path| is_constant(&path)) {
        return Ok(Value::Constant(input.parse()?));
    }
    Err(input.error(format!("expected `{}`", example(key))))
}

fn scope(content: ParseStream<'_>) -> syn::Result<Vec<Vec<LitStr>>> {
    let clause = |input: ParseStream<'_>| {
        let names;
        bracketed!(names in input);
        let names = names.parse_terminated(<LitStr as Parse>::parse, Token![,])?;
        Ok(names.into_iter().collect())
    };
    Ok(content.parse_terminated(clause, Token![,])?.into_iter().collect())
}

/// Whether the value has the key's form.
fn check(name: &Ident, key: Key, op: Op, value: &Value) -> syn::Result<()> {
    let kind = key.spec().kind;
    if op != Op::Set && kind != Kind::Names {
        return Err(syn::Error::new(
            name.span(),
            format!("`{name}` is one value: write `{name} = {}`", example(key)),
        ));
    }
    let fault = |text: &LitStr, message: String| Err(syn::Error::new(text.span(), message));
    match (kind, value) {
        (Kind::Text, Value::Text(_)) => Ok(()),
        // The server reads a constant's text when it is built.
        (Kind::Names | Kind::Scope | Kind::Flag, Value::Constant(_)) => {
            Err(syn::Error::new(name.span(), format!("`{name}` is written `{name} = {}`", example(key))))
        }
        (_, Value::Constant(_)) => Ok(()),
        (Kind::Scope, Value::Text(text)) if text.value() == "public" => Ok(()),
        (Kind::Names, Value::Names(_)) | (Kind::Scope, Value::Scope(_)) => Ok(()),
        (Kind::Flag | Kind::FlagOrDate, Value::Flag(_)) => Ok(()),
        (Kind::Names, Value::Text(text)) if text.value() == "-" => {
            fault(text, format!("write `{name} = [\"-\"]` for no {name} at all"))
        }
        (Kind::Names, Value::Text(text)) => fault(
            text,
            format!("`{name}` takes a list: `{name} = [\"a\", \"b\"]`, `+= [..]` to add, `-= [..]` to drop"),
        ),
        (_, Value::Text(text)) => match form(kind, &text.value()) {
            Some(Ok(())) => Ok(()),
            Some(Err(message)) => fault(text, message),
            None => {
                Err(syn::Error::new(name.span(), format!("`{name}` is written `{name} = {}`", example(key))))
            }
        },
        _ => Err(syn::Error::new(name.span(), format!("`{name}` is written `{name} = {}`", example(key)))),
    }
}

/// Whether a text has the form of its kind; none when the kind is not written as text.
fn form(kind: Kind, text: &str) -> Option<Result<(), String>> {
    match kind {
        Kind::Version | Kind::Size | Kind::Duration | Kind::Rate | Kind::Date | Kind::Status
            if text == "-" =>
        {
            Some(Ok(()))
        }
        Kind::Version => Some(version(text)),
        Kind::Size => Some(size(text).map(drop)),
        Kind::Duration => Some(duration(text).map(drop)),
        Kind::Rate => Some(rate(text).map(drop)),
        Kind::Date | Kind::FlagOrDate => Some(date(text).map(drop)),
        Kind::Status => Some(match text.parse::<u16>() {
            Ok(200..=299) => Ok(()),
            _ => Err("a status of success is 200 to 299".to_owned()),
        }),
        Kind::Text | Kind::Names | Kind::Scope | Kind::Flag => None,
    }
}

/// How a value of this key looks.
fn example(key: Key) -> &'static str {
    match key.spec().kind {
        Kind::Text => "\"…\"",
        Kind::Version => "\"2.1\"",
        Kind::Names => "[\"a\", \"b\"]",
        Kind::Scope => "[[\"admin\"], [\"editor\", \"verified\"]]` or `\"public\"",
        Kind::Size => "\"64kb\"",
        Kind::Duration => "\"30s\"",
        Kind::Flag => "true",
        Kind::Date => "\"2027-01-31\"",
        Kind::FlagOrDate => "\"2027-01-31\"",
        Kind::Rate => "\"100/m\"",
        Kind::Status => "201",
    }
}
