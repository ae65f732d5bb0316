//! Notices within the process: who listens to a channel hears what is told on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use crate::driver::Heard;
use crate::error::{Error, Result};
use crate::options::Options;

/// The channels that somebody listens to.
#[derive(Debug)]
pub(super) struct Channels {
    open: Mutex<Open>,
    /// Listeners of all channels, at most.
    listeners: usize,
    /// Notices that wait for one of them, at most.
    notices: usize,
}

#[derive(Debug, Default)]
struct Open {
    /// With the number of listeners of each.
    channels: HashMap<String, (Sender<String>, usize)>,
    listeners: usize,
    closed: bool,
}

impl Channels {
    pub(super) fn new(options: &Options) -> Self {
        Self { open: Mutex::default(), listeners: options.listeners, notices: options.notices.max(1) }
    }

    /// Whether somebody may still be told.
    pub(super) fn check_open(&self) -> Result<()> {
        if self.lock().closed { Err(Error::Closed) } else { Ok(()) }
    }

    /// Tells who listens.
    pub(super) fn tell(&self, channel: &str, payload: String) {
        let sender = self.lock().channels.get(channel).map(|(sender, _)| sender.clone());
        // Not while it is locked: whoever is woken may listen to more.
        if let Some(sender) = sender {
            let _all_gone_by_now = sender.send(payload);
        }
    }

    /// Listens, until the stream is dropped or the database closed.
    pub(super) fn listen(self: &Arc<Self>, channel: String) -> Result<BoxStream<'static, Heard>> {
        let listener = self.enter(channel)?;
        let heard = stream::unfold(listener, |mut listener| async move {
            match listener.notices.recv().await {
                Ok(payload) => Some((Heard::Notice(payload), listener)),
                Err(RecvError::Lagged(_)) => Some((Heard::Gap, listener)),
                Err(RecvError::Closed) => None,
            }
        });
        Ok(heard.boxed())
    }

    fn enter(self: &Arc<Self>, name: String) -> Result<Listener> {
        let mut open = self.lock();
        if open.closed {
            return Err(Error::Closed);
        }
        if open.listeners >= self.listeners {
            return Err(Error::Busy);
        }
        open.listeners += 1;
        let fresh = || (channel(self.notices).0, 0);
        let (sender, listeners) = open.channels.entry(name.clone()).or_insert_with(fresh);
        *listeners += 1;
        Ok(Listener { notices: sender.subscribe(), name, channels: Arc::downgrade(self) })
    }

    fn leave(&self, name: &str) {
        let mut open = self.lock();
        open.listeners -= 1;
        if let Some((_, listeners)) = open.channels.get_mut(name) {
            *listeners -= 1;
            if *listeners == 0 {
                open.channels.remove(name);
            }
        }
    }

    /// Ends what all listeners hear, once they have heard what was told. Nobody listens any more.
    pub(super) fn close(&self) {
        let mut open = self.lock();
        open.closed = true;
        open.channels.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that listens.
struct Listener {
    notices: Receiver<String>,
    name: String,
    channels: Weak<Channels>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(channels) = self.channels.upgrade() {
            channels.leave(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_forgotten_with_its_last_listener() {
        let channels = Arc::new(Channels::new(&Options::default()));
        let known = || {
            let open = channels.lock();
            (open.channels.len(), open.listeners)
        };
        let many: Vec<_> = (0..500).map(|n| channels.listen(format!("channel {}", n / 2)).unwrap()).collect();
        assert_eq!(known(), (250, 500));
        drop(many);
        assert_eq!(known(), (0, 0));
    }
}
