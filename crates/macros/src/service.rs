//! `#[service] impl … { … }`: takes the block apart, has it checked and the code written.

use ketch_syntax::{Key, Template};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, FnArg, Ident, ImplItem, ItemImpl, Pat, PatType, Signature, TraitItemFn};

use crate::argument::Argument;
use crate::written::{self, Stand, Written};
use crate::{check, generate};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The whole block: what its attribute says, and its endpoints.
pub(crate) struct Service<'a> {
    pub(crate) item: &'a ItemImpl,
    pub(crate) written: Written,
    pub(crate) docs: Option<String>,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// A marked method.
pub(crate) struct Endpoint {
    /// `get`, `post` …
    pub(crate) method: String,
    pub(crate) written: Written,
    pub(crate) docs: Option<String>,
    /// `#[cfg]`s, which what is generated must have too.
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) sig: Signature,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) has_body: bool,
    /// The names in the attribute's route.
    pub(crate) params: Vec<String>,
}

pub(crate) fn expand(attr: TokenStream, item: &TokenStream) -> TokenStream {
    let Ok(mut block) = syn::parse2::<ItemImpl>(item.clone()) else {
        let message = "`#[service]` goes on an `impl` block: put the endpoints' methods inside it";
        let error = syn::Error::new(Span::call_site(), message).into_compile_error();
        return quote!(#error #item);
    };
    let mut errors = Vec::new();
    let written = written::read(attr, Stand::Service, &mut errors);
    let endpoints = take_endpoints(&mut block, &mut errors);
    let docs = docs(&block.attrs);
    let mut service = Service { item: &block, written, docs, endpoints };
    check::service(&service, &mut errors);
    let ids = generate::ids(&service);
    // The block itself is always given back, and it is always a service: one mistake must not hide its methods
    // from the rest of the program and bury the message under others.
    if !errors.is_empty() {
        service.endpoints.clear();
    }
    let errors = errors.into_iter().map(syn::Error::into_compile_error);
    let generated = generate::service(&service);
    quote!(#block #(#errors)* #ids #generated)
}

/// The arguments of a method, without `self`.
pub(crate) fn arguments(sig: &Signature) -> impl Iterator<Item = &PatType> {
    sig.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    })
}

/// The name of an argument, when it is a plain one.
pub(crate) fn argument_name(argument: &PatType) -> Option<&Ident> {
    match &*argument.pat {
        Pat::Ident(pattern) if pattern.subpat.is_none() => Some(&pattern.ident),
        _ => None,
    }
}

/// The name as it is on the wire: without `r#`, and without the `_` that says "unused".
pub(crate) fn wire_name(name: &Ident) -> String {
    let text = name.to_string();
    let text = text.strip_prefix("r#").unwrap_or(&text);
    text.trim_start_matches('_').to_owned()
}

/// Removes the markers, and the methods without a body, from the block.
fn take_endpoints(block: &mut ItemImpl, errors: &mut Vec<syn::Error>) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    let mut kept = Vec::new();
    for mut member in std::mem::take(&mut block.items) {
        if let ImplItem::Fn(method) = &mut member
            && let Some(marker) = take_marker(&mut method.attrs, errors)
        {
            let arguments = take_arguments(&mut method.sig, errors);
            endpoints.push(endpoint(&marker, &method.attrs, (method.sig.clone(), arguments), true, errors));
        }
        // syn reads a method that ends with `;` as tokens it leaves to us.
        if let ImplItem::Verbatim(tokens) = &member
            && let Ok(mut method) = syn::parse2::<TraitItemFn>(tokens.clone())
            && let Some(marker) = take_marker(&mut method.attrs, errors)
        {
            let arguments = take_arguments(&mut method.sig, errors);
            endpoints.push(endpoint(&marker, &method.attrs, (method.sig, arguments), false, errors));
            continue;
        }
        kept.push(member);
    }
    block.items = kept;
    endpoints
}

fn take_arguments(sig: &mut Signature, errors: &mut Vec<syn::Error>) -> Vec<Argument> {
    let typed = sig.inputs.iter_mut().filter_map(|argument| match argument {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    typed.map(|argument| Argument::take(argument, errors)).collect()
}

fn take_marker(attrs: &mut Vec<Attribute>, errors: &mut Vec<syn::Error>) -> Option<Attribute> {
    let is_marker =
        |attr: &Attribute| attr.path().segments.last().is_some_and(|s| METHODS.iter().any(|m| s.ident == m));
    let marker = attrs.remove(attrs.iter().position(is_marker)?);
    while let Some(at) = attrs.iter().position(is_marker) {
        let second = attrs.remove(at);
        errors.push(syn::Error::new_spanned(
            second.path(),
            "an endpoint answers one method: write a second method that calls this one",
        ));
    }
    Some(marker)
}

fn endpoint(
    marker: &Attribute,
    attrs: &[Attribute],
    (sig, arguments): (Signature, Vec<Argument>),
    has_body: bool,
    errors: &mut Vec<syn::Error>,
) -> Endpoint {
    let method = marker.path().segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
    let tokens = match &marker.meta {
        syn::Meta::List(list) => list.tokens.clone(),
        syn::Meta::Path(_) => TokenStream::new(),
        syn::Meta::NameValue(pair) => {
            let value = &pair.value;
            errors.push(syn::Error::new_spanned(value, format!("write `#[{method}({})]`", quote!(#value))));
            TokenStream::new()
        }
    };
    let written = written::read(tokens, Stand::Endpoint, errors);
    let params = match written.text(Key::Route) {
        Some(route) if route.value() != "-" => match Template::parse(&route.value()) {
            Ok(template) => template.params().map(|param| param.name.clone()).collect(),
            Err(fault) => {
                errors.push(syn::Error::new(route.span(), format!("bad route: {fault}")));
                Vec::new()
            }
        },
        _ => Vec::new(),
    };
    let cfgs = attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect();
    Endpoint { method, written, docs: docs(attrs), cfgs, sig, arguments, has_body, params }
}

/// The text of the `///` comments.
pub(crate) fn docs(attrs: &[Attribute]) -> Option<String> {
    let line = |attr: &Attribute| match &attr.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
                let text = text.value();
                Some(text.strip_prefix(' ').unwrap_or(&text).trim_end().to_owned())
            }
            _ => None,
        },
        _ => None,
    };
    let lines: Vec<String> = attrs.iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
