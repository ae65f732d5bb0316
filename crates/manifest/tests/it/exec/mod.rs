//! Programs as controllers, middlewares and type checkers, well-behaved ones and others.

mod deadline;
mod leak;
mod load;
mod output;
mod parts;
mod pool;
mod project;
mod reload;
mod worker;
