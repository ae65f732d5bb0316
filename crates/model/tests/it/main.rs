//! The model from outside: levels that come together, and a front that is not Rust.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain has failed")]

mod every_key;
mod levels;
mod manifest;
