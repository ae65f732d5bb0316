//! Notices within the process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use ketch_db::{Error, Heard, Options, Result};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// The channels that somebody listens to.
#[derive(Debug)]
pub(crate) struct Channels {
    open: Mutex<HashMap<String, broadcast::Sender<String>>>,
    notices: usize,
    listeners: usize,
}

impl Channels {
    pub(crate) fn new(options: &Options) -> Self {
        Self { open: Mutex::default(), notices: options.notices, listeners: options.listeners }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<String>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tell(&self, channel: &str, payload: &str) {
        if let Some(sender) = self.open().get(channel) {
            // Nobody may listen any more.
            let _heard = sender.send(payload.to_owned());
        }
    }

    pub(crate) fn listen(&self, channel: String) -> Result<BoxStream<'static, Heard>> {
        let mut open = self.open();
        open.retain(|_, sender| sender.receiver_count() > 0);
        if open.values().map(broadcast::Sender::receiver_count).sum::<usize>() >= self.listeners {
            return Err(Error::Busy);
        }
        let sender = open.entry(channel).or_insert_with(|| broadcast::channel(self.notices).0);
        let listener = sender.subscribe();
        let heard = stream::unfold(listener, |mut listener| async move {
            match listener.recv().await {
                Ok(payload) => Some((Heard::Notice(payload), listener)),
                Err(RecvError::Lagged(_)) => Some((Heard::Gap, listener)),
                Err(RecvError::Closed) => None,
            }
        });
        Ok(heard.boxed())
    }

    /// Ends the streams of all listeners.
    pub(crate) fn close(&self) {
        self.open().clear();
    }
}
