//! What is wrong with a service, as far as tokens can tell. Types are checked by the compiler, through the traits
//! that the generated code asks for.

use ketch_syntax::{Key, closest, kebab};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;

use crate::service::{Endpoint, Service, argument_name, arguments};
use crate::written::{Op, Value, Written};

/// Adds every mistake of the service to `errors`.
pub(crate) fn service(service: &Service<'_>, errors: &mut Vec<syn::Error>) {
    if let Some((path, _)) = &service.item.trait_ {
        errors
            .push(syn::Error::new_spanned(path, "a service is an inherent `impl` block, not one of a trait"));
    }
    for endpoint in &service.endpoints {
        signature(endpoint, errors);
        body(endpoint, errors);
        names(endpoint, errors);
        defaults(endpoint, errors);
    }
    duplicates(&service.endpoints, errors);
}

fn signature(endpoint: &Endpoint, errors: &mut Vec<syn::Error>) {
    let name = &endpoint.sig.ident;
    if let Some(receiver) = endpoint.sig.receiver()
        && receiver.to_token_stream().to_string() != "& self"
    {
        errors.push(syn::Error::new_spanned(
            receiver,
            "an endpoint takes `&self`: one service value answers many requests at once, \
             so keep changing state in the database or behind a `Mutex`",
        ));
    }
    if let Some(generic) = endpoint.sig.generics.params.first() {
        let message = format!("endpoint `{name}` cannot be generic: its arguments are read from the request");
        errors.push(syn::Error::new_spanned(generic, message));
    }
    if let syn::ReturnType::Type(_, ty) = &endpoint.sig.output
        && let Some(span) = hidden_type(ty.to_token_stream())
    {
        let message = format!("endpoint `{name}` must name what it returns: the documents describe the type");
        errors.push(syn::Error::new(span, message));
    }
    for argument in arguments(&endpoint.sig) {
        if let Some(span) = hidden_type(argument.ty.to_token_stream()) {
            let message = format!("endpoint `{name}` must name what it takes: it is read from the request");
            errors.push(syn::Error::new(span, message));
        }
        if argument_name(argument).is_none() {
            let message = "an argument is a plain name: it is also the parameter's name on the wire";
            errors.push(syn::Error::new_spanned(&argument.pat, message));
        }
    }
}

/// Where a type says `impl`, at whatever depth.
fn hidden_type(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(word) if word == "impl" => Some(word.span()),
        TokenTree::Group(group) => hidden_type(group.stream()),
        _ => None,
    })
}

/// A method has a body, or a stub that answers in its place.
fn body(endpoint: &Endpoint, errors: &mut Vec<syn::Error>) {
    let name = &endpoint.sig.ident;
    let stub = endpoint.written.entries.iter().find(|entry| entry.key == Key::Stub);
    match (endpoint.has_body, stub) {
        (false, None) => errors.push(syn::Error::new(
            name.span(),
            format!("endpoint `{name}` has no body: write one, or answer from a file with `stub = \"…\"`"),
        )),
        (true, Some(stub)) => errors.push(syn::Error::new(
            stub.span,
            format!(
                "endpoint `{name}` has a body and a stub: end the signature with `;` to answer from the file"
            ),
        )),
        _ => {}
    }
}

/// A part of the path is always there, so a default would say nothing.
fn defaults(endpoint: &Endpoint, errors: &mut Vec<syn::Error>) {
    for argument in endpoint.arguments.iter().filter(|argument| endpoint.params.contains(&argument.name)) {
        if let Some(span) = argument.default_span() {
            let message = format!(
                "`{}` is a part of the path, which is always there: it has no default",
                argument.name
            );
            errors.push(syn::Error::new(span, message));
        }
    }
}

/// Every name in the route is an argument.
fn names(endpoint: &Endpoint, errors: &mut Vec<syn::Error>) {
    let Some(route) = endpoint.written.text(Key::Route) else { return };
    let name = &endpoint.sig.ident;
    let names: Vec<&str> = endpoint.arguments.iter().map(|argument| argument.name.as_str()).collect();
    for param in &endpoint.params {
        if names.contains(&param.as_str()) {
            continue;
        }
        let free = names.iter().copied().filter(|name| !endpoint.params.iter().any(|param| param == name));
        let hint = match closest(param, free) {
            Some(near) => format!("; did you mean `{{{near}}}`?"),
            None => format!("; add `{param}: String` (or a number) to it"),
        };
        errors.push(syn::Error::new(
            route.span(),
            format!("`{{{param}}}` matches no argument of `{name}`{hint}"),
        ));
    }
}

/// Two endpoints of one service at the same method, route and version could never both answer.
fn duplicates(endpoints: &[Endpoint], errors: &mut Vec<syn::Error>) {
    for (at, later) in endpoints.iter().enumerate() {
        let Some(first) = endpoints[..at].iter().find(|first| same_url(first, later)) else { continue };
        // Under different `#[cfg]`s only one of them may be there.
        if !first.cfgs.is_empty() || !later.cfgs.is_empty() {
            continue;
        }
        let (method, route) = (later.method.to_uppercase(), route(later));
        let message =
            format!("`{}` and `{}` both answer {method} `{route}`", first.sig.ident, later.sig.ident);
        let mut error = syn::Error::new(later.sig.ident.span(), message);
        error.combine(syn::Error::new(first.sig.ident.span(), "the first one is here"));
        errors.push(error);
    }
}

fn same_url(a: &Endpoint, b: &Endpoint) -> bool {
    let part = |written: &Written, key: Key| {
        let entry = written.entries.iter().find(|entry| entry.key == key && entry.op == Op::Set)?;
        match &entry.value {
            Value::Text(text) => Some(text.value()),
            _ => None,
        }
    };
    let parts = [Key::Prefix, Key::Version, Key::Root];
    a.method == b.method
        && route(a) == route(b)
        && parts.iter().all(|key| part(&a.written, *key) == part(&b.written, *key))
}

fn route(endpoint: &Endpoint) -> String {
    match endpoint.written.text(Key::Route) {
        Some(route) => route.value(),
        None => kebab(&endpoint.sig.ident.unraw().to_string()),
    }
}
