//! What a client meets when the database's process, disk or capacity fails: docs/durability.md, at the level of HTTP.
//! Each file holds one scenario, against a server in a process of its own.

mod disk_full;
mod fsync_fails;
mod fsync_first;
mod killed;
mod overloaded;
mod server;

use std::time::Duration;

use ketch::test::soak_factor;

/// A promised time as it is asserted: exactly in the long form, at ten times in the short one, because other tests run
/// beside it.
fn promised(time: Duration) -> Duration {
    if soak_factor() > 1 { time } else { time * 10 }
}
