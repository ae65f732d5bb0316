//! A page of a list, with `Link` headers to the next and the first (RFC 8288): a reply type of one's own.
//!
//! The list itself is the body, so a client that does not care for pages sees plain JSON.

use ketch::http::header::LINK;
use ketch::http::{HeaderValue, StatusCode};
use ketch::prelude::*;
use ketch::{Content, Reply, ReplyDocs, ReplySpec};
use schemars::JsonSchema;
use serde::Serialize;

/// A part of a list, and where the parts beside it are.
#[derive(Debug)]
pub struct Page<T> {
    items: Vec<T>,
    links: Vec<(&'static str, String)>,
}

impl<T> Page<T> {
    /// A page without links.
    pub fn new(items: Vec<T>) -> Self {
        Self { items, links: Vec::new() }
    }

    /// Adds a link: what it leads to, `next` or `first`, and its URL.
    #[must_use]
    pub fn link(mut self, relation: &'static str, url: impl Into<String>) -> Self {
        self.links.push((relation, url.into()));
        self
    }
}

impl<T: Serialize + JsonSchema> Reply for Page<T> {
    fn reply(self) -> Result<Response> {
        let mut response = Json(self.items).reply()?;
        for (relation, url) in self.links {
            let link =
                HeaderValue::try_from(format!("<{url}>; rel=\"{relation}\"")).map_err(Error::internal)?;
            response.headers_mut().append(LINK, link);
        }
        Ok(response)
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        let schema = docs.schemas().written::<Vec<T>>();
        docs.push(ReplySpec {
            status: StatusCode::OK,
            description: "A page; `Link` headers lead to the next and the first.".to_owned(),
            content: Some(Content { media_type: "application/json", schema }),
        });
    }
}

/// Which part of a list.
#[derive(Debug, Query)]
pub struct Part {
    /// The last number of the page before; from the start when it is left out.
    after: Option<u32>,
    /// How many numbers.
    #[arg(default = 20, min = 1, max = 100)]
    limit: u32,
}

struct Numbers;

/// The square numbers up to a million.
#[service(root = "squares")]
impl Numbers {
    /// Lists the squares, a page at a time.
    #[get("/")]
    async fn list(&self, part: Part) -> Page<u32> {
        let Part { after, limit } = part;
        let roots = (after.unwrap_or(0) + 1)..=1_000;
        let squares: Vec<u32> = roots.take(limit as usize).map(|root| root * root).collect();
        let last = after.unwrap_or(0) + u32::try_from(squares.len()).unwrap_or(0);
        let page = Page::new(squares).link("first", format!("/squares?limit={limit}"));
        if last < 1_000 { page.link("next", format!("/squares?after={last}&limit={limit}")) } else { page }
    }
}

/// The server.
pub fn server() -> Server {
    Server::new().title("Pages").add(Numbers)
}
