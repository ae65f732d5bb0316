//! `#[derive(ApiError)]`: an enum whose variants are the errors of an endpoint.

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Ident, LitInt, LitStr, Type, Variant};

/// What `#[api(…)]` says of one variant.
#[derive(Default)]
struct Written {
    status: Option<LitInt>,
    code: Option<LitStr>,
    message: Option<LitStr>,
    /// `from`, where it stands: the variant carries another error, which says everything itself.
    from: Option<Span>,
}

/// What one variant comes to.
#[derive(Default)]
struct Arm {
    /// What the documents say of it.
    spec: Option<TokenStream>,
    /// How it becomes an error.
    conversion: TokenStream,
    /// What it is made from, when it carries another error.
    from: Option<(Ident, Type)>,
}

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let Data::Enum(data) = &input.data else {
        let message = "`ApiError` is for an enum: one variant for each thing that can go wrong";
        return syn::Error::new_spanned(&input.ident, message).into_compile_error();
    };
    let krate = krate(&input);
    let mut errors = Vec::new();
    let mut arms: Vec<_> = data.variants.iter().map(|variant| arm(&krate, variant, &mut errors)).collect();
    distinct(&mut arms, &mut errors);
    let mut conversions: Vec<_> = arms.iter().map(|arm| arm.conversion.clone()).collect();
    // With a mistake in it the enum is still an error, so that the mistake is all the compiler tells of.
    let specs: Vec<_> =
        if errors.is_empty() { arms.iter().filter_map(|arm| arm.spec.clone()).collect() } else { Vec::new() };
    if !errors.is_empty() || data.variants.is_empty() {
        conversions = vec![quote!(_ => #krate::Error::internal("this error has no status"),)];
    }
    let errors = errors.into_iter().map(syn::Error::into_compile_error);
    let (generics, names, bounds) = input.generics.split_for_impl();
    let ty = &input.ident;
    let froms = arms.iter().filter_map(|arm| arm.from.as_ref()).map(|(variant, inner)| {
        quote! {
            impl #generics ::core::convert::From<#inner> for #ty #names #bounds {
                fn from(error: #inner) -> Self {
                    Self::#variant(error)
                }
            }
        }
    });
    quote! {
        #(#errors)*
        #(#froms)*
        impl #generics #krate::ApiError for #ty #names #bounds {
            const ERRORS: &'static [#krate::ErrorSpec] = &[#(#specs),*];
            #[allow(unused_variables, reason = "a message need not show every field")]
            fn into_error(self) -> #krate::Error {
                match self { #(#conversions)* }
            }
        }
    }
}

/// `#[api(crate = "…")]` on the enum, for use inside Ketch.
fn krate(input: &DeriveInput) -> TokenStream {
    let mut path = quote!(::ketch);
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("api")) {
        let _mistakes_are_reported_by_rustc = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                let text: LitStr = meta.value()?.parse()?;
                let written: syn::Path = text.parse()?;
                path = quote!(#written);
            }
            Ok(())
        });
    }
    quote!(#path::__private)
}

fn arm(krate: &TokenStream, variant: &Variant, errors: &mut Vec<syn::Error>) -> Arm {
    let written = written(variant, errors);
    let ident = &variant.ident;
    if let Some(span) = written.from {
        return carrier(krate, variant, span, &written, errors);
    }
    let status: u16 = written.status.as_ref().and_then(|text| text.base10_parse().ok()).unwrap_or_default();
    if !(400..=599).contains(&status) {
        let span = written.status.as_ref().map_or_else(|| ident.span(), LitInt::span);
        let message = format!("say the status of `{ident}`, 400 to 599: `#[api(status = 404)]`");
        errors.push(syn::Error::new(span, message));
    }
    if status == 500
        && let Some(code) = &written.code
    {
        let message = "a 500 is always `internal_error`: what it is about is for the log";
        errors.push(syn::Error::new(code.span(), message));
    }
    let comment = comment(variant);
    let code = written.code.as_ref().map_or_else(|| snake(ident), LitStr::value);
    let Some(message) =
        written.message.as_ref().map(LitStr::value).or_else(|| comment.as_deref().map(escaped))
    else {
        let message = format!("say what `{ident}` means: a `///` comment, or `#[api(message = \"…\")]`");
        errors.push(syn::Error::new(ident.span(), message));
        return Arm::default();
    };
    let description = comment.unwrap_or_else(|| message.clone());
    let pattern = pattern(variant);
    let text =
        LitStr::new(&named(&message), written.message.as_ref().map_or_else(|| ident.span(), LitStr::span));
    // A 500 is our own fault: what it says is for the log.
    let conversion = if status == 500 {
        quote!(Self::#ident #pattern => #krate::Error::internal(::std::format!(#text)),)
    } else {
        quote!(Self::#ident #pattern => #krate::Error::new(#status, #code, ::std::format!(#text)),)
    };
    let code = if status == 500 { "internal_error".to_owned() } else { code };
    let spec = quote!(#krate::ErrorSpec { status: #status, code: #code, description: #description });
    Arm { spec: Some(spec), conversion, from: None }
}

/// A variant that carries another error: what that says is what the client sees, and `?` makes it.
fn carrier(
    krate: &TokenStream,
    variant: &Variant,
    span: Span,
    written: &Written,
    errors: &mut Vec<syn::Error>,
) -> Arm {
    let ident = &variant.ident;
    if written.status.is_some() || written.code.is_some() || written.message.is_some() {
        let message = "`from` stands alone: the status, code and message are those of the error inside";
        errors.push(syn::Error::new(span, message));
    }
    let inner = match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed[0].ty.clone(),
        _ => {
            let message = format!("`from` is for a variant around one error: `{ident}(ketch::db::Error)`");
            errors.push(syn::Error::new(ident.span(), message));
            return Arm::default();
        }
    };
    let conversion = quote_spanned! {inner.span()=>
        Self::#ident(error) => ::core::convert::Into::<#krate::Error>::into(error),
    };
    Arm { spec: None, conversion, from: Some((ident.clone(), inner)) }
}

/// `?` can make one variant only from one kind of error.
fn distinct(arms: &mut [Arm], errors: &mut Vec<syn::Error>) {
    let mut known = HashSet::new();
    for arm in arms {
        let Some((variant, inner)) = arm.from.take() else { continue };
        if !known.insert(quote!(#inner).to_string()) {
            let message =
                format!("another variant is made from this error already, so `{variant}` cannot be");
            errors.push(syn::Error::new(variant.span(), message));
        } else {
            arm.from = Some((variant, inner));
        }
    }
}

fn written(variant: &Variant, errors: &mut Vec<syn::Error>) -> Written {
    let mut written = Written::default();
    for attr in variant.attrs.iter().filter(|attr| attr.path().is_ident("api")) {
        let result = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("status") {
                written.status = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("code") {
                written.code = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("message") {
                written.message = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("from") {
                written.from = Some(meta.path.span());
            } else {
                return Err(meta.error("unknown key; there is: `status`, `code`, `message`, `from`"));
            }
            Ok(())
        });
        errors.extend(result.err());
    }
    written
}

/// The comment of a variant, without its full stop: as a message it stands in the middle of things.
fn comment(variant: &Variant) -> Option<String> {
    let lines = variant.attrs.iter().filter_map(|attr| match &attr.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
                Some(text.value().trim().to_owned())
            }
            _ => None,
        },
        _ => None,
    });
    let text = lines.collect::<Vec<_>>().join(" ");
    let text = text.trim().trim_end_matches('.');
    (!text.is_empty()).then(|| text.to_owned())
}

/// A comment as the text of a `format!`, in which braces mean something.
fn escaped(comment: &str) -> String {
    comment.replace('{', "{{").replace('}', "}}")
}

/// The pattern that gives every field a name a message can show: its own, or `_0` for the first of a tuple.
fn pattern(variant: &Variant) -> TokenStream {
    match &variant.fields {
        Fields::Unit => quote!(),
        Fields::Named(fields) => {
            let names = fields.named.iter().filter_map(|field| field.ident.as_ref());
            quote!({ #(#names),* })
        }
        Fields::Unnamed(fields) => {
            let names = (0..fields.unnamed.len()).map(|at| format_ident!("_{at}"));
            quote!((#(#names),*))
        }
    }
}

/// `{0}` becomes `{_0}`, the name the pattern gives the field.
fn named(message: &str) -> String {
    let mut out = String::with_capacity(message.len() + 4);
    let mut letters = message.chars().peekable();
    while let Some(letter) = letters.next() {
        out.push(letter);
        if letter != '{' {
            continue;
        }
        if letters.peek() == Some(&'{') {
            out.extend(letters.next());
        } else if letters.peek().is_some_and(char::is_ascii_digit) {
            out.push('_');
        }
    }
    out
}

fn snake(ident: &Ident) -> String {
    ketch_syntax::kebab(&ident.to_string()).replace('-', "_")
}
