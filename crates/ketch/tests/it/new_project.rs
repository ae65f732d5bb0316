//! `ketch new` writes a project that compiles and passes its tests.

use std::path::Path;
use std::process::{Command, Output};

#[expect(clippy::disallowed_methods, reason = "the commands are what is tested")]
fn run(program: &str, arguments: &[&str], target: &Path) -> (Output, String) {
    let output = Command::new(program).args(arguments).env("CARGO_TARGET_DIR", target).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, said)
}

/// Builds with this workspace's lock file and into its target folder, so that only the project itself is compiled.
#[test]
fn a_new_project_compiles_and_passes_its_tests() {
    let here = env!("CARGO_MANIFEST_DIR");
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    // Outside of this workspace, as a user's would be.
    let folder = std::env::temp_dir().join(format!("ketch-new-{}", std::process::id()));
    let dir = folder.join("hello-harbour");
    let (made, said) =
        run(env!("CARGO_BIN_EXE_ketch"), &["new", dir.to_str().unwrap(), "--ketch", here], &target);
    assert!(made.status.success(), "{said}");
    assert!(said.contains("cargo run"), "the next step is told: {said}");
    std::fs::copy(Path::new(here).join("../../Cargo.lock"), dir.join("Cargo.lock")).unwrap();
    let manifest = dir.join("Cargo.toml");
    let (tested, said) =
        run("cargo", &["test", "--offline", "--manifest-path", manifest.to_str().unwrap()], &target);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(tested.status.success(), "{said}");
    assert!(said.contains("test greetings ... ok"), "{said}");
    assert!(!said.contains("warning"), "a new project begins without warnings: {said}");
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let src = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let (refused, said) = run(env!("CARGO_BIN_EXE_ketch"), &["new", src], Path::new("target"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("is not empty: choose another folder"), "{said}");
}
