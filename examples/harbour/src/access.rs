//! The middleware `access`: who sends the harbour master's token may do what the harbour master may.
//!
//! A token in the source is for an example only. Accounts take this over when they are there.

use http::header::AUTHORIZATION;
use ketch::http;
use ketch::prelude::*;

const TOKEN: &str = "Bearer harbour-master";

pub(crate) async fn grant(mut request: Request, next: Next) -> Response {
    let is_master = request.headers().get(AUTHORIZATION).is_some_and(|value| value == TOKEN);
    if is_master {
        let caller = caller_mut(request.extensions_mut());
        caller.identify("harbour-master");
        caller.grant("master");
    }
    next.run(request).await
}
