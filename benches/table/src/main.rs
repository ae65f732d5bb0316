//! The route table alone: how long a look-up takes among 10 and among 1,000 endpoints.
//!
//! `bench-table <rounds> <milliseconds>` prints a line a round: nanoseconds for each look-up in the small table, then
//! in the large one. The rounds alternate between the tables. Both are asked for equally many different paths of equal
//! lengths, so that the difference is the table's and not that of the paths' memory.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use ketch::http::Method;
use ketch::{Match, RouteTable, TableEntry, Trie};
use ketch_syntax::Template;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The endpoints of one service: literals, parameters, a pattern and a catch-all, under several methods.
const SERVICE: [(Method, &str, &str); 10] = [
    (Method::GET, "/v1/SERVICE", ""),
    (Method::POST, "/v1/SERVICE", ""),
    (Method::GET, "/v1/SERVICE/{id}", "/NUMBER"),
    (Method::PUT, "/v1/SERVICE/{id}", "/NUMBER"),
    (Method::DELETE, "/v1/SERVICE/{id}", "/NUMBER"),
    (Method::GET, "/v1/SERVICE/search", "/search"),
    (Method::GET, "/v1/SERVICE/{id}/parts", "/NUMBER/parts"),
    (Method::GET, "/v1/SERVICE/{id}/parts/{part}", "/NUMBER/parts/mast"),
    (Method::GET, "/v1/SERVICE/by-number/{number:[0-9]+}", "/by-number/NUMBER"),
    (Method::GET, "/v1/SERVICE/files/{*path}", "/files/a/NUMBER"),
];

/// Paths that are asked for, of either table.
const REQUESTS: usize = 1_000;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let rounds = arguments.next().unwrap_or(5);
    let time = Duration::from_millis(arguments.next().unwrap_or(500));
    let (small, large) = (Case::new(1), Case::new(100));
    let (_, _) = (small.nanoseconds(time / 4), large.nanoseconds(time / 4));
    for _ in 0..rounds {
        let line = format!("{:.2} {:.2}", small.nanoseconds(time), large.nanoseconds(time));
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}

/// A table and what it is asked for.
struct Case {
    table: Trie,
    requests: Vec<(Method, String)>,
}

impl Case {
    fn new(services: usize) -> Self {
        let name = |service: usize| format!("service-{:03}", service % services);
        let entries: Vec<TableEntry> = (0..services)
            .flat_map(|service| {
                SERVICE.map(|(method, route, _)| (method, route.replace("SERVICE", &name(service))))
            })
            .map(|(method, path)| TableEntry {
                method,
                path: Template::parse(&path).expect("the template is written well"),
                name: path,
            })
            .collect();
        let table = Trie::build(&entries).expect("no two endpoints are the same");
        // 387 and 1,000 have no common factor: every request comes once, and neighbours have nothing in common.
        let requests = (0..REQUESTS).map(|at| at * 387 % REQUESTS).map(|at| {
            let (method, _, rest) = &SERVICE[at % SERVICE.len()];
            let service = name(at / SERVICE.len());
            (method.clone(), format!("/v1/{service}{}", rest.replace("NUMBER", &(1000 + at).to_string())))
        });
        Self { table, requests: requests.collect() }
    }

    /// The time of one look-up, in the mean over all requests for at least `time`.
    fn nanoseconds(&self, time: Duration) -> f64 {
        let (started, mut rounds) = (Instant::now(), 0_u32);
        while started.elapsed() < time {
            for (method, path) in &self.requests {
                let found = self.table.find(black_box(method), black_box(path));
                assert!(matches!(black_box(found), Match::Found(..)), "{method} {path} is in the table");
            }
            rounds += 1;
        }
        started.elapsed().as_secs_f64() * 1e9 / f64::from(rounds) / REQUESTS as f64
    }
}
