//! The endpoints that show the documents: `/openapi.json`, `/openapi/v2.json`, and `/docs` with its style and script.

use std::collections::BTreeMap;
use std::sync::Arc;

use ketch_macros::service;
use ketch_model::{Api, Error, Live};
use ketch_web::Response;

use crate::document::{document, versions};
use crate::file::{File, Known};

/// The page. It loads `/openapi.json`, and its style and script from below its own URL.
const PAGE: &str = include_str!("docs/page.html");
const STYLE: &str = include_str!("docs/page.css");
const SCRIPT: &str = include_str!("docs/page.js");

/// The documents of an API, written when it is complete, and again when it has changed.
#[derive(Clone, Debug)]
pub struct Documents(Live<Option<Arc<Written>>>);

#[derive(Debug)]
struct Written {
    whole: File,
    by_version: BTreeMap<String, File>,
}

impl Default for Documents {
    fn default() -> Self {
        Self(Live::new(None))
    }
}

impl Documents {
    /// Writes the documents in place of those that were there. They describe a complete API.
    pub fn write(&self, api: &Api) {
        let file =
            |version: Option<&str>| File::new(format!("{:#}", document(api, version)), "application/json");
        let by_version =
            versions(api).into_iter().map(|version| (version.clone(), file(Some(&version)))).collect();
        self.0.set(Some(Arc::new(Written { whole: file(None), by_version })));
    }

    fn written(&self) -> Result<Arc<Written>, Error> {
        let written = self.0.with(Clone::clone);
        written.ok_or_else(|| Error::internal("the documents are asked for before they are written"))
    }
}

/// Shows the documents.
#[derive(Clone, Debug)]
pub struct DocsService {
    documents: Documents,
    page: Arc<Page>,
}

#[derive(Debug)]
struct Page {
    html: File,
    style: File,
    script: File,
}

impl DocsService {
    /// A service that shows these.
    pub fn new(documents: Documents) -> Self {
        let page = Page {
            html: File::new(PAGE, "text/html; charset=utf-8"),
            style: File::new(STYLE, "text/css; charset=utf-8"),
            script: File::new(SCRIPT, "text/javascript; charset=utf-8"),
        };
        Self { documents, page: Arc::new(page) }
    }
}

/// The API's own description.
#[service(crate = "ketch_web", prefix = "-", version = "-", root = "-", middleware = ["-"], scope = "public", hidden)]
impl DocsService {
    /// The OpenAPI document of every endpoint.
    #[get("openapi.json")]
    async fn whole(&self, known: Known) -> Result<Response, Error> {
        Ok(self.documents.written()?.whole.reply(&known))
    }

    /// The OpenAPI document of one version.
    #[get(r"openapi/{document:v[0-9.]+\.json}")]
    async fn version(&self, document: String, known: Known) -> Result<Response, Error> {
        let version = document.trim_start_matches('v').trim_end_matches(".json");
        let written = self.documents.written()?;
        let found = written.by_version.get(version);
        found
            .map(|file| file.reply(&known))
            .ok_or_else(|| Error::new(404, "no_such_version", format!("there is no version {version}")))
    }

    /// The documents as a page, which can send requests.
    #[get]
    async fn docs(&self, known: Known) -> Response {
        self.page.html.reply(&known)
    }

    /// How the page looks.
    #[get("docs/page.css")]
    async fn style(&self, known: Known) -> Response {
        self.page.style.reply(&known)
    }

    /// What the page does.
    #[get("docs/page.js")]
    async fn script(&self, known: Known) -> Response {
        self.page.script.reply(&known)
    }
}
