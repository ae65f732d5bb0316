//! The whole suite on every kind of database: SQLite, PostgreSQL, and PostgreSQL with two servers on it that are asked in
//! turns. Each test has a database of its own.

use ketch::test::postgres::Postgres;
use ketch::test::{Client, client, client_on};

/// The working directory is the top of the workspace, as with `cargo run`.
fn at_the_top() {
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).expect("the workspace is there");
}

fn on_sqlite() -> Client {
    at_the_top();
    client(harbour::server())
}

fn on_postgres() -> Client {
    at_the_top();
    client_on(harbour::server(), Postgres::shared().fresh())
}

fn on_postgres_in_turns() -> Client {
    at_the_top();
    let url = Postgres::shared().fresh();
    Client::in_turns([client_on(harbour::server(), &url), client_on(harbour::server(), &url)])
}

macro_rules! on_every_database {
    ($($part:ident)*) => {
        on_every_database! { @sqlite on_sqlite $($part)* }
        on_every_database! { @postgres on_postgres $($part)* }
        on_every_database! { @in_turns on_postgres_in_turns $($part)* }
    };
    (@$module:ident $client:ident $($part:ident)*) => {
        mod $module {
            $(#[tokio::test]
            async fn $part() {
                crate::$part(super::$client()).await;
            })*
        }
    };
}

on_every_database! {
    boats_are_listed_shown_registered_and_struck_off
    boats_arrive_and_leave
    the_tides_are_in_a_file
    what_every_server_has
    the_openapi_document_is_as_it_was
    errors_have_the_members_that_the_document_promises
}
