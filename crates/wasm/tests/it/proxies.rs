//! Components that answer requests as they come: `wasi:http/incoming-handler`.

use axum::body::Body;
use bytes::Bytes;
use http::Method;
use http_body_util::StreamBody;

use crate::guests::{component, module};
use crate::place::Place;

const TYPES: &str = r#"
    (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.12" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-response.set-status-code" (func $status (param i32 i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-response.body" (func $body (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-body.write" (func $write (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.12" "[static]response-outparam.set"
        (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]incoming-request.consume" (func $consume (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]incoming-request.headers" (func $headers (param i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]fields.get" (func $get (param i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $stream (param i32 i32)))
    (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $put (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $drop-out (param i32)))"#;

/// A component whose `handle` does this, with `$request` and `$out`.
fn handler(body: &str) -> Vec<u8> {
    let handle = format!(
        r#"(func (export "wasi:http/incoming-handler@0.2.12#handle") (param $request i32) (param $out i32)
            (local $answer i32) (local $sent i32) (local $to i32) (local $from i32) {body})"#
    );
    component(&module(TYPES, &handle), "wasi:http/proxy@0.2.12")
}

/// Begins a reply with a status; `$sent` is its body and `$to` the stream into it.
const BEGIN: &str = "
    (local.set $answer (call $response (call $fields)))
    (drop (call $status (local.get $answer) (i32.const 201)))
    (call $body (local.get $answer) (i32.const 32)) (local.set $sent (i32.load (i32.const 36)))
    (call $set (local.get $out) (i32.const 0) (local.get $answer) (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (call $write (local.get $sent) (i32.const 32)) (local.set $to (i32.load (i32.const 36)))";

const END: &str = "
    (call $drop-out (local.get $to))
    (call $finish (local.get $sent) (i32.const 0) (i32.const 0) (i32.const 64))";

/// Answers with the request's body, piece by piece.
fn echo() -> Vec<u8> {
    handler(&format!(
        "{BEGIN}
        (call $consume (local.get $request) (i32.const 32))
        (call $stream (i32.load (i32.const 36)) (i32.const 32)) (local.set $from (i32.load (i32.const 36)))
        (block $end (loop $more
            (call $read (local.get $from) (i64.const 4096) (i32.const 32))
            (br_if $end (i32.load8_u (i32.const 32)))
            (call $put (local.get $to) (i32.load (i32.const 36)) (i32.load (i32.const 40)) (i32.const 64))
            (call $said (i32.const 0))
            (br $more)))
        {END}"
    ))
}

/// Answers with the first value of a header.
fn tells(header: &str) -> Vec<u8> {
    let length = header.len();
    handler(&format!(
        r#"{BEGIN}
        (call $get (call $headers (local.get $request)) (i32.const 1024) (i32.const {length}) (i32.const 32))
        (call $put (local.get $to) (i32.load (i32.load (i32.const 32))) (i32.load offset=4 (i32.load (i32.const 32))) (i32.const 64))
        {END}) (data (i32.const 1024) "{header}") (func"#
    ))
}

fn post(place: &Place, settings: &str) {
    let api = format!(
        r#"{{"/": {{"it": {{"POST": {{"info": "-", "out": {{}}, {settings} "run": "controller/it.wasm"}}}}}}}}"#
    );
    place.write("api.json", api.as_bytes());
}

#[tokio::test]
async fn a_body_is_streamed_in_and_out() {
    let place = Place::new("", &[("it", echo())]);
    post(&place, r#""limit": "4mb","#);
    let client = place.client();
    let sent: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let pieces: Vec<Result<_, std::io::Error>> =
        sent.chunks(10_000).map(|piece| Ok(http_body::Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let body = Body::new(StreamBody::new(futures_util::stream::iter(pieces)));
    let answer = client.send(Method::POST, "/it", &[], body).await;
    assert_eq!(answer.status, 201);
    assert!(answer.body == sent, "{} bytes of {} came back", answer.body.len(), sent.len());
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let place = Place::new("", &[("it", echo())]);
    post(&place, r#""limit": "10kb","#);
    let answer = place.client().send(Method::POST, "/it", &[], Body::from(vec![b'x'; 20_000])).await;
    assert!(answer.status == 413 || answer.body.len() <= 10 << 10, "{} {}", answer.status, answer.body.len());
}

#[tokio::test]
async fn a_component_is_told_who_calls_and_a_client_cannot_say_so() {
    let place = Place::new("", &[("it", tells("ketch-caller"))]);
    post(&place, "");
    let forged = [("Ketch-Caller", r#"{"id":"root"}"#)];
    let answer = place.client().send(Method::POST, "/it", &forged, Body::empty()).await;
    assert_eq!(answer.text(), r#"{"id":null,"scopes":[]}"#);
    let place = Place::new("", &[("it", tells("x-mine"))]);
    post(&place, "");
    let answer = place.client().send(Method::POST, "/it", &[("X-Mine", "yes")], Body::empty()).await;
    assert_eq!(answer.text(), "yes");
}

#[tokio::test]
async fn a_component_that_does_not_answer_or_does_not_end_is_told_apart() {
    for (body, wanted) in [("nop", 502), ("unreachable", 500), ("(loop $on (br $on))", 504)] {
        let place = Place::new(r#""timeout": "200ms""#, &[("it", handler(body))]);
        post(&place, "");
        let answer = place.client().send(Method::POST, "/it", &[], Body::empty()).await;
        assert_eq!(answer.status.as_u16(), wanted, "{body}");
    }
}
