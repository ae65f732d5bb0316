//! A folder of migrations that is not there.

use ketch::prelude::*;

fn main() {
    let _ = Server::new().migrations(migrations!("no_such_folder"));
}
