//! Settings in the wrong place, of the wrong kind, without a value, twice.

use ketch::prelude::*;

struct Hola;

#[service(route = "x", middleware = "access")]
impl Hola {
    #[get(limit, version = 2, scope = ["admin"], hidden, hidden)]
    fn b(&self) -> String {
        String::new()
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
