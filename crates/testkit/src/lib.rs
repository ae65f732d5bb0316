//! Tools for testing an API: an in-process client, scenario tables, goldens and a clock to set.
//!
//! [`postgres`] starts a real database server, for what needs one. Otherwise nothing here opens a socket; the wired
//! server on a real one is `ketch::test::TestServer`.

mod client;
mod overheard;
pub mod postgres;
mod scenario;
mod scratch;
mod soak;

pub use client::{Answer, Client};
pub use expect_test::{Expect, ExpectFile, expect, expect_file};
pub use ketch_model::ManualClock;
pub use overheard::overheard;
pub use scenario::{Scenario, check};
pub use scratch::Scratch;
pub use soak::soak_factor;
