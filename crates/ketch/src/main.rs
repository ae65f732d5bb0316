//! The stock binary: the commands, around a server that has nothing of its own. A manifest says its title.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ketch::main(ketch::Server::new())
}
