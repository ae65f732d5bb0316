//! Services: what the macro declares, and the settings that code adds to it.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;
use ketch_model::{Answer, ArgSpec, Error, ErrorSpec, Place, ReplySpec, Settings};

use crate::exchange::{Input, Response};
use crate::reply::{Asked, Reply, ReplyDocs};
use crate::schemas::Schemas;

/// A reply that is being made.
pub(crate) type Pending = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;
/// A handler with its service in it.
pub(crate) type Handler = Arc<dyn Fn(Input) -> Pending + Send + Sync>;

/// A type with endpoints. `#[service]` on its impl block implements this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service]` on the `impl {Self}` block that holds its endpoints"
)]
pub trait Service: Sized + Send + Sync + 'static {
    /// The type's name; the root of its URLs follows from it.
    const NAME: &'static str;
    /// The comment of its impl block.
    const DOCS: Option<&'static str>;

    /// What its attribute says.
    fn settings() -> Settings;

    /// Its endpoints, in the order written.
    fn endpoints(schemas: &mut Schemas) -> Vec<Declared<Self>>;
}

/// An endpoint as it is declared, before the levels come together.
pub struct Declared<S> {
    /// The method's name.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The method's comment.
    pub docs: Option<&'static str>,
    /// What its attribute says.
    pub settings: Settings,
    /// Its arguments, in the order of its signature.
    pub args: Vec<ArgSpec>,
    /// Its replies and errors.
    pub replies: (Vec<ReplySpec>, Vec<ErrorSpec>),
    /// How it runs.
    pub answer: Answer,
    /// Gives the handler its service.
    pub bind: Bind<S>,
    /// Where it is written.
    pub place: Place,
}

impl<S> fmt::Debug for Declared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declared")
            .field("name", &self.name)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// A handler that waits for its service.
pub struct Bind<S>(Box<dyn FnOnce(Arc<S>) -> Handler + Send>);

impl<S> Bind<S> {
    pub(crate) fn to(self, service: Arc<S>) -> Handler {
        (self.0)(service)
    }
}

impl<S> fmt::Debug for Bind<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bind")
    }
}

/// A handler of a closure, and what its reply says for the documents. One call for both, so that a type that is no
/// reply is told of once.
#[doc(hidden)]
pub fn bind<S, R, F, Fut>(schemas: &mut Schemas, handler: F) -> Bound<S>
where
    R: Reply,
    S: Send + Sync + 'static,
    F: Fn(Arc<S>, Input) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, Error>> + Send + 'static,
{
    let mut docs = ReplyDocs::new(schemas);
    R::describe(&mut docs);
    let bind = move |service: Arc<S>| -> Handler {
        Arc::new(move |input| {
            let asked = R::LOOKS_BACK.then(|| Box::new(Asked::of(&input)));
            let exchange = input.exchange().clone();
            let value = handler(Arc::clone(&service), input);
            Box::pin(async move {
                let value = value.await?;
                let mut reply = match asked {
                    Some(asked) => value.reply_to(&asked)?,
                    None => value.reply()?,
                };
                exchange.said_to(&mut reply);
                Ok(reply)
            })
        })
    };
    (Bind(Box::new(bind)), docs.finish())
}

/// What a declaration binds: the handler, its replies and its errors.
type Bound<S> = (Bind<S>, (Vec<ReplySpec>, Vec<ErrorSpec>));

/// The handler of a method without a body: it reads the arguments, and the stub answers. What it answers is not known.
#[doc(hidden)]
pub fn bind_stub<S, F, Fut>(schemas: &mut Schemas, handler: F) -> Bound<S>
where
    S: Send + Sync + 'static,
    F: Fn(Arc<S>, Input) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    (bind::<S, (), F, Fut>(schemas, handler).0, (Vec::new(), Vec::new()))
}

/// The same, for a method that says what it will return.
#[doc(hidden)]
pub fn bind_typed_stub<S, R, F, Fut>(schemas: &mut Schemas, handler: F) -> Bound<S>
where
    R: Reply,
    S: Send + Sync + 'static,
    F: Fn(Arc<S>, Input) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut docs = ReplyDocs::new(schemas);
    R::describe(&mut docs);
    let replies = docs.finish();
    (bind::<S, (), F, Fut>(schemas, handler).0, replies)
}

/// Names one endpoint of `S` in code. Another service's does not fit.
pub struct EndpointId<S>(&'static str, PhantomData<fn(S)>);

impl<S> EndpointId<S> {
    #[doc(hidden)]
    pub const fn new(name: &'static str) -> Self {
        Self(name, PhantomData)
    }

    /// The method's name.
    pub const fn name(&self) -> &'static str {
        self.0
    }
}

impl<S> Clone for EndpointId<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for EndpointId<S> {}

impl<S> fmt::Debug for EndpointId<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointId({})", self.0)
    }
}

/// A service with the settings that code gives it: levels 3 and 5.
#[derive(Debug)]
pub struct Configured<S> {
    pub(crate) service: S,
    pub(crate) settings: Settings,
    pub(crate) endpoints: Vec<(&'static str, Settings)>,
}

/// Starts to configure a service in code.
///
/// ```
/// use ketch_web::configure;
/// # struct Hola;
/// # #[ketch_macros::service(crate = "ketch_web")]
/// # impl Hola { #[ketch_macros::get] async fn say(&self) -> &'static str { "Hola" } }
/// let hola = configure(Hola).set(|s| s.version("3")).endpoint(Hola::SAY, |e| e.route("say-it"));
/// ```
pub fn configure<S: Service>(service: S) -> Configured<S> {
    Configured { service, settings: Settings::new(), endpoints: Vec::new() }
}

impl<S: Service> Configured<S> {
    /// Settings of the whole service (level 3). Several calls add up.
    #[must_use]
    pub fn set(mut self, set: impl FnOnce(Settings) -> Settings) -> Self {
        self.settings = set(self.settings);
        self
    }

    /// Settings of one endpoint (level 5). Several calls add up.
    #[must_use]
    pub fn endpoint(mut self, id: EndpointId<S>, set: impl FnOnce(Settings) -> Settings) -> Self {
        self.endpoints.push((id.name(), set(Settings::new())));
        self
    }
}

/// A service, plain or configured.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service]` on the `impl {Self}` block that holds its endpoints"
)]
pub trait IntoConfigured<S: Service> {
    /// The service with its settings.
    fn into_configured(self) -> Configured<S>;
}

#[diagnostic::do_not_recommend]
impl<S: Service> IntoConfigured<S> for S {
    fn into_configured(self) -> Configured<S> {
        configure(self)
    }
}

impl<S: Service> IntoConfigured<S> for Configured<S> {
    fn into_configured(self) -> Self {
        self
    }
}
