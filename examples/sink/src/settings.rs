//! Every setting that shows in a reply.

use ketch::prelude::*;

/// Settings that show.
#[derive(Debug)]
pub(crate) struct SettingService;

/// Settings that show.
#[service]
impl SettingService {
    #[get(rate = "5/s")]
    async fn rated(&self) -> &'static str {
        "often enough"
    }

    #[get(cors = ["https://app.example"], credentials)]
    async fn shared(&self) -> &'static str {
        "shared"
    }

    #[get(headers = ["x-frame-options: DENY"], status = 203)]
    async fn marked(&self) -> &'static str {
        "marked"
    }

    #[get(deprecated = "2026-01-31", sunset = "2027-01-31")]
    async fn leaving(&self, fail: Option<bool>) -> Result<&'static str> {
        if fail == Some(true) { Err(Error::new(409, "busy", "not now")) } else { Ok("here") }
    }

    #[get("kept/{id}", cache = "kept", ttl = "1m", vary = ["accept-language"], tags = ["kept:{id}"])]
    async fn kept(&self, id: u8, full: Option<bool>) -> Json<String> {
        Json(format!("{id} {full:?}"))
    }

    #[get(compress)]
    async fn compressed(&self) -> String {
        "a".repeat(20_000)
    }

    #[put(limit = "100b", timeout = "2s")]
    async fn limited(&self, text: Json<String>) -> Json<String> {
        text
    }
}
