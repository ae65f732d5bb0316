//! Attributes as they are written: `"route", key = value, middleware += ["a"]`. Every mistake is kept, none stops
//! the reading of the rest.

use ketch_syntax::{KEYS, Key, Kind, closest, duration, size, version};
use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitBool, LitStr, Token, bracketed, token};

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
    Names(Vec<LitStr>),
    Scope(Vec<Vec<LitStr>>),
    Flag(bool),
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
        if stand == Stand::Endpoint && input.peek(LitStr) {
            let route: LitStr = input.parse()?;
            written.keep(
                Entry { key: Key::Route, op: Op::Set, span: route.span(), value: Value::Text(route) },
                errors,
            );
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
        Some(Key::Stub) => Err(syn::Error::new(
            name.span(),
            "stubs are answered by manifests; an endpoint in Rust has a body",
        )),
        Some(key) if stand == Stand::Service && !key.spec().inherited => {
            let hint = if key == Key::Route { "; a service has a `root`" } else { "" };
            Err(syn::Error::new(name.span(), format!("`{text}` belongs to one endpoint{hint}")))
        }
        Some(key) => Ok(key),
        None => {
            let names = || allowed().filter(|spec| spec.key != Key::Stub).map(|spec| spec.names[0]);
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
    } else if key.spec().kind == Kind::Flag {
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
        let names = content.parse_terminated(<LitStr as syn::parse::Parse>::parse, Token![,])?;
        return Ok(Value::Names(names.into_iter().collect()));
    }
    if input.peek(LitBool) {
        return Ok(Value::Flag(input.parse::<LitBool>()?.value));
    }
    if input.peek(LitStr) {
        return Ok(Value::Text(input.parse()?));
    }
    Err(input.error(format!("expected {}", example(key))))
}

fn scope(content: ParseStream<'_>) -> syn::Result<Vec<Vec<LitStr>>> {
    let clause = |input: ParseStream<'_>| {
        let names;
        bracketed!(names in input);
        let names = names.parse_terminated(<LitStr as syn::parse::Parse>::parse, Token![,])?;
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
        (Kind::Text | Kind::Flag, Value::Text(_)) if kind == Kind::Text => Ok(()),
        (Kind::Version | Kind::Size | Kind::Duration, Value::Text(text)) if text.value() == "-" => Ok(()),
        (Kind::Version, Value::Text(text)) => version(&text.value()).or_else(|message| fault(text, message)),
        (Kind::Size, Value::Text(text)) => {
            size(&text.value()).map(drop).or_else(|message| fault(text, message))
        }
        (Kind::Duration, Value::Text(text)) => {
            duration(&text.value()).map(drop).or_else(|message| fault(text, message))
        }
        (Kind::Scope, Value::Text(text)) if text.value() == "public" => Ok(()),
        (Kind::Names, Value::Names(_)) | (Kind::Scope, Value::Scope(_)) | (Kind::Flag, Value::Flag(_)) => {
            Ok(())
        }
        (Kind::Names, Value::Text(text)) if text.value() == "-" => {
            fault(text, format!("write `{name} = [\"-\"]` for no {name} at all"))
        }
        (Kind::Names, Value::Text(text)) => fault(
            text,
            format!("`{name}` takes a list: `{name} = [\"a\", \"b\"]`, `+= [..]` to add, `-= [..]` to drop"),
        ),
        _ => Err(syn::Error::new(name.span(), format!("`{name}` is written `{name} = {}`", example(key)))),
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
    }
}
