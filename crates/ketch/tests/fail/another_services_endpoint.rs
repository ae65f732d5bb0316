//! The id of another service's endpoint, and one that is not there.

use ketch::prelude::*;

struct Hola;

struct Other;

#[service]
impl Other {
    #[get]
    fn a(&self) -> String {
        String::new()
    }
}

#[service]
impl Hola {
    #[get]
    fn b(&self) -> String {
        String::new()
    }
}

fn main() {
    let _ = configure(Hola).endpoint(Other::A, |e| e.version("2")).endpoint(Hola::C, |e| e);
}
