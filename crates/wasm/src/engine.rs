//! The engine that all components of a server share: how code is compiled and kept, the slots of instances, the clock.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::component::{InstancePre, Linker};
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};

use crate::limits::{CORE_INSTANCES, HANDLES, MEMORIES, TABLE_ELEMENTS, TABLES};
use crate::slices::{SLICE, Threads};
use crate::state::State;
use crate::ticker::Ticker;
use crate::{database, ledger};

/// The stack of a guest, in bytes.
const STACK: usize = 512 << 10;
/// The stack of a guest and of what it calls here.
const WHOLE_STACK: usize = 2 << 20;
/// What a slot keeps in memory between two instances, so that the next begins with less work.
const KEPT_WARM: usize = 128 << 10;
/// Virtual memory set aside for each memory: with so much, code need not check its own addresses.
const RESERVED: u64 = 4 << 30;

/// An engine and what belongs to it.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) ticker: Ticker,
    pub(crate) threads: Threads,
    /// Places for instances.
    pub(crate) slots: Arc<Semaphore>,
    /// Places for instances that wait to be used again.
    pub(crate) kept: Arc<Semaphore>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("slots", &self.slots.available_permits()).finish_non_exhaustive()
    }
}

impl Host {
    /// Starts an engine with so many slots. Compiled code is kept in `cache`; without one, where the operating system
    /// has such files.
    pub(crate) fn start(cache: Option<PathBuf>, slots: u32) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(cache, slots))?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        ledger::link(&mut linker)?;
        database::link(&mut linker)?;
        let ticker = Ticker::start(engine.weak())?;
        let [slots, kept] = [(); 2].map(|()| Arc::new(Semaphore::new(slots as usize)));
        Ok(Self { engine, linker, ticker, threads: Threads::default(), slots, kept })
    }

    /// A store for an instance of `pre`.
    pub(crate) fn store(pre: &InstancePre<State>, state: State, output: usize) -> Store<State> {
        let mut store = Store::new(pre.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_hostcall_fuel(output);
        store.set_max_component_handles(HANDLES);
        store.epoch_deadline_callback(|store| {
            store.data().spun.set();
            Ok(wasmtime::UpdateDeadline::YieldCustom(SLICE, Box::pin(tokio::task::yield_now())))
        });
        store
    }
}

fn config(cache: Option<PathBuf>, slots: u32) -> Config {
    // As many again are kept between calls.
    let slots = slots.saturating_mul(2);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots.saturating_mul(2))
        .total_tables(slots.saturating_mul(TABLES / 4))
        .total_stacks(slots)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .table_elements(TABLE_ELEMENTS / 2)
        .linear_memory_keep_resident(KEPT_WARM)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(16 << 10);
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .async_stack_size(WHOLE_STACK)
        .memory_reservation(RESERVED)
        .memory_init_cow(true)
        .cache(open_cache(cache))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// The folder of compiled code. Without it everything works, and starts more slowly.
fn open_cache(folder: Option<PathBuf>) -> Option<Cache> {
    let mut config = CacheConfig::new();
    if let Some(folder) = folder {
        config.with_directory(folder);
    }
    match Cache::new(config) {
        Ok(cache) => Some(cache),
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(error, "compiled components are not kept: there is no folder for them");
            None
        }
    }
}
