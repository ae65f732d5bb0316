//! W4: no path leads out of a folder or a stub's folder, whatever stands in it and whoever changes it meanwhile.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ketch::prelude::*;
use ketch::test::{TestServer, client, soak_factor};

use crate::raw::{Connection, Pace, Reply};
use crate::scratch::Scratch;
use crate::traversal_cases::{NAMES, STEPS, TARGETS};

const CANARY: &str = "canary-7f3a";

struct Vault {
    files: Folder,
}

#[service(root = "-")]
impl Vault {
    #[get("files/{*path}")]
    async fn file(&self, path: String) -> Result<File> {
        self.files.file(path).await
    }

    #[get]
    async fn named(&self, name: String) -> Result<File> {
        self.files.file(name).await
    }

    #[get("stub/{name}")]
    async fn stub(&self, name: String) -> String {
        name
    }

    #[get("deep/{name}/{kind}")]
    async fn deep(&self, name: String, kind: String) -> String {
        name + &kind
    }

    #[get]
    async fn device(&self) -> &'static str {
        "code"
    }
}

/// A folder with every kind of trap in it, and a canary outside.
#[expect(clippy::disallowed_methods, reason = "there is no safe call for mkfifo(3) in the standard library")]
fn trapped(name: &str) -> (Scratch, UnixListener, Server) {
    let scratch = Scratch::new(name);
    let outside = scratch.write("outside/canary.txt", CANARY);
    let files = scratch.path("files");
    for name in ["good.txt", "sub/deep.txt", "a..b.txt"] {
        scratch.write(&format!("files/{name}"), "good");
    }
    for name in [".hidden.txt", ".git/config", "sub/.hidden.txt", ".hidden/canary.txt"] {
        scratch.write(&format!("files/{name}"), CANARY);
    }
    let link = |to: &str, name: &str| symlink(to, files.join(name)).unwrap();
    for ending in ["", ".txt"] {
        link("../outside/canary.txt", &format!("link-out{ending}"));
        link(outside.to_str().unwrap(), &format!("link-absolute{ending}"));
        link("/proc/self/environ", &format!("environ{ending}"));
        link("/etc/passwd", &format!("passwd{ending}"));
        link("/dev/zero", &format!("zero{ending}"));
        link(&format!("loop{ending}"), &format!("loop{ending}"));
        let made = Command::new("mkfifo").arg(files.join(format!("fifo{ending}"))).status().unwrap();
        assert!(made.success());
    }
    link("link-out", "link-link");
    link("../outside", "folder-out");
    link(outside.parent().unwrap().to_str().unwrap(), "folder-absolute");
    link("/", "root");
    link("good.txt", "link-in.txt");
    let socket = UnixListener::bind(files.join("socket")).unwrap();
    symlink("socket", files.join("socket.txt")).unwrap();
    let stub = |below: &str| files.join(below).to_str().unwrap().to_owned();
    let vault = configure(Vault { files: Folder::new(&files) })
        .endpoint(Vault::STUB, |e| e.stub(stub("{name}")))
        .endpoint(Vault::DEEP, |e| e.stub(stub("{name}/{kind}.txt")))
        .endpoint(Vault::DEVICE, |e| e.stub("/dev/zero"));
    (scratch, socket, Server::new().add(vault))
}

async fn ask(server: &TestServer, target: &str) -> Reply {
    let mut connection = Connection::open(server.addr()).await;
    let request = format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    connection.send(request.as_bytes(), Pace::Whole).await;
    connection.reply(false).await.expect("every request has its reply")
}

/// What is wrong with a reply to a hostile request.
fn fault(reply: &Reply) -> Option<String> {
    let body = String::from_utf8_lossy(&reply.body);
    let leaks = [CANARY, "PATH=", "root:", "os error", "outside", "ketch-traversal"];
    let leak = leaks.iter().find(|leak| body.contains(**leak));
    match (reply.status, leak) {
        (_, Some(leak)) => Some(format!("{} tells `{leak}`", reply.status)),
        // A path without its slash at the end is another question.
        (400 | 404 | 308, None) => None,
        (status, None) => Some(format!("{status}: {body:.60}")),
    }
}

#[tokio::test]
async fn w4_no_path_leads_out() {
    let (_scratch, _socket, server) = trapped("traversal");
    let server = TestServer::start(server).await;
    let depths: &[usize] = if soak_factor() > 1 { &[1, 2, 3, 4, 5, 6, 7, 8] } else { &[1, 6] };
    let mut names: Vec<String> = NAMES.map(str::to_owned).into();
    for step in STEPS {
        for target in TARGETS {
            names.extend(depths.iter().map(|depth| step.repeat(*depth) + target));
        }
    }
    let mut faults = Vec::new();
    let mut asked = 0;
    for name in &names {
        for place in ["/files/", "/files/sub/", "/named?name=", "/stub/", "/deep/", "/deep/sub/"] {
            let target = format!("{place}{name}");
            let reply = ask(&server, &target).await;
            asked += 1;
            faults.extend(fault(&reply).map(|fault| format!("{target}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{} of {asked} lead out:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(ask(&server, "/device").await.status, 404);
    println!("W4: {asked} requests, 0 canary bytes");
    server.stop().await;
}

/// Without this the test above could pass with a server that never answers.
#[tokio::test]
async fn what_is_inside_is_given_out() {
    let (_scratch, _socket, server) = trapped("traversal-inside");
    let server = TestServer::start(server).await;
    for target in [
        "/files/good.txt",
        "/files/sub/deep.txt",
        "/files/%67ood.txt",
        "/files/sub%2fdeep.txt",
        "/files/a..b.txt",
        "/files/link-in.txt",
        "/named?name=sub%2Fdeep.txt",
        "/stub/good.txt",
        "/stub/link-in.txt",
        "/deep/sub/deep",
    ] {
        let reply = ask(&server, target).await;
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"good".as_slice()), "{target}");
    }
    server.stop().await;
}

/// A thread swaps a file and a folder for links to the outside and back while they are asked for.
#[tokio::test(flavor = "multi_thread")]
async fn w4_a_link_that_is_swapped_in_leads_nowhere() {
    let (scratch, _socket, server) = trapped("traversal-race");
    let client = client(server);
    scratch.write("files/race-file.txt", "good");
    scratch.write("files/race-folder/canary.txt", "good");
    let (stop, swaps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let files = scratch.path("files");
    let swapper = std::thread::spawn({
        let (stop, swaps) = (Arc::clone(&stop), Arc::clone(&swaps));
        move || {
            let at = |name: &str| files.join(name);
            while !stop.load(Ordering::Relaxed) {
                symlink("../outside/canary.txt", at("swap")).unwrap();
                fs::rename(at("swap"), at("race-file.txt")).unwrap();
                fs::rename(at("race-folder"), at("away")).unwrap();
                symlink("../outside", at("race-folder")).unwrap();
                fs::write(at("swap"), "good").unwrap();
                fs::rename(at("swap"), at("race-file.txt")).unwrap();
                fs::remove_file(at("race-folder")).unwrap();
                fs::rename(at("away"), at("race-folder")).unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let targets = [
        "/files/race-file.txt",
        "/stub/race-file.txt",
        "/files/race-folder/canary.txt",
        "/deep/race-folder/canary",
    ];
    let mut counts = [0_u32; 2];
    let (least, mut round) = (2_000 * soak_factor(), 0);
    // On a busy machine the thread may get its turn rarely: then there are more rounds, but not for ever.
    while round < least || (swaps.load(Ordering::Relaxed) < 100 && round < 100 * least) {
        for target in targets {
            let answer = client.get(target).await;
            let text = answer.text();
            assert!(!text.contains(CANARY), "{target}, round {round}");
            match (answer.status.as_u16(), text.as_str()) {
                (200, "good") => counts[0] += 1,
                (404, _) => counts[1] += 1,
                (status, text) => panic!("{target}, round {round}: {status} {text}"),
            }
        }
        round += 1;
    }
    stop.store(true, Ordering::Relaxed);
    swapper.join().unwrap();
    let swaps = swaps.load(Ordering::Relaxed);
    assert!(counts.iter().all(|count| *count > 0) && swaps >= 100, "no race: {counts:?}, {swaps} swaps");
    println!("W4: {swaps} swaps, {} given, {} refused, 0 canary bytes", counts[0], counts[1]);
}
