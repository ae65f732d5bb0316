//! A page of the guide, walked through as its reader would: files are written, commands typed, and what they print is
//! what the page says.
//!
//! A fenced block whose first line names a file after the language (```` ```json api.json ````) is that file. In a block
//! of `console` a line after `$ ` is a command and the lines below are what it prints; `…` stands for anything, and with
//! no lines below it only has to go well. `ketch serve` stays until the page ends. Other blocks are for reading.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::scratch::Scratch;

/// Ten times what anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Walks through a page in an empty folder; gives that folder, as it is at the end.
pub(crate) fn walk(name: &str, page: &str) -> Scratch {
    let place = Scratch::new(name);
    let mut walker = Walker { cwd: place.as_ref().to_owned(), server: None, written: false };
    for block in blocks(page) {
        match block {
            Block::File { name, text } => walker.write(&name, &text),
            Block::Console(lines) => {
                for (command, printed) in steps(&lines) {
                    walker.step(&command, &printed);
                }
            }
        }
    }
    place
}

enum Block {
    File { name: String, text: String },
    Console(String),
}

struct Walker {
    cwd: PathBuf,
    server: Option<Running>,
    /// Whether files were written that the server has not loaded yet.
    written: bool,
}

impl Walker {
    fn write(&mut self, name: &str, text: &str) {
        let path = self.cwd.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self.written = true;
    }

    fn step(&mut self, command: &str, printed: &str) {
        if command.starts_with("ketch serve") {
            self.server = Some(Running::start(command, &self.cwd));
            self.written = false;
            return;
        }
        // A server loads what was written when it notices; until then the first request is asked again.
        let is_new =
            self.server.is_some() && command.starts_with("curl") && std::mem::take(&mut self.written);
        let until = Instant::now() + if is_new { PATIENCE } else { Duration::ZERO };
        let address = self.server.as_ref().map_or("127.0.0.1:8080", |server| &server.address);
        let command = command.replace("127.0.0.1:8080", address);
        loop {
            let (code, said) = shell(&command, &mut self.cwd);
            let said = said.replace(address, "127.0.0.1:8080");
            let is_right =
                if printed.trim().is_empty() { code == 0 } else { fits(said.trim(), printed.trim()) };
            if is_right {
                break;
            }
            let heard = self.server.as_ref().map(Running::heard).unwrap_or_default();
            let now = Instant::now();
            assert!(now < until, "$ {command}\nprints\n{said}\nand not\n{printed}\n{heard}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Runs a command as a terminal would; where it leaves off, the next one begins.
#[expect(clippy::disallowed_methods, reason = "a reader's commands are what is tested")]
fn shell(command: &str, cwd: &mut PathBuf) -> (i32, String) {
    let programs = Path::new(env!("CARGO_BIN_EXE_ketch")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    // What is asked of curl for people, such as how far it has come, is of no use here.
    let script =
        format!("curl() {{ command curl -sS \"$@\"; }}\n{{ {command}\n}} 2>&1\ncode=$?\npwd >&2\nexit $code");
    let mut bash = Command::new("bash");
    let output = bash
        .args(["-c", &script])
        .current_dir(&*cwd)
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    *cwd = String::from_utf8(output.stderr).unwrap().trim().into();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
}

/// The blocks of a page that count, in order.
fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: String =
            lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        match info.split_once(' ') {
            Some((_, name)) => found.push(Block::File { name: name.to_owned(), text }),
            None if info == "console" => found.push(Block::Console(text)),
            None => {}
        }
    }
    found
}

/// The commands of a block, each with what it prints. A command goes on after a `\` at the end of a line.
fn steps(block: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    let mut lines = block.lines();
    while let Some(line) = lines.next() {
        match line.strip_prefix("$ ") {
            Some(command) => {
                let mut command = command.to_owned();
                while command.ends_with('\\') {
                    command = format!("{command}\n{}", lines.next().unwrap());
                }
                steps.push((command, String::new()));
            }
            None => {
                let (_, printed) = steps.last_mut().expect("a block of `console` begins with a command");
                *printed += line;
                printed.push('\n');
            }
        }
    }
    steps
}

/// Whether a text is as written, with `…` for anything.
fn fits(text: &str, written: &str) -> bool {
    let parts: Vec<&str> = written.split('…').collect();
    let [first, rest @ ..] = parts.as_slice() else { return false };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let Some((last, between)) = rest.split_last() else { return text.is_empty() };
    for part in between {
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(last)
}

/// A server, and what it says.
struct Running {
    child: Child,
    said: Arc<Mutex<String>>,
    address: String,
}

impl Running {
    #[expect(clippy::disallowed_methods, reason = "the server is what is tested")]
    fn start(command: &str, cwd: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ketch"))
            .args(command.split_whitespace().skip(1))
            .args(["--listen", "127.0.0.1:0"])
            .current_dir(cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(String::new()));
        let mut running = Self { child, said: Arc::clone(&said), address: String::new() };
        while running.address.is_empty() {
            let Some(Ok(line)) = lines.next() else {
                panic!("the server did not start:\n{}", running.heard())
            };
            *said.lock().unwrap() += &format!("{line}\n");
            if let Some((_, address)) = line.split_once("is ready at http://") {
                running.address = address.trim_end_matches('/').to_owned();
            }
        }
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| *said.lock().unwrap() += &format!("{line}\n"));
        });
        running
    }

    fn heard(&self) -> String {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Running {
    /// A page that failed leaves no server behind.
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
fn what_is_printed_is_compared_but_for_what_is_left_open() {
    for (text, written) in [("ab", "ab"), ("ab", "a…"), ("ab", "…b"), ("a x b y c", "a…b…c"), ("", "…")]
    {
        assert!(fits(text, written), "{text} {written}");
    }
    for (text, written) in [("ab", "a"), ("ab", "b"), ("a x c", "a…b…c"), ("ab", "…a"), ("", "a…")] {
        assert!(!fits(text, written), "{text} {written}");
    }
}
