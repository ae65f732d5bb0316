//! A real PostgreSQL server for tests: in a folder for temporary files, on a loopback port, gone when the tests end.
//!
//! It is Debian's or any other that is installed; nothing is downloaded. How the tests look into it (`psql`) shares no
//! code with what they test.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

/// The superuser that tests connect as.
const USER: &str = "ketch";
/// Its password: a test that finds it in a message has found a leak.
const PASSWORD: &str = "do-not-print-me";
/// What makes a server quick that may lose everything.
const CARELESS: &[(&str, &str)] =
    &[("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off")];
/// How often another port is tried when somebody took the one that was free a moment ago.
const PORTS: u32 = 5;

/// A PostgreSQL server of the tests' own.
///
/// Dropping it stops the server and removes its folder. So does the end of this process, however it ends: a small
/// shell waits for it.
#[derive(Debug)]
pub struct Postgres {
    installed: Installed,
    folder: PathBuf,
    port: AtomicU16,
    guard: Child,
}

impl Postgres {
    /// The server that the tests of one program share: careless, so that it is quick. It stops when the program ends.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, with what to install, or does not start, with its log.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(CARELESS))
    }

    /// A server with settings of `postgresql.conf`; without `fsync=off` it is as durable as in production.
    ///
    /// # Panics
    /// As [`shared`](Self::shared).
    pub fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_inner(settings, None)
    }

    /// A careless server that takes encrypted connections too, with a certificate and its key as PEM.
    ///
    /// # Panics
    /// As [`shared`](Self::shared).
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        Self::start_inner(CARELESS, Some((certificate, key)))
    }

    fn start_inner(settings: &[(&str, &str)], tls: Option<(&str, &str)>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let installed = Installed::find();
        let name = format!("ketch-postgres-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        installed.give(&folder);
        let guard = installed.guard(&folder);
        let server = Self { installed, folder, port: AtomicU16::new(0), guard };
        server.initialize(settings, tls);
        server.start_again();
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn initialize(&self, settings: &[(&str, &str)], tls: Option<(&str, &str)>) {
        let password = self.folder.join("password");
        self.write(&password, PASSWORD);
        let mut initdb = self.installed.as_owner("initdb");
        initdb.args([
            "--no-sync",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--username",
            USER,
        ]);
        initdb.arg("--pwfile").arg(&password).arg("--pgdata").arg(self.data()).current_dir(&self.folder);
        finish(&mut initdb, "initdb");
        let mut text = String::from(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 200\n\
             shared_buffers = '32MB'\nlogging_collector = off\n",
        );
        for (name, value) in settings {
            text.push_str(&format!("{name} = '{value}'\n"));
        }
        if let Some((certificate, key)) = tls {
            self.write(&self.data().join("server.crt"), certificate);
            self.write(&self.data().join("server.key"), key);
            text.push_str("ssl = on\n");
        }
        let path = self.data().join("postgresql.conf");
        let sample = fs::read_to_string(&path).expect("initdb writes it");
        self.write(&path, &(sample + &text));
    }

    /// Writes a file that only the server may read.
    fn write(&self, path: &Path, text: &str) {
        fs::write(path, text).expect("the server's folder takes files");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its owner may change a file");
        self.installed.give(path);
    }

    /// Starts it again after [`stop`](Self::stop), on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        let log = self.folder.join("log");
        for _ in 0..PORTS {
            let fresh = self.port.load(Ordering::Relaxed) == 0;
            let port = if fresh { free_port() } else { self.port.load(Ordering::Relaxed) };
            let mut start = self.installed.as_owner("pg_ctl");
            start.args(["start", "--wait", "--timeout=60", "--silent"]).arg("--pgdata").arg(self.data());
            start.arg("--log").arg(&log).arg("--options").arg(format!("-p {port}"));
            let started =
                start.current_dir(&self.folder).stdout(Stdio::null()).stderr(Stdio::null()).status();
            if started.expect("pg_ctl runs").success() {
                self.port.store(port, Ordering::Relaxed);
                return;
            }
        }
        let log = fs::read_to_string(&log).unwrap_or_default();
        panic!("PostgreSQL does not start:\n{log}");
    }

    /// Stops it.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(&self, how: Stop) {
        let mode = match how {
            Stop::Politely => "fast",
            Stop::Crash => "immediate",
        };
        let mut stop = self.installed.as_owner("pg_ctl");
        stop.args(["stop", "--wait", "--silent", "--mode", mode]).arg("--pgdata").arg(self.data());
        finish(stop.current_dir(&self.folder), "pg_ctl stop");
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    /// The password in the URLs.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port())
    }

    /// Makes an empty database that nobody else uses; its name.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("create database {name}"));
        name
    }

    /// The URL of an empty database that nobody else uses.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn fresh(&self) -> String {
        self.url(&self.database())
    }

    /// Runs SQL with `psql` in a database: the rows as lines, the columns parted by `|`.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = command(self.installed.program("psql"));
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1"]);
        psql.args(["--host=127.0.0.1", "--username", USER, "--dbname", database, "--command", sql]);
        psql.arg("--port").arg(self.port().to_string()).env("PGPASSWORD", PASSWORD);
        finish(&mut psql, "psql").trim_end().to_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The guard does the rest when its input ends.
        drop(self.guard.stdin.take());
        let _gone_already = self.guard.wait();
    }
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Transactions are rolled back, clients are told, the data is written.
    Politely,
    /// At once, as if the machine had failed: the next start recovers from the log.
    Crash,
}

/// What is installed, and who runs it.
#[derive(Clone, Debug)]
struct Installed {
    /// Where the programs are; empty when the system finds them.
    folder: PathBuf,
    /// The user and group that own the server when this process is root, whom PostgreSQL refuses.
    owner: Option<(u32, u32)>,
}

impl Installed {
    fn find() -> Self {
        let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
            .filter(|folder| folder.join("initdb").exists())
            .collect();
        folders.sort_by_key(|folder| {
            let version = folder.parent().and_then(Path::file_name).and_then(OsStr::to_str);
            version.and_then(|version| version.parse::<u32>().ok()).unwrap_or_default()
        });
        let folder = folders.pop().unwrap_or_default();
        let there = command(folder.join("initdb")).arg("--version").stdout(Stdio::null()).status();
        assert!(
            there.is_ok_and(|status| status.success()),
            "PostgreSQL is not installed, and tests start a server: `apt-get install postgresql`, or \
             `cargo xtask test`, which does it"
        );
        let owner = (id(&["-u"]) == Some(0)).then(|| {
            let user =
                "the user `postgres`, whom the package `postgresql` makes: the server refuses to run as root";
            (id(&["-u", "postgres"]).expect(user), id(&["-g", "postgres"]).expect(user))
        });
        Self { folder, owner }
    }

    fn program(&self, name: &str) -> PathBuf {
        if self.folder.as_os_str().is_empty() { PathBuf::from(name) } else { self.folder.join(name) }
    }

    /// A program as the server's owner.
    fn as_owner(&self, name: &str) -> Command {
        let mut command = command(self.program(name));
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn give(&self, path: &Path) {
        if let Some((user, group)) = self.owner {
            chown(path, Some(user), Some(group)).expect("root may give files away");
        }
    }

    /// A shell that stops the server and removes its folder when this process is gone, or asks it to.
    fn guard(&self, folder: &Path) -> Child {
        let mut guard = self.as_owner_of_shell();
        guard.arg(r#"cat >/dev/null; "$1" stop --mode immediate --pgdata "$0/data"; rm -rf "$0""#);
        guard.arg(folder).arg(self.program("pg_ctl")).current_dir(folder);
        // A group of its own: the interrupt key is not for it.
        guard.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        guard.spawn().expect("there is a shell")
    }

    fn as_owner_of_shell(&self) -> Command {
        let mut shell = command("sh");
        if let Some((user, group)) = self.owner {
            shell.uid(user).gid(group);
        }
        shell.arg("-c");
        shell
    }
}

#[expect(clippy::disallowed_methods, reason = "a test starts what it needs itself")]
fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

/// Runs a program to its end; what it said.
fn finish(command: &mut Command, name: &str) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error: io::Error| panic!("cannot run {name}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name} failed:\n{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = command("id").args(arguments).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    listener.local_addr().expect("it is bound").port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_what_it_was_told_over_a_restart_and_leaves_nothing_behind() {
        let server = Postgres::start(&[]);
        let name = server.database();
        server.psql(&name, "create table boats (name text)");
        server.psql(&name, "insert into boats values ('Spray')");
        server.stop(Stop::Crash);
        server.start_again();
        assert_eq!(server.psql(&name, "select name, 1 from boats"), "Spray|1");
        let folder = server.folder.clone();
        drop(server);
        assert!(!folder.exists());
    }
}
