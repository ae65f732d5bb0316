//! Workers of a manifest's programs, over a whole server: they outlive a reload, and end by themselves at the stop.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ketch::prelude::*;
use ketch::test::{Scratch, TestServer};

use crate::raw::{Connection, Pace};

const API: &str = r#"{ "GET": { "info": "Says who answers.", "run": "exec:program",
    "exec": { "mode": "worker", "workers": 1 } } }"#;

/// A worker that answers with its process, and writes that down when it ends by itself.
const PROGRAM: &str = r#"#!/bin/sh
while read -r line; do
    id=${line#*'"id":'}
    printf '{"jsonrpc":"2.0","id":%s,"result":{"pid":%s}}\n' "${id%%,*}" $$
done
echo $$ >> ended
"#;

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

async fn pid(server: &TestServer) -> String {
    let mut connection = Connection::open(server.addr()).await;
    assert!(connection.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n", Pace::Whole).await);
    let reply = connection.reply(false).await.expect("it replies");
    let text = String::from_utf8(reply.body).unwrap();
    assert_eq!(reply.status, 200, "{text}");
    text
}

#[tokio::test]
async fn they_outlive_a_reload_unless_their_program_changed_and_end_at_the_stop() {
    let scratch = Scratch::new();
    let folder = scratch.path();
    write(folder, "api.json", API);
    write(folder, "program", PROGRAM);
    let server = TestServer::start(Server::new().manifest(folder)).await;
    let first = pid(&server).await;
    server.reloader().reload().await.unwrap();
    assert_eq!(pid(&server).await, first, "nothing of it changed");
    write(folder, "program", &format!("{PROGRAM}exit\n"));
    server.reloader().reload().await.unwrap();
    let second = pid(&server).await;
    assert_ne!(second, first, "it is another program now");
    server.stop().await;
    let ended = fs::read_to_string(folder.join("ended")).unwrap();
    let last = ended.lines().last().unwrap();
    assert_eq!(second, format!("{{\"pid\":{last}}}"), "the stop waits for its workers: {ended}");
}
