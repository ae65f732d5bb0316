//! `ketch dev`: a manifest and a Cargo project that are served while they are written, as processes.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use ketch::test::Scratch;

use crate::manifest_watch::{API, project, script, write};
use crate::said::{Said, ask};

const DEV: &[&str] = &["dev", ".", "--listen", "127.0.0.1:0"];

/// Asks all the time, one connection after the other, until it is told to stop; how often, and what failed.
fn ask_on(addr: SocketAddr, path: &'static str) -> (Arc<AtomicBool>, JoinHandle<(u64, Vec<String>)>) {
    let (over, asked) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
    let told = Arc::clone(&over);
    let asking = std::thread::spawn(move || {
        let mut wrong = Vec::new();
        while !told.load(Ordering::Relaxed) {
            asked.fetch_add(1, Ordering::Relaxed);
            match ask(addr, path) {
                Ok((200, _)) => {}
                other => wrong.push(format!("{other:?}")),
            }
        }
        (asked.into_inner(), wrong)
    });
    (over, asking)
}

/// Ends it by a signal to it alone; nobody listens any more then.
fn stop(dev: Said, addr: SocketAddr) {
    dev.signal("TERM");
    assert!(dev.wait().success());
    assert!(ask(addr, "/hello").is_err(), "nothing is left that serves");
}

#[test]
fn a_manifest_is_served_while_it_is_written() {
    let scratch = project();
    let folder = scratch.path();
    write(folder, "api.json", &API.replace("string", "strong"));
    let mut dev = Said::start(folder, DEV);
    dev.until("strong");
    dev.until("Nothing is served yet; waiting for a change.");
    write(folder, "api.json", API);
    let addr = dev.ready();
    assert!(ask(addr, "/hello").unwrap().1.contains("one"));

    write(folder, "api.json", &API.replace("Says hello.", "Says it again."));
    dev.until("Loaded anew in");
    write(folder, "api.json", &API.replace("hello.", "hello").replace("string", "strong"));
    dev.until("problem");
    assert!(dev.until("api.json:2:").contains("strong"));
    assert!(ask(addr, "/hello").unwrap().1.contains("one"), "the last good state is served on");
    write(folder, "api.json", API);
    dev.until("Loaded anew in");
    write(folder, "controller/hello", &script("two"));
    dev.until("Loaded anew in");
    assert!(ask(addr, "/hello").unwrap().1.contains("two"));
    stop(dev, addr);
}

#[test]
fn what_has_sources_is_built_when_they_change() {
    let program = |text: &str| {
        format!("package main\n\nfunc main() {{ os.Stdout.WriteString(`{{\"text\": \"{text}\"}}`) }}\n")
            .replace("main\n\n", "main\n\nimport \"os\"\n\n")
    };
    let scratch = project();
    let folder = scratch.path();
    fs::remove_file(folder.join("controller/hello")).unwrap();
    write(folder, "controller/hello/main.go", &program("one").replace("package", "pockage"));
    let mut dev = Said::start(folder, DEV);
    dev.until("main.go:1:1");
    dev.until("Nothing is served yet; waiting for a change.");
    write(folder, "controller/hello/main.go", &program("one"));
    dev.until("built     controller/hello/main.go");
    let addr = dev.ready();
    assert!(ask(addr, "/hello").unwrap().1.contains("one"));

    write(folder, "controller/hello/main.go", &program("two").replace("func", "fanc"));
    dev.until("FAILED    controller/hello/main.go");
    dev.until("The last good state is served on; waiting for a change.");
    assert!(ask(addr, "/hello").unwrap().1.contains("one"));
    write(folder, "controller/hello/main.go", &program("two"));
    dev.until("built     controller/hello/main.go");
    // Once: the source is nothing that a server reads, and what was built of it is.
    dev.until("Loaded anew in");
    assert!(ask(addr, "/hello").unwrap().1.contains("two"));
    write(folder, "api.json", &API.replace("Says hello.", "Says it again."));
    dev.until("Loaded anew in");
    assert!(ask(addr, "/openapi.json").unwrap().1.contains("Says it again."), "nothing was said twice");
    stop(dev, addr);
}

#[test]
fn a_restart_for_the_first_migration_refuses_nobody() {
    let scratch = project();
    let mut dev = Said::start(scratch.path(), DEV);
    let addr = dev.ready();
    let (over, asking) = ask_on(addr, "/hello");
    for version in 1..=3 {
        let file = format!("migrations/000{version}_things.sql");
        write(scratch.path(), &file, &format!("CREATE TABLE things{version} (id INTEGER PRIMARY KEY);\n"));
        if version == 1 {
            assert_eq!(dev.ready(), addr, "the same socket");
        } else {
            dev.until("Loaded anew in");
        }
    }
    over.store(true, Ordering::Relaxed);
    let (asked, wrong) = asking.join().unwrap();
    println!("a restart, {asked} connections, {} failed", wrong.len());
    assert!(wrong.is_empty(), "{:?}", &wrong[..wrong.len().min(5)]);
    stop(dev, addr);
}

#[test]
fn a_server_whose_supervisor_was_killed_ends_by_itself() {
    let scratch = project();
    let mut dev = Said::start(scratch.path(), DEV);
    let addr = dev.ready();
    dev.signal("KILL");
    dev.wait();
    // It ends within a second or so; this waits for as long as it takes.
    while ask(addr, "/hello").is_ok() {
        std::thread::yield_now();
    }
}

#[test]
fn a_folder_that_is_no_project_is_refused() {
    let scratch = Scratch::new();
    let mut dev = Said::start(scratch.path(), DEV);
    assert!(dev.until("error:").contains("neither an `api.json` nor a `Cargo.toml`"));
    assert_eq!(dev.wait().code(), Some(1));
}

/// Makes a project as a user would, but with this workspace's lock file.
#[expect(clippy::disallowed_methods, reason = "the command is what is tested")]
fn new_project(folder: &Path) -> PathBuf {
    let (here, dir) = (env!("CARGO_MANIFEST_DIR"), folder.join("hello-dev"));
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_ketch"))
        .args(["new", dir.to_str().unwrap(), "--ketch", here])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::copy(Path::new(here).join("../../Cargo.lock"), dir.join("Cargo.lock")).unwrap();
    dir
}

#[test]
fn a_program_is_built_anew_and_takes_over_the_socket() {
    let scratch = Scratch::new();
    let dir = new_project(scratch.path());
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let start = [DEV, &["--", "--offline"]].concat();
    let mut dev = Said::start_with(&dir, &start, |command| {
        command.env("CARGO_TARGET_DIR", target);
    });
    let addr = dev.ready();
    let source = fs::read_to_string(dir.join("src/lib.rs")).unwrap();
    let before = ask(addr, "/openapi.json").unwrap().1;
    assert!(before.contains("hello-dev") || before.contains("openapi"), "{before}");
    // Not `/health/ready`: a server that stops is right to say 503 there.
    let (over, asking) = ask_on(addr, "/health/live");

    fs::write(dir.join("src/lib.rs"), source.clone() + "\nfn broken( {\n").unwrap();
    dev.until("error");
    dev.until("The last good state is served on; waiting for a change.");
    assert_eq!(ask(addr, "/health/ready").unwrap().0, 200);

    let title = source.replacen("title(\"hello-dev\")", "title(\"Mended\")", 1);
    assert_ne!(title, source, "the project has a server to change");
    fs::write(dir.join("src/lib.rs"), title).unwrap();
    dev.until("takes over");
    dev.until("Mended is ready at");
    assert!(ask(addr, "/openapi.json").unwrap().1.contains("Mended"));
    over.store(true, Ordering::Relaxed);
    let (asked, wrong) = asking.join().unwrap();
    println!("a program was built anew, {asked} connections, {} failed", wrong.len());
    assert!(wrong.is_empty(), "{:?}", &wrong[..wrong.len().min(5)]);
    stop(dev, addr);
}
