//! Types that cannot be read from a request, or not from the path.

use ketch::prelude::*;

struct Hola;

struct Basket;

#[service]
impl Hola {
    #[get("say/{words}")]
    async fn say(&self, words: Vec<String>, basket: Basket) -> String {
        let _ = (words, basket);
        String::new()
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
