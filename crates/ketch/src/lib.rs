//! An API server in one process: the crate that applications depend on.
