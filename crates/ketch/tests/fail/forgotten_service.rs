//! A marker without `#[service]` around it.

use ketch::prelude::*;

struct Hola;

impl Hola {
    #[get]
    async fn say_hola(&self) -> String {
        String::new()
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
