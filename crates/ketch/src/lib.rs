//! An API server in one process: the crate that applications depend on.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use ketch::prelude::*;
//!
//! struct HelloWorldService;
//!
//! #[service]
//! impl HelloWorldService {
//!     /// Says hello.
//!     #[get]
//!     async fn say_hello(&self) -> &'static str {
//!         "Hello World"
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     ketch::main(Server::new().add(HelloWorldService)) // GET /hello-world/say-hello
//! }
//! ```
//!
//! [`prelude`] is what an application imports; [`Server`] is where it begins; [`macro@service`] declares endpoints.
//! Everything here lives in a room of its own and is only gathered: ARCHITECTURE.md says which.

#[cfg(feature = "test")]
pub mod test;

pub use axum::middleware::from_fn;
pub use bytes::Bytes;
pub use cookie;
pub use garde::Validate;
pub use http;
pub use ketch_cli::{main, main_from};
pub use ketch_db::{self as db, DatabaseUrl, Db, Migrations, Tx, migrations, params};
pub use ketch_edge::{Limits, Stopped};
pub use ketch_jobs::{
    self as jobs, Enqueue, Enqueued, Job, JobCtx, JobError, JobResult, Jobs, Queue, Schedule,
};
pub use ketch_macros::{ApiError, Query, Scalar, delete, get, patch, post, put, service};
pub use ketch_manifest::{self as manifest, Call};
pub use ketch_model::{
    Api, ArgSpec, Caller, Clock, Content, Endpoint, Error, ErrorSpec, FieldError, In, Level, Live, Place,
    Problem, Problems, ReplySpec, Result, Scope, Sees, Settings, SystemClock,
};
pub use ketch_server::{
    Built, Error as ServerError, HookResult, Ready, Reloaded, Reloader, STOP_TIME, Server, explain, routes,
};
#[cfg(feature = "redis")]
pub use ketch_web::RedisCache;
pub use ketch_web::{
    Accepted, Arg, ArgDocs, Asked, ByteStream, CacheError, CacheKey, CacheStats, CacheStore, Capacity,
    Cookie, Created, Ctx, EndpointId, EndsAtStop, Entry, Event, Exchange, Extract, ExtractBody, File, Folder,
    Form, Guard, Header, Html, Input, Json, Kept, Lookup, Match, MemoryCache, Middleware, Multipart,
    NoContent, Occurs, Part, PathArg, RATE_KEYS, Redirect, Reply, ReplyDocs, Request, RequestBegun,
    RequestEnded, RequestId, Response, RouteTable, Scalar, Service, Sse, Status, Storing, TableEntry, Ticket,
    Trie, caller_mut, configure, read_body,
};
pub use {garde, schemars, serde, serde_json};

/// What an application imports.
pub mod prelude {
    pub use axum::middleware::{Next, from_fn};

    pub use crate::{
        Accepted, ApiError, ByteStream, Bytes, Caller, Cookie, Created, Ctx, Db, Enqueue, Error, Event,
        Extract, ExtractBody, File, Folder, Form, Header, Html, Job, JobCtx, JobError, JobResult, Jobs, Json,
        MemoryCache, Multipart, NoContent, Query, Queue, Redirect, Request, Response, Result, Scalar,
        Schedule, Scope, Server, Sse, Status, Tx, Validate, caller_mut, configure, delete, get, migrations,
        params, patch, post, put, read_body, service,
    };
}

#[doc(hidden)]
pub use ketch_web::__private;

/// The pages of the guide and the README, whose code is compiled and run as tests: a type each, so that a failure names
/// the page and the line.
#[cfg(doctest)]
mod pages {
    macro_rules! pages {
        ($($name:ident $path:literal)*) => {$(
            #[doc = include_str!(concat!("../../../", $path))]
            struct $name;
        )*};
    }

    pages! {
        Arguments "docs/guide/arguments.md"
        Browsers "docs/guide/browsers.md"
        Caching "docs/guide/caching.md"
        Data "docs/guide/data.md"
        Edge "docs/guide/edge.md"
        Jobs "docs/guide/jobs.md"
        Limits "docs/guide/limits.md"
        Middleware "docs/guide/middleware.md"
        Migrations "docs/guide/migrations.md"
        OpenApi "docs/guide/openapi.md"
        Readme "README.md"
        Replies "docs/guide/replies.md"
        Services "docs/guide/services.md"
        Stubs "docs/guide/stubs.md"
        Testing "docs/guide/testing.md"
    }
}
