//! Notices between processes: one connection listens to all channels, and whoever listens hears of a gap when it broke.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client, Error as Theirs};

use super::error::{explained, is_lost, of_connect};
use super::target::Target;
use crate::driver::Heard;
use crate::error::{Error, Result};
use crate::options::Options;

/// Bytes of a channel's name, at most (PostgreSQL's `NAMEDATALEN` less one).
const NAME: usize = 63;
/// Bytes of a payload, at most (<https://www.postgresql.org/docs/current/sql-notify.html>).
const PAYLOAD: usize = 7_999;
/// The wait before a connection is made anew, doubled each time up to a bound.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Whether a notice can be told.
pub(super) fn check_notice(channel: &str, payload: &str) -> Result<()> {
    check_channel(channel)?;
    if payload.len() > PAYLOAD {
        return Err(Error::Unsupported(format!(
            "a notice of {} bytes, {PAYLOAD} at most: tell where the text is stored instead",
            payload.len()
        )));
    }
    Ok(())
}

fn check_channel(channel: &str) -> Result<()> {
    if channel.is_empty() || channel.len() > NAME || channel.contains('\0') {
        let why = format!("a channel whose name has {} bytes, 1 to {NAME} are possible", channel.len());
        return Err(Error::Unsupported(why));
    }
    Ok(())
}

/// Who listens, and the connection that does it for them.
pub(super) struct Listeners {
    inner: Arc<Inner>,
    handle: Handle,
    task: OnceLock<AbortHandle>,
}

struct Inner {
    target: Target,
    connect_time: Duration,
    notices: usize,
    room: Arc<Semaphore>,
    channels: Mutex<HashMap<String, Channel>>,
    /// Somebody came or went.
    changed: Notify,
    /// Why there is no connection.
    trouble: Mutex<Option<Error>>,
}

struct Channel {
    to: broadcast::Sender<Heard>,
    /// The server tells this process what is told on it.
    heard: watch::Sender<bool>,
    /// It was so once, and notices may be lost since.
    before: bool,
}

impl Listeners {
    pub(super) fn new(target: &Target, options: &Options, handle: &Handle) -> Self {
        let inner = Inner {
            target: target.clone(),
            connect_time: options.connect_time,
            notices: options.notices.max(1),
            room: Arc::new(Semaphore::new(options.listeners.min(Semaphore::MAX_PERMITS))),
            channels: Mutex::default(),
            changed: Notify::new(),
            trouble: Mutex::default(),
        };
        Self { inner: Arc::new(inner), handle: handle.clone(), task: OnceLock::new() }
    }

    /// Listens to a channel, once the server has said so.
    pub(super) fn listen(
        &self,
        channel: String,
    ) -> impl Future<Output = Result<BoxStream<'static, Heard>>> + use<> {
        self.task.get_or_init(|| self.handle.spawn(keep(Arc::clone(&self.inner))).abort_handle());
        let inner = Arc::clone(&self.inner);
        async move {
            check_channel(&channel)?;
            let permit = match Arc::clone(&inner.room).try_acquire_owned() {
                Ok(permit) => permit,
                Err(_) if inner.room.is_closed() => return Err(Error::Closed),
                Err(_) => return Err(Error::Busy),
            };
            let (from, mut heard) = {
                let mut channels = inner.channels();
                let known = channels.entry(channel).or_insert_with(|| Channel {
                    to: broadcast::channel(inner.notices).0,
                    heard: watch::channel(false).0,
                    before: false,
                });
                (known.to.subscribe(), known.heard.subscribe())
            };
            let listener = Listener { from: Some(from), inner: Arc::clone(&inner), _permit: permit };
            inner.changed.notify_one();
            match timeout(inner.connect_time, heard.wait_for(|it| *it)).await {
                Ok(Ok(_)) => Ok(listener.into_stream()),
                Ok(Err(_)) | Err(_) => Err(inner.trouble().clone().unwrap_or_else(|| {
                    Error::Unavailable(format!("{}: no answer to `listen`", inner.target.shown))
                })),
            }
        }
    }

    /// Nobody hears anything any more: the streams end.
    pub(super) fn close(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
        self.inner.room.close();
        self.inner.channels().clear();
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn channels(&self) -> MutexGuard<'_, HashMap<String, Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Error>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the server is to be told: channels that are new, and those that nobody listens to any more.
    fn difference(&self, told: &HashSet<String>) -> (Vec<String>, Vec<String>) {
        let mut channels = self.channels();
        channels.retain(|_, channel| channel.to.receiver_count() > 0);
        let new = channels.keys().filter(|name| !told.contains(*name)).cloned().collect();
        let gone = told.iter().filter(|name| !channels.contains_key(*name)).cloned().collect();
        (new, gone)
    }

    /// The server tells us of these channels now.
    fn hears(&self, names: &[String]) {
        let mut channels = self.channels();
        for channel in names
            .iter()
            .filter_map(|name| channels.remove(name).map(|it| (name.clone(), it)))
            .collect::<Vec<_>>()
        {
            let (name, mut channel) = channel;
            if std::mem::replace(&mut channel.before, true) {
                let _nobody = channel.to.send(Heard::Gap);
            }
            channel.heard.send_replace(true);
            channels.insert(name, channel);
        }
    }

    fn deaf(&self) {
        for channel in self.channels().values() {
            channel.heard.send_replace(false);
        }
    }

    fn tell(&self, message: AsyncMessage) {
        if let AsyncMessage::Notification(notice) = message
            && let Some(channel) = self.channels().get(notice.channel())
        {
            let _nobody = channel.to.send(Heard::Notice(notice.payload().to_owned()));
        }
    }
}

/// One who listens.
struct Listener {
    from: Option<broadcast::Receiver<Heard>>,
    inner: Arc<Inner>,
    _permit: OwnedSemaphorePermit,
}

impl Listener {
    fn into_stream(self) -> BoxStream<'static, Heard> {
        stream::unfold(self, |mut listener| async move {
            let from = listener.from.as_mut()?;
            match from.recv().await {
                Ok(heard) => Some((heard, listener)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some((Heard::Gap, listener)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        })
        .boxed()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.from.take());
        self.inner.changed.notify_one();
    }
}

/// Keeps a connection that listens, as long as somebody does.
async fn keep(inner: Arc<Inner>) {
    let (first, most) = BACKOFF;
    let mut wait = first;
    loop {
        while inner.difference(&HashSet::new()).0.is_empty() {
            inner.changed.notified().await;
        }
        let connected =
            timeout(inner.connect_time, inner.target.config.connect(inner.target.tls.clone())).await;
        let trouble = match connected {
            Ok(Ok((client, mut connection))) => {
                let messages = stream::poll_fn(move |cx| connection.poll_message(cx));
                let began = tokio::time::Instant::now();
                let ended = converse(&inner, &client, messages).await;
                inner.deaf();
                if began.elapsed() > most {
                    wait = first;
                }
                ended
            }
            Ok(Err(error)) => of_connect(&error, &inner.target.shown),
            Err(_) => {
                let why = format!("{}: no connection within {:?}", inner.target.shown, inner.connect_time);
                Error::Unavailable(why)
            }
        };
        tracing::warn!(error = %trouble, "no notices are heard; a new connection is made");
        *inner.trouble() = Some(trouble);
        sleep(wait).await;
        wait = (2 * wait).min(most);
    }
}

/// Listens on one connection until it breaks; why it did.
async fn converse(
    inner: &Inner,
    client: &Client,
    messages: impl Stream<Item = Result<AsyncMessage, Theirs>> + Send,
) -> Error {
    let mut messages = std::pin::pin!(messages);
    let mut told = HashSet::new();
    let broken = |message: Option<Result<AsyncMessage, Theirs>>| match message {
        Some(Ok(message)) => {
            inner.tell(message);
            None
        }
        Some(Err(error)) => Some(Error::Unavailable(explained(&error))),
        None => Some(Error::Unavailable("the server closed the connection".to_owned())),
    };
    loop {
        let (new, gone) = inner.difference(&told);
        if !new.is_empty() || !gone.is_empty() {
            let commands = commands(&new, &gone);
            let mut answer = std::pin::pin!(client.batch_execute(&commands));
            let answer = loop {
                tokio::select! {
                    answer = &mut answer => break answer,
                    message = messages.next() => if let Some(error) = broken(message) { return error },
                }
            };
            match answer {
                Ok(()) => {
                    inner.hears(&new);
                    told.extend(new);
                    told.retain(|name| !gone.contains(name));
                }
                Err(error) if is_lost(&error) => return Error::Unavailable(explained(&error)),
                Err(error) => {
                    // It speaks the protocol and does not know the command: whoever asked is told.
                    *inner.trouble() = Some(Error::Unsupported(format!("to listen: {}", explained(&error))));
                    let mut channels = inner.channels();
                    channels.retain(|name, _| !new.contains(name));
                }
            }
            continue;
        }
        tokio::select! {
            () = inner.changed.notified() => {}
            message = messages.next() => if let Some(error) = broken(message) { return error },
        }
    }
}

fn commands(new: &[String], gone: &[String]) -> String {
    let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
    let listen = new.iter().map(|name| format!("listen {};", quoted(name)));
    listen.chain(gone.iter().map(|name| format!("unlisten {};", quoted(name)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_channels_are_quoted() {
        let both = commands(&["a\"; drop table b".to_owned()], &["C d".to_owned()]);
        assert_eq!(both, "listen \"a\"\"; drop table b\";unlisten \"C d\";");
        assert!(check_channel("").is_err() && check_channel(&"x".repeat(64)).is_err());
        assert!(
            check_notice("a", &"x".repeat(7_999)).is_ok() && check_notice("a", &"x".repeat(8_000)).is_err()
        );
    }
}
