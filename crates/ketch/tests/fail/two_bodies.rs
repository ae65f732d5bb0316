//! Two arguments that read the body.

use ketch::prelude::*;

struct Hola;

type Alias = Json<String>;

#[service]
impl Hola {
    #[post]
    fn create(&self, a: Json<String>, b: Alias) -> String {
        a.0 + &b.0
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
