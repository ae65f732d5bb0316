//! An endpoint that is only a signature, and a stub.

use ketch::prelude::*;

struct Hola;

#[service]
impl Hola {
    #[get]
    fn later(&self);

    #[get(stub = "later.json")]
    fn both(&self) -> String {
        String::new()
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
