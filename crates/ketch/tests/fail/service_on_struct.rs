//! `#[service]` on what is no impl block.

use ketch::prelude::*;

#[service]
struct Basket;

fn main() {}
