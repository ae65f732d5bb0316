//! Requests that guests send: to hosts that are listed, at addresses that are allowed, within times and sizes. Redirects
//! are answers like any other; a guest that follows one sends a request that is checked like the first.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Sleep, timeout};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::addresses::HostRule;
use crate::ledger::Ledger;
use crate::options::Grants;
use crate::roots::Roots;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer's beginning may take.
const FIRST_BYTE: Duration = Duration::from_secs(30);
/// How long an answer may stand still.
const BETWEEN_BYTES: Duration = Duration::from_secs(30);
/// The largest answer, in bytes.
const LARGEST: u64 = 64 << 20;
/// The largest head of an answer, in bytes.
const LARGEST_HEAD: usize = 64 << 10;
/// The most bytes that a guest writes to a body at a time.
const CHUNK: usize = 64 << 10;

type Ended = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Ended), Error>;

/// Sends the requests of one instance.
#[derive(Debug)]
pub(crate) struct Outgoing {
    hosts: Arc<[HostRule]>,
    roots: Roots,
    ledger: Arc<Ledger>,
    names: Names,
}

/// What knows the addresses of names.
#[derive(Clone, Copy, Debug)]
enum Names {
    System,
    #[cfg(test)]
    Told(fn(&str) -> Vec<std::net::IpAddr>),
}

impl Outgoing {
    /// Sends to the hosts that are granted what the account in `ledger` allows.
    pub(crate) fn new(grants: &Grants, ledger: Arc<Ledger>) -> Self {
        let (hosts, roots) = (Arc::clone(&grants.hosts), grants.roots.clone());
        Self { hosts, roots, ledger, names: Names::System }
    }

    /// The rule that covers a request, and where it goes.
    fn target(&self, uri: &Uri) -> Result<Target, Error> {
        let (host, secure) = (uri.host().ok_or(Error::HttpRequestUriInvalid)?, is_secure(uri));
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let rule = self.hosts.iter().find(|rule| rule.covers(host, port)).cloned();
        let denied = |why: &str| {
            self.ledger.warn(&format!("a request to {host}:{port} was denied: {why}"));
            Error::HttpRequestDenied
        };
        let rule = rule.ok_or_else(|| denied("the project does not list it under `hosts`"))?;
        if !self.ledger.may_send() {
            return Err(denied("the call has sent as many as it may"));
        }
        let (host, roots) = (host.to_owned(), self.roots.clone());
        Ok(Target { host, port, secure, rule, roots, names: self.names })
    }
}

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Ended,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let target = self.target(request.uri());
        let ledger = Arc::clone(&self.ledger);
        Box::new(async move {
            let target = target?;
            let whose = format!("a request to {}:{}", target.host, target.port);
            let sent = send(target, request, options.unwrap_or_default()).await;
            sent.inspect_err(|error| ledger.warn(&format!("{whose} failed: {}", why(error))))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    // Why is in the log already, with whose request it was.

    fn p2_error_from_hyper(&mut self, _: &hyper::Error) -> ErrorCode {
        ErrorCode::HttpProtocolError
    }

    fn p2_error_from_connect(&mut self, _: &io::Error) -> ErrorCode {
        ErrorCode::ConnectionRefused
    }

    fn p2_error_from_tls(&mut self, error: &io::Error) -> ErrorCode {
        let said = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        match said {
            Some(rustls::Error::InvalidCertificate(_)) => ErrorCode::TlsCertificateError,
            _ => ErrorCode::TlsProtocolError,
        }
    }
}

/// Why a request failed, for the log. What guests are told is less.
fn why(error: &Error) -> String {
    match error {
        Error::Hyper(error) => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
        Error::Connect(error) => format!("nobody answers there: {error}"),
        Error::Tls(error) => format!("TLS: {error}"),
        Error::DnsError { .. } => "its name cannot be looked up".to_owned(),
        Error::DestinationNotFound => "its name has no address".to_owned(),
        Error::DestinationIpProhibited => {
            "its name leads to special addresses only (private, loopback, link-local …), which must be listed by number"
                .to_owned()
        }
        Error::ConnectionTimeout => "there was no connection in time".to_owned(),
        Error::ConnectionReadTimeout => "there was no answer in time".to_owned(),
        Error::ConfigurationError => "no certificates are trusted here".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Where a request goes.
struct Target {
    host: String,
    port: u16,
    secure: bool,
    rule: HostRule,
    roots: Roots,
    names: Names,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Target {
    /// A connection to the first address that is allowed and answers.
    async fn connect(&self) -> Result<Box<dyn Stream>, Error> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let found = self.names.look_up(bare, self.port).await?;
        if found.is_empty() {
            return Err(Error::DestinationNotFound);
        }
        let mut last = Error::DestinationIpProhibited;
        for address in found.into_iter().filter(|address| self.rule.admits(address.ip())).take(8) {
            match TcpStream::connect(address).await {
                Ok(stream) if self.secure => return self.shake_hands(bare, stream).await,
                Ok(stream) => return Ok(Box::new(stream)),
                Err(error) => last = Error::Connect(error),
            }
        }
        Err(last)
    }

    async fn shake_hands(&self, host: &str, stream: TcpStream) -> Result<Box<dyn Stream>, Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)?;
        let config = self.roots.config().await.ok_or(Error::ConfigurationError)?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(Error::Tls)?;
        Ok(Box::new(stream))
    }
}

impl Names {
    async fn look_up(self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        match self {
            Self::System => match tokio::net::lookup_host((host, port)).await {
                Ok(found) => Ok(found.collect()),
                Err(_) => Err(Error::DnsError { rcode: None, info_code: None }),
            },
            #[cfg(test)]
            Self::Told(told) => Ok(told(host).into_iter().map(|ip| SocketAddr::new(ip, port)).collect()),
        }
    }
}

fn is_secure(uri: &Uri) -> bool {
    uri.scheme() != Some(&Scheme::HTTP)
}

async fn send(target: Target, mut request: Request<WasiBody>, options: RequestOptions) -> Sent {
    let least = |said: Option<Duration>, most: Duration| said.map_or(most, |said| said.min(most));
    let connect = async {
        let stream = TokioIo::new(target.connect().await?);
        let mut builder = http1::Builder::new();
        builder.max_buf_size(LARGEST_HEAD);
        Ok::<_, Error>(builder.handshake::<_, WasiBody>(stream).await?)
    };
    let connected = timeout(least(options.connect_timeout, CONNECT), connect).await;
    let (mut sender, connection) = connected.map_err(|_| Error::ConnectionTimeout)??;
    // Between a client and a server only the path is said; the host is a header.
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    let mut connection = Box::pin(connection);
    let answer = async {
        let mut sending = pin!(sender.send_request(request));
        std::future::poll_fn(|context| {
            // The connection moves only when it is polled; when it ends first, the request's own error says why.
            let _moved = connection.as_mut().poll(context);
            sending.as_mut().poll(context)
        })
        .await
    };
    let answered = timeout(least(options.first_byte_timeout, FIRST_BYTE), answer).await;
    let answer = answered.map_err(|_| Error::ConnectionReadTimeout)??;
    let between = least(options.between_bytes_timeout, BETWEEN_BYTES);
    let answer = answer.map(|body| Bounded { body, left: LARGEST, between, patience: None }.boxed_unsync());
    let ended = async move { connection.await.map_err(Error::from) };
    Ok((answer, Box::new(ended)))
}

/// An answer's body within its size and time.
struct Bounded<B> {
    body: B,
    left: u64,
    between: Duration,
    patience: Option<Pin<Box<Sleep>>>,
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Body for Bounded<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            let between = self.between;
            let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(between)));
            return patience.as_mut().poll(context).map(|()| Some(Err(Error::ConnectionReadTimeout)));
        };
        self.patience = None;
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Some(Err(Error::HttpResponseBodySize(Some(LARGEST))))),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
