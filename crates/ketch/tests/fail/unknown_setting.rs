//! Unknown settings and a bad value: all of one service at once, each at its token.

use ketch::prelude::*;

struct Hola;

#[service(versoin = "2")]
impl Hola {
    #[get(middelware = ["access"], timeout = "5 minutes")]
    async fn say_hola(&self) -> String {
        String::new()
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
