//! A route table of one's own: paths are found whatever the case of their ASCII letters.
//!
//! It stands before the table that ships. Parameters are ranges of the path, so they keep the letters that were sent.

use ketch::http::Method;
use ketch::prelude::*;
use ketch::{Match, RouteTable, TableEntry, Trie};

/// The table that ships, asked in small letters.
#[derive(Debug)]
struct AnyCase(Trie);

impl AnyCase {
    fn build(entries: &[TableEntry]) -> std::result::Result<Self, Vec<(usize, String)>> {
        Trie::build(entries).map(Self)
    }
}

impl RouteTable for AnyCase {
    fn find(&self, method: &Method, path: &str) -> Match {
        match self.0.find(method, path) {
            Match::Missing => self.0.find(method, &path.to_ascii_lowercase()),
            found => found,
        }
    }
}

struct Greetings;

#[service]
impl Greetings {
    /// Says hello to somebody.
    #[get("hello/{name}")]
    async fn hello(&self, name: String) -> String {
        format!("Hello {name}")
    }
}

/// The server.
pub fn server() -> Server {
    Server::new().title("Any case").route_table(AnyCase::build).add(Greetings)
}
