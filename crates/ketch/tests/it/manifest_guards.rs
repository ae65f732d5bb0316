//! Middlewares whose files are gone while the server serves: what they guard never stands open because a file was seen to
//! vanish, only because somebody says so.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use ketch::prelude::*;
use ketch::test::{Scratch, TestServer};

use crate::manifest_watch::{API, script, write};
use crate::said::{Said, ask};

/// Lets nobody in.
const CLOSED: &str = "#!/bin/sh\ncat >/dev/null\necho '{\"status\": 403}'\n";
/// Lets everybody in.
const OPEN: &str = "#!/bin/sh\ncat >/dev/null\necho '{}'\n";

fn project() -> Scratch {
    let scratch = Scratch::new();
    write(scratch.path(), "api.json", API);
    write(scratch.path(), "controller/hello", &script("one"));
    write(scratch.path(), "middleware/1-door", CLOSED);
    write(scratch.path(), "middleware/2-count", OPEN);
    scratch
}

async fn status(addr: SocketAddr) -> u16 {
    tokio::task::spawn_blocking(move || ask(addr, "/hello").expect("the server answers").0).await.unwrap()
}

/// What a reload says that was caused by files alone; the door stays closed, whose program is not there to be run.
async fn refused(server: &TestServer) -> String {
    let told = server.reloader().reload_seen().await.unwrap_err().to_string();
    assert_eq!(status(server.addr()).await, 502, "{told}");
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_middleware_that_vanishes_still_guards_until_somebody_says_otherwise() {
    let scratch = project();
    let folder = scratch.path();
    let server = TestServer::start(Server::new().manifest(folder)).await;
    assert_eq!(status(server.addr()).await, 403);

    // The folder, as a checkout replaces it.
    fs::rename(folder.join("middleware"), folder.join("elsewhere")).unwrap();
    let told = refused(&server).await;
    assert!(told.contains("middleware: is gone, which held 2 middlewares (`1-door`, `2-count`)"), "{told}");
    assert!(told.contains("send SIGHUP or start the server anew"), "{told}");
    // It is told again, and not forgotten because it was told.
    assert_eq!(refused(&server).await, told);
    // An empty one guards as little.
    fs::create_dir(folder.join("middleware")).unwrap();
    assert!(refused(&server).await.contains("2 middlewares are gone from it"));
    fs::remove_dir(folder.join("middleware")).unwrap();
    fs::rename(folder.join("elsewhere"), folder.join("middleware")).unwrap();
    let back = server.reloader().reload_seen().await.unwrap();
    assert_eq!((back.without, status(server.addr()).await), (Vec::new(), 403));

    // One file, as an editor saves that renames the old one first.
    fs::rename(folder.join("middleware/1-door"), folder.join("middleware/1-door~")).unwrap();
    let told = refused(&server).await;
    assert!(told.contains("the middleware `1-door` is gone from it: put it back"), "{told}");
    // Another name is another middleware: nobody knows that it guards the same.
    write(folder, "middleware/1-gate", OPEN);
    assert!(refused(&server).await.contains("`1-door`"));

    let asked = server.reloader().reload().await.unwrap();
    assert_eq!(asked.without, ["1-door"], "whoever asked for it is told what it takes away");
    assert_eq!(status(server.addr()).await, 200);
    let next = server.reloader().reload_seen().await.unwrap();
    assert!(next.without.is_empty(), "that was the state that serves: {:?}", next.without);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn middlewares_that_come_or_change_need_no_word() {
    let scratch = project();
    let folder = scratch.path();
    fs::remove_file(folder.join("middleware/1-door")).unwrap();
    let server = TestServer::start(Server::new().manifest(folder)).await;
    assert_eq!(status(server.addr()).await, 200);
    write(folder, "middleware/1-door", CLOSED);
    assert!(server.reloader().reload_seen().await.unwrap().without.is_empty());
    assert_eq!(status(server.addr()).await, 403);
    write(folder, "middleware/1-door", OPEN);
    assert!(server.reloader().reload_seen().await.unwrap().without.is_empty());
    assert_eq!(status(server.addr()).await, 200);
    // A program that moves to a file with another ending keeps its name.
    fs::rename(folder.join("middleware/1-door"), folder.join("middleware/1-door.sh")).unwrap();
    assert!(server.reloader().reload_seen().await.unwrap().without.is_empty());
}

/// The same by a process that watches its files, and a signal.
#[test]
fn a_folder_of_guards_that_is_seen_to_vanish_opens_nothing() {
    let scratch = project();
    let folder = scratch.path();
    let mut server = Said::start(folder, &["serve", ".", "--listen", "127.0.0.1:0"]);
    let addr = server.ready();
    let status = || ask(addr, "/hello").unwrap().0;
    let moved = |from: &str, to: &str| fs::rename(folder.join(from), Path::new(folder).join(to)).unwrap();
    moved("middleware", "elsewhere");
    let told = server.until("the manifest cannot be loaded");
    assert!(told.contains("which held 2 middlewares"), "{told}");
    server.until("the last good manifest is served on");
    assert_eq!(status(), 502, "nothing can be asked, so nobody gets in");
    moved("elsewhere", "middleware");
    server.until("the manifest was loaded anew");
    assert_eq!(status(), 403);
    moved("middleware", "elsewhere");
    server.until("the last good manifest is served on");
    server.signal("HUP");
    let told = server.until("endpoints are served without them");
    assert!(told.contains("1-door, 2-count"), "{told}");
    server.until("the manifest was loaded anew");
    assert_eq!(status(), 200);
    server.signal("TERM");
    assert!(server.wait().success());
}
