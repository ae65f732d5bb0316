//! The processes of one trial, from without: started, killed, frozen, and heard.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::child::{ASKED, Task};

/// Nothing that a trial waits for takes longer, however slow the machine is.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a process has said.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Who said it.
    pub(super) who: usize,
    /// When it was heard.
    pub(super) at: Instant,
    /// None when the process has ended.
    pub(super) text: Option<String>,
}

impl Line {
    /// The numbers of a line that begins with this word.
    pub(super) fn numbers(&self, word: &str) -> Option<Vec<i64>> {
        let mut words = self.text.as_deref()?.split(' ');
        (words.next() == Some(word)).then(|| words.filter_map(|number| number.parse().ok()).collect())
    }

    /// Whether it is this.
    pub(super) fn is(&self, text: &str) -> bool {
        self.text.as_deref() == Some(text)
    }
}

/// Processes that are gone when the trial ends, and what they say.
pub(super) struct Troop {
    children: BTreeMap<usize, Child>,
    next: usize,
    said: Sender<Line>,
    lines: Receiver<Line>,
    /// Who has said `end`.
    well: BTreeSet<usize>,
    /// Whose output has ended.
    over: BTreeSet<usize>,
}

impl Troop {
    pub(super) fn new() -> Self {
        let (said, lines) = channel();
        let (well, over) = Default::default();
        Self { children: BTreeMap::new(), next: 0, said, lines, well, over }
    }

    /// Starts one more; who it is.
    pub(super) fn start(&mut self, task: &Task) -> usize {
        self.start_under(&[], &[], task)
    }

    /// Starts one by a program that runs the rest of its arguments.
    #[expect(clippy::disallowed_methods, reason = "the child is this test binary itself")]
    pub(super) fn start_under(
        &mut self,
        words: &[String],
        variables: &[(&str, String)],
        task: &Task,
    ) -> usize {
        let me = std::env::current_exe().expect("this program has a path");
        let mut command = match words {
            [] => Command::new(&me),
            [program, rest @ ..] => {
                let mut command = Command::new(program);
                command.args(rest).arg(&me);
                command
            }
        };
        command.args(["--exact", "trials::child::works_when_asked", "--nocapture", "--test-threads=1"]);
        command.env(ASKED, serde_json::to_string(task).expect("a task can be written"));
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| {
            panic!("{command:?}: {error}; `cargo xtask test` installs what is missing, or says how")
        });
        let (who, said) = (self.next, self.said.clone());
        self.next += 1;
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        std::thread::spawn(move || {
            for text in lines.map_while(Result::ok) {
                let _trial_is_over = said.send(Line { who, at: Instant::now(), text: Some(text) });
            }
            let _trial_is_over = said.send(Line { who, at: Instant::now(), text: None });
        });
        self.children.insert(who, child);
        who
    }

    /// The next line of anybody, if one comes in this time.
    pub(super) fn line_within(&mut self, time: Duration) -> Option<Line> {
        let line = match self.lines.recv_timeout(time) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => unreachable!("the troop keeps a sender"),
        };
        let bad = line.text.as_deref().is_some_and(|text| text.starts_with("panic "));
        assert!(!bad, "process {}: {}", line.who, line.text.as_deref().unwrap_or_default());
        if line.is("end") {
            self.well.insert(line.who);
        }
        if line.text.is_none() {
            self.over.insert(line.who);
        }
        Some(line)
    }

    /// The next line of anybody.
    pub(super) fn line(&mut self) -> Line {
        self.line_within(PATIENCE).expect("somebody says something in two minutes")
    }

    /// Hears until the line that is wanted, which is given to `heard` too.
    pub(super) fn until(&mut self, mut heard: impl FnMut(&Line), wanted: impl Fn(&Line) -> bool) -> Line {
        let begun = Instant::now();
        loop {
            let line = self.line();
            heard(&line);
            if wanted(&line) {
                return line;
            }
            assert!(begun.elapsed() < PATIENCE * 4, "what is waited for does not come");
        }
    }

    /// Ends one at once, as `kill -9` does, and hears what it has said before; what others say meanwhile is heard too.
    pub(super) fn kill(&mut self, who: usize, mut heard: impl FnMut(&Line)) -> Instant {
        let mut child = self.children.remove(&who).expect("it runs");
        child.kill().expect("a child can be killed");
        let killed = Instant::now();
        child.wait().expect("a killed child ends");
        while !self.over.contains(&who) {
            heard(&self.line());
        }
        killed
    }

    /// Sends it a signal, by its name.
    #[expect(clippy::disallowed_methods, reason = "signals are sent by the system's own program")]
    pub(super) fn signal(&mut self, who: usize, signal: &str) {
        let child = self.children[&who].id().to_string();
        let sent = Command::new("kill").args([format!("-{signal}"), child]).status();
        assert!(sent.expect("there is a program `kill`").success(), "process {who} does not take {signal}");
    }

    /// Writes a line to its standard input.
    pub(super) fn tell(&mut self, who: usize, line: &str) {
        let input = self.children.get_mut(&who).and_then(|child| child.stdin.as_mut()).expect("it listens");
        input.write_all(format!("{line}\n").as_bytes()).expect("it listens");
    }

    /// Waits until one ends by itself, which it must do well; what is said until then is heard.
    pub(super) fn finish(&mut self, who: usize, heard: impl FnMut(&Line)) {
        let status = self.ended(who, heard);
        assert!(status.success() && self.well.contains(&who), "process {who} failed: {status}");
    }

    /// Waits until one ends by itself, in whichever way.
    pub(super) fn ended(&mut self, who: usize, mut heard: impl FnMut(&Line)) -> ExitStatus {
        let begun = Instant::now();
        while !self.over.contains(&who) {
            heard(&self.line());
            assert!(begun.elapsed() < PATIENCE * 4, "process {who} does not end");
        }
        self.children.remove(&who).expect("it was started").wait().expect("a child ends")
    }

    /// Asks one how many jobs are pending, until it is none.
    pub(super) fn until_none_is_pending(&mut self, who: usize) {
        let mut pending = 1;
        for _ in 0..400 {
            self.tell(who, "pending?");
            let line = self.until(|_| {}, |line| line.numbers("pending").is_some());
            pending = line.numbers("pending").expect("a number")[0];
            if pending == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{pending} jobs are still pending");
    }

    /// Memory that a process has taken for itself, in bytes; 0 where there is no procfs.
    pub(super) fn resident(&self, who: usize) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.children[&who].id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
    }
}

impl Drop for Troop {
    /// A trial that failed leaves no process behind.
    fn drop(&mut self) {
        for child in self.children.values_mut() {
            let _ended_already = child.kill();
            let _status = child.wait();
        }
    }
}
