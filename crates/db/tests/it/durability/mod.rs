//! What survives a crash: of the process, of the machine, of the disk. docs/durability.md says what is promised; each
//! file here holds one scenario of it, under the id that the document gives it.
//!
//! A program that may be killed is this test binary itself, started again ([`child`]). What it stores proves itself
//! ([`ledger`]). A power cut is made up afterwards, from the record of every system call ([`record`], [`disk`]).

mod child;
mod clock;
mod disk;
mod every_step;
mod fsync;
mod full;
mod held;
mod kill;
mod ledger;
mod overload;
mod power_cut;
mod record;

use std::time::Duration;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// `KETCH_SOAK=1`: the long form.
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn soaking() -> bool {
    std::env::var_os("KETCH_SOAK").is_some_and(|value| value == "1")
}

/// A count: of the short form, and of the long one.
fn times(short: u64, long: u64) -> u64 {
    assert!(short * 20 >= long, "a short run is never below a twentieth");
    if soaking() { long } else { short }
}

/// A promised time as it is asserted: exactly in the long form, at ten times in the short one, because other tests run
/// beside it.
fn promised(time: Duration) -> Duration {
    if soaking() { time } else { time * 10 }
}

/// Chance that can be had again.
struct Chance(TestRng);

impl Chance {
    fn of(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    /// From 0 to `most`, both included.
    fn up_to(&mut self, most: usize) -> usize {
        let most = u64::try_from(most).expect("a usize fits") + 1;
        usize::try_from(self.0.next_u64() % most).expect("it is not more than `most`")
    }
}
