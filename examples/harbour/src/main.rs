//! Starts the example. `cargo run -- --help` lists the commands.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ketch::main(harbour::server())
}
