//! Errors without a status, with one that is none, without words, with unknown keys.

use ketch::prelude::*;

#[derive(ApiError)]
enum Oops {
    /// No status.
    NoStatus,
    /// Not an error.
    #[api(status = 200)]
    Fine,
    #[api(status = 404)]
    Speechless,
    /// Unknown key.
    #[api(status = 404, cod = "x")]
    Unknown,
    #[api(status = 404, message = "no {1} here")]
    Missing(u32),
}

fn main() {
    let _ = [Oops::NoStatus, Oops::Fine, Oops::Speechless, Oops::Unknown, Oops::Missing(1)];
}
