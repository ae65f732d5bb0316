//! A type checker in Rust: knows even numbers.

use serde_json::Value;

wit_bindgen::generate!({ path: "../../lib/ketch.wit", world: "type-checker" });

struct Numbers;

impl Guest for Numbers {
    fn matches(name: String) -> Result<bool, String> {
        Ok(name == "even")
    }

    fn check(_: String, value: String) -> Result<bool, String> {
        let value: Value = serde_json::from_str(&value).map_err(|error| error.to_string())?;
        Ok(value.as_i64().is_some_and(|number| number % 2 == 0))
    }
}

export!(Numbers);
