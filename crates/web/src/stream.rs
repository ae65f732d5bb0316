//! Replies that go on for as long as somebody listens.

/// Marks a reply, as an extension, whose body ends when the server begins to stop: nobody waits for the end of a stream
/// that has none.
#[derive(Clone, Copy, Debug)]
pub struct EndsAtStop;
