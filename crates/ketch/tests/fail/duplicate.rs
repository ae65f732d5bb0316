//! Two endpoints at one URL.

use ketch::prelude::*;

struct Hola;

#[service]
impl Hola {
    #[get("hola")]
    async fn say(&self) -> String {
        String::new()
    }

    #[get("hola")]
    async fn shout(&self) -> String {
        String::new()
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
