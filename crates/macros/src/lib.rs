//! The declarative surface: #[service] on an impl block, one method attribute per endpoint.
//!
//! Entry points only. The work goes through three steps: `written` reads what stands there, `check` says what
//! is wrong with it, `generate` writes the code. `argument` is one argument; `query` and `api_error` are the
//! derives, `migrations` a folder of SQL files.

mod api_error;
mod argument;
mod check;
mod generate;
mod migrations;
mod query;
mod service;
mod written;

use proc_macro::TokenStream;
use quote::quote;

/// Turns an impl block into a service.
///
/// Methods that are marked `#[get]`, `#[post]`, `#[put]`, `#[patch]` or `#[delete]` become endpoints; others stay as
/// they are. The keys in the attributes are the settings of the reference page; `crate = "…"` names the crate that
/// holds Ketch when it is not called `ketch`. A method that ends with `;` is answered from the file its `stub` names.
///
/// An argument may carry `#[arg(default = 20, min = 1, max = 100, pattern = "…", example = …, name = "…")]`, and a
/// comment, which is its description in the documents.
#[proc_macro_attribute]
pub fn service(attr: TokenStream, item: TokenStream) -> TokenStream {
    service::expand(attr.into(), &item.into()).into()
}

/// Makes an enum an error that endpoints may return.
///
/// Each variant says `#[api(status = 404, code = "no_such_boat", message = "no boat has the id {0}")]`. `code` is
/// the variant's name in snake case unless given; `message` is its comment unless given, and may show its fields.
///
/// `#[api(from)]` on a variant around one value, such as `Db(ketch::db::Error)`, makes the answer what that value becomes
/// by `Into<ketch::Error>`, and lets `?` make the variant.
#[proc_macro_derive(ApiError, attributes(api))]
pub fn api_error(item: TokenStream) -> TokenStream {
    api_error::expand(item.into()).into()
}

/// Makes a struct an argument whose fields are read from the query.
///
/// A field may carry `#[arg(default = 20, min = 1, max = 100, pattern = "…", example = …, name = "…")]`, and its comment
/// is its description in the documents.
#[proc_macro_derive(Query, attributes(arg, ketch))]
pub fn query(item: TokenStream) -> TokenStream {
    query::query(item.into()).into()
}

/// Makes an enum of names a single value of the path, the query, a header or a cookie, written as serde writes it. It
/// needs `Deserialize` and `JsonSchema` too.
#[proc_macro_derive(Scalar, attributes(ketch))]
pub fn scalar(item: TokenStream) -> TokenStream {
    query::scalar(item.into()).into()
}

/// What `ketch::migrations!` expands to: the crate of the database, and the folder.
#[doc(hidden)]
#[proc_macro]
#[expect(clippy::disallowed_methods, reason = "so the compiler tells which package it compiles")]
pub fn migrations(item: TokenStream) -> TokenStream {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    migrations::expand(item.into(), manifest.as_ref()).into()
}

macro_rules! endpoint_markers {
    ($($name:ident),*) => {$(
        /// Marks a method of a `#[service]` impl block as an endpoint, with its route and settings.
        #[proc_macro_attribute]
        pub fn $name(_attr: TokenStream, item: TokenStream) -> TokenStream {
            outside_service(stringify!($name), &item.into()).into()
        }
    )*};
}
endpoint_markers!(get, post, put, patch, delete);

/// `#[service]` removes the markers that it reads, so a marker that runs by itself stands in the wrong place.
fn outside_service(name: &str, item: &proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    let message = format!("`#[{name}]` marks a method inside a `#[service] impl` block");
    let error = syn::Error::new(proc_macro2::Span::call_site(), message).into_compile_error();
    quote!(#error #item)
}
