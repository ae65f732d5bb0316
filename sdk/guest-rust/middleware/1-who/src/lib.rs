//! A middleware in Rust: whoever has the right token is Ada.

use serde_json::{Value, json};

wit_bindgen::generate!({ path: "../../lib/ketch.wit", world: "middleware" });

struct Who;

impl Guest for Who {
    fn inspect(request: String) -> Result<String, String> {
        let request: Value = serde_json::from_str(&request).map_err(|error| error.to_string())?;
        let verdict = if request["headers"]["authorization"] == "Bearer ada" {
            json!({ "scope": ["reader"], "claims": { "id": "ada" }, "headers": { "x-seen": "yes" } })
        } else {
            json!({ "status": 401, "body": { "why": "a token is needed" } })
        };
        Ok(verdict.to_string())
    }
}

export!(Who);
