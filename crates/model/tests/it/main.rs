//! The model from outside: levels that come together, and a front that is not Rust.

mod levels;
mod manifest;
