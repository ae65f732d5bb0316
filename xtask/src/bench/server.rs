//! A server under test as a child process, and what the kernel tells of it. Linux only, because of `/proc`.

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::Ask;
use crate::command;

/// One, for the reason given at [`THREADS`](super::load::THREADS).
pub(super) const WORKERS: u32 = 1;

/// Clock ticks a second in `/proc`: Linux promises programs 100, whatever the kernel counts in (`USER_HZ`).
const TICKS: f64 = 100.0;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server. Dropping it kills it.
pub(super) struct Server {
    child: Child,
    address: SocketAddr,
    first_reply: Duration,
    /// Kept open, so that the server can go on writing.
    _stderr: Option<BufReader<ChildStderr>>,
}

impl Server {
    /// Starts a server with one worker and asks it once.
    pub(super) fn start(program: &Path, ask: &Ask) -> Result<Self> {
        let started = Instant::now();
        let mut command = command::program(program, Path::new("."));
        command.env("TOKIO_WORKER_THREADS", WORKERS.to_string());
        let mut server = Self::launch(command)?;
        server.ask(ask)?;
        server.first_reply = started.elapsed();
        Ok(server)
    }

    /// Starts a server that says on its standard error where it listens.
    pub(super) fn launch(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let program = command.get_program().to_owned();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut stderr = BufReader::new(child.stderr.take().context("stderr is piped")?);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        // Made before anything can fail, so that the process is killed in any case.
        let mut server = Self { child, address, first_reply: Duration::ZERO, _stderr: None };
        server.address = announced(&mut stderr)
            .with_context(|| format!("{} did not say where it listens", program.display()))?;
        server._stderr = Some(stderr);
        Ok(server)
    }

    /// Starts a server that listens where it was told to, and waits until it does.
    pub(super) fn launch_at(mut command: Command, address: SocketAddr) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = command.get_program().to_owned();
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self { child, address, first_reply: Duration::ZERO, _stderr: None };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            let ended = server.child.try_wait()?;
            ensure!(ended.is_none(), "{} ended before it listened at {address}", program.display());
            ensure!(Instant::now() < deadline, "{} does not listen at {address}", program.display());
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// Asks the process to end, and waits until it has.
    pub(super) fn end(mut self) -> Result<()> {
        command::output(command::program("kill", Path::new(".")).arg(self.child.id().to_string()))?;
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "a server was asked to end and did not");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Sends it a signal by its name.
    pub(super) fn signal(&self, name: &str) -> Result<()> {
        let process = self.child.id().to_string();
        command::output(command::program("kill", Path::new(".")).args(["-s", name, &process]))?;
        Ok(())
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From the start of the process to the end of its first reply.
    pub(super) fn first_reply(&self) -> Duration {
        self.first_reply
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The whole reply, as it came; one that is not 200 is an error.
    pub(super) fn ask(&self, ask: &Ask) -> Result<String> {
        let method = if ask.body.is_some() { "POST" } else { "GET" };
        let reply = self.exchange(method, ask.path, "", ask.body)?;
        ensure!(reply.starts_with("HTTP/1.1 200 "), "{} was answered with:\n{reply}", ask.path);
        Ok(reply)
    }

    /// The whole reply, whatever it is. `headers` is empty or lines that each end with CR LF.
    pub(super) fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<&str>,
    ) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let host = self.address;
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}");
        let request = match body {
            None => format!("{head}\r\n"),
            Some(body) => format!(
                "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        };
        stream.write_all(request.as_bytes())?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    }

    /// Bytes that the process has had read from disks so far.
    pub(super) fn read_from_disk(&self) -> Result<u64> {
        let io = self.proc("io")?;
        let bytes = io.lines().find_map(|line| line.strip_prefix("read_bytes: "));
        Ok(bytes.context("there is no read_bytes")?.trim().parse()?)
    }

    /// Seconds that the process has computed so far, in user and kernel mode.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(&self.proc("stat")?)
    }

    /// Seconds that its threads have computed so far, exactly; those that have ended are left out.
    pub(super) fn threads_seconds(&self) -> Result<f64> {
        let folder = format!("/proc/{}/task", self.child.id());
        let mut nanos = 0;
        for thread in fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))? {
            // A thread may end between the two.
            if let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) {
                nanos += computed(&text)?;
            }
        }
        Ok(Duration::from_nanos(nanos).as_secs_f64())
    }

    /// Bytes of memory that are resident now.
    pub(super) fn resident(&self) -> Result<u64> {
        resident(&self.proc("status")?)
    }

    fn proc(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(&path)
            .with_context(|| format!("cannot read {path}: this needs Linux and a running server"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process has ended already, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the first line that has one.
fn announced(output: &mut impl BufRead) -> Result<SocketAddr> {
    let mut line = String::new();
    while output.read_line(&mut line)? > 0 {
        if let Some((_, rest)) = line.split_once("http://") {
            let address = rest.split(['/', ' ', '\n']).next().unwrap_or_default();
            return address.parse().with_context(|| format!("`{}` has no address", line.trim()));
        }
    }
    anyhow::bail!("it ended; it said: {}", line.trim())
}

/// `utime` and `stime` of `/proc/<pid>/stat`: fields 14 and 15, counted after the name, which may hold anything.
fn cpu_seconds(stat: &str) -> Result<f64> {
    let (_, rest) = stat.rsplit_once(')').with_context(|| format!("no process name in `{stat}`"))?;
    let mut ticks = rest.split_ascii_whitespace().skip(11).map(str::parse::<u32>);
    match (ticks.next(), ticks.next()) {
        (Some(Ok(user)), Some(Ok(kernel))) => Ok(f64::from(user + kernel) / TICKS),
        _ => anyhow::bail!("no times in `{stat}`"),
    }
}

/// The first number of `/proc/<pid>/task/<thread>/schedstat`: nanoseconds on a processor.
fn computed(schedstat: &str) -> Result<u64> {
    let first = schedstat.split_ascii_whitespace().next().unwrap_or_default();
    first.parse().with_context(|| format!("no time in `{schedstat}`"))
}

/// `VmRSS` of `/proc/<pid>/status`, which is in KiB.
fn resident(status: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("there is no VmRSS")?;
    let kib: u64 =
        line.trim().trim_end_matches("kB").trim().parse().with_context(|| format!("no size in `{line}`"))?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_whatever_the_name_is() {
        let stat = "4711 (a) b (c)) S 1 4711 4711 0 -1 4194304 1523 0 0 0 213 87 5 6 20 0 3 0 99 1000 200";
        assert_eq!(cpu_seconds(stat).unwrap(), 3.0);
        assert!(cpu_seconds("4711 (a) S 1 2").is_err());
        assert!(cpu_seconds("nonsense").is_err());
    }

    #[test]
    fn the_time_of_a_thread_is_read() {
        assert_eq!(computed("157500133 2700481 1523\n").unwrap(), 157_500_133);
        assert!(computed("\n").is_err());
        assert!(computed(&fs::read_to_string("/proc/self/schedstat").unwrap()).unwrap() > 0);
    }

    #[test]
    fn resident_memory_is_read() {
        let status = "Name:\tketch\nVmPeak:\t  999999 kB\nVmRSS:\t   12340 kB\nThreads:\t3\n";
        assert_eq!(resident(status).unwrap(), 12_340 * 1024);
        assert!(resident("Name:\tzombie\n").is_err());
    }

    #[test]
    fn the_kernel_of_this_machine_is_understood() {
        let own = fs::read_to_string("/proc/self/stat").unwrap();
        assert!(cpu_seconds(&own).unwrap() < 3_600.0);
        assert!(resident(&fs::read_to_string("/proc/self/status").unwrap()).unwrap() > 100_000);
    }

    #[test]
    fn the_address_is_found_in_what_a_server_says() {
        let mut said = "a warning\nAPI is ready at http://127.0.0.1:4711/\n".as_bytes();
        assert_eq!(announced(&mut said).unwrap(), SocketAddr::from(([127, 0, 0, 1], 4711)));
        assert!(announced(&mut "error: no\n".as_bytes()).unwrap_err().to_string().contains("error: no"));
    }
}
