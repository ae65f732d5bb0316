//! The setting `compress`: what is compressed, for whom, and what is left as it is.

use axum::body::Body;
use futures_util::stream;
use http::Method;
use ketch::http;
use ketch::prelude::*;
use ketch::test::{Answer, client};

const LONG: usize = 20_000;

struct Archive;

fn reply(headers: &[(&str, &str)], body: Body) -> Response {
    let mut response = http::Response::builder();
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body).unwrap()
}

#[service(root = "-", compress)]
impl Archive {
    #[get]
    async fn long(&self) -> String {
        "a".repeat(LONG)
    }

    #[get]
    async fn short(&self) -> String {
        "a".repeat(1_000)
    }

    #[get(compress = false)]
    async fn plain(&self) -> String {
        "a".repeat(LONG)
    }

    #[get]
    async fn tagged(&self) -> Response {
        reply(&[("content-type", "text/css"), ("etag", "\"1\"")], "a".repeat(LONG).into())
    }

    #[get]
    async fn weak(&self) -> Response {
        reply(&[("content-type", "text/css"), ("etag", "W/\"1\"")], "a".repeat(LONG).into())
    }

    #[get]
    async fn encoded(&self) -> Response {
        let headers = [("content-type", "text/css"), ("content-encoding", "br"), ("etag", "\"1\"")];
        reply(&headers, "a".repeat(LONG).into())
    }

    #[get]
    async fn image(&self) -> Response {
        reply(&[("content-type", "image/png"), ("etag", "\"1\"")], "a".repeat(LONG).into())
    }

    #[get]
    async fn part(&self) -> Response {
        let range = ("content-range", "bytes 0-19999/30000");
        reply(&[("content-type", "text/css"), range], "a".repeat(LONG).into())
    }

    #[get]
    async fn kept(&self) -> Response {
        let headers = [("content-type", "text/css"), ("cache-control", "public, no-transform")];
        reply(&headers, "a".repeat(LONG).into())
    }

    #[get]
    async fn events(&self) -> Response {
        let pieces = stream::iter((0..100).map(|_| Ok::<_, std::io::Error>("data: a\n\n".repeat(100))));
        reply(&[("content-type", "text/event-stream")], Body::from_stream(pieces))
    }

    #[get]
    async fn counted(&self) -> Response {
        reply(&[("content-type", "text/event-stream")], "data: a\n\n".repeat(1_000).into())
    }
}

#[tokio::test]
async fn what_gains_by_it_is_compressed() {
    let client = client(Server::new().add(Archive));
    let ask = async |method, path: &'static str, accept: &'static str| -> Answer {
        client.send(method, path, &[("accept-encoding", accept)], Body::empty()).await
    };
    let rows = [
        ("/long", "gzip", Some("gzip")),
        ("/long", "gzip, br", Some("br")),
        ("/long", "br;q=0, gzip", Some("gzip")),
        ("/long", "deflate, zstd", None),
        ("/long", "identity", None),
        ("/long", "*;q=0", None),
        ("/long", "identity;q=0, zstd", None),
        ("/short", "gzip", None),
        ("/plain", "gzip", None),
        ("/tagged", "gzip", Some("gzip")),
        ("/weak", "gzip", Some("gzip")),
        ("/encoded", "gzip", Some("br")),
        ("/image", "gzip", None),
        ("/part", "gzip", None),
        ("/kept", "gzip", None),
        ("/events", "gzip", None),
        ("/counted", "gzip", None),
    ];
    for (path, accept, encoding) in rows {
        let answer = ask(Method::GET, path, accept).await;
        assert_eq!(answer.status, 200, "{path} {accept}");
        assert_eq!(answer.header("content-encoding"), encoding, "{path} {accept}");
        let shrunk = answer.body.len() < 500;
        assert_eq!(
            shrunk,
            encoding.is_some() && path != "/encoded",
            "{path} {accept}: {}",
            answer.body.len()
        );
        if shrunk {
            assert_eq!(answer.header("vary"), Some("accept-encoding"), "{path} {accept}");
            assert_eq!(answer.header("content-length"), None, "{path} {accept}");
        }
    }
    for (path, tag) in
        [("/tagged", "W/\"1\""), ("/weak", "W/\"1\""), ("/encoded", "\"1\""), ("/image", "\"1\"")]
    {
        assert_eq!(ask(Method::GET, path, "gzip").await.header("etag"), Some(tag), "{path}");
    }
    assert_eq!(ask(Method::GET, "/tagged", "identity").await.header("etag"), Some("\"1\""));
    let head = ask(Method::HEAD, "/long", "gzip").await;
    assert_eq!((head.header("content-encoding"), head.header("content-length")), (Some("gzip"), None));
    assert!(head.body.is_empty());
}
