//! What the queue promises, tried with processes of its own: many at a time, killed, frozen, with a clock that jumps,
//! with a disk that is full.
//!
//! A process is this test binary itself, started again ([`child`], [`troop`]). It works as [`work`] says, on a database
//! that is its ground ([`ground`]). What the jobs leave behind proves how they were run ([`evidence`]).

mod cancelled;
mod child;
mod claims;
mod clock;
mod deadly;
mod evidence;
mod frozen;
mod full;
mod ground;
mod killed;
mod memory;
mod outage;
mod rolling;
mod troop;
mod work;

use std::time::Duration;

use ketch_testkit::soak_factor;

/// Whether this is the long form.
fn soaking() -> bool {
    soak_factor() > 1
}

/// A count: of the short form, and of the long one.
fn times(short: i64, long: i64) -> i64 {
    assert!(short * 20 >= long, "a short run is never below a twentieth");
    if soaking() { long } else { short }
}

/// A promised time as it is asserted: exactly in the long form, at ten times in the short one, because other tests run
/// beside it.
fn promised(time: Duration) -> Duration {
    if soaking() { time } else { time * 10 }
}
