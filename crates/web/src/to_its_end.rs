//! Work that may write: it is finished even when the client hangs up.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ketch_model::Error;
use tokio::runtime::Handle;

use crate::exchange::{RequestId, Response};
use crate::problem::problem;
use crate::service::Pending;

/// Runs where it is awaited; given up before its end, it goes on in a task of its own. A task for each such request
/// from the start would cost as much as reading it.
pub(crate) struct ToItsEnd {
    id: RequestId,
    /// None when it has ended.
    work: Option<Pending>,
}

impl ToItsEnd {
    pub(crate) fn new(id: RequestId, work: Pending) -> Self {
        Self { id, work: Some(work) }
    }
}

impl Future for ToItsEnd {
    type Output = Result<Response, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Out of here while it runs: work that panics does not go on.
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        let answer = work.as_mut().poll(context);
        if answer.is_pending() {
            self.work = Some(work);
        }
        answer
    }
}

impl Drop for ToItsEnd {
    fn drop(&mut self) {
        let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) else { return };
        let id = self.id;
        runtime.spawn(async move {
            if let Err(error) = work.await {
                // Nobody is there to read the reply, but the cause goes to the log on the way.
                let _unread = problem(&error, id);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    /// Work that waits for a word and then passes it on.
    fn work() -> (oneshot::Sender<u8>, oneshot::Receiver<u8>, ToItsEnd) {
        let ((go, wait), (done, told)) = (oneshot::channel::<u8>(), oneshot::channel());
        let work: Pending = Box::pin(async move {
            let word = wait.await.map_err(Error::internal)?;
            let _unheard = done.send(word);
            Ok(Response::new(Body::empty()))
        });
        (go, told, ToItsEnd::new(RequestId::next(), work))
    }

    #[test]
    fn work_that_is_awaited_runs_there() {
        runtime().block_on(async {
            let (go, told, work) = work();
            go.send(7).unwrap();
            assert_eq!(work.await.unwrap().status(), 200);
            assert_eq!(told.await, Ok(7));
        });
    }

    #[test]
    fn work_that_is_given_up_goes_on() {
        runtime().block_on(async {
            let (go, told, work) = work();
            assert!(timeout(Duration::from_millis(1), work).await.is_err());
            go.send(7).unwrap();
            assert_eq!(timeout(Duration::from_secs(60), told).await.unwrap(), Ok(7));
        });
    }

    #[test]
    fn work_that_panics_does_not_go_on() {
        let runtime = runtime();
        let fell = runtime.spawn(ToItsEnd::new(RequestId::next(), Box::pin(async { panic!("over") })));
        assert!(runtime.block_on(fell).unwrap_err().is_panic());
        assert_eq!(runtime.metrics().num_alive_tasks(), 0);
    }
}
