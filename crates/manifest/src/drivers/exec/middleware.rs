//! Middlewares that are programs. They fail closed: what cannot be understood refuses the request.

use std::sync::Arc;

use ketch_model::Error;
use serde_json::json;

use super::errors::Part;
use super::oneshot::Asked;
use super::program::{Program, args};
use super::protocol::Ask;
use crate::driver::{Inspector, Pending};
use crate::middleware::{Inspect, Verdict};
use crate::told::Seen;
use crate::verdict;

/// A middleware.
#[derive(Debug)]
pub(super) struct Inspecting {
    pub(super) program: Arc<Program>,
    pub(super) seed: bool,
}

impl Inspector for Inspecting {
    fn inspect(&self, request: Inspect) -> Pending<Result<Verdict, Error>> {
        let (program, seed) = (Arc::clone(&self.program), self.seed);
        Box::pin(async move {
            let (part, id, time) = (Part::Middleware, Some(request.request_id), request.time_left);
            let result = match program.workers() {
                Some(pool) => program.result(pool, part, &Ask::inspect(&request), time, id).await?,
                None => {
                    let input = serde_json::to_vec(&Seen::of(&request)).map_err(Error::internal)?;
                    let args = if seed {
                        args(&[], json!(request.scope).to_string().as_bytes(), true)
                    } else {
                        args(&["INSPECT"], &[], false)
                    };
                    program.document(Asked { part, args, input, time, id }).await?
                }
            };
            let verdict = if seed { verdict::of_seed(result) } else { verdict::read(result) };
            verdict.map_err(|why| program.bad(part, format_args!("answered {why}")))
        })
    }
}
