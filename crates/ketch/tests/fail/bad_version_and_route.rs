//! Versions and a route as other frameworks write them.

use ketch::prelude::*;

struct Hola;

#[service(version = "v2")]
impl Hola {
    #[get(route = "/users/:id", version = "2.x")]
    fn user(&self, id: u64) -> String {
        id.to_string()
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
