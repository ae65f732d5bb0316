//! How the runners of this process are told that there is work.
//!
//! What is told is kept until the runner looks, and told once however often it was said: there is no queue to fill.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

/// Rings at every runner that uses the same handle.
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<Vec<Weak<Inbox>>>);

impl Bell {
    /// There may be work.
    pub(crate) fn ring(&self) {
        self.each(|inbox| inbox.put(|post| post.work = true));
    }

    /// The post of a runner that begins.
    pub(crate) fn inbox(&self) -> Arc<Inbox> {
        let inbox = Arc::new(Inbox::default());
        let mut inboxes = self.inboxes();
        inboxes.retain(|inbox| inbox.strong_count() > 0);
        inboxes.push(Arc::downgrade(&inbox));
        inbox
    }

    fn each(&self, tell: impl Fn(&Inbox)) {
        for inbox in self.inboxes().iter().filter_map(Weak::upgrade) {
            tell(&inbox);
        }
    }

    fn inboxes(&self) -> MutexGuard<'_, Vec<Weak<Inbox>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one runner was told and has not looked at yet.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    post: Mutex<Post>,
    came: Notify,
}

/// What came.
#[derive(Debug, Default)]
pub(crate) struct Post {
    /// A handle of this process enqueued something.
    pub(crate) work: bool,
    /// Another process may have: it is worth a look.
    pub(crate) look: bool,
    /// Jobs may have been cancelled.
    pub(crate) cancels: bool,
}

impl Inbox {
    /// Another process may have enqueued something.
    pub(crate) fn look(&self) {
        self.put(|post| post.look = true);
    }

    /// What other processes told may be lost.
    pub(crate) fn gap(&self) {
        self.put(|post| (post.look, post.cancels) = (true, true));
    }

    /// Resolves when something came.
    pub(crate) async fn came(&self) {
        self.came.notified().await;
    }

    /// Takes what came.
    pub(crate) fn take(&self) -> Post {
        mem::take(&mut self.post())
    }

    fn put(&self, write: impl FnOnce(&mut Post)) {
        write(&mut self.post());
        self.came.notify_one();
    }

    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
