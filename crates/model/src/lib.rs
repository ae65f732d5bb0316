//! The words of the house: endpoints as data, settings and their levels, scopes, callers, errors and the clock.
//!
//! Every front (attributes, manifests, built-in endpoints) lowers to [`Endpoint`], and everything downstream
//! (route table, OpenAPI, `routes --explain`, metrics) reads nothing else. No I/O happens here and no async runtime
//! is pulled in; wire formats have types of their own elsewhere and convert.

mod argument;
mod caller;
mod clock;
mod effective;
mod endpoint;
mod error;
mod live;
mod origin;
mod reply;
mod resolve;
mod scope;
mod settings;

pub use argument::{ArgSpec, In, Sees};
pub use caller::Caller;
pub use clock::{Clock, ManualClock, SystemClock};
pub use effective::{Deprecation, Effective, Inferred};
pub use endpoint::{Answer, Api, CacheInfo, Docs, Endpoint, Names};
pub use error::{Error, FieldError, Result};
pub use live::Live;
pub use origin::{Level, Place, Problem, Problems, Resolved};
pub use reply::{Content, ErrorSpec, ReplySpec};
pub use resolve::{Leveled, resolve};
pub use scope::Scope;
pub use settings::{Entry, Op, Settings, Value};
