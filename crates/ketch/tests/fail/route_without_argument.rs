//! Names in the route that are no arguments.

use ketch::prelude::*;

struct Hola;

#[service]
impl Hola {
    #[get("say/{greeting}/{count}")]
    async fn say(&self, greetings: String) -> String {
        greetings
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
