//! A controller in Rust: adds `a` to itself, and fails as it is told to.

use ketch::api::log::{Level, write};
use serde_json::{Value, json};

wit_bindgen::generate!({ path: "../../lib/ketch.wit", world: "controller" });

struct Add;

impl Guest for Add {
    fn call(request: String) -> Result<String, String> {
        let request: Value = serde_json::from_str(&request).map_err(|error| error.to_string())?;
        let a = request["args"]["a"].as_i64().ok_or("`a` is declared as a number")?;
        match a {
            404 => Err(json!({ "status": 404, "code": "no_such_number", "message": "that one is not there" })
                .to_string()),
            14 => Err("an unlucky number".to_owned()),
            666 => panic!("never that"),
            a => {
                write(Level::Info, &format!("adding for {}", request["route"]));
                println!("printed");
                Ok(json!({ "_STATUS_": 201, "sum": a + a }).to_string())
            }
        }
    }
}

export!(Add);
