//! One argument of an endpoint, or one field of a `#[derive(Query)]` struct: its name, type, comment and `#[arg(…)]`.

use ketch_syntax::closest;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, PatType, Type, UnOp};

use crate::generate::at;
use crate::service::{argument_name, docs, wire_name};

/// An argument as it is written.
pub(crate) struct Argument {
    /// Its name on the wire; empty when the pattern is no plain name, which `check` reports.
    pub(crate) name: String,
    pub(crate) ty: Type,
    about: Option<String>,
    default: Option<Expr>,
    example: Option<Expr>,
    min: Option<Expr>,
    max: Option<Expr>,
    pattern: Option<LitStr>,
}

const KEYS: [&str; 6] = ["default", "min", "max", "pattern", "example", "name"];

impl Argument {
    /// Takes `#[arg(…)]` and the comment off an argument, which a method may not have.
    pub(crate) fn take(argument: &mut PatType, errors: &mut Vec<syn::Error>) -> Self {
        let name = argument_name(argument).map(wire_name).unwrap_or_default();
        let read = Self::read(name, (*argument.ty).clone(), &argument.attrs, errors);
        argument.attrs.retain(|attr| !attr.path().is_ident("arg") && !attr.path().is_ident("doc"));
        read
    }

    /// Reads the attributes of an argument or a field.
    pub(crate) fn read(name: String, ty: Type, attrs: &[Attribute], errors: &mut Vec<syn::Error>) -> Self {
        let (default, example, min, max, pattern) = (None, None, None, None, None);
        let about = docs(attrs).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut read = Self { name, ty, about, default, example, min, max, pattern };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("arg")) {
            errors.extend(attr.parse_nested_meta(|meta| read.key(&meta)).err());
        }
        if let Some(misfit) = read.default_misfit() {
            errors.push(misfit);
            // So that it is all the compiler tells of.
            read.default = None;
        }
        read
    }

    /// A default stands in for one value of the query; what is wrong when the type is plainly something else.
    fn default_misfit(&self) -> Option<syn::Error> {
        let span = self.default_span()?;
        let Type::Path(path) = &self.ty else { return None };
        let last = path.path.segments.last()?.ident.to_string();
        let name = &self.name;
        let message = match last.as_str() {
            "Option" => {
                format!("`{name}` is none when it is not sent: leave out the default, or the `Option`")
            }
            "Vec" => format!("`{name}` is empty when it is not sent: a default is for one value"),
            "Header" | "Cookie" => format!(
                "a default is for one value of the query: make `{name}` a `{last}<Option<…>>` and choose in the method"
            ),
            "Json" | "Form" | "Bytes" | "Multipart" | "Request" => {
                format!("`{name}` is the body, and a default is for one value of the query")
            }
            "Ctx" | "Caller" | "Extract" => {
                format!("`{name}` is not sent as a value, and a default is for one value of the query")
            }
            _ => return None,
        };
        Some(syn::Error::new(span, message))
    }

    fn key(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
        if !KEYS.contains(&key.as_str()) {
            let hint = match closest(&key, KEYS) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => format!("; there is: {}", KEYS.join(", ")),
            };
            return Err(meta.error(format!("unknown key `{key}`{hint}")));
        }
        let value = meta.value()?;
        match key.as_str() {
            "name" => self.name = value.parse::<LitStr>()?.value(),
            "pattern" => self.pattern = Some(value.parse()?),
            "default" => self.default = Some(value.parse()?),
            "example" => self.example = Some(literal(value.parse()?, "an example")?),
            "min" => self.min = Some(number(value.parse()?)?),
            _ => self.max = Some(number(value.parse()?)?),
        }
        Ok(())
    }

    /// Where messages about it point.
    pub(crate) fn span(&self) -> Span {
        self.ty.span()
    }

    /// Whether it has a default, which a part of the path cannot.
    pub(crate) fn default_span(&self) -> Option<Span> {
        self.default.as_ref().map(Spanned::span)
    }

    fn has_rules(&self) -> bool {
        self.min.is_some() || self.max.is_some() || self.pattern.is_some()
    }

    /// The constant that holds its rules, if it states any.
    pub(crate) fn rules(&self, krate: &TokenStream, number: usize) -> TokenStream {
        if !self.has_rules() {
            return TokenStream::new();
        }
        let ident = rules_ident(number, self.span());
        let bound = |key: &str, bound: &Option<Expr>| {
            let key = format_ident!("{key}");
            bound.as_ref().map(|bound| {
                let kind = if is_whole(bound) { quote!(Whole) } else { quote!(Real) };
                quote!(.#key(#krate::Bound::#kind(#bound)))
            })
        };
        let (min, max) = (bound("min", &self.min), bound("max", &self.max));
        let pattern = self.pattern.as_ref().map(|pattern| quote!(.pattern(#pattern)));
        quote_spanned!(at(self.span())=> static #ident: #krate::Rules = #krate::Rules::new() #min #max #pattern;)
    }

    /// The statement that describes it to `docs`.
    pub(crate) fn describe(&self, krate: &TokenStream, number: usize, in_path: bool) -> TokenStream {
        let (ty, name, span) = (&self.ty, &self.name, at(self.span()));
        let plain = if in_path {
            quote_spanned!(span=> #krate::path_arg::<#ty>(#name, docs))
        } else {
            quote_spanned!(span=> <#ty as #krate::Arg>::describe(#name, docs))
        };
        let probed = if self.may_state_rules() && !in_path {
            quote_spanned!(span=> (&#krate::Probe::<#ty>::new()).describe(docs, |docs| #plain))
        } else {
            plain
        };
        let ruled = if self.has_rules() {
            let rules = rules_ident(number, self.span());
            quote_spanned!(span=> #rules.describe(docs, |docs| #probed))
        } else {
            probed
        };
        if self.about.is_none() && self.example.is_none() && self.default.is_none() {
            return quote_spanned!(span=> #ruled;);
        }
        let about = option(self.about.as_ref().map(|about| quote!(#about)));
        let example = option(self.example.as_ref().map(|value| quote!(#krate::documented(#value))));
        let default = option(self.default.as_ref().map(|value| {
            let value = typed(value);
            quote_spanned!(span=> #krate::documented::<#ty>(#value))
        }));
        quote_spanned!(span=> docs.noted(#about, #example, #default, |docs| #ruled);)
    }

    /// The expression that reads it from `input`: a `Result`.
    pub(crate) fn value(&self, krate: &TokenStream, number: usize, in_path: bool) -> TokenStream {
        let (ty, name, span) = (&self.ty, &self.name, at(self.span()));
        let plain = match &self.default {
            None => quote_spanned!(span=> <#ty as #krate::Arg>::read(&mut *input, #name).await),
            Some(default) => {
                let default = typed(default);
                quote_spanned!(span=>
                    <::core::option::Option<#ty> as #krate::Arg>::read(&mut *input, #name)
                        .await
                        .map(|value| value.unwrap_or_else(|| #default))
                )
            }
        };
        let checked = |check: TokenStream| quote_spanned!(span=> .and_then(|value: #ty| { #check?; ::core::result::Result::Ok(value) }));
        let rules = self.has_rules().then(|| {
            let rules = rules_ident(number, self.span());
            let place = if in_path {
                quote_spanned!(span=> #krate::In::Path)
            } else {
                quote_spanned!(span=> <#ty as #krate::Arg>::PLACE)
            };
            checked(quote_spanned!(span=> #rules.check(#place, #name, &value)))
        });
        let stated = (self.may_state_rules() && !in_path)
            .then(|| checked(quote_spanned!(span=> (&#krate::Probe::<#ty>::new()).check(&value))));
        quote_spanned!(span=> #plain #rules #stated)
    }

    /// Whether its type may state rules of its own. Single values and lists of them cannot.
    fn may_state_rules(&self) -> bool {
        let Type::Path(path) = &self.ty else { return true };
        let Some(last) = path.path.segments.last() else { return true };
        let plain = [
            "String",
            "bool",
            "u8",
            "u16",
            "u32",
            "u64",
            "u128",
            "usize",
            "i8",
            "i16",
            "i32",
            "i64",
            "i128",
            "isize",
            "f32",
            "f64",
            "Option",
            "Vec",
            "Caller",
            "Ctx",
            "Header",
            "Cookie",
            "Bytes",
            "Multipart",
        ];
        !plain.iter().any(|name| last.ident == name)
    }
}

fn rules_ident(number: usize, span: Span) -> Ident {
    format_ident!("RULES{number}", span = at(span))
}

fn option(tokens: Option<TokenStream>) -> TokenStream {
    match tokens {
        Some(tokens) => quote!(::core::option::Option::Some(#tokens)),
        None => quote!(::core::option::Option::None),
    }
}

/// A default as its type wants it: a text literal becomes a `String`.
fn typed(value: &Expr) -> TokenStream {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => quote!(::std::string::String::from(#text)),
        other => quote!(#other),
    }
}

fn literal(value: Expr, what: &str) -> syn::Result<Expr> {
    match &value {
        Expr::Lit(_) => Ok(value),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) && matches!(*unary.expr, Expr::Lit(_)) => {
            Ok(value)
        }
        other => Err(syn::Error::new_spanned(other, format!("{what} is a literal: `\"text\"`, `5`, `true`"))),
    }
}

fn number(value: Expr) -> syn::Result<Expr> {
    let digits = match &value {
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => &*unary.expr,
        other => other,
    };
    match digits {
        Expr::Lit(ExprLit { lit: Lit::Int(_) | Lit::Float(_), .. }) => Ok(value),
        other => Err(syn::Error::new_spanned(other, "a bound is a number: `min = 1`, `max = 99.5`")),
    }
}

fn is_whole(value: &Expr) -> bool {
    match value {
        Expr::Unary(unary) => is_whole(&unary.expr),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => !number.suffix().starts_with('f'),
        _ => false,
    }
}
