//! The kitchen sink: a server with every kind of argument, reply and setting.
//!
//! It is made for tests, not to be read first: goldens of its documents, and an outside judge who calls all of it.
//! `shapes` are what JSON bodies can look like; `arguments`, `replies` and `settings` say what they are by name.

mod arguments;
mod replies;
mod settings;
mod shapes;

use ketch::prelude::*;

/// The whole server, for `main` and for tests.
pub fn server() -> Server {
    Server::new()
        .title("Kitchen sink")
        .release("1.2.3")
        .describe("Everything.")
        .define_cache("kept", MemoryCache::new("1mb"))
        .add(shapes::SinkService)
        .add(arguments::ArgumentService { crew: 3 })
        .add(replies::ReplyService)
        .add(settings::SettingService)
}
