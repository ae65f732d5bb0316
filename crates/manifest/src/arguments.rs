//! From a request to arguments: every declared one is found, converted by its type and checked; all that is wrong is
//! answered together, in the order declared.
//!
//! What is not declared is passed over, whatever it is called: nothing that a client sends can become a special
//! variable.

mod body;
mod documents;
mod form;
mod json;
mod multipart;
mod rules;

use ketch_model::{Error, FieldError, In};
use ketch_web::{Ctx, Input};
use serde_json::{Map, Value};

pub use documents::narrowed;
pub(crate) use documents::{describe, errors};
pub(crate) use rules::faults;

use crate::call::Files;
use crate::tree::{Param, Site};
use crate::types::{Checks, Type, Wrong, step};

/// The most that one reply tells of.
const MOST: usize = 100;

/// What came for one argument.
#[derive(Debug, Default)]
enum Given {
    /// Nothing.
    #[default]
    Nothing,
    /// Text, once for each time that the name came.
    Texts(Vec<String>),
    /// A value that came as JSON.
    Json(Value),
    /// Files, described as their controller will see them.
    Files(Vec<Value>),
    /// Something that cannot be it.
    Wrong(&'static str, String),
}

/// Whether any of the arguments is read from a body.
pub(crate) fn read_a_body(takes: &[Param]) -> bool {
    takes.iter().any(|param| param.site == Site::Body)
}

/// Reads the arguments of a request, of whose `input` nothing is needed unless [they read a body](read_a_body).
///
/// # Errors
/// 400 with one entry for each that is missing or wrong, 422 when all that is wrong is that rules are broken; what the
/// body's reader says; what a type checker fails with.
pub(crate) async fn read(
    takes: &[Param],
    ctx: &Ctx,
    input: Option<Input>,
) -> Result<(Map<String, Value>, Files), Error> {
    let (mut body, files) = match input {
        // Boxed, as what few requests need is not to be carried about by all.
        Some(mut input) => Box::pin(body::read(takes, ctx, &mut input)).await?,
        None => Default::default(),
    };
    let mut reading = Reading::default();
    for param in takes {
        let given = match param.site {
            Site::Body => body.remove(&param.wire).unwrap_or_default(),
            _ => outside(param, ctx)?,
        };
        reading.argument(param, given).await?;
    }
    reading.done().map(|args| (args, files))
}

/// Reads the arguments that are not in the body, for who reads that itself.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_outside(takes: &[Param], ctx: &Ctx) -> Result<Map<String, Value>, Error> {
    let mut reading = Reading::default();
    for param in takes.iter().filter(|param| param.site != Site::Body) {
        reading.argument(param, outside(param, ctx)?).await?;
    }
    reading.done()
}

/// What came for an argument that is not in the body.
fn outside(param: &Param, ctx: &Ctx) -> Result<Given, Error> {
    let (site, wire) = (param.site, &param.wire);
    let texts = match site {
        Site::Path | Site::Slot(_) => ctx.param::<String>(wire).map(|text| text.into_iter().collect()),
        Site::Query => ctx.query::<Vec<String>>(wire),
        Site::Header => ctx.header::<Vec<String>>(wire),
        Site::Cookie => ctx.cookie::<Vec<String>>(wire),
        Site::Body => Ok(Vec::new()),
    };
    match texts {
        Ok(texts) if texts.is_empty() => Ok(Given::Nothing),
        Ok(texts) if site == Site::Header && param.ty.item().is_some() && !param.ty.is_json_text() => {
            Ok(Given::Texts(texts.iter().flat_map(|line| elements(line)).collect()))
        }
        Ok(texts) => Ok(Given::Texts(texts)),
        Err(error) if error.fields().is_empty() => Err(error),
        Err(_) => Ok(Given::Wrong("invalid", "is not UTF-8".to_owned())),
    }
}

/// The elements of a list in a header (RFC 9110, 5.6.1): lines of one name and commas within them mean the same, and what is
/// empty is no element. A comma between quotes is part of one.
fn elements(line: &str) -> Vec<String> {
    let (mut all, mut one, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for character in line.chars() {
        match character {
            ',' if !quoted => all.push(std::mem::take(&mut one)),
            other => one.push(other),
        }
        quoted ^= character == '"' && !escaped;
        escaped = quoted && character == '\\' && !escaped;
    }
    all.push(one);
    let trimmed = all.iter().map(|it| it.trim_matches([' ', '\t'])).filter(|it| !it.is_empty());
    trimmed.map(str::to_owned).collect()
}

#[derive(Debug, Default)]
struct Reading {
    args: Map<String, Value>,
    faults: Vec<FieldError>,
    checks: Checks,
}

impl Reading {
    fn done(self) -> Result<Map<String, Value>, Error> {
        if self.faults.is_empty() { Ok(self.args) } else { Err(Error::arguments(self.faults)) }
    }

    /// Keeps an argument, or what is wrong with it.
    async fn argument(&mut self, param: &Param, given: Given) -> Result<(), Error> {
        let one = |wrong: Wrong| vec![wrong];
        let found = match given {
            Given::Nothing if param.optional => Ok(param.default.clone().unwrap_or_default()),
            Given::Nothing => {
                self.fault(param, "missing", "", "is missing");
                return Ok(());
            }
            Given::Wrong(code, message) => {
                self.fault(param, code, "", &message);
                return Ok(());
            }
            Given::Texts(texts) => match (param.ty.item(), texts.as_slice()) {
                (Some(item), [text]) if param.ty.is_json_text() => match self.text(&param.ty, text).await? {
                    Ok(whole) => Ok(whole),
                    Err(wrongs) => self.texts(item, &texts).await?.map_err(|_| wrongs),
                },
                (Some(item), _) => self.texts(item, &texts).await?,
                (None, [text]) => self.text(&param.ty, text).await?,
                // aicra's `any` was a list when its name came several times.
                (None, several) if param.ty.is_any() => self.texts(&Type::Any, several).await?,
                (None, _) => {
                    self.fault(param, "repeated", "", "is given more than once");
                    return Ok(());
                }
            },
            Given::Json(value) => match param.ty.accept(value) {
                Ok(value) => self.asked(&param.ty, value).await?,
                Err(wrongs) => Err(wrongs),
            },
            Given::Files(files) => match (param.ty.item(), files.as_slice()) {
                (Some(Type::File), _) => Ok(files.into()),
                (None, [file]) if param.ty == Type::File => Ok(file.clone()),
                (None, _) if param.ty == Type::File => {
                    self.fault(param, "repeated", "", "is given more than once");
                    return Ok(());
                }
                _ => Err(one(Wrong::invalid(format!("is a file, and must be {}", param.ty.noun())))),
            },
        };
        match found {
            Ok(value) => drop(self.args.insert(param.name.clone(), value)),
            Err(wrongs) => {
                for wrong in wrongs {
                    let code = if wrong.rule { FieldError::RULE } else { "invalid" };
                    self.fault(param, code, &wrong.at, &wrong.message);
                }
            }
        }
        Ok(())
    }

    /// The items of a list that came as text.
    async fn texts(&mut self, item: &Type, texts: &[String]) -> Result<Result<Value, Vec<Wrong>>, Error> {
        let (mut values, mut wrongs) = (Vec::with_capacity(texts.len()), Vec::new());
        for (index, text) in texts.iter().enumerate() {
            match self.text(item, text).await? {
                Ok(value) => values.push(value),
                Err(found) => wrongs.extend(found.into_iter().map(|wrong| {
                    let mut at = String::new();
                    step(&mut at, &index.to_string());
                    Wrong { at: at + &wrong.at, ..wrong }
                })),
            }
            if wrongs.len() > MOST {
                break;
            }
        }
        Ok(if wrongs.is_empty() { Ok(values.into()) } else { Err(wrongs) })
    }

    /// One value that came as text. What a checker of the project refuses as JSON it may know as the text it is.
    async fn text(&mut self, ty: &Type, text: &str) -> Result<Result<Value, Vec<Wrong>>, Error> {
        let value = match ty.convert(text) {
            Ok(value) => value,
            Err(wrongs) => return Ok(Err(wrongs)),
        };
        if value.is_string() || !ty.is_own() {
            return self.asked(ty, value).await;
        }
        let of_json = self.asked(ty, value).await;
        if !matches!(&of_json, Ok(Err(_))) && !of_json.as_ref().is_err_and(has_failed) {
            return of_json;
        }
        let of_text = self.asked(ty, text.into()).await;
        match (of_json, of_text) {
            // A checker may be made for one of the forms and fail at the other. What it says of the one holds.
            (Ok(refused), Err(error)) | (Err(error), Ok(refused @ Err(_))) if has_failed(&error) => {
                let cause = error.cause().map(ToString::to_string).unwrap_or_default();
                tracing::warn!(%cause, "a type checker failed at one form of a value, and refused the other");
                Ok(refused)
            }
            (Err(error), Err(_)) => Err(error),
            (_, of_text) => of_text,
        }
    }

    /// The value, when the project's checkers agree.
    async fn asked(&mut self, ty: &Type, value: Value) -> Result<Result<Value, Vec<Wrong>>, Error> {
        if !ty.has_own() {
            return Ok(Ok(value));
        }
        let wrongs = Box::pin(self.checks.ask(ty, &value)).await?;
        Ok(if wrongs.is_empty() { Ok(value) } else { Err(wrongs) })
    }

    fn fault(&mut self, param: &Param, code: &'static str, at: &str, message: &str) {
        if self.faults.len() >= MOST {
            return;
        }
        let place = place(param.site);
        let mut name = String::new();
        if place == In::Body {
            step(&mut name, &param.wire);
            name.push_str(at);
        } else {
            name.push_str(&param.wire);
        }
        let of = if at.is_empty() { String::new() } else { format!(" at {at}") };
        let message = format!("`{}`{of} {message}", param.wire);
        self.faults.push(FieldError { place, name, code, message });
    }
}

/// Whether a checker could not deal with a value. That it is late or busy says nothing of the value.
fn has_failed(error: &Error) -> bool {
    matches!(error.status().as_u16(), 500 | 502)
}

/// Where an argument comes from, as replies and documents say it.
fn place(site: Site) -> In {
    match site {
        Site::Path | Site::Slot(_) => In::Path,
        Site::Query => In::Query,
        Site::Header => In::Header,
        Site::Cookie => In::Cookie,
        Site::Body => In::Body,
    }
}
