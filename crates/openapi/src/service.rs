//! The endpoints that show the documents: `/openapi.json`, `/openapi/v2.json` and `/docs`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue};
use ketch_macros::service;
use ketch_model::{Api, Error};
use ketch_web::Response;

use crate::document::{document, versions};

/// The page. It loads `/openapi.json`; everything in it is in this one file.
const PAGE: &str = include_str!("docs.html");
/// The page runs what is in it and talks to its own server, nothing else.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The documents of an API, written once when it is complete.
#[derive(Clone, Debug, Default)]
pub struct Documents(Arc<OnceLock<Written>>);

#[derive(Debug)]
struct Written {
    whole: Bytes,
    by_version: BTreeMap<String, Bytes>,
}

impl Documents {
    /// Writes the documents. They describe a complete API, so a second call changes nothing.
    pub fn write(&self, api: &Api) {
        let bytes = |version: Option<&str>| Bytes::from(format!("{:#}", document(api, version)));
        let by_version =
            versions(api).into_iter().map(|version| (version.clone(), bytes(Some(&version)))).collect();
        self.0.get_or_init(|| Written { whole: bytes(None), by_version });
    }

    fn written(&self) -> Result<&Written, Error> {
        self.0.get().ok_or_else(|| Error::internal("the documents are asked for before they are written"))
    }
}

/// Shows the documents.
#[derive(Clone, Debug, Default)]
pub struct DocsService {
    documents: Documents,
}

impl DocsService {
    /// A service that shows these.
    pub fn new(documents: Documents) -> Self {
        Self { documents }
    }
}

/// The API's own description.
#[service(crate = "ketch_web", prefix = "-", version = "-", root = "-", middleware = ["-"], scope = "public", hidden)]
impl DocsService {
    /// The OpenAPI document of every endpoint.
    #[get("openapi.json")]
    async fn whole(&self) -> Result<Response, Error> {
        Ok(json(self.documents.written()?.whole.clone()))
    }

    /// The OpenAPI document of one version.
    #[get(r"openapi/{document:v[0-9.]+\.json}")]
    async fn version(&self, document: String) -> Result<Response, Error> {
        let version = document.trim_start_matches('v').trim_end_matches(".json");
        let found = self.documents.written()?.by_version.get(version).cloned();
        found
            .map(json)
            .ok_or_else(|| Error::new(404, "no_such_version", format!("there is no version {version}")))
    }

    /// The documents as a page, which can send requests.
    #[get]
    async fn docs(&self) -> Response {
        let mut page = reply(Bytes::from_static(PAGE.as_bytes()), "text/html; charset=utf-8");
        page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        page.headers_mut()
            .insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
        page
    }
}

fn json(bytes: Bytes) -> Response {
    reply(bytes, "application/json")
}

fn reply(bytes: Bytes, content_type: &'static str) -> Response {
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A new version of the program may say something else under the same name.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
