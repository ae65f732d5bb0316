//! What the room promises from outside: comparing documents, and documents of endpoints of every kind.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain has failed")]

mod compare;
mod documents;
