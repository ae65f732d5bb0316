//! Generics, patterns, hidden types and two methods at once.

use ketch::prelude::*;

struct Hola;

#[service]
impl Hola {
    #[get]
    async fn generic<T>(&self, name: T) -> String {
        drop(name);
        String::new()
    }

    #[get]
    async fn pattern(&self, (a, b): (String, String)) -> String {
        a + &b
    }

    #[get]
    async fn hidden(&self) -> impl Send {}

    #[get]
    async fn hidden_deeper(&self) -> Result<Json<impl Sized>, Error> {
        Ok(Json(1))
    }

    #[get]
    async fn hidden_argument(&self, name: impl Into<String>) -> String {
        name.into()
    }

    #[get]
    #[post]
    async fn twice(&self) -> String {
        String::new()
    }
}

fn main() {
    let _ = Server::new().add(Hola);
}
