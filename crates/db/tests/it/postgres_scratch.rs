//! A PostgreSQL database of one test's own.

use std::time::Duration;

use ketch_db::postgres::Postgres;
use ketch_db::{Db, Options};
use ketch_testkit::postgres::Postgres as Server;

/// An empty database on a server that other tests use too, or on one of the test's own.
#[derive(Debug)]
pub(crate) struct Place<'s> {
    server: &'s Server,
    name: String,
}

impl Place<'static> {
    pub(crate) fn new() -> Self {
        Self::on(Server::shared())
    }
}

impl<'s> Place<'s> {
    pub(crate) fn on(server: &'s Server) -> Self {
        Self { server, name: server.database() }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// A handle on it.
    pub(crate) async fn db(&self, options: &Options) -> Db {
        let engine = Postgres::connect(&self.url(), options).await.expect("the server is there");
        Db::with_driver(engine, options)
    }

    /// What `psql` says of it.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql)
    }

    /// Asks `psql` until it says what is wanted; how things are on the server is seen a moment later.
    pub(crate) async fn until(&self, sql: &str, wanted: &str) {
        let mut said = String::new();
        for _ in 0..1_000 {
            said = self.psql(sql);
            if said == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("`{sql}` says `{said}`, not `{wanted}`");
    }

    /// How many of an application's connections to it do something or are in a transaction.
    pub(crate) async fn is_at_rest(&self) {
        let busy = "select count(*) from pg_stat_activity where datname = current_database() \
                    and pid <> pg_backend_pid() and backend_type = 'client backend' and state <> 'idle'";
        self.until(busy, "0").await;
    }
}
