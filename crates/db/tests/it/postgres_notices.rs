//! Notices between two engines, as two processes have them.

use futures_util::StreamExt;
use ketch_db::{Error, Heard, Options, params};
use ketch_testkit::postgres::{Postgres as Server, Stop};

use crate::postgres_scratch::Place;

fn notice(text: &str) -> Option<Heard> {
    Some(Heard::Notice(text.to_owned()))
}

#[tokio::test]
async fn who_listens_hears_what_another_process_tells() {
    let place = Place::new();
    let mut options = Options::default();
    options.listeners = 3;
    options.notices = 4;
    let (one, two) = (place.db(&options).await, place.db(&options).await);
    let mut loud = two.listen("Loud \"channel\"").await.unwrap();
    let mut other = two.listen("other").await.unwrap();
    one.notify("Loud \"channel\"", "now").await.unwrap();
    assert_eq!(loud.next().await, notice("now"));
    // In a transaction it is told with the commit, and not at all without.
    let undone = one.write(|tx| -> ketch_db::Result<()> {
        tx.notify("other", "never")?;
        Err(Error::NoRow)
    });
    assert_eq!(undone.await, Err(Error::NoRow));
    one.write(|tx| tx.notify("other", "committed")).await.unwrap();
    assert_eq!(other.next().await, notice("committed"));
    assert!(matches!(
        one.read(|tx| tx.query::<()>("select 1", params! {}).map(drop)).await,
        Err(Error::Row(_)) | Ok(())
    ));
    // One who is slow hears that there was more.
    for n in 0..20 {
        one.notify("other", n.to_string()).await.unwrap();
    }
    one.notify("Loud \"channel\"", "last").await.unwrap();
    assert_eq!(loud.next().await, notice("last"));
    assert_eq!(other.next().await, Some(Heard::Gap));
    assert_eq!(other.next().await, notice("16"));
    // There are so many and no more; who leaves makes room, and the server is told.
    let third = two.listen("third").await.unwrap();
    assert!(matches!(two.listen("fourth").await, Err(Error::Busy)));
    drop((third, loud));
    place
        .until("select count(*) from pg_stat_activity where datname = current_database() and query like '%unlisten \"third\"%'", "1")
        .await;
    drop(two.listen("fourth").await.unwrap());
    assert!(matches!(one.notify("a", "x".repeat(8_000)).await, Err(Error::Unsupported(_))));
    assert!(matches!(one.notify("", "x").await, Err(Error::Unsupported(_))));
}

#[tokio::test]
async fn who_listens_hears_of_the_gap_when_the_server_was_gone() {
    let server = Server::start(&[("fsync", "off")]);
    let place = Place::on(&server);
    let (one, two) = (place.db(&Options::default()).await, place.db(&Options::default()).await);
    let mut heard = two.listen("boats").await.unwrap();
    one.notify("boats", "before").await.unwrap();
    assert_eq!(heard.next().await, notice("before"));
    server.stop(Stop::Crash);
    server.start_again();
    assert_eq!(heard.next().await, Some(Heard::Gap));
    one.notify("boats", "after").await.unwrap();
    assert_eq!(heard.next().await, notice("after"));
    two.close().await;
    assert_eq!(heard.next().await, None);
}
