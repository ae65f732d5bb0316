//! What a runner does with jobs that end well, badly, late or not at all.

mod cancel;
mod ends;
mod finish;
mod hostile;
mod outage;
mod poison;
mod recovery;
mod stop;
mod timing;
mod work;

/// The same test on both engines.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name(crate::place::Place::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name(crate::place::Place::postgres().await).await;
            })+
        }
    };
}
pub(crate) use on_both;
