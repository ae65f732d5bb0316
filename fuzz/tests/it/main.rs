//! Every target with its seeds: quick, and without libFuzzer. An input that once broke a promise stays here as a seed.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use ketch_fuzz::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("a folder of the repository can be read").path()).collect()
}

#[test]
fn every_target_keeps_its_promises_on_its_seeds() {
    for target in TARGETS {
        let seeds = files(&folder("seeds").join(target.name));
        assert!(seeds.len() >= 3, "seeds/{} has {} files, write at least 3", target.name, seeds.len());
        for seed in seeds {
            let bytes = fs::read(&seed).unwrap();
            let kept = catch_unwind(|| (target.run)(&bytes)).is_ok();
            assert!(kept, "the target `{}` broke on {}, see above", target.name, seed.display());
        }
    }
}

#[test]
fn every_target_has_a_file_and_every_file_is_a_target() {
    let named: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let stems = |folder_name: &str| -> BTreeSet<String> {
        let stem = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        files(&folder(folder_name)).iter().map(stem).collect()
    };
    assert_eq!(stems("targets"), named);
    assert_eq!(stems("seeds"), named);
}
