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
mod compression;
mod context;
mod cookies;
mod cors;
mod events;
mod exchange;
mod extract;
mod file;
mod form;
mod fuzz;
mod good_reply;
mod guard;
mod header;
mod json;
mod lower;
mod middleware;
mod mount;
mod multipart;
mod outermost;
mod peer;
mod pipeline;
mod problem;
mod query;
mod rate;
mod raw;
mod redirect;
mod reload;
mod reply;
mod request_log;
mod rules;
mod scalar;
mod schemas;
mod service;
mod sse;
mod status;
mod stop;
mod stream;
mod stub;
mod table;
mod to_its_end;
mod unrouted;
mod validate;

pub use app::{App, AppBuilder, Capacity, TableMaker};
pub use arg::{Arg, ArgDocs, Faults, PathArg};
pub use body::{media_type, read_body};
#[cfg(feature = "redis")]
pub use cache::RedisCache;
pub use cache::{
    CacheError, CacheKey, CacheStats, CacheStore, Caches, Entry, Kept, KeyFunction, Lookup, MemoryCache,
    Storing, Ticket, check_purges,
};
pub use context::Ctx;
pub use cookies::Cookie;
pub use events::{Hooks, RequestBegun, RequestEnded};
pub use exchange::{Exchange, Input, Params, Request, RequestId, Response, caller_mut};
pub use extract::{Extract, ExtractBody};
pub use file::{File, Folder};
pub use form::Form;
pub use guard::Guard;
pub use header::{Header, Occurs};
pub use json::Json;
pub use lower::{Annotate, Fronted, Route, Shed, lower};
pub use middleware::{Middleware, Next};
pub use mount::Mount;
pub use multipart::{Multipart, Part};
pub use outermost::Mode;
pub use peer::network;
pub use problem::problem;
pub use rate::RATE_KEYS;
pub use redirect::Redirect;
pub use reload::Named;
pub use reply::{Accepted, ApiError, Asked, Created, Html, NoContent, Reply, ReplyDocs};
pub use request_log::TARGET as REQUEST_LOG;
pub use rules::Ruled;
pub use scalar::{Measure, Scalar};
pub use schemas::Schemas;
pub use service::{Configured, Declared, EndpointId, IntoConfigured, Service, configure};
pub use sse::{Event, Sse};
pub use status::Status;
pub use stream::{ByteStream, EndsAtStop};
pub use table::{Match, RouteTable, TableEntry, Trie};

/// What the macros write code against. Not an interface for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use http::Method;
    pub use ketch_model::{Answer, Error, ErrorSpec, In, Op, Place, Scope, Settings, Value};
    pub use ketch_syntax::Key;

    pub use crate::arg::{Arg, ArgDocs, Faults, PathArg, documented, path_arg};
    pub use crate::blocking::blocking;
    pub use crate::exchange::Input;
    pub use crate::reply::ApiError;
    pub use crate::rules::{Bound, Rules};
    pub use crate::scalar::{Scalar, describe_scalar, read_scalar, scalar_from_text};
    pub use crate::schemas::Schemas;
    pub use crate::service::{Declared, EndpointId, Service, bind, bind_stub, bind_typed_stub};
    pub use crate::validate::{Holds, Probe, Stated, Unstated, query_name};
    pub use garde::Path;
}

/// What the fuzz targets of this repository call. Not an interface for people: it changes without notice.
#[doc(hidden)]
pub mod __fuzz {
    pub use crate::cache::check_key as cache_key;
    pub use crate::fuzz::{cookie, header, json, multipart, query};
}
