//! What a program says when it cannot start: once, with what, where and what to do.

use std::net::TcpListener;
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "the command is what is tested")]
fn said(listen: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ketch")).args(["--listen", listen]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "words go to stderr");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_address_that_is_none_is_told_once() {
    assert_eq!(
        said("nowhere"),
        "error: 1 problem to solve before the server can start:\n  --listen or KETCH_LISTEN: `nowhere` is no address to \
         listen on: write `127.0.0.1:8080` or `[::]:8080`\n"
    );
}

#[test]
fn an_address_that_is_taken_is_told_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = said(&address);
    assert_eq!(said.matches("another program listens there").count(), 1, "{said}");
    assert_eq!(said.matches("os error").count(), 1, "{said}");
    assert!(said.starts_with(&format!("error: cannot listen on {address}: ")), "{said}");
}
