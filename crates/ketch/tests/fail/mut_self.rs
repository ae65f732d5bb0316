//! An endpoint that wants to change its service.

use ketch::prelude::*;

struct Hola;

#[service]
impl Hola {
    #[get]
    async fn say_hola(&mut self) -> String {
        String::new()
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
