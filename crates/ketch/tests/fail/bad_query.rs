//! What cannot be a `Query` struct, or a `Scalar`.

use ketch::prelude::*;

#[derive(Query)]
enum Order {
    Name,
}

#[derive(Query)]
struct Pair(u32, u32);

#[derive(Query)]
struct Paging {
    #[arg(defualt = 1)]
    limit: u32,
    basket: Basket,
    body: Json<String>,
}

struct Basket;

#[derive(Scalar)]
struct Name(String);

#[derive(Scalar)]
enum Shape {
    Round { radius: u32 },
}

fn main() {}
