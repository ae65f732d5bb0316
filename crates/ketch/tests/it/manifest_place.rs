//! A project of files in a folder of its own, served with a database on either engine.

use std::fs;
use std::path::Path;

use ketch::prelude::*;
use ketch::test::{Answer, Client, Scratch, client, client_on, postgres};
use ketch_model::Problem;
use serde_json::Value;

/// A project of a test.
pub(crate) struct Place {
    scratch: Scratch,
}

/// A client of a project, and the engine behind it.
pub(crate) struct Served {
    pub(crate) client: Client,
    pub(crate) engine: &'static str,
}

impl Place {
    /// A project of these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let place = Self { scratch: Scratch::new() };
        files.iter().for_each(|(name, text)| place.write(name, text));
        place
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a file, or writes it anew.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A server of it. Who sends `x-caller` is that caller.
    pub(crate) fn server(&self) -> Server {
        async fn known(mut request: Request, next: Next) -> Response {
            let name = request.headers().get("x-caller").and_then(|it| it.to_str().ok()).map(str::to_owned);
            if let Some(name) = name {
                caller_mut(request.extensions_mut()).identify(name);
            }
            next.run(request).await
        }
        Server::new()
            .define_middleware("known", from_fn(known))
            .set(|s| s.middleware(["known"]))
            .manifest(self.path())
    }

    /// The project on SQLite and on PostgreSQL, each with an empty database.
    pub(crate) fn served(&self) -> [Served; 2] {
        let url = postgres::Postgres::shared().fresh();
        [
            Served { client: client(self.server()), engine: "sqlite" },
            Served { client: client_on(self.server(), url), engine: "postgres" },
        ]
    }

    /// What is wrong with it.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.server().build().err().map(|problems| problems.0).unwrap_or_default()
    }

    /// The same as texts.
    pub(crate) fn told(&self) -> Vec<String> {
        self.problems().iter().map(ToString::to_string).collect()
    }
}

impl Served {
    /// Asks as a caller, with a body that is not sent when it is null.
    pub(crate) async fn ask(&self, method: &str, path: &str, caller: &str, body: Value) -> Answer {
        let mut headers = vec![("x-caller", caller), ("content-type", "application/json")];
        headers.retain(|(name, value)| !value.is_empty() && (*name != "content-type" || !body.is_null()));
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.client.send(method.parse().unwrap(), path, &headers, bytes.into()).await
    }

    /// The status and the JSON of an answer.
    pub(crate) async fn json(&self, method: &str, path: &str, caller: &str, body: Value) -> (u16, Value) {
        let answer = self.ask(method, path, caller, body).await;
        let json = if answer.text().is_empty() { Value::Null } else { answer.json() };
        (answer.status.as_u16(), json)
    }
}
