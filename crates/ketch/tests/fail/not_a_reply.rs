//! A type that is no reply.

use ketch::prelude::*;

struct Hola;

struct Basket;

#[service]
impl Hola {
    #[get]
    async fn basket(&self) -> Basket {
        Basket
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
