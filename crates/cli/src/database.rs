//! Where the data is: the flags that `serve` and `migrate` share.

use std::path::{Path, PathBuf};

use clap::Args;
use ketch_server::Server;

use crate::project::meant;

/// Where the data is. The folder of a manifest comes before, because this wins.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DatabaseOptions {
    /// Where the data is: `sqlite:data/app.db`, `postgres://user@host/name` [default: what the program says, else the
    /// file `app.db` in the folder of `--data`]
    #[arg(long, env = "KETCH_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database: Option<String>,
    /// The folder of the data [default: `data` in the folder of a manifest, what the program says, else `data`]
    #[arg(long, env = "KETCH_DATA", hide_env_values = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Whose data it is, for the commands that have no folder to serve.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ProjectOptions {
    /// The folder of a manifest whose database is meant, as `serve DIR` has it [default: `.` when it has one, and the
    /// program nothing of its own]
    #[arg(long, value_name = "DIR")]
    manifest: Option<PathBuf>,
}

impl ProjectOptions {
    /// Tells the server.
    pub(crate) fn apply(&self, server: Server) -> Server {
        match meant(&server, self.manifest.as_deref()) {
            Some(folder) => project(server, &folder),
            None => server,
        }
    }
}

/// Serves the project in a folder, where its data is too.
pub(crate) fn project(server: Server, folder: &Path) -> Server {
    server.data_folder(folder.join("data")).manifest(folder)
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
