//! Server-sent events: a clock that ticks until the client goes, or the server stops.
//!
//! `curl -N localhost:8080/clock/ticks`, or `new EventSource("/clock/ticks")` in a browser. Nothing here speaks of the
//! stop: a stream of events ends at once when the server is told to, and a browser comes back by itself with the id of
//! the last event it saw.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream;
use ketch::prelude::*;
use tokio::time::{MissedTickBehavior, interval};

struct ClockService;

/// A clock.
#[service]
impl ClockService {
    /// Ticks every 100 milliseconds, and counts on where the client left off.
    #[get]
    async fn ticks(&self, last_event_id: Header<Option<u64>>) -> Sse {
        let mut pace = interval(Duration::from_millis(100));
        // A client that reads slowly misses ticks, and does not get them all at once later.
        pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let first = last_event_id.0.map_or(1, |last| last.saturating_add(1));
        let ticks = stream::unfold((pace, first), async |(mut pace, tick)| {
            pace.tick().await;
            let event = Event::text(format!("tick {tick}")).named("tick").id(tick.to_string());
            Some((Ok::<_, Infallible>(event), (pace, tick.saturating_add(1))))
        });
        Sse::new(ticks)
    }
}

/// The server.
pub fn server() -> Server {
    Server::new().title("Events").add(ClockService)
}
