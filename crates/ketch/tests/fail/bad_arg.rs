//! `#[arg(…)]` that says what it cannot.

use ketch::prelude::*;

struct Hola;

#[service]
impl Hola {
    #[get("say/{name}")]
    async fn say(
        &self,
        #[arg(default = "you")] name: String,
        #[arg(minimum = 1)] times: u32,
        #[arg(mini = 1)] loud: Option<bool>,
        #[arg(min = "1", example = times())] tone: u8,
    ) -> String {
        format!("{name} {times} {loud:?} {tone}")
    }
}

struct Boats;

#[service]
impl Boats {
    #[post]
    async fn create(&self, #[arg(max = 3)] boat: Json<String>) -> String {
        boat.into_inner()
    }
}

fn main() {
    let _ = Server::new().add(Hola).add(Boats);
}
