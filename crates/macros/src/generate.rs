//! The code of a service: its `Service` impl and the constants that name its endpoints.
//!
//! Spans matter here. What must point at the user's code gets [`at`]; places in files get the user's own span,
//! because `line!()` looks for the outermost macro.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{GenericParam, Ident, ReturnType, Type};

use crate::service::{Endpoint, Service};
use crate::written::{Entry, Name, Op, Value, Written};

/// `Hola::SAY_HOLA`: constants that name endpoints in code.
pub(crate) fn ids(service: &Service<'_>) -> TokenStream {
    let krate = krate(service);
    let (generics, _, bounds) = service.item.generics.split_for_impl();
    let ty = &service.item.self_ty;
    let ids = service.endpoints.iter().map(|endpoint| {
        let ident = &endpoint.sig.ident;
        let name = ident.unraw().to_string();
        let id = format_ident!("{}", name.to_uppercase(), span = ident.span());
        let doc = format!("Names the endpoint `{name}`.");
        let cfgs = &endpoint.cfgs;
        quote! {
            #(#cfgs)*
            #[doc = #doc]
            pub const #id: #krate::EndpointId<Self> = #krate::EndpointId::new(#name);
        }
    });
    quote! {
        #[allow(dead_code, unreachable_pub, reason = "one constant an endpoint, whether it is needed or not")]
        impl #generics #ty #bounds { #(#ids)* }
    }
}

/// The `Service` impl.
pub(crate) fn service(service: &Service<'_>) -> TokenStream {
    let krate = krate(service);
    let (generics, _, bounds) = service.item.generics.split_for_impl();
    let ty = &service.item.self_ty;
    let name = type_name(ty);
    let docs = optional(service.docs.as_deref());
    let settings = settings(&krate, &service.written);
    let outer = outer_names(service);
    let endpoints = service.endpoints.iter().map(|endpoint| declared(&krate, endpoint, &outer));
    quote! {
        impl #generics #krate::Service for #ty #bounds {
            const NAME: &'static str = #name;
            const DOCS: ::core::option::Option<&'static str> = #docs;
            fn settings() -> #krate::Settings { #settings }
            #[allow(unused_variables, unused_mut, reason = "a service may have no endpoints, an endpoint no arguments")]
            fn endpoints(schemas: &mut #krate::Schemas) -> ::std::vec::Vec<#krate::Declared<Self>> {
                #[allow(unused_imports, reason = "which of the two is needed depends on the types of the arguments")]
                use #krate::{Stated as _, Unstated as _};
                let mut all = ::std::vec::Vec::new();
                #(#endpoints)*
                all
            }
        }
    }
}

fn krate(service: &Service<'_>) -> TokenStream {
    match &service.written.krate {
        Some(path) => quote!(#path::__private),
        None => quote!(::ketch::__private),
    }
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::Path(path) => {
            path.path.segments.last().map(|s| s.ident.unraw().to_string()).unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn optional(text: Option<&str>) -> TokenStream {
    match text {
        Some(text) => quote!(::core::option::Option::Some(#text)),
        None => quote!(::core::option::Option::None),
    }
}

/// The place of a token in its file.
fn place(krate: &TokenStream, span: Span) -> TokenStream {
    let (file, line, column) = (
        quote_spanned!(span=> ::core::file!()),
        quote_spanned!(span=> ::core::line!()),
        quote_spanned!(span=> ::core::column!()),
    );
    quote!(#krate::Place::new(#file, #line, #column))
}

fn settings(krate: &TokenStream, written: &Written) -> TokenStream {
    let entries = written.entries.iter().map(|entry| setting(krate, entry));
    quote!(#krate::Settings::new() #(#entries)*)
}

fn setting(krate: &TokenStream, entry: &Entry) -> TokenStream {
    let key = format_ident!("{}", format!("{:?}", entry.key));
    let op = match entry.op {
        Op::Set => quote!(Set),
        Op::Add => quote!(Add),
        Op::Drop => quote!(Drop),
    };
    let value = match &entry.value {
        Value::Text(text) => quote!(Text(::std::string::String::from(#text))),
        Value::Flag(flag) => quote!(Flag(#flag)),
        Value::Constant(path) => quote!(Text(::std::string::String::from(#path))),
        Value::Names(names) => {
            let names = names.iter().map(|name| match name {
                Name::Text(text) => quote!(#text),
                Name::Constant(path) => quote!(#path),
            });
            quote!(Names(::std::vec![#(::std::string::String::from(#names)),*]))
        }
        Value::Scope(clauses) => {
            quote!(Scope(#krate::Scope::any_of(::std::vec![#(::std::vec![#(#clauses),*] as ::std::vec::Vec<&str>),*])))
        }
    };
    let place = place(krate, entry.span);
    quote!(.with(#krate::Key::#key, #krate::Op::#op, #krate::Value::#value, #place))
}

fn declared(krate: &TokenStream, endpoint: &Endpoint, outer: &[Ident]) -> TokenStream {
    let ident = &endpoint.sig.ident;
    let name = ident.unraw().to_string();
    let method = format_ident!("{}", endpoint.method.to_uppercase());
    let docs = optional(endpoint.docs.as_deref());
    let settings = settings(krate, &endpoint.written);
    let numbered = || endpoint.arguments.iter().enumerate();
    let rules = numbered().map(|(number, argument)| argument.rules(krate, number));
    let args = numbered()
        .map(|(number, argument)| argument.describe(krate, number, endpoint.params.contains(&argument.name)));
    let answer = match (endpoint.has_body, endpoint.sig.asyncness) {
        (false, _) => quote!(Stub),
        (true, Some(_)) => quote!(Async),
        (true, None) => quote!(Blocking),
    };
    let one_body = one_body(krate, endpoint, outer);
    let handler = handler(&moved(krate, at(ident.span())), endpoint);
    let place = place(krate, ident.span());
    let cfgs = &endpoint.cfgs;
    quote! {
        #(#cfgs)*
        {
            #one_body
            #(#rules)*
            let args = {
                let mut all = #krate::ArgDocs::new(schemas);
                let docs = &mut all;
                #(#args)*
                all.finish()
            };
            let (bind, replies) = #handler;
            all.push(#krate::Declared {
                name: #name,
                method: #krate::Method::#method,
                docs: #docs,
                settings: #settings,
                args,
                replies,
                answer: #krate::Answer::#answer,
                bind,
                place: #place,
            });
        }
    }
}

fn reply_type(endpoint: &Endpoint) -> TokenStream {
    match &endpoint.sig.output {
        ReturnType::Default => quote_spanned!(at(endpoint.sig.ident.span())=> ()),
        ReturnType::Type(_, ty) => quote!(#ty),
    }
}

/// A constant that fails to compile when two arguments read the body. It counts through the trait, so that aliases
/// of `Json` count too.
fn one_body(krate: &TokenStream, endpoint: &Endpoint, outer: &[Ident]) -> TokenStream {
    let name = &endpoint.sig.ident;
    let message = format!("endpoint `{name}` reads the request body twice");
    let mut bodies = Vec::new();
    let mut in_an_item = true;
    for argument in endpoint.arguments.iter().filter(|argument| !endpoint.params.contains(&argument.name)) {
        let ty = &argument.ty;
        in_an_item &= !quote!(#ty).into_iter().any(|token| mentions(token, outer));
        bodies.push(quote_spanned!(at(ty.span())=> <#ty as #krate::Arg>::PLACE.is_body() as usize));
    }
    if bodies.len() < 2 {
        return TokenStream::new();
    }
    let counted = quote_spanned!(at(name.span())=> ::core::assert!(0 #(+ #bodies)* <= 1, #message));
    // An item is checked by `cargo check` already, but it cannot name what belongs to the block around it.
    if in_an_item {
        quote_spanned!(at(name.span())=> const _: () = #counted;)
    } else {
        quote_spanned!(at(name.span())=> const { #counted };)
    }
}

/// `Self` and the generics of the block.
fn outer_names(service: &Service<'_>) -> Vec<Ident> {
    let generics = service.item.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(param.ident.clone()),
        GenericParam::Const(param) => Some(param.ident.clone()),
        GenericParam::Lifetime(_) => None,
    });
    generics.chain([format_ident!("Self")]).collect()
}

fn mentions(token: TokenTree, names: &[Ident]) -> bool {
    match token {
        TokenTree::Ident(ident) => names.contains(&ident),
        TokenTree::Group(group) => group.stream().into_iter().any(|token| mentions(token, names)),
        _ => false,
    }
}

/// The closure that reads the arguments and calls the method.
fn handler(krate: &TokenStream, endpoint: &Endpoint) -> TokenStream {
    let ident = &endpoint.sig.ident;
    let locals: Vec<_> =
        (0..endpoint.arguments.len()).map(|n| format_ident!("arg{n}", span = at(ident.span()))).collect();
    let reads = endpoint.arguments.iter().enumerate().zip(&locals).map(|((number, argument), local)| {
        let value = argument.value(krate, number, endpoint.params.contains(&argument.name));
        quote_spanned!(at(argument.span())=> let #local = faults.keep(#value);)
    });
    let unpack = if locals.is_empty() {
        quote!()
    } else {
        quote_spanned! {at(ident.span())=>
            let (#(::core::option::Option::Some(#locals),)*) = (#(#locals,)*) else {
                return ::core::result::Result::Err(faults.into_error());
            };
        }
    };
    // By its path: after a dot, `clone` or `into` would be those of the `Arc`.
    let receiver = endpoint.sig.receiver().map(|_| quote_spanned!(at(ident.span())=> &service,));
    let call = quote_spanned!(at(ident.span())=> Self::#ident(#receiver #(#locals),*));
    let run = match (endpoint.has_body, endpoint.sig.asyncness) {
        // What was read is good; the file answers.
        (false, _) => quote_spanned! {at(ident.span())=>
            #(::core::mem::drop(#locals);)*
            ::core::result::Result::Ok(())
        },
        (true, Some(_)) => quote_spanned!(at(ident.span())=> ::core::result::Result::Ok(#call.await)),
        (true, None) => quote_spanned!(at(ident.span())=> #krate::blocking(&*input, move || #call).await),
    };
    let bind = match (endpoint.has_body, &endpoint.sig.output) {
        (true, _) => {
            let reply = reply_type(endpoint);
            quote_spanned!(at(ident.span())=> #krate::bind::<Self, #reply, _, _>)
        }
        (false, ReturnType::Default) => quote_spanned!(at(ident.span())=> #krate::bind_stub::<Self, _, _>),
        (false, ReturnType::Type(_, ty)) => {
            quote_spanned!(at(ident.span())=> #krate::bind_typed_stub::<Self, #ty, _, _>)
        }
    };
    // Spanned to the method, so that "future is not `Send`" points at it.
    quote_spanned! {at(ident.span())=>
        #bind(schemas, |service: ::std::sync::Arc<Self>, mut owned: #krate::Input| async move {
            let input = &mut owned;
            let mut faults = #krate::Faults::default();
            #(#reads)*
            #unpack
            #run
        })
    }
}

/// The same tokens at another place.
fn moved(tokens: &TokenStream, span: Span) -> TokenStream {
    let moved = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.clone().into_iter().map(moved).collect()
}

/// The user's place in the file, with the macro's own names: errors point at the user's code, while what is
/// generated stays visible to itself and is not linted.
pub(crate) fn at(span: Span) -> Span {
    Span::call_site().located_at(span)
}
