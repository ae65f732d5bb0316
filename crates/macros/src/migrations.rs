//! `migrations!("folder")`: the migrations of a folder, read while the program is compiled.

use std::path::Path;

use ketch_syntax::{MigrationFiles, Variants, migrations};
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Token};

/// The crate that holds Ketch's database, and the folder as it is written.
struct Written {
    krate: TokenStream,
    folder: LitStr,
}

impl Parse for Written {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut krate = TokenStream::new();
        while !input.peek(Token![,]) {
            krate.extend([input.parse::<proc_macro2::TokenTree>()?]);
        }
        input.parse::<Token![,]>()?;
        let wanted = "write the folder as a string, as in `migrations!(\"migrations\")`";
        let folder = input.parse().map_err(|error| syn::Error::new(error.span(), wanted))?;
        Ok(Self { krate, folder })
    }
}

/// `manifest` is the folder of the package that is compiled.
pub(crate) fn expand(item: TokenStream, manifest: &Path) -> TokenStream {
    let written: Written = match syn::parse2(item) {
        Ok(written) => written,
        Err(error) => return error.into_compile_error(),
    };
    let Written { krate, folder } = written;
    let found = match read(manifest, &folder.value()) {
        Ok(found) => found,
        Err(problems) => {
            let errors = problems.iter().map(|why| syn::Error::new(folder.span(), why).into_compile_error());
            // An expression in any case, so that these errors are all the compiler tells of.
            return quote!({ #(#errors)* #krate::Migrations::empty() });
        }
    };
    let list = found.iter().map(|files| one(&krate, &folder.value(), files));
    quote!(#krate::Migrations::__embedded(#folder, ::std::vec![#(#list),*]))
}

/// One migration as an expression.
fn one(krate: &TokenStream, folder: &str, files: &MigrationFiles) -> TokenStream {
    let MigrationFiles { number, name, up, down } = files;
    let (up, down) = (scripts(krate, folder, up), scripts(krate, folder, down));
    quote!(#krate::__private::migration(#number, #name, #up, #down))
}

/// File names and texts. `include_str!` makes the compiler watch the files.
fn scripts(krate: &TokenStream, folder: &str, files: &Variants<String>) -> TokenStream {
    let script = |file: &Option<String>| match file {
        Some(file) => {
            let path = format!("/{folder}/{file}");
            quote! {
                ::core::option::Option::Some((
                    #file,
                    ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path)),
                ))
            }
        }
        None => quote!(::core::option::Option::None),
    };
    let (plain, sqlite, postgres) = (script(&files.plain), script(&files.sqlite), script(&files.postgres));
    quote!(#krate::__private::Variants { plain: #plain, sqlite: #sqlite, postgres: #postgres })
}

fn read(manifest: &Path, folder: &str) -> Result<Vec<MigrationFiles>, Vec<String>> {
    let one = |why: String| vec![why];
    if Path::new(folder).is_absolute() || folder.is_empty() {
        let why = "the folder is relative to the one of `Cargo.toml`, as in `migrations!(\"migrations\")`";
        return Err(one(why.to_owned()));
    }
    let entries = std::fs::read_dir(manifest.join(folder))
        .map_err(|error| one(format!("cannot read the folder `{folder}` beside `Cargo.toml`: {error}")))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry =
            entry.map_err(|error| one(format!("cannot read the folder `{folder}`: {error}")))?.file_name();
        names.push(entry.to_string_lossy().into_owned());
    }
    migrations(names.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is gone when the test ends.
    struct Package(std::path::PathBuf);

    impl Package {
        fn with(name: &str, files: &[&str]) -> Self {
            let path = std::env::temp_dir().join(format!("ketch-macros-{}-{name}", std::process::id()));
            std::fs::create_dir_all(path.join("migrations")).unwrap();
            for file in files {
                std::fs::write(path.join("migrations").join(file), "select 1").unwrap();
            }
            Self(path)
        }
    }

    impl Drop for Package {
        fn drop(&mut self) {
            let _gone_already = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_files_are_included_in_their_order() {
        let package =
            Package::with("good", &["2_b.up.sqlite.sql", "001_a.up.sql", "001_a.down.sql", "README.md"]);
        let out = expand(quote!(ketch_db, "migrations"), &package.0).to_string();
        let (first, second) = (out.find("1i64 , \"a\"").unwrap(), out.find("2i64 , \"b\"").unwrap());
        assert!(first < second, "{out}");
        assert!(out.contains("\"/migrations/001_a.down.sql\""), "{out}");
        assert_eq!(out.matches("include_str").count(), 3, "{out}");
    }

    #[test]
    fn every_file_that_is_no_migration_is_a_compile_error() {
        let package = Package::with("bad", &["a.sql", "001_a.up.sql", "002_B.up.sql"]);
        let out = expand(quote!(ketch_db, "migrations"), &package.0).to_string();
        assert!(out.contains("`a.sql` is no migration") && out.contains("`002_B.up.sql`: a name"), "{out}");
        assert_eq!(out.matches("compile_error").count(), 2, "{out}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let package = Package::with("none", &[]);
        let out = expand(quote!(ketch_db, "elsewhere"), &package.0).to_string();
        assert!(out.contains("cannot read the folder `elsewhere` beside `Cargo.toml`"), "{out}");
        let out = expand(quote!(ketch_db, 3), &package.0).to_string();
        assert!(out.contains("write the folder as a string"), "{out}");
        let out = expand(quote!(ketch_db, "/etc"), &package.0).to_string();
        assert!(out.contains("relative to the one of `Cargo.toml`"), "{out}");
    }
}
