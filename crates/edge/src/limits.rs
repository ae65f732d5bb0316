//! The bounds of what a stranger can make the process hold or wait for.

use std::time::Duration;

/// Every bound of the edge. The defaults suit a machine that stands on the open internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more wait in the kernel's backlog. Default 10,240.
    pub connections: usize,
    /// Connections at a time from one address (IPv6: one /64); one more is closed at once. Default 1,024.
    pub connections_per_address: usize,
    /// From the connection, or from the last reply, to the whole head of the next request. Default 10 s.
    pub head_time: Duration,
    /// The longest a body may bring nothing. Default 10 s.
    pub body_idle: Duration,
    /// The least that a body must bring, and a reader of replies take, in bytes a second. Default 512.
    pub rate: u64,
    /// The span over which `rate` is judged, of time spent waiting for the peer. Default 10 s.
    pub patience: Duration,
    /// The longest an HTTP/2 stream may live, its reply sent. Default 10 min.
    pub stream_time: Duration,
    /// The longest that the peer of an upgraded connection, such as a WebSocket, may be silent. It counts as a
    /// connection; when the server drains it reads its end, and at the end of `drain` it is cut. Default 5 min.
    pub switched_idle: Duration,
    /// HTTP/2 streams at a time on one connection. Default 128.
    pub streams: u32,
    /// Bytes of a path; beyond it 414. Default 4 KiB.
    pub path: usize,
    /// Bytes of a query; beyond it 414. Default 8 KiB.
    pub query: usize,
    /// Bytes of all header names and values; beyond it 431. Default 32 KiB.
    pub headers: usize,
    /// From the signal to stop to the end of the process. Default 15 s.
    pub drain: Duration,
}

/// Headers of one request; beyond it 431. It is hyper's own default, at which it keeps its index on the stack.
pub(crate) const HEADER_COUNT: usize = 100;
/// What one HTTP/1 connection buffers of a head: room enough to answer an over-long path with 414 rather than 431.
pub(crate) const HEAD_BUFFER: usize = 128 << 10;

impl Limits {
    /// The bytes that must move in one span of patience.
    pub(crate) fn enough(&self) -> u64 {
        let millis = u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX);
        millis.saturating_mul(self.rate) / 1000
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_240,
            connections_per_address: 1_024,
            head_time: Duration::from_secs(10),
            body_idle: Duration::from_secs(10),
            rate: 512,
            patience: Duration::from_secs(10),
            stream_time: Duration::from_mins(10),
            switched_idle: Duration::from_mins(5),
            streams: 128,
            path: 4 << 10,
            query: 8 << 10,
            headers: 32 << 10,
            drain: Duration::from_secs(15),
        }
    }
}
