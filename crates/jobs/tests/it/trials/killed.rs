//! J2: processes are killed while jobs run.
