//! A value that cannot move between threads, held over an await.

use ketch::prelude::*;

struct Hola;

#[service]
impl Hola {
    #[get]
    async fn say_hola(&self) -> String {
        let rc = std::rc::Rc::new(1);
        ready().await;
        rc.to_string()
    }
}

async fn ready() {}

fn main() {
    let _ = Server::new().add(Hola);
}
