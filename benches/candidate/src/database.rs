//! The candidate with a database: the endpoints of the baseline, and trials, which keep the database busy while others
//! read.

use std::time::{Duration, Instant};

use bench_terms::database::{self, ADD, LIST, NewStored, SHOW, Setup, Stored, Sync};
use ketch::prelude::*;
use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Durability, Options, params};

use crate::jobs::with_jobs;

/// Endpoints that are files of SQL.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifest");

/// Gives a server the file that the environment names, if it names one, and a queue of jobs in it if it asks for that.
pub(crate) fn with_database(server: Server) -> ketch_db::Result<Server> {
    let Some(setup) = Setup::from_environment() else {
        // What is measured with no database is answered without one.
        return Ok(with_services(server, &Db::unconnected()));
    };
    let mut options = Options::default();
    options.durability = match setup.sync {
        Sync::Full => Durability::Full,
        Sync::Normal => Durability::Normal,
    };
    options.batch = setup.batch.unwrap_or(options.batch);
    let engine = Sqlite::open(&setup.path, &options)?;
    if !setup.jobs && !setup.manifest {
        return Ok(with_services(server, &Db::with_driver(engine, &options)));
    }
    let server = server.driver(engine).database_options(options);
    let db = server.db();
    let server = with_services(server, &db);
    let server = if setup.manifest { server.manifest(MANIFEST) } else { server };
    Ok(if setup.jobs { with_jobs(server) } else { server })
}

fn with_services(server: Server, db: &Db) -> Server {
    server.add(Boats { db: db.clone() }).add(Trials { db: db.clone() })
}

struct Boats {
    db: Db,
}

/// Boats that are stored.
#[service(root = "boats")]
impl Boats {
    /// Shows one.
    #[get("{id}")]
    async fn show(&self, id: i64) -> Result<Json<Stored>> {
        Ok(Json(self.db.query_one(SHOW, params! { id }).await?))
    }

    /// Lists twenty after a key.
    #[get("/")]
    async fn list(&self, after: i64) -> Result<Json<Vec<Stored>>> {
        Ok(Json(self.db.query(LIST, params! { after }).await?))
    }

    /// Stores one.
    #[post("/")]
    async fn add(&self, new: Json<NewStored>) -> Result<Created<Stored>> {
        let NewStored { name, kind, length } = new.into_inner();
        let values = params! { name: name, kind: kind.name(), length, made_at: database::now() };
        Ok(Created(self.db.query_one(ADD, values).await?))
    }
}

struct Trials {
    db: Db,
}

/// Work that others read beside.
#[service(root = "trials")]
impl Trials {
    /// Stores so many rows in one transaction, which may share its commit.
    #[post("write")]
    async fn write(&self, rows: i64) -> Result<String> {
        let stored = self.db.write(move |tx| {
            for row in 0..rows {
                let Stored { name, kind, length, made_at, .. } = Stored::seeded(row);
                tx.query_one::<Stored>(ADD, params! { name: name, kind: kind, length, made_at })?;
            }
            Ok(rows)
        });
        Ok(stored.await?.to_string())
    }

    /// Writes for so long, in one transaction that nothing shares.
    #[post("write-long")]
    async fn write_long(&self, millis: u64) -> Result<String> {
        let written = self.db.write_alone(move |tx| {
            let (until, mut count) = (Instant::now() + Duration::from_millis(millis), 0_i64);
            while Instant::now() < until {
                count += 1;
                let id = count % 1_000;
                tx.execute("update boats set length = length + 0.1 where id = :id", params! { id })?;
            }
            Ok(count)
        });
        Ok(written.await?.to_string())
    }

    /// One query that counts to so many.
    #[get("query-long")]
    async fn query_long(&self, steps: i64) -> Result<String> {
        let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < :steps)
            select count(*) from n";
        let counted: i64 = self.db.query_one(sql, params! { steps }).await?;
        Ok(counted.to_string())
    }

    /// A large row of a file that does not fit into memory.
    #[get("freight/{id}")]
    async fn freight(&self, id: i64) -> Result<String> {
        Ok(self.db.query_one("select body from freight where id = :id", params! { id }).await?)
    }
}
