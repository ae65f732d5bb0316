//! axum routers mounted beside the services: what no endpoint answers below a path goes to one of them.
//!
//! Guards, the request log, the limit of requests in flight, a deadline and the handling of panics apply to them; named
//! middlewares, settings (`cors` among them) and documents do not.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use ketch_model::{Error, Place, Problem};
use ketch_syntax::{Segment, Template};
use tower::ServiceExt;

use crate::exchange::{Request, RequestId, Response};

/// How long a mounted router has until its reply begins; the default of endpoints.
pub(crate) const MOUNT_TIMEOUT: Duration = Duration::from_secs(30);

/// A router and the path below which it answers.
#[derive(Clone)]
pub struct Mount {
    path: String,
    place: Place,
    router: Router,
}

impl Mount {
    /// Mounts a router; it sees paths without `path`, as with axum's `nest`. `/` mounts it below everything.
    ///
    /// # Errors
    /// When the path does not begin with a slash, ends with one, or has parameters.
    pub fn new(path: impl Into<String>, router: Router, place: Place) -> Result<Self, Problem> {
        let path = path.into();
        // axum panics at segments that were parameters in its older syntax.
        let is_literal = |template: Template| {
            template
                .segments()
                .iter()
                .all(|segment| matches!(segment, Segment::Literal(text) if !text.starts_with([':', '*'])))
        };
        let plain = path == "/"
            || (path.starts_with('/')
                && !path.ends_with('/')
                && !path.contains("//")
                && Template::parse(&path).is_ok_and(is_literal));
        if !plain {
            let message = format!("nothing can be mounted at `{path}`: write `/legacy`, without parameters");
            return Err(Problem::new(Some(place), "server", message));
        }
        let router = if path == "/" { router } else { Router::new().nest(&path, router) };
        Ok(Self { path, place, router })
    }

    /// The path below which it answers.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it answers at a path.
    pub(crate) fn covers(&self, path: &str) -> bool {
        self.path == "/"
            || path
                .strip_prefix(self.path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The problem of two mounts of which one covers the other.
    pub(crate) fn clash(&self, earlier: &Self) -> Option<Problem> {
        let clash = self.covers(&earlier.path) || earlier.covers(&self.path);
        clash.then(|| {
            let message =
                format!("`{}` overlaps `{}`, mounted at {}", self.path, earlier.path, earlier.place);
            Problem::new(Some(self.place.clone()), "server", message)
        })
    }

    /// Lets the router answer.
    pub(crate) async fn answer(
        &self,
        mut request: Request,
        id: RequestId,
        peer: Option<SocketAddr>,
    ) -> Result<Response, Error> {
        request.extensions_mut().insert(id);
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        self.router.clone().oneshot(request).await.map_err(|never| match never {})
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount").field("path", &self.path).finish_non_exhaustive()
    }
}
