//! Replies whose type says the status, and what the documents say of each kind.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use ketch::http::Method;
use ketch::prelude::*;
use ketch::test::client;
use ketch::{schemars, serde};

#[derive(serde::Serialize, schemars::JsonSchema)]
#[serde(crate = "serde")]
#[schemars(crate = "schemars")]
struct Outcome {
    done: u32,
}

struct Replies;

#[service(root = "-")]
impl Replies {
    #[post]
    async fn several(&self) -> Status<207, Json<Outcome>> {
        Status(Json(Outcome { done: 2 }))
    }

    #[get]
    async fn perhaps(&self, good: bool) -> Result<Status<203, String>> {
        if good { Ok(Status("copied".to_owned())) } else { Err(Error::new(409, "conflict", "not now")) }
    }

    #[get]
    async fn moved(&self) -> Result<Redirect<308>> {
        Redirect::to("/several")
    }

    #[get]
    async fn table(&self) -> ByteStream {
        let rows = ["a,b\n", "1,2\n"].map(|row| Ok::<_, std::io::Error>(Bytes::from_static(row.as_bytes())));
        ByteStream::new(stream::iter(rows)).content_type("text/csv; charset=utf-8")
    }

    #[get]
    async fn events(&self) -> Sse {
        Sse::new(stream::iter([Ok::<_, Error>(Event::text("one"))]))
    }

    #[get]
    async fn file(&self) -> Result<File> {
        File::open("Cargo.toml").await
    }

    /// A reply with a length that came from elsewhere.
    #[get]
    async fn forwarded(&self, status: u16, length: String) -> Response {
        let mut reply = Response::new(Body::from(if status == 200 { "hello" } else { "" }));
        *reply.status_mut() = status.try_into().unwrap();
        reply.headers_mut().insert("content-length", length.try_into().unwrap());
        reply
    }

    /// An outer status does not hide that the client has the file already.
    #[get]
    async fn labelled(&self) -> Result<Status<203, File>> {
        Ok(Status(File::open("Cargo.toml").await?))
    }
}

#[tokio::test]
async fn the_type_says_the_status() {
    let client = client(Server::new().add(Replies));
    let several = client.post("/several", &()).await;
    assert_eq!((several.status.as_u16(), several.text().as_str()), (207, r#"{"done":2}"#));
    assert_eq!(client.get("/perhaps?good=true").await.status, 203);
    assert_eq!(client.get("/perhaps?good=false").await.status, 409);
    let table = client.get("/table").await;
    assert_eq!(
        (table.text().as_str(), table.header("content-type")),
        ("a,b\n1,2\n", Some("text/csv; charset=utf-8"))
    );
}

#[tokio::test]
async fn a_reply_within_a_reply_still_sees_the_request() {
    let client = client(Server::new().add(Replies));
    let whole = client.get("/labelled").await;
    assert_eq!(whole.status, 203);
    let tag = whole.header("etag").unwrap().to_owned();
    for (name, value, status) in [("if-none-match", tag.as_str(), 304), ("range", "bytes=0-3", 206)] {
        let answer = client.send(Method::GET, "/labelled", &[(name, value)], Body::empty()).await;
        assert_eq!(answer.status, status, "{name}");
    }
}

#[test]
fn the_documents_know_every_reply() {
    let built = Server::new().add(Replies).build().unwrap();
    let said = |name: &str| {
        let endpoint = built.api().endpoints.iter().find(|endpoint| endpoint.names.endpoint == name).unwrap();
        let replies: Vec<(u16, &str)> = endpoint
            .replies
            .iter()
            .map(|reply| {
                (reply.status.as_u16(), reply.content.as_ref().map_or("-", |content| content.media_type))
            })
            .collect();
        let errors: Vec<u16> = endpoint.errors.iter().map(|error| error.status).collect();
        (replies, errors)
    };
    assert_eq!(said("several"), (vec![(207, "application/json")], vec![]));
    assert_eq!(said("perhaps"), (vec![(203, "text/plain")], vec![]));
    assert_eq!(said("moved"), (vec![(308, "-")], vec![400]));
    assert_eq!(said("table"), (vec![(200, "*/*")], vec![]));
    assert_eq!(said("events"), (vec![(200, "text/event-stream")], vec![]));
    let file = vec![(200, "*/*"), (206, "*/*"), (304, "-")];
    assert_eq!(said("file"), (file, vec![404, 412, 416]));
    let labelled = vec![(203, "*/*"), (206, "*/*"), (304, "-")];
    assert_eq!(said("labelled"), (labelled, vec![404, 412, 416]));
}

/// Otherwise a client would take the next reply on the connection for a part of this one, or a part of this one for the
/// next reply.
#[tokio::test]
async fn a_length_that_is_not_the_bodys_is_not_sent() {
    let client = client(Server::new().add(Replies));
    for (status, length) in [(200, "500"), (200, "1"), (200, "five"), (204, "5"), (304, "5")] {
        let reply = client.get(&format!("/forwarded?status={status}&length={length}")).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-length")), (status, None), "{length}");
    }
    assert_eq!(client.get("/forwarded?status=200&length=5").await.header("content-length"), Some("5"));
}
