//! Misses under way: the first one runs the handler, those that come meanwhile wait for its reply.
//!
//! Bounded by the requests in flight: a flight is there as long as its leader is.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::entry::Entry;
use super::store::Ticket;

/// What a flight is for. The ticket is part of it, so that nobody who comes after a purge gets a reply from before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Route {
    pub(super) key: String,
    pub(super) ticket: Option<Ticket>,
    pub(super) reason: Reason,
}

/// Why the handler is run. Who wants a new reply does not wait for one that was begun before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reason {
    /// Nothing is kept.
    Missing,
    /// The client wants it anew.
    Refresh,
}

/// The flights of one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights(Arc<Board>);

#[derive(Debug, Default)]
struct Board {
    flights: Mutex<HashMap<Route, Landing>>,
    landed: AtomicU64,
}

/// What comes of a flight, once it is known: the reply, or none when it is nobody else's.
type Landing = watch::Receiver<Option<Arc<Entry>>>;

/// A request's part in a flight.
pub(super) enum Seat {
    Leader(Flight),
    Follower(Follower),
}

/// A flight, led. Dropped, it has landed without a reply to share.
#[derive(Debug)]
pub(super) struct Flight {
    flights: Flights,
    route: Route,
    late: bool,
    landing: watch::Sender<Option<Arc<Entry>>>,
}

/// A flight, followed.
pub(super) struct Follower(Landing);

impl Flights {
    /// How many have landed: to be asked before a look-up, and given to [`join`](Self::join) after it.
    pub(super) fn landed(&self) -> u64 {
        self.0.landed.load(Ordering::SeqCst)
    }

    pub(super) fn join(&self, route: Route, landed: u64) -> Seat {
        let mut flights = self.0.flights.lock().unwrap_or_else(PoisonError::into_inner);
        match flights.entry(route) {
            Slot::Occupied(flight) => Seat::Follower(Follower(flight.get().clone())),
            Slot::Vacant(vacant) => {
                let (landing, following) = watch::channel(None);
                let route = vacant.key().clone();
                vacant.insert(following);
                let late = self.landed() != landed;
                Seat::Leader(Flight { flights: self.clone(), route, late, landing })
            }
        }
    }
}

impl Flight {
    /// Whether another flight, perhaps for the same reply, has landed since the look-up.
    pub(super) fn is_late(&self) -> bool {
        self.late
    }

    /// Gives the reply to all who wait for it.
    pub(super) fn land(self, entry: Arc<Entry>) {
        self.landing.send_replace(Some(entry));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let board = &self.flights.0;
        let mut flights = board.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.remove(&self.route);
        board.landed.fetch_add(1, Ordering::SeqCst);
    }
}

impl Follower {
    /// The leader's reply; none when it cannot be shared: an error, a panic, or what may not be kept.
    pub(super) async fn wait(mut self) -> Option<Arc<Entry>> {
        let landed = self.0.wait_for(Option::is_some).await;
        landed.ok().and_then(|entry| entry.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(ticket: u64) -> Route {
        Route { key: "a".to_owned(), ticket: Some(Ticket(ticket)), reason: Reason::Missing }
    }

    #[tokio::test]
    async fn who_comes_meanwhile_follows_until_the_leader_is_gone() {
        let flights = Flights::default();
        let Seat::Leader(leader) = flights.join(route(0), 0) else { panic!("nobody leads") };
        let Seat::Follower(follower) = flights.join(route(0), 0) else { panic!("two lead") };
        assert!(matches!(flights.join(route(1), 0), Seat::Leader(_)), "there was a purge in between");
        drop(leader);
        assert!(follower.wait().await.is_none());
        let Seat::Leader(later) = flights.join(route(0), 0) else { panic!("nobody leads") };
        assert!(later.is_late(), "the first may have brought what this one looks for");
        drop(later);
        assert!(flights.0.flights.lock().unwrap().is_empty());
    }
}
