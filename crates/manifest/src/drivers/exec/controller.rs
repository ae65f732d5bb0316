//! Controllers that are programs.

use std::sync::Arc;

use ketch_model::Error;
use serde_json::Value;

use super::errors::Part;
use super::oneshot::Asked;
use super::program::{Program, args};
use super::protocol::Ask;
use crate::call::{Answer, Call};
use crate::driver::{Controller, Pending};

/// A controller.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) program: Arc<Program>,
    pub(super) seed: bool,
}

impl Controller for Called {
    fn call(&self, call: Call) -> Pending<Result<Answer, Error>> {
        let (program, seed) = (Arc::clone(&self.program), self.seed);
        Box::pin(async move {
            let (part, id, time) = (Part::Controller, Some(call.request_id), call.time_left);
            let result = match program.workers() {
                Some(pool) => program.result(pool, part, &Ask::call(&call), time, id).await?,
                None => {
                    let input = call.with_specials().to_string().into_bytes();
                    let args = args(&[call.method.as_str()], &input, seed);
                    program.document(Asked { part, args, input, time, id }).await?
                }
            };
            match result {
                Value::Object(fields) => Ok(Answer::Fields(fields)),
                _ => Err(program.bad(part, "answered what is no object")),
            }
        })
    }
}
