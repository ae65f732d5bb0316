//! Text that any program may have written: SQLite stores it unseen, in whatever encoding it came.
//!
//! One row of it must not keep the others from being claimed or shown. PostgreSQL takes none.

use std::fmt;

use ketch_db::Dialect;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// What stands for a payload that is not UTF-8. It is no JSON, so no job is made from it.
pub(crate) const NOT_UTF8: &str = "<not UTF-8>";

/// Columns that hold text, so that what is not UTF-8 can be read too: as [`Foreign`].
pub(super) fn columns(dialect: Dialect, names: &str) -> String {
    match dialect {
        Dialect::Postgres => names.to_owned(),
        Dialect::Sqlite => {
            let cast = |name: &str| format!("cast({name} as blob) as {name}");
            names.split(", ").map(cast).collect::<Vec<_>>().join(", ")
        }
    }
}

/// Such a text.
#[derive(Debug)]
pub(super) struct Foreign(Result<String, Vec<u8>>);

impl Foreign {
    /// What can be read of it.
    pub(super) fn shown(self) -> String {
        self.0.unwrap_or_else(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// It, or what stands for a payload that is none.
    pub(super) fn payload(self) -> String {
        self.0.unwrap_or_else(|_| NOT_UTF8.to_owned())
    }
}

impl<'de> Deserialize<'de> for Foreign {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Foreign;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Foreign, E> {
                Ok(Foreign(Ok(text.to_owned())))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Foreign, E> {
                self.visit_byte_buf(bytes.to_vec())
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Foreign, E> {
                Ok(Foreign(String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes)))
            }
        }
        deserializer.deserialize_byte_buf(Text)
    }
}
