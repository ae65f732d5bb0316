//! Starts the kitchen sink, for the outside judges: `cargo run -p sink`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ketch::main(sink::server())
}
