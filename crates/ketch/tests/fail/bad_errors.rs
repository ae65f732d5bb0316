//! Errors without a status, with one that is none, without words, with unknown keys, around nothing or around what
//! says no status.

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

#[derive(ApiError)]
enum Around {
    #[api(from)]
    Nothing,
    #[api(from, status = 503)]
    Said(ketch::db::Error),
    #[api(from)]
    Again(ketch::db::Error),
}

#[derive(ApiError)]
enum Foreign {
    /// What has no status of its own.
    #[api(from)]
    Io(std::io::Error),
}

fn main() {
    let _ = [Around::Nothing, Around::Said(ketch::db::Error::Busy), Around::Again(ketch::db::Error::Busy)];
    let _ = Foreign::Io(std::io::Error::other("x"));
    let _ = [Oops::NoStatus, Oops::Fine, Oops::Speechless, Oops::Unknown, Oops::Missing(1)];
}
