//! `#[derive(Query)]`: a struct whose fields are arguments of the query; and `#[derive(Scalar)]`, an enum as one value.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Ident, LitStr};

use crate::argument::Argument;
use crate::generate::at;
use crate::service::wire_name;

pub(crate) fn query(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            other => return misfit(other.span()),
        },
        _ => return misfit(input.ident.span()),
    };
    let krate = krate(&input);
    let mut errors = Vec::new();
    let names: Vec<Ident> = fields.iter().filter_map(|field| field.ident.clone()).collect();
    let arguments: Vec<Argument> = fields
        .iter()
        .zip(&names)
        .map(|(field, name)| Argument::read(wire_name(name), field.ty.clone(), &field.attrs, &mut errors))
        .collect();
    let numbered = || arguments.iter().enumerate();
    let rules = numbered().map(|(number, argument)| argument.rules(&krate, number));
    let places = arguments.iter().map(|argument| in_the_query(&krate, argument));
    let arg = arg(&krate, &input, &names, &arguments);
    let holds = holds(&krate, &input, &names, &arguments);
    let errors = errors.into_iter().map(syn::Error::into_compile_error);
    quote! {
        #(#errors)*
        const _: () = {
            #[allow(unused_imports, reason = "which of the two is needed depends on the types of the fields")]
            use #krate::{Stated as _, Unstated as _};
            #(#rules)*
            #(#places)*
            #arg
            #holds
        };
    }
}

/// A constant that fails to compile when a field is not read from the query.
fn in_the_query(krate: &TokenStream, argument: &Argument) -> TokenStream {
    let ty = &argument.ty;
    let message =
        format!("`{}` is not of the query: a `Query` struct holds values of the query", argument.name);
    quote_spanned!(at(ty.span())=> const _: () = ::core::assert!(<#ty as #krate::Arg>::PLACE.is_query(), #message);)
}

/// The `Arg` impl: every field is described and read as an argument is.
fn arg(krate: &TokenStream, input: &DeriveInput, names: &[Ident], arguments: &[Argument]) -> TokenStream {
    let locals: Vec<_> = (0..arguments.len()).map(|number| format_ident!("field{number}")).collect();
    let numbered = || arguments.iter().enumerate();
    let describes = numbered().map(|(number, argument)| argument.describe(krate, number, false));
    let reads = numbered().zip(&locals).map(|((number, argument), local)| {
        let value = argument.value(krate, number, false);
        quote!(let #local = faults.keep(#value);)
    });
    let ty = &input.ident;
    let (generics, type_names, bounds) = input.generics.split_for_impl();
    quote! {
        #[diagnostic::do_not_recommend]
        impl #generics #krate::Arg for #ty #type_names #bounds {
            const PLACE: #krate::In = #krate::In::Query;
            #[allow(unused_variables, reason = "a struct may have no fields")]
            fn describe(_name: &'static str, docs: &mut #krate::ArgDocs<'_>) {
                #(#describes)*
            }
            #[allow(unused_variables, unused_mut, reason = "a struct may have no fields")]
            async fn read(input: &mut #krate::Input, _name: &'static str) -> ::core::result::Result<Self, #krate::Error> {
                let mut faults = #krate::Faults::default();
                #(#reads)*
                let (#(::core::option::Option::Some(#locals),)*) = (#(#locals,)*) else {
                    return ::core::result::Result::Err(faults.into_error());
                };
                ::core::result::Result::Ok(Self { #(#names: #locals),* })
            }
        }
    }
}

/// The `Holds` impl: rules that the struct itself states are about its fields by their names in the query.
fn holds(krate: &TokenStream, input: &DeriveInput, names: &[Ident], arguments: &[Argument]) -> TokenStream {
    let fields: Vec<String> = names.iter().map(|name| name.unraw().to_string()).collect();
    let wire: Vec<&str> = arguments.iter().map(|argument| argument.name.as_str()).collect();
    let ty = &input.ident;
    let (generics, type_names, bounds) = input.generics.split_for_impl();
    quote! {
        impl #generics #krate::Holds for #ty #type_names #bounds {
            type Value = Self;
            const PLACE: #krate::In = #krate::In::Query;
            fn value(&self) -> &Self { self }
            fn wire_names<'p>(
                paths: impl ::core::iter::Iterator<Item = &'p #krate::Path>,
            ) -> ::std::vec::Vec<::std::string::String> {
                paths.map(|path| #krate::query_name(path, &[#((#fields, #wire)),*])).collect()
            }
        }
    }
}

fn misfit(span: proc_macro2::Span) -> TokenStream {
    let message = "`Query` is for a struct with named fields: one argument of the query each";
    syn::Error::new(span, message).into_compile_error()
}

pub(crate) fn scalar(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let is_names = match &input.data {
        Data::Enum(data) => data.variants.iter().all(|variant| variant.fields.is_empty()),
        _ => false,
    };
    if !is_names {
        let message = "`Scalar` is for an enum whose variants are names, without fields";
        return syn::Error::new_spanned(&input.ident, message).into_compile_error();
    }
    let krate = krate(&input);
    let ty = &input.ident;
    quote! {
        #[diagnostic::do_not_recommend]
        impl #krate::Scalar for #ty {
            const WANTED: &'static str = "one of its values";
            fn parse(text: ::std::borrow::Cow<'_, str>) -> ::core::option::Option<Self> {
                #krate::scalar_from_text(&text)
            }
        }
        #[diagnostic::do_not_recommend]
        impl #krate::PathArg for #ty {}
        #[diagnostic::do_not_recommend]
        impl #krate::Arg for #ty {
            const PLACE: #krate::In = #krate::In::Query;
            fn describe(name: &'static str, docs: &mut #krate::ArgDocs<'_>) {
                #krate::describe_scalar::<Self>(name, docs);
            }
            async fn read(input: &mut #krate::Input, name: &'static str) -> ::core::result::Result<Self, #krate::Error> {
                #krate::read_scalar(input, name)
            }
        }
    }
}

/// `#[ketch(crate = "…")]` on the type, for use inside Ketch.
fn krate(input: &DeriveInput) -> TokenStream {
    let mut path = quote!(::ketch);
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("ketch")) {
        let _mistakes_are_reported_by_rustc = attr.parse_nested_meta(|meta| {
            let text: LitStr = meta.value()?.parse()?;
            let written: syn::Path = text.parse()?;
            path = quote!(#written);
            Ok(())
        });
    }
    quote!(#path::__private)
}
