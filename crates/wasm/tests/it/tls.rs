//! Requests of guests over TLS, to real servers on this machine: whose certificates are believed, and what is said of
//! the others.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::guests::controller_of;
use crate::place::Place;

/// A guest that sends `GET https://AUTHORITY/` and says `0:STATUS`, or `1:` and the number of the error that it got.
fn asks(authority: &str) -> Vec<u8> {
    let imports = r#"
        (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
        (import "wasi:http/types@0.2.12" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
        (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-scheme"
            (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority"
            (func $authority (param i32 i32 i32 i32) (result i32)))
        (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query"
            (func $path (param i32 i32 i32 i32) (result i32)))
        (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
        (import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe" (func $subscribe (param i32) (result i32)))
        (import "wasi:http/types@0.2.12" "[method]future-incoming-response.get" (func $get (param i32 i32)))
        (import "wasi:http/types@0.2.12" "[method]incoming-response.status" (func $status (param i32) (result i32)))
        (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#;
    let length = authority.len();
    // Results lie at 128: whether it failed in a byte, and what of it behind, as far as its alignment asks.
    let body = format!(
        r#"(local $asked i32) (local $coming i32) (local $failed i32) (local $number i32)
        (local.set $asked (call $request (call $fields)))
        (drop (call $scheme (local.get $asked) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 0)))
        (drop (call $authority (local.get $asked) (i32.const 1) (i32.const 2048) (i32.const {length})))
        (drop (call $path (local.get $asked) (i32.const 1) (i32.const 2040) (i32.const 1)))
        (call $handle (local.get $asked) (i32.const 0) (i32.const 0) (i32.const 128))
        (local.set $failed (i32.load8_u (i32.const 128)))
        (local.set $number (i32.load8_u (i32.const 136)))
        (if (i32.eqz (local.get $failed)) (then
            (local.set $coming (i32.load (i32.const 136)))
            (call $block (call $subscribe (local.get $coming)))
            (call $get (local.get $coming) (i32.const 128))
            (local.set $failed (i32.load8_u (i32.const 144)))
            (local.set $number (if (result i32) (local.get $failed)
                (then (i32.load8_u (i32.const 152)))
                (else (call $status (i32.load (i32.const 152))))))))
        (i32.store8 (i32.const 1033) (i32.add (i32.const 48) (local.get $failed)))
        (i32.store8 (i32.const 1035) (i32.add (i32.const 48) (i32.div_u (local.get $number) (i32.const 100))))
        (i32.store8 (i32.const 1036) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $number) (i32.const 10)) (i32.const 10))))
        (i32.store8 (i32.const 1037) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
        (call $ok (i32.const 1024) (i32.const 16)))
        (data (i32.const 1024) "{{\"said\":\"0:000\"}}") (data (i32.const 2040) "/       {authority}") (func"#
    );
    controller_of("test:guests/controller", imports, &body)
}

/// `TLS-certificate-error` among the errors of `wasi:http`.
const CERTIFICATE: &str = "1:013";
/// `TLS-protocol-error`.
const PROTOCOL: &str = "1:012";
/// `HTTP-request-denied`.
const DENIED: &str = "1:015";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("there is randomness");
    CertifiedIssuer::self_signed(params, key).expect("a key signs its own certificate")
}

fn certificate(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).expect("it is a name")
}

/// The same, good from the beginning of one year to the beginning of another.
fn valid(name: &str, years: std::ops::Range<i32>) -> CertificateParams {
    let mut params = certificate(name);
    params.not_before = date_time_ymd(years.start, 1, 1);
    params.not_after = date_time_ymd(years.end, 1, 1);
    params
}

/// A server that greets over TLS, with a certificate that `issuer` has signed.
async fn serves(params: CertificateParams, issuer: &Authority) -> SocketAddr {
    let key = KeyPair::generate().expect("there is randomness");
    let signed = params.signed_by(&key, issuer).expect("it can be signed");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("it has versions")
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], key)
        .expect("they belong together");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("somebody comes");
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _read = stream.read(&mut [0; 4096]).await;
            let _written = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            let _closed = stream.shutdown().await;
        }
    });
    address
}

/// What a guest is answered at `https://AUTHORITY/`, and what is in the log of it.
async fn asked(authority: &str, grants: &str, pem: Option<&Authority>) -> (String, String) {
    let place = Place::new(grants, &[("ask", asks(authority))]);
    if let Some(pem) = pem {
        place.write("authorities/ours.pem", pem.pem().as_bytes());
    }
    LazyLock::force(&LISTENS);
    let answer = place.client().get("/ask").await;
    let said = answer.json::<Value>()["said"].as_str().map(str::to_owned);
    let log = LOG.lock().expect("nobody panics here").clone();
    let log = String::from_utf8(log).expect("a log is text");
    let of_it = log.lines().filter(|line| line.contains(authority)).map(|line| format!("{line}\n")).collect();
    (said.unwrap_or_else(|| panic!("{}", answer.text())), of_it)
}

/// The log of all tests here: a guest may go on on another thread. A server's port says whose a line is.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static LISTENS: LazyLock<()> = LazyLock::new(|| {
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).finish();
    tracing::subscriber::set_global_default(log).expect("nobody else in this program listens");
});

struct Log;

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        LOG.lock().expect("nobody panics here").extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_the_project_names_is_believed() {
    let ours = authority("ours");
    for host in ["localhost", "127.0.0.1"] {
        let port = serves(certificate(host), &ours).await.port();
        let server = format!("{host}:{port}");
        let grants = format!(r#""hosts": ["{server}"], "roots": ["authorities/ours.pem"]"#);
        let (said, log) = asked(&server, &grants, Some(&ours)).await;
        assert_eq!((said.as_str(), log.as_str()), ("0:204", ""), "{host}");
    }
}

#[tokio::test]
async fn any_other_certificate_is_refused_and_the_log_says_why() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let (expired, early) = (valid("localhost", 2001..2002), valid("localhost", 4000..4001));
    let cases = [
        (
            "another name",
            certificate("other.example.org"),
            &ours,
            "certificate not valid for name \"localhost\"",
        ),
        (
            "an address in place of the name",
            certificate("127.0.0.1"),
            &ours,
            "certificate not valid for name \"localhost\"",
        ),
        ("expired", expired, &ours, "certificate expired"),
        ("not yet valid", early, &ours, "certificate not valid yet"),
        ("an authority that is not known", certificate("localhost"), &theirs, "UnknownIssuer"),
    ];
    for (what, params, issuer, why) in cases {
        let server = format!("localhost:{}", serves(params, issuer).await.port());
        let grants = format!(r#""hosts": ["{server}"], "roots": ["authorities/ours.pem"]"#);
        let (said, log) = asked(&server, &grants, Some(&ours)).await;
        assert_eq!(said, CERTIFICATE, "{what}: {log}");
        let line = format!("a request to {server} failed: TLS: invalid peer certificate: {why}");
        assert!(log.contains(&line) && log.contains("controller/ask.wasm"), "{what}: {log}");
        assert_eq!(log.lines().count(), 1, "{what}: {log}");
    }
}

#[tokio::test]
async fn without_the_project_s_word_only_the_operating_system_s_authorities_are_believed() {
    let ours = authority("ours");
    let server = format!("localhost:{}", serves(certificate("localhost"), &ours).await.port());
    let (said, log) = asked(&server, &format!(r#""hosts": ["{server}"]"#), None).await;
    assert_eq!(said, CERTIFICATE, "{log}");
    assert!(log.contains("UnknownIssuer"), "{log}");
}

#[tokio::test]
async fn a_server_without_tls_and_a_host_that_is_not_listed_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let plain = format!("localhost:{}", listener.local_addr().expect("it has one").port());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("somebody comes");
        let _written = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    });
    let (said, log) = asked(&plain, &format!(r#""hosts": ["{plain}"]"#), None).await;
    assert_eq!(said, PROTOCOL, "{log}");
    assert!(log.contains(&format!("a request to {plain} failed: TLS: ")), "{log}");
    let (said, log) = asked("localhost:1", &format!(r#""hosts": ["{plain}"]"#), None).await;
    assert_eq!(said, DENIED, "{log}");
    assert!(
        log.contains("a request to localhost:1 was denied: the project does not list it under `hosts`"),
        "{log}"
    );
}

#[test]
fn a_file_that_holds_no_authority_is_told_when_the_project_is_loaded() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, wanted) in [
        (None, "the file `ours.pem` of `roots` cannot be read: No such file"),
        (Some("nothing"), "the file `ours.pem` of `roots` has no certificate in it"),
        (Some(broken), "the file `ours.pem` of `roots` has a certificate that cannot be trusted"),
    ] {
        let place = Place::new(r#""roots": ["ours.pem"]"#, &[("ask", asks("localhost:1"))]);
        text.inspect(|text| place.write("ours.pem", text.as_bytes()));
        let problems = place.problems();
        assert!(problems.len() == 1 && problems[0].contains(wanted), "{problems:?}");
        assert!(problems[0].contains("ketch.json:1:"), "{problems:?}");
    }
}
