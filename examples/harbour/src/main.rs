//! The example: a small harbour.
fn main() {}
