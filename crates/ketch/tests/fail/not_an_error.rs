//! An error type that is no endpoint's error.

use ketch::prelude::*;

struct Hola;

enum Oops {}

#[service]
impl Hola {
    #[get]
    async fn basket(&self) -> Result<String, Oops> {
        Ok(String::new())
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
