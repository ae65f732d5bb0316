//! What belongs to one instance: its limits, what it is granted, and what it has open.

use std::fmt;
use std::sync::Arc;

use ketch_db::Db;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::ledger::{Ledger, Stream};
use crate::limits::{HANDLES, Limits};
use crate::options::Grants;
use crate::outgoing::Outgoing;
use crate::output::Output;
use crate::slices::Spun;

/// The most bytes that a guest has filled with random numbers at a time.
const RANDOM: u64 = 64 << 10;

/// The state of an instance.
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) spun: Spun,
    pub(crate) ledger: Arc<Ledger>,
    /// The database, when it is granted.
    pub(crate) db: Option<Db>,
    grants: Arc<Grants>,
    /// Made when the guest first asks: most never do.
    wasi: Option<WasiCtx>,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    table: ResourceTable,
}

impl State {
    /// The state of a new instance.
    pub(crate) fn new(grants: Arc<Grants>, ledger: Arc<Ledger>, spun: Spun, db: Option<Db>) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        let outgoing = Outgoing::new(&grants, Arc::clone(&ledger));
        let (limits, http) = (Limits::new(grants.memory), WasiHttpCtx::new());
        Self { limits, spun, ledger, db, grants, wasi: None, http, outgoing, table }
    }
}

/// What WASI gives: clocks, random numbers, the environment and the folders that are granted.
fn wasi(grants: &Grants, ledger: &Arc<Ledger>) -> WasiCtx {
    let output = |stream| Output { ledger: Arc::clone(ledger), stream };
    let mut wasi = WasiCtx::builder();
    wasi.stdout(output(Stream::Out)).stderr(output(Stream::Error)).max_random_size(RANDOM).envs(&grants.env);
    wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    let sent = ledger.about().files.map(|folder| (folder.path().to_owned(), "/files".to_owned()));
    let sent = sent.iter().map(|(folder, name)| (folder, name, FsPerms::ReadOnly));
    let granted = grants.folders.iter().map(|folder| (&folder.path, &folder.name, folder.perms()));
    for (path, name, perms) in granted.chain(sent) {
        if let Err(error) = wasi.preopened_dir(path, name, perms) {
            let error = format!("{error:#}");
            tracing::error!(folder = name, error, "a folder that is granted to a component cannot be opened");
        }
    }
    wasi.build()
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| wasi(&self.grants, &self.ledger));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outgoing, table: &mut self.table, ctx: &mut self.http }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("limits", &self.limits).finish_non_exhaustive()
    }
}
