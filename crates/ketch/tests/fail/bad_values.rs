//! Values that do not have the form of their setting.

use ketch::prelude::*;

struct Hola;

const AUDIT: &str = "audit";

#[service(ttl = "5 minutes", rate = "often", cors = "https://app.example", middleware = AUDIT)]
impl Hola {
    #[get(cache, sunset = "31.1.2027", status = 404)]
    async fn say_hola(&self) -> String {
        String::new()
    }

    #[get(deprecated = "soon", compress = "yes", vary = [audit], key)]
    async fn shout(&self) -> String {
        String::new()
    }

    #[get(status = "created", delay = 5)]
    async fn whisper(&self) -> String {
        String::new()
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
