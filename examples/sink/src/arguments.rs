//! Every kind of argument but what stands in a JSON body.

use ketch::http::{HeaderMap, Method};
use ketch::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shapes::Rig;

/// Which side the wind comes from.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema, Scalar)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    /// Left.
    Port,
    /// Right.
    Starboard,
}

/// A part of a list.
#[derive(Debug, Query)]
pub(crate) struct Paging {
    /// How many at most.
    #[arg(default = 20, min = 1, max = 100)]
    limit: u32,
    after: Option<i64>,
    /// The order.
    #[arg(name = "sort-by", default = "name", pattern = "name|length")]
    sort_by: String,
    side: Vec<Side>,
}

/// A body that states rules.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ruled {
    #[garde(length(chars, min = 1, max = 10))]
    boat_name: String,
    #[garde(range(min = 2.5, max = 60.0))]
    length: f32,
    #[garde(skip)]
    rig: Rig,
    #[garde(dive, length(max = 3))]
    crew: Vec<Sailor>,
}

/// One of the crew.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub(crate) struct Sailor {
    #[garde(range(min = 16, max = 99))]
    age: u8,
}

/// A form.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub(crate) struct Sheet {
    #[garde(length(chars, min = 2, max = 8))]
    name: String,
    #[garde(skip)]
    count: u16,
    #[garde(skip)]
    extra: Option<bool>,
}

/// Arguments, one endpoint for each kind.
#[derive(Debug)]
pub(crate) struct ArgumentService {
    /// How many are counted at most.
    pub(crate) crew: usize,
}

/// Arguments, one endpoint for each kind.
#[service]
impl ArgumentService {
    #[get]
    async fn header(
        &self,
        x_count: Header<u16>,
        x_side: Header<Option<Side>>,
        x_word: Header<Vec<String>>,
    ) -> String {
        format!("{} {:?} {:?}", x_count.0, x_side.0, x_word.0)
    }

    #[get]
    async fn cookie(
        &self,
        session: Cookie<u32>,
        #[arg(min = 1, max = 9)] level: Cookie<Option<u8>>,
    ) -> String {
        format!("{} {:?}", session.0, level.0)
    }

    #[get]
    async fn query(&self, paging: Paging) -> String {
        let Paging { limit, after, sort_by, side } = paging;
        format!("{limit} {after:?} {sort_by} {side:?}")
    }

    #[get("scalar/{side}/{number}")]
    async fn scalar(
        &self,
        side: Side,
        /// A berth.
        #[arg(min = 1, max = 40, example = 7)]
        number: u16,
        #[arg(max = 3)] word: Vec<String>,
        #[arg(default = -5, min = -10)] shift: i8,
        #[arg(pattern = "[A-Z]{2}")] flag: Option<String>,
    ) -> String {
        format!("{side:?} {number} {word:?} {shift} {flag:?}")
    }

    #[post]
    async fn form(&self, sheet: Form<Sheet>) -> Json<Sheet> {
        Json(sheet.0)
    }

    #[post]
    async fn ruled(&self, boat: Json<Ruled>, #[arg(max = 5)] dry: Option<u8>) -> Created<Ruled> {
        let mut boat = boat.into_inner();
        boat.crew.truncate(dry.unwrap_or(3).into());
        Created(boat)
    }

    #[post(limit = "4kb")]
    async fn multipart(&self, mut form: Multipart) -> Result<Json<u64>> {
        let mut bytes = 0;
        while let Some(mut part) = form.next().await? {
            while let Some(chunk) = part.chunk().await? {
                bytes += chunk.len() as u64;
            }
        }
        Ok(Json(bytes))
    }

    #[put(limit = "1kb")]
    async fn bytes(&self, body: Bytes) -> Json<usize> {
        Json(body.len())
    }

    /// A plain function: it runs on the blocking pool.
    #[put]
    fn blocking(&self, body: Json<Ruled>) -> Json<usize> {
        Json(body.into_inner().crew.len().min(self.crew))
    }

    /// FUEL's standard handler.
    #[post]
    async fn raw(&self, request: Request) -> Result<Response> {
        let (_, body) = request.into_parts();
        Ok(Response::new(body))
    }

    #[post]
    async fn context(&self, context: Ctx) -> Result<String> {
        let number: Option<u32> = context.query("number")?;
        let count: Option<u8> = context.header("x-count")?;
        let sheet: Sheet = context.form().await?;
        context.set_header("x-seen", "yes")?;
        Ok(format!("{number:?} {count:?} {}", sheet.name))
    }

    #[get]
    async fn extract(&self, method: Extract<Method>, headers: Extract<HeaderMap>) -> String {
        format!("{} {}", method.0, headers.len())
    }

    #[post]
    async fn extract_body(&self, text: ExtractBody<String>) -> String {
        text.0
    }
}
