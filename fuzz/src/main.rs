//! libFuzzer with one of the targets, `ketch-fuzz --target=route`; the other arguments are libFuzzer's. What is built
//! with which flags is for `cargo xtask soak` to say.

#![no_main]

use std::process::abort;
use std::sync::OnceLock;

use ketch_fuzz::{TARGETS, Target, target};
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: choose(),
    |data: &[u8]| {
        let target = CHOSEN.get().expect("the first call is to `choose`");
        (target.run)(data);
    }
);

#[expect(clippy::print_stderr, reason = "libFuzzer has no other way to say what is wrong")]
fn choose() {
    // libFuzzer passes over what begins with two dashes.
    let name = std::env::args().find_map(|word| word.strip_prefix("--target=").map(str::to_owned));
    let Some(chosen) = name.as_deref().and_then(target) else {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("say which target: --target=NAME, one of {}", names.join(", "));
        abort();
    };
    CHOSEN.set(chosen).expect("libFuzzer calls this once");
}
