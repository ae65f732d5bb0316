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

struct Pages;

#[service]
impl Pages {
    #[get]
    async fn page(
        &self,
        #[arg(default = 20)] limit: Option<u32>,
        #[arg(default = vec![1])] ids: Vec<u32>,
        #[arg(default = "en")] language: Header<String>,
        #[arg(default = "text")] text: Json<String>,
    ) -> String {
        format!("{limit:?} {ids:?} {} {}", language.0, text.0)
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
    let _ = Server::new().add(Hola).add(Pages).add(Boats);
}
