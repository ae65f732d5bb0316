//! PostgreSQL, over the network.
//!
//! `target` and `tls` say where the server is and whom to believe; `pool` keeps the connections and `texts` what is known
//! of statements. `run` runs statements without a closure, `transaction` closures, `fault` is what went wrong, `retry` what is run again;
//! `describe` says what a statement is, `stream` sends large results, `change` changes the schema, `listen` hears notices. `encode`, `decode` and `numeric` are
//! the values on the wire.

mod change;
mod counts;
mod decode;
mod describe;
mod encode;
mod engine;
mod error;
mod fault;
mod listen;
mod numeric;
mod pool;
mod retry;
mod run;
mod stream;
mod target;
mod texts;
mod tls;
mod transaction;

pub use engine::Postgres;
