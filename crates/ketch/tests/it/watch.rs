//! What must hold while a server is under attack: honest clients are served, and the memory stays where it was.
//!
//! Not here: the attacks (`floods`, `http2`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use super::probe::Target;
use super::{http2_frames, raw};

/// What the process, which holds server and clients alike, may grow by during an attack, whatever its kind.
const ROOM: u64 = 44 << 20;

/// And for each connection of it; N8 would allow the body limit and 8 MiB more.
const ROOM_EACH: u64 = 1 << 20;

/// One attack runs at a time, so that the memory it takes is its own.
static ALONE: Mutex<()> = Mutex::const_new(());

/// For a test that is no attack and takes much memory: no attack is measured as long as this is held.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().await
}

/// Runs an attack of so many connections while honest clients ask all the time and the memory is watched.
pub(crate) async fn under_watch(name: &str, target: &Target, connections: u64, attack: impl AsyncFnOnce()) {
    let _alone = ALONE.lock().await;
    ask_honestly(target.addr()).await.expect("the server serves before the attack");
    let before = resident_memory();
    let over = Arc::new(AtomicBool::new(false));
    let honest = tokio::spawn(keep_asking(target.addr(), over.clone()));
    let highest = tokio::spawn(highest_memory(over.clone()));
    attack().await;
    over.store(true, Ordering::Relaxed);
    honest.await.expect("honest clients do not panic").unwrap_or_else(|why| panic!("during {name}: {why}"));
    let highest = highest.await.expect("watching does not panic");
    if let (Some(before), Some(highest)) = (before, highest) {
        let grown = highest.saturating_sub(before) >> 20;
        let allowed = (ROOM + ROOM_EACH * connections) >> 20;
        assert!(grown <= allowed, "{name}: the process grew by {grown} MiB, where {allowed} are allowed");
    }
    assert_eq!(target.hits(), 0, "{name}: a tail reached its handler");
}

/// Asks over HTTP/1 and over HTTP/2, each on a new connection.
async fn ask_honestly(addr: SocketAddr) -> Result<(), String> {
    raw::ask_honestly(addr).await?;
    http2_frames::ask_honestly(addr).await
}

/// Asks at least once more after the attack.
async fn keep_asking(addr: SocketAddr, over: Arc<AtomicBool>) -> Result<(), String> {
    loop {
        let last = over.load(Ordering::Relaxed);
        ask_honestly(addr).await?;
        if last {
            return Ok(());
        }
    }
}

/// The highest of many samples; the pause between them only spares the processor.
async fn highest_memory(over: Arc<AtomicBool>) -> Option<u64> {
    let mut highest = None;
    while !over.load(Ordering::Relaxed) {
        highest = highest.max(resident_memory());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    highest.max(resident_memory())
}

/// The resident memory of this process in bytes, or `None` where the system does not tell.
pub(crate) fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
