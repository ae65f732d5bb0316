//! From a request to an endpoint and back: route table, arguments, replies and the pipeline.
//!
//! [`App`] is the whole of it: guards, route, middlewares, scope, arguments, handler, reply. Sockets and their
//! deadlines are not here but in `edge`; what an endpoint is lives in `model`.

mod admission;
mod app;
mod arg;
mod blocking;
mod body;
mod cache;
mod exchange;
mod guard;
mod json;
mod lower;
mod middleware;
mod pipeline;
mod problem;
mod query;
mod reply;
mod request_log;
mod scalar;
mod schemas;
mod service;
mod table;

pub use app::{App, AppBuilder, Capacity};
pub use arg::{Arg, ArgDocs, Faults, PathArg};
#[cfg(feature = "redis")]
pub use cache::RedisCache;
pub use cache::{
    CacheError, CacheKey, CacheStats, CacheStore, Caches, Entry, Kept, KeyFunction, Lookup, MemoryCache,
    Storing, Ticket,
};
pub use exchange::{Exchange, Input, Params, Request, RequestId, Response, caller_mut};
pub use guard::Guard;
pub use json::Json;
pub use lower::{Route, Shed, lower};
pub use middleware::{Middleware, Next};
pub use problem::problem;
pub use reply::{Accepted, ApiError, Created, Html, NoContent, Reply, ReplyDocs};
pub use request_log::TARGET as REQUEST_LOG;
pub use schemas::Schemas;
pub use service::{Configured, Declared, EndpointId, IntoConfigured, Service, configure};
pub use table::{Match, RouteTable, TableEntry, Trie};

/// What the macros write code against. Not an interface for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use http::Method;
    pub use ketch_model::{Answer, Error, ErrorSpec, Op, Place, Scope, Settings, Value};
    pub use ketch_syntax::Key;

    pub use crate::arg::{Arg, ArgDocs, Faults, path_arg};
    pub use crate::blocking::blocking;
    pub use crate::exchange::Input;
    pub use crate::reply::ApiError;
    pub use crate::schemas::Schemas;
    pub use crate::service::{Declared, EndpointId, Service, bind};
}

/// What the fuzz targets call. Not an interface for people: it changes without notice.
#[doc(hidden)]
pub mod __fuzz {
    pub use crate::cache::check_key as cache_key;
}
