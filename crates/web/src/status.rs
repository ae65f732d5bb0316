//! A reply under another status than its type's own.

use http::StatusCode;
use ketch_model::Error;

use crate::exchange::Response;
use crate::reply::{Asked, Reply, ReplyDocs};

/// A reply with this status in place of its own: `Status<207, Json<T>>`.
///
/// The status is one of success or redirection, and one that has a body: 204, 205 and 304 do not compile, nor do 206 and
/// whatever is below 200 or past 399. A reply that turns out as something else than a plain success, such as the 304 of
/// a [`File`](crate::File), keeps its status.
///
/// ```
/// use ketch_web::{Json, Reply, Status};
/// let reply: Status<207, Json<u32>> = Status(Json(3));
/// assert_eq!(reply.reply().unwrap().status(), 207);
/// ```
///
/// ```compile_fail
/// use ketch_web::{Reply, Status};
/// let reply: Status<404, &'static str> = Status("not here");
/// let _ = reply.reply();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status<const CODE: u16, R>(pub R);

impl<const CODE: u16, R> Status<CODE, R> {
    const GOOD: () = assert!(
        CODE >= 200 && CODE < 400 && !matches!(CODE, 204 | 205 | 206 | 304),
        "`Status` takes 200 to 399 without 204, 205, 206 and 304: errors come from `#[derive(ApiError)]`, no body \
         from `NoContent`"
    );

    fn restated(mut response: Response) -> Result<Response, Error> {
        let () = Self::GOOD;
        if replaced(response.status()) {
            *response.status_mut() = StatusCode::from_u16(CODE).map_err(Error::internal)?;
        }
        Ok(response)
    }
}

impl<const CODE: u16, R: Reply> Reply for Status<CODE, R> {
    const LOOKS_BACK: bool = R::LOOKS_BACK;

    fn reply(self) -> Result<Response, Error> {
        Self::restated(self.0.reply()?)
    }

    fn reply_to(self, asked: &Asked) -> Result<Response, Error> {
        Self::restated(self.0.reply_to(asked)?)
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        let () = Self::GOOD;
        let mut own = ReplyDocs::new(docs.schemas());
        R::describe(&mut own);
        let (replies, errors) = own.finish();
        for mut reply in replies {
            if replaced(reply.status)
                && let Ok(status) = StatusCode::from_u16(CODE)
            {
                reply.status = status;
            }
            docs.push(reply);
        }
        docs.errors(&errors);
    }
}

/// A part of a file stays a part, and an error an error.
fn replaced(status: StatusCode) -> bool {
    status.is_success() && status != StatusCode::PARTIAL_CONTENT
}
