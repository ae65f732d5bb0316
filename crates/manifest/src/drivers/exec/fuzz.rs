//! What must hold for whatever a program writes.

use futures_util::FutureExt;
use serde_json::Value;
use tokio::io::BufReader;

use super::errors::{SHOWN, shown};
use super::protocol::{Bad, reply};
use super::worker::{Broken, line};
use crate::verdict;

/// The longest line here. Inputs are longer.
const MOST: usize = 200;

/// The standard output of a program: however it is cut into reads it means the same, and what is read as a reply is one.
///
/// # Panics
/// When that is not so.
pub fn worker(bytes: &[u8]) {
    let (whole, ended) = lines(bytes, bytes.len().max(1));
    for cut in [1, 7] {
        assert_eq!(lines(bytes, cut), (whole.clone(), ended.clone()), "cuts change nothing");
    }
    for line in whole.iter().chain([&ended]) {
        assert!(line.len() <= bytes.len());
        let text = shown(line);
        assert!(!text.chars().any(char::is_control) && text.chars().count() <= 10 * (SHOWN + 1), "{text:?}");
        one(line);
    }
}

/// The lines, and what comes after the last that is one.
fn lines(bytes: &[u8], cut: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut reader = BufReader::with_capacity(cut, bytes);
    let mut lines = Vec::new();
    loop {
        match line(&mut reader, MOST).now_or_never().expect("a slice never waits") {
            Ok(line) => lines.push(line),
            Err(Broken::Ended(rest)) => return (lines, rest),
            // How much was there differs; that it is too much does not.
            Err(Broken::TooLong(rest)) => return (lines, rest[..=MOST].to_vec()),
            Err(other) => panic!("{other}"),
        }
    }
}

fn one(line: &[u8]) {
    let document = serde_json::from_slice::<Value>(line).ok();
    match reply(line, 1) {
        Err(Bad::Stray) => {}
        said => {
            let document = document.as_ref().expect("a reply is a document");
            assert_eq!(document["jsonrpc"], "2.0");
            assert_eq!(document["id"].as_u64() == Some(1), said != Err(Bad::Other), "{document}");
            match said {
                Ok(Ok(result)) => assert_eq!(document["result"], result),
                Ok(Err(failure)) => {
                    assert_eq!(document["error"]["message"], failure.message);
                    assert!(failure.data.is_none_or(|told| (400..600).contains(&told.status)));
                }
                Err(_) => {}
            }
        }
    }
    let Some(document) = document else { return };
    if let Ok(said) = verdict::read(document.clone()) {
        assert!(said.status.is_none_or(|status| (200..600).contains(&status)));
        assert!(said.body.is_none() || said.status.is_some());
        assert_eq!(
            document.get("status").is_some_and(Value::is_u64),
            said.status.is_some(),
            "nobody slips through"
        );
        assert!(document.is_array() || document.is_object());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_must_hold_holds(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            text in "(\\{|\\}|\\[|\"id\":1|\"jsonrpc\":\"2.0\"|\"result\":|\"error\":|\"scope\":|\"status\":40|\"code\":|,|7|null|\n){0,40}",
        ) {
            super::worker(&bytes);
            super::worker(text.as_bytes());
        }
    }
}
