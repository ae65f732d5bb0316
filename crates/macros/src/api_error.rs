//! `#[derive(ApiError)]`: an enum whose variants are the errors of an endpoint.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, Ident, LitInt, LitStr, Variant};

/// What `#[api(…)]` says of one variant.
#[derive(Default)]
struct Written {
    status: Option<LitInt>,
    code: Option<LitStr>,
    message: Option<LitStr>,
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
    let arms: Vec<_> = data.variants.iter().map(|variant| arm(&krate, variant, &mut errors)).collect();
    let (specs, mut conversions): (Vec<_>, Vec<_>) = arms.into_iter().unzip();
    // With a mistake in it the enum is still an error, so that the mistake is all the compiler tells of.
    let specs = if errors.is_empty() { specs } else { Vec::new() };
    if !errors.is_empty() || data.variants.is_empty() {
        conversions = vec![quote!(_ => #krate::Error::internal("this error has no status"),)];
    }
    let errors = errors.into_iter().map(syn::Error::into_compile_error);
    let (generics, names, bounds) = input.generics.split_for_impl();
    let ty = &input.ident;
    quote! {
        #(#errors)*
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

fn arm(krate: &TokenStream, variant: &Variant, errors: &mut Vec<syn::Error>) -> (TokenStream, TokenStream) {
    let written = written(variant, errors);
    let ident = &variant.ident;
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
        return (quote!(), quote!());
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
    (quote!(#krate::ErrorSpec { status: #status, code: #code, description: #description }), conversion)
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
            } else {
                return Err(meta.error("unknown key; there is: `status`, `code`, `message`"));
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
