//! PostgreSQL, over the network.
//!
//! `target` and `tls` say where the server is and whom to believe; `pool` keeps the connections and `texts` what is known
//! of statements. `run` runs statements without a closure, `transaction` closures, `stream` large results, `change` changes
//! of the schema, `listen` hears notices. `encode`, `decode` and `numeric` are the values on the wire.

mod change;
mod counts;
mod decode;
mod encode;
mod engine;
mod error;
mod listen;
mod numeric;
mod pool;
mod run;
mod stream;
mod target;
mod texts;
mod tls;
mod transaction;

pub use engine::Postgres;
