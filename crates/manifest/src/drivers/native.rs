//! The driver `native`: functions of the program that loads the manifest, bound by name.

mod signature;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use ketch_model::{Error, Problem};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use self::signature::Signature;
use crate::call::{Answer, Call};
use crate::driver::{Controller, Pending};
use crate::tree::Declared;

/// Functions by name.
#[derive(Clone, Default)]
pub struct Native(BTreeMap<String, Arc<dyn Bind>>);

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Native {
    /// Adds a function; whether the name was free.
    pub fn add<M: 'static>(&mut self, name: impl Into<String>, function: impl NativeFunction<M>) -> bool {
        self.0.insert(name.into(), Arc::new(Function(function, PhantomData))).is_none()
    }

    /// The function of a name, for an endpoint; none when there is none.
    ///
    /// # Errors
    /// Where the endpoint's arguments and outputs are not those of the function.
    pub(crate) fn bound(
        &self,
        name: &str,
        endpoint: &Declared,
    ) -> Option<Result<Arc<dyn Controller>, Vec<Problem>>> {
        self.0.get(name).map(|function| Arc::clone(function).bind(name, endpoint))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A function that a manifest can name: `async fn(Args) -> Result<Out>`, or `async fn(Args, Call) -> Result<Out>` where
/// it needs to know who calls.
///
/// `Args` is a struct with the arguments by their names for controllers, `Out` one with the outputs. Both are compared
/// with the manifest when that is loaded. An argument that may be left out is an `Option`, or has a default. A function
/// of the [`Call`] alone, which answers a [`Map`], is compared with nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function that a manifest can name",
    label = "not `async fn(Args) -> Result<Out>`",
    note = "`Args` implements `Deserialize` and `JsonSchema`, `Out` implements `Serialize` and `JsonSchema`",
    note = "the second argument, if there is one, is the `Call`"
)]
pub trait NativeFunction<M>: Send + Sync + 'static {
    /// What is compared with the manifest.
    #[doc(hidden)]
    fn schemas(&self) -> Option<(Value, Value)>;

    /// Calls it.
    #[doc(hidden)]
    fn call(&self, call: Call) -> Pending<Result<Map<String, Value>, Error>>;
}

/// Says that a function takes the [`Call`] as it is.
#[doc(hidden)]
#[derive(Debug)]
pub struct Untyped;

impl<F, A, O, Fut> NativeFunction<(A,)> for F
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    A: DeserializeOwned + JsonSchema + 'static,
    O: Serialize + JsonSchema,
    Fut: Future<Output = Result<O, Error>> + Send + 'static,
{
    fn schemas(&self) -> Option<(Value, Value)> {
        Some((signature::read::<A>(), signature::written::<O>()))
    }

    fn call(&self, call: Call) -> Pending<Result<Map<String, Value>, Error>> {
        match arguments(call.args) {
            Ok(args) => answered(self(args)),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

impl<F, A, O, Fut> NativeFunction<(A, Call)> for F
where
    F: Fn(A, Call) -> Fut + Send + Sync + 'static,
    A: DeserializeOwned + JsonSchema + 'static,
    O: Serialize + JsonSchema,
    Fut: Future<Output = Result<O, Error>> + Send + 'static,
{
    fn schemas(&self) -> Option<(Value, Value)> {
        Some((signature::read::<A>(), signature::written::<O>()))
    }

    fn call(&self, call: Call) -> Pending<Result<Map<String, Value>, Error>> {
        match arguments(call.args.clone()) {
            Ok(args) => answered(self(args, call)),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

impl<F, Fut> NativeFunction<Untyped> for F
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Map<String, Value>, Error>> + Send + 'static,
{
    fn schemas(&self) -> Option<(Value, Value)> {
        None
    }

    fn call(&self, call: Call) -> Pending<Result<Map<String, Value>, Error>> {
        Box::pin(self(call))
    }
}

/// The arguments as the function has them. The reader's message would repeat values, so only the place is told.
fn arguments<A: DeserializeOwned>(args: Map<String, Value>) -> Result<A, Error> {
    serde_path_to_error::deserialize(Value::Object(args)).map_err(|error| {
        let path = error.path();
        Error::internal(format!("a native function cannot read its argument `{path}`: its type is narrower"))
    })
}

fn answered<O: Serialize>(
    made: impl Future<Output = Result<O, Error>> + Send + 'static,
) -> Pending<Result<Map<String, Value>, Error>> {
    Box::pin(async move {
        match serde_json::to_value(made.await?).map_err(Error::internal)? {
            Value::Object(fields) => Ok(fields),
            Value::Null => Ok(Map::new()),
            _ => {
                Err(Error::internal("a native function must answer a struct, whose members are the outputs"))
            }
        }
    })
}

/// Makes a controller of a function.
trait Bind: Send + Sync {
    fn bind(self: Arc<Self>, name: &str, endpoint: &Declared) -> Result<Arc<dyn Controller>, Vec<Problem>>;
}

struct Function<F, M>(F, PhantomData<fn() -> M>);

impl<F: NativeFunction<M>, M: 'static> Bind for Function<F, M> {
    fn bind(self: Arc<Self>, name: &str, endpoint: &Declared) -> Result<Arc<dyn Controller>, Vec<Problem>> {
        let mut left_out = Vec::new();
        if let Some((takes, gives)) = self.0.schemas() {
            Signature { name, takes, gives }.check(endpoint)?;
            let optional = endpoint.takes.iter().filter(|param| param.optional);
            left_out = optional.map(|param| param.name.clone()).collect();
        }
        Ok(Arc::new(Bound { function: self, left_out }))
    }
}

struct Bound<F, M> {
    function: Arc<Function<F, M>>,
    /// Arguments that are not there at all when they were left out, so that a default of the struct's applies.
    left_out: Vec<String>,
}

impl<F, M> fmt::Debug for Bound<F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

impl<F: NativeFunction<M>, M: 'static> Controller for Bound<F, M> {
    fn call(&self, mut call: Call) -> Pending<Result<Answer, Error>> {
        for name in &self.left_out {
            if call.args.get(name) == Some(&Value::Null) {
                call.args.remove(name);
            }
        }
        let made = self.function.0.call(call);
        Box::pin(async move { made.await.map(Answer::Fields) })
    }
}
