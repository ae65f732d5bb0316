//! Components that answer requests as they come: `wasi:http/incoming-handler` of the world `wasi:http/proxy`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use ketch_manifest::{Pending, Whole};
use ketch_model::Error;
use ketch_web::{Arg, Ctx, Input, Request, Response};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::fault;
use crate::guest::Guest;
use crate::ledger::About;
use crate::slices::Spun;
use crate::state::State;

/// The header that says who calls. What clients send under names that begin like it is taken away.
const CALLER: &str = "ketch-caller";
/// How those names begin.
const OURS: &str = "ketch-";

/// A controller that answers requests as they come.
pub(crate) struct Proxied {
    pub(crate) guest: Arc<Guest>,
    pub(crate) pre: ProxyPre<State>,
}

impl std::fmt::Debug for Proxied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxied").field("guest", &self.guest).finish_non_exhaustive()
    }
}

type Begun = Result<http::Response<HyperOutgoingBody>, ErrorCode>;

impl Whole for Proxied {
    fn answer(&self, mut input: Input) -> Pending<Result<Response, Error>> {
        let (guest, pre) = (Arc::clone(&self.guest), self.pre.clone());
        Box::pin(async move {
            let (about, caller) = about(&mut input).await?;
            let time_left = input.exchange().time_left();
            let request = request(&mut input, caller).await?;
            let limit = guest.limit(time_left);
            let places = guest.place(limit).await?;
            let running = guest.host.ticker.run();
            let (begun, begins) = oneshot::channel::<Begun>();
            let its = Arc::clone(&guest);
            let task = tokio::spawn(async move {
                let spun = Spun::default();
                let (threads, own, run) =
                    (Arc::clone(&its), spun.clone(), handle(its, pre, request, spun, about, begun));
                let work = Box::pin(async move {
                    let _held = (places, running);
                    run.await
                });
                match tokio::time::timeout(limit, threads.host.threads.run(&own, work)).await {
                    Ok(Ok(Ok(()))) => Ok(()),
                    Ok(Ok(Err(error))) => Err(fault::failed(&error)),
                    Ok(Err(panic)) => Err(Error::internal(panic)),
                    Err(_) => Err(fault::late(limit)),
                }
            });
            reply(Task(task), begins).await
        })
    }
}

/// Whose request it is, and what the component is told of that.
async fn about(input: &mut Input) -> Result<(About, HeaderValue), Error> {
    let ctx = Ctx::read(input, "ctx").await?;
    let caller = ctx.caller();
    let scopes: Vec<&str> = caller.scopes().collect();
    let told = json!({ "id": caller.id(), "scopes": scopes }).to_string();
    // A header's value is ASCII: what is not is written as JSON's escapes.
    let told: String = told
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect();
    let told = HeaderValue::try_from(told).map_err(Error::internal)?;
    let about = About {
        request: Some(input.exchange().id()),
        caller_id: caller.id().map(str::to_owned),
        ..About::default()
    };
    Ok((about, told))
}

/// The request, its body within the endpoint's limit.
async fn request(input: &mut Input, caller: HeaderValue) -> Result<Request, Error> {
    let mut request = Request::read(input, "request").await?;
    let headers = request.headers_mut();
    let forged: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
    headers.insert(CALLER, caller);
    Ok(request)
}

/// Runs the guest until it has answered and has ended.
async fn handle(
    guest: Arc<Guest>,
    pre: ProxyPre<State>,
    request: Request,
    spun: Spun,
    about: About,
    begun: oneshot::Sender<Begun>,
) -> wasmtime::Result<()> {
    let mut store = guest.store(spun, about);
    let request = request.map(|body| body.map_err(|error| broken(&error)));
    let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
    let out = store.data_mut().http().new_response_outparam(begun)?;
    let proxy = pre.instantiate_async(&mut store).await?;
    let ended = proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await;
    store.data().ledger.close();
    ended
}

fn broken(error: &axum::Error) -> wasmtime_wasi_http::Error {
    wasmtime_wasi_http::Error::InternalError(Some(error.to_string()))
}

/// The guest that answers. It ends when this is dropped.
struct Task(JoinHandle<Result<(), Error>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn reply(mut task: Task, begins: oneshot::Receiver<Begun>) -> Result<Response, Error> {
    match begins.await {
        Ok(Ok(response)) => {
            let response = response.map(|body| Body::new(Streaming { body, _task: task }));
            Ok(response)
        }
        Ok(Err(code)) => Err(fault::nonsense(&format!("is an error: {code:?}"))),
        Err(_) => match (&mut task.0).await {
            Ok(Ok(())) => Err(fault::nonsense("never came")),
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(Error::internal(panic)),
        },
    }
}

/// A reply's body, for as long as its guest runs. One whose guest fails breaks off.
struct Streaming {
    body: HyperOutgoingBody,
    _task: Task,
}

impl HttpBody for Streaming {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
