//! What the room promises from outside: comparing documents, documents of endpoints of every kind, and reading those
//! of others.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain has failed")]

mod compare;
mod documents;
mod read;
