//! What the tests of jobs share: orders whose receipts are jobs, and somebody who looks after them.

use ketch::http::Method;
use ketch::prelude::*;
use ketch::test::{Answer, Client, client};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Says that an order was taken.
#[derive(Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) order: i64,
}

impl Job for Receipt {
    const TYPE: &'static str = "receipt";
    const PRIORITY: u8 = 7;
    const MAX_ATTEMPTS: u32 = 3;
    type State = ();

    async fn run(self, ctx: JobCtx) -> JobResult {
        let order = self.order;
        if order < 0 {
            return Err(std::io::Error::other("there is no such order").into());
        }
        ctx.finish(move |tx| {
            tx.execute("insert into receipts (order_id) values (:order)", params! { order })
        })
        .await?;
        Ok(())
    }
}

pub(crate) struct Orders {
    db: Db,
    jobs: Jobs,
}

#[service]
impl Orders {
    /// Takes an order; a negative number cannot be stored.
    #[post("{number}")]
    async fn take(&self, number: i64) -> Result<Created<i64>> {
        let jobs = self.jobs.clone();
        let write = move |tx: &mut Tx<'_>| {
            let id = jobs.enqueue(tx, &Receipt { order: number })?.id();
            tx.execute("insert into orders (id) values (:number)", params! { number })?;
            Ok(id)
        };
        Ok(Created(self.db.write(write).await?))
    }

    #[get]
    async fn receipts(&self) -> Result<Json<Vec<i64>>> {
        let orders = self.db.query("select order_id from receipts order by order_id", params! {}).await?;
        Ok(Json(orders))
    }
}

/// Lets a caller have the scopes that it says it has.
pub(crate) async fn access(mut request: Request, next: Next) -> Response {
    let scopes = request.headers().get("x-scopes").and_then(|scopes| scopes.to_str().ok()).map(str::to_owned);
    for scope in scopes.iter().flat_map(|scopes| scopes.split(' ')) {
        caller_mut(request.extensions_mut()).grant(scope);
    }
    next.run(request).await
}

/// A server with orders, whose admin endpoints are as they come.
pub(crate) fn closed() -> Server {
    let server = Server::new();
    let (db, jobs) = (server.db(), server.jobs());
    let tables = db.clone();
    server
        .define_middleware("access", from_fn(access))
        .add(Orders { db, jobs })
        .job::<Receipt>(())
        .on_start(move |_| async move { Ok(make_tables(&tables).await?) })
}

/// The same, open for whoever holds the scope `admin`.
pub(crate) fn orders() -> Server {
    closed().admin(|s| s.middleware(["access"]))
}

pub(crate) async fn make_tables(db: &Db) -> ketch::db::Result<()> {
    db.execute("create table if not exists orders (id bigint primary key check (id > 0))", params! {})
        .await?;
    db.execute("create table if not exists receipts (order_id bigint not null)", params! {}).await.map(drop)
}

/// A client of such a server, whose tables are there. Start hooks do not run behind a client.
pub(crate) async fn orders_client() -> Client {
    prepared(orders()).await
}

pub(crate) async fn prepared(server: Server) -> Client {
    let db = server.db();
    let client = client(server);
    client.ready().await;
    make_tables(&db).await.unwrap();
    client
}

pub(crate) const ADMIN: (&str, &str) = ("x-scopes", "admin");

pub(crate) async fn admin(client: &Client, method: Method, path: &str, body: Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    client.send(method, path, &[ADMIN, ("content-type", "application/json")], body.into()).await
}

pub(crate) async fn get(client: &Client, path: &str) -> Value {
    let answer = admin(client, Method::GET, path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

pub(crate) async fn post(client: &Client, path: &str, body: Value) -> Answer {
    admin(client, Method::POST, path, body).await
}

pub(crate) fn ids(page: &Value) -> Vec<i64> {
    page["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).collect()
}
