//! Notices within the process: who listens to a channel hears what is told on it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::broadcast;

use crate::driver::Heard;

/// The channels that somebody listens to.
#[derive(Debug)]
pub(super) struct Channels {
    open: Mutex<HashMap<String, broadcast::Sender<String>>>,
    notices: usize,
}

impl Channels {
    /// `notices` wait for one listener at most.
    pub(super) fn new(notices: usize) -> Self {
        Self { open: Mutex::default(), notices }
    }

    pub(super) fn tell(&self, channel: &str, payload: String) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(channel).is_some_and(|sender| sender.send(payload).is_err()) {
            // Nobody listens any more.
            open.remove(channel);
        }
    }

    pub(super) fn listen(&self, channel: String) -> BoxStream<'static, Heard> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = open.entry(channel).or_insert_with(|| broadcast::channel(self.notices).0);
        let receiver = sender.subscribe();
        stream::unfold(receiver, |mut receiver| async move {
            match receiver.recv().await {
                Ok(payload) => Some((Heard::Notice(payload), receiver)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some((Heard::Gap, receiver)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        })
        .boxed()
    }
}
