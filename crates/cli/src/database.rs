//! Where the data is: the flags that `serve` and `migrate` share.

use std::path::PathBuf;

use clap::Args;
use ketch_server::Server;

/// Where the data is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DatabaseOptions {
    /// Where the data is: `sqlite:data/app.db`, `postgres://user@host/name` [default: what the program says, else the
    /// file `app.db` in the folder of `--data`]
    #[arg(long, env = "KETCH_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database: Option<String>,
    /// The folder of the data [default: what the program says, else `data`]
    #[arg(long, env = "KETCH_DATA", hide_env_values = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl DatabaseOptions {
    /// Tells the server.
    pub(crate) fn apply(&self, mut server: Server) -> Server {
        if let Some(folder) = &self.data {
            server = server.data_folder(folder);
        }
        if let Some(url) = &self.database {
            server = server.database_from(url, "--database or KETCH_DATABASE_URL");
        }
        server
    }
}
