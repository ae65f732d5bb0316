//! Compressed replies for whoever asks for them: `curl --compressed localhost:8080/log/entries`.
//!
//! Said once for the whole server. An endpoint whose reply holds a secret beside something that the caller chose takes
//! it back: from the length of what is compressed, a stranger can guess the secret letter by letter (BREACH).

use ketch::prelude::*;

struct LogService;

/// A ship's log.
#[service]
impl LogService {
    /// Lists the entries. Some kilobytes, which shrink to some hundred bytes.
    #[get]
    async fn entries(&self) -> Json<Vec<String>> {
        Json((1..=200).map(|watch| format!("watch {watch}: all is well")).collect())
    }

    /// Searches the log, and gives a token for the next search: never compressed.
    #[get(compress = false)]
    async fn search(&self, word: String) -> String {
        format!("nothing about {word}; token 7d0c1f62\n").repeat(100)
    }
}

/// The server.
pub fn server() -> Server {
    Server::new().title("Compression").set(|s| s.compress(true)).add(LogService)
}
