//! Endpoints that are not written yet: files answer, so that a front end can be built meanwhile.
//!
//! A method without a body is declared like any other, and is in the documents. Edit a file and ask again: it is read
//! anew for every request. Then write the method, and drop its `stub`.
//!
//! A relative path is looked for beside the executable, where a deployment has its files, then in the working directory.
//! `cargo run` keeps the shell's, which for these recipes is the top of the workspace. A project of its own has its stubs
//! at its top, and writes `stub = "stubs/boats/{id}.json"`.

use ketch::prelude::*;

struct BoatService;

/// Boats, some day.
#[service]
impl BoatService {
    /// Shows one boat: there is a file for boat 1 and one for boat 2, and all others are 404.
    #[get("{id}", stub = "examples/recipes/stubs/boats/{id}.json")]
    fn show(&self, id: u32);

    /// Registers a boat, in the time that it will take. What is sent is checked already.
    #[post("/", stub = "examples/recipes/stubs/registered.json", status = 201, delay = "50ms")]
    fn register(&self, name: Json<String>);
}

/// The server.
pub fn server() -> Server {
    Server::new().title("Stubs").add(BoatService)
}
