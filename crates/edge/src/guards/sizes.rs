//! `sizes`: how long the parts of a head may be. Beyond what hyper buffers, hyper answers by itself.

use http::request::Parts;
use ketch_model::Error;
use ketch_web::Guard;

use crate::limits::{HEADER_COUNT, Limits};

/// 414 for a path or query that is too long, 431 for too many or too long headers. The connection is closed.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    path: usize,
    query: usize,
    headers: usize,
}

impl Sizes {
    /// The sizes of these limits.
    pub fn new(limits: &Limits) -> Self {
        Self { path: limits.path, query: limits.query, headers: limits.headers }
    }
}

impl Guard for Sizes {
    fn name(&self) -> &'static str {
        "sizes"
    }

    fn check(&self, head: &Parts) -> Result<(), Error> {
        if head.uri.path().len() > self.path {
            let message = format!("the path is longer than {} bytes", self.path);
            return Err(Error::new(414, "path_too_long", message).closing());
        }
        if head.uri.query().is_some_and(|query| query.len() > self.query) {
            let message = format!("the query is longer than {} bytes", self.query);
            return Err(Error::new(414, "query_too_long", message).closing());
        }
        if head.headers.len() > HEADER_COUNT {
            let message = format!("there are more than {HEADER_COUNT} headers");
            return Err(Error::new(431, "too_many_headers", message).closing());
        }
        let bytes: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if bytes > self.headers {
            let message = format!("the headers are longer than {} bytes together", self.headers);
            return Err(Error::new(431, "headers_too_large", message).closing());
        }
        Ok(())
    }
}
