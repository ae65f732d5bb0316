//! What an endpoint gives: as documents describe it, under the names that clients know, and checked while the program is
//! being written.

use http::StatusCode;
use ketch_model::{Content, Error, ReplySpec};
use ketch_web::Mode;
use serde_json::{Map, Value, json};

use crate::call::Answer;
use crate::tree::{Declared, Param};
use crate::types::{Checks, Type};

/// Members that are not outputs: aicra's. Names that begin and end with `_` are not either.
const OTHERS: [&str; 3] = ["error", "reason", "args"];

/// The outputs of one endpoint.
#[derive(Debug)]
pub(crate) struct Outputs {
    subject: String,
    gives: Vec<Param>,
    seed: bool,
    mode: Mode,
}

impl Outputs {
    /// `seed` says that it is a project of aicra's, which only describes outputs.
    pub(crate) fn of(endpoint: &Declared, seed: bool, mode: Mode) -> Self {
        Self { subject: endpoint.subject(), gives: endpoint.gives.clone(), seed, mode }
    }

    /// The good reply.
    pub(crate) fn describe(&self) -> ReplySpec {
        let member = |param: &Param| {
            let mut schema = schema(param);
            if let Some(about) = &param.info {
                schema["description"] = json!(about);
            }
            (param.wire.clone(), schema)
        };
        let members: Map<_, _> = self.gives.iter().map(member).collect();
        let required: Vec<&str> =
            self.gives.iter().filter(|it| !it.optional).map(|it| it.wire.as_str()).collect();
        let mut schema = json!({ "type": "object", "properties": members });
        if !required.is_empty() && !self.seed {
            schema["required"] = json!(required);
        }
        let content = Some(Content { media_type: "application/json", schema });
        ReplySpec { status: StatusCode::OK, description: "The output.".to_owned(), content }
    }

    /// Gives fields the names that clients know, and checks them while the program is being written.
    ///
    /// # Errors
    /// 500 in development, when they are not what is declared; the log says what is wrong. What a type checker fails with.
    pub(crate) async fn shape(&self, answer: Answer) -> Result<Answer, Error> {
        let fields = match answer {
            Answer::Text(text) if self.stay_as_they_are() => return Ok(Answer::Json(text)),
            Answer::Text(text) => serde_json::from_slice(&text)
                .map_err(|error| Error::internal(format!("a driver's text is no object: {error}")))?,
            Answer::Fields(fields) => fields,
            Answer::Json(text) => {
                if self.mode == Mode::Development && !self.seed && !self.gives.is_empty() {
                    Box::pin(self.check_text(&text)).await?;
                }
                return Ok(Answer::Json(text));
            }
            whole @ Answer::Reply(_) => return Ok(whole),
        };
        if self.seed || self.gives.is_empty() {
            return Ok(Answer::Fields(fields));
        }
        let wire = |name: String| {
            self.gives.iter().find(|param| param.name == name).map_or(name, |param| param.wire.clone())
        };
        let fields: Map<_, _> = fields.into_iter().map(|(name, value)| (wire(name), value)).collect();
        if self.mode == Mode::Development && is_good(&fields) {
            Box::pin(self.check(&fields)).await?;
        }
        Ok(Answer::Fields(fields))
    }

    /// Whether nothing of the fields has to be looked at, so that text can go out as it came.
    fn stay_as_they_are(&self) -> bool {
        let renamed = || self.gives.iter().any(|param| param.name != param.wire);
        self.seed || self.gives.is_empty() || (self.mode != Mode::Development && !renamed())
    }

    /// Checks a body that a driver has written itself: one object of what is declared, or the page of a list of them.
    /// Members that are not declared are the driver's own.
    async fn check_text(&self, text: &[u8]) -> Result<(), Error> {
        let Ok(Value::Object(whole)) = serde_json::from_slice(text) else { return Ok(()) };
        let items = if self.gives.iter().any(|it| it.wire == "items") { None } else { whole.get("items") };
        let Some(Value::Array(items)) = items else { return self.told(&self.faults(&whole).await?) };
        for (at, item) in items.iter().enumerate() {
            let Value::Object(item) = item else { continue };
            let faults = self.faults(item).await?;
            // The first one is enough to find what is wrong with all.
            let faults: Vec<String> =
                faults.into_iter().map(|fault| format!("row {}: {fault}", at + 1)).collect();
            self.told(&faults)?;
        }
        Ok(())
    }

    async fn check(&self, fields: &Map<String, Value>) -> Result<(), Error> {
        let mut wrong = self.faults(fields).await?;
        let special = |name: &str| name.starts_with('_') && name.ends_with('_');
        for name in fields.keys().filter(|name| !special(name) && !OTHERS.contains(&name.as_str())) {
            if !self.gives.iter().any(|param| param.wire == *name) {
                wrong.push(format!("`{name}` is not declared"));
            }
        }
        self.told(&wrong)
    }

    /// What of that which is declared is not there, or is something else.
    async fn faults(&self, fields: &Map<String, Value>) -> Result<Vec<String>, Error> {
        let mut wrong = Vec::new();
        let mut checks = Checks::default();
        for param in &self.gives {
            let wire = &param.wire;
            match fields.get(wire) {
                None | Some(Value::Null) if param.optional => {}
                None => wrong.push(format!("`{wire}` is missing")),
                Some(value) => {
                    let mut found = param.ty.check(value).err().unwrap_or_default();
                    if found.is_empty() && param.ty.has_own() {
                        found = checks.ask(&param.ty, value).await?;
                    }
                    wrong.extend(found.iter().map(|wrong| match wrong.at.as_str() {
                        "" => format!("`{wire}` {}", wrong.message),
                        at => format!("`{wire}` at {at} {}", wrong.message),
                    }));
                }
            }
        }
        Ok(wrong)
    }

    /// # Errors
    /// 500 when anything is wrong; the log says what.
    fn told(&self, wrong: &[String]) -> Result<(), Error> {
        if wrong.is_empty() {
            return Ok(());
        }
        let cause =
            format!("the output of {} is not what its `out` says: {}", self.subject, wrong.join("; "));
        Err(Error::new(
            500,
            "bad_output",
            "the controller's output is not what is declared; the log says where",
        )
        .because(cause))
    }
}

/// The schema of a declared output. One that may be absent may be null.
pub(crate) fn schema(param: &Param) -> Value {
    match &param.ty {
        ty @ (Type::Nullable(_) | Type::Any) => ty.schema(),
        ty if param.optional => Type::Nullable(Box::new(ty.clone())).schema(),
        ty => ty.schema(),
    }
}

/// Whether it is the reply that is declared, and not one of the others.
fn is_good(fields: &Map<String, Value>) -> bool {
    let status = fields.get("_STATUS_").and_then(Value::as_u64).unwrap_or(200);
    let error = fields.get("error").and_then(Value::as_f64).unwrap_or_default();
    (200..=203).contains(&status) && error == 0.0 && !fields.contains_key("_REDIRECT_")
}
