//! Transactions that jobs share, and what happens when one of them ends the transaction of all.
//!
//! Every job comes to what it would come to alone, in the order of the queue. Its answer leaves after the commit that
//! it depends on, whether it is good or bad: what a job has seen of the others counts only if they are committed too.

use std::time::Instant;

use rusqlite::Connection;

use super::super::broken::of_disk;
use super::super::connection::Guarded;
use super::super::counts::count;
use super::super::error::of_engine;
use super::super::presence::Presence;
use super::control::Control;
use super::deadline::Deadline;
use super::job::Job;
use super::shared::Shared;
use crate::driver::Company;
use crate::error::{Error, Result};

/// How an attempt to commit jobs together ended.
enum Attempt {
    Committed,
    /// The job at this index ended the transaction, or left in it what only its end undoes. Nothing is stored.
    Ended(usize),
    /// The commit was refused, because of one of the jobs. Nothing is stored.
    Failed(Error),
    /// Nothing can be written now, whoever writes. Nothing is stored.
    Refused(Error),
}

/// Whether the transaction goes on after a job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Open,
    Ended,
}

/// The transactions of one connection.
pub(super) struct Batches<'c> {
    pub(super) connection: &'c Connection,
    pub(super) guarded: &'c Guarded,
    pub(super) deadline: &'c Deadline,
    pub(super) control: Control<'c>,
    pub(super) presence: &'c Presence,
    pub(super) shared: &'c Shared,
}

impl Batches<'_> {
    /// Runs the jobs that are there, and those that `more` adds while they run, in one transaction, and answers them.
    pub(super) fn share(&mut self, jobs: &mut Vec<Job>, mut more: impl FnMut(&mut Vec<Job>) -> bool) {
        let attempt = self.begin().unwrap_or_else(|| {
            let mut ran = 0;
            loop {
                if let Some(at) = self.run_each(&mut jobs[ran..]) {
                    return Attempt::Ended(ran + at);
                }
                ran = jobs.len();
                if !more(jobs) {
                    return self.commit();
                }
            }
        });
        let rest = self.conclude(jobs, attempt);
        self.together(rest);
        jobs.clear();
    }

    /// Runs jobs in as few transactions as their outcomes allow, and answers them.
    fn together(&mut self, mut jobs: &mut [Job]) {
        while !jobs.is_empty() {
            let attempt = self.begin().unwrap_or_else(|| match self.run_each(jobs) {
                Some(at) => Attempt::Ended(at),
                None => self.commit(),
            });
            jobs = self.conclude(jobs, attempt);
        }
    }

    /// Answers what an attempt has settled, runs what has to be run again, and hands back the jobs that have not had
    /// their turn. Each failure takes a job, or half of them, out of the others' company, so this comes to an end; and
    /// what ran well before the culprit is run once more, not once for each.
    fn conclude<'j>(&mut self, jobs: &'j mut [Job], attempt: Attempt) -> &'j mut [Job] {
        match attempt {
            Attempt::Committed => self.settle(jobs),
            Attempt::Refused(error) => self.refuse(jobs, &error),
            Attempt::Ended(at) => {
                let (before, rest) = jobs.split_at_mut(at);
                let (culprit, after) = rest.split_first_mut().expect("the index of a job");
                self.together(before);
                self.alone(culprit);
                return after;
            }
            Attempt::Failed(error) if jobs.len() == 1 => self.refuse(jobs, &error),
            Attempt::Failed(_) => {
                let (first, second) = jobs.split_at_mut(jobs.len() / 2);
                self.together(first);
                return second;
            }
        }
        &mut []
    }

    /// Runs a job in a transaction of its own, and answers it.
    pub(super) fn alone(&mut self, job: &mut Job) {
        let jobs = std::slice::from_mut(job);
        let attempt = self.begin().unwrap_or_else(|| {
            let fate = self.run(&mut jobs[0], Company::Alone);
            match (fate, &jobs[0].outcome) {
                (Fate::Open, Some(Ok(()))) => self.commit(),
                _ => self.rolled_back(Attempt::Committed),
            }
        });
        match attempt {
            Attempt::Failed(error) | Attempt::Refused(error) => self.refuse(jobs, &error),
            Attempt::Committed | Attempt::Ended(_) => self.settle(jobs),
        }
    }

    /// The jobs one after another, up to the one that ends the transaction.
    fn run_each(&mut self, jobs: &mut [Job]) -> Option<usize> {
        jobs.iter_mut().position(|job| self.run(job, Company::Shared) == Fate::Ended)
    }

    /// Opens a transaction, or says why not.
    fn begin(&mut self) -> Option<Attempt> {
        if let Some(error) = self.shared.broken.error() {
            return Some(Attempt::Refused(error));
        }
        let refused = self.control.begin().err()?;
        Some(self.rolled_back(Attempt::Refused(of_engine(refused))))
    }

    fn commit(&mut self) -> Attempt {
        let began = Instant::now();
        let done = self.control.commit();
        let Err(error) = done else {
            // What is in a file without a name is gone with this process.
            if let Some(why) = self.presence.fault() {
                self.shared.broken.gone(why.clone());
                return Attempt::Refused(Error::Broken(why));
            }
            self.shared.committed(began.elapsed());
            return Attempt::Committed;
        };
        let attempt = match (of_disk(&error), of_engine(error)) {
            (Some(why), _) => {
                self.shared.broken.set(why.clone());
                Attempt::Refused(Error::Broken(why))
            }
            // There is no room, or no lock, for anybody.
            (None, error @ (Error::Full | Error::Busy)) => Attempt::Refused(error),
            (None, error) => Attempt::Failed(error),
        };
        self.rolled_back(attempt)
    }

    /// Makes sure that no transaction is left open.
    fn rolled_back(&mut self, attempt: Attempt) -> Attempt {
        if self.connection.is_autocommit() {
            return attempt;
        }
        match self.control.rollback() {
            Ok(()) => attempt,
            Err(_) if self.connection.is_autocommit() => attempt,
            Err(error) => {
                let why = format!("a transaction cannot be rolled back: {error}");
                self.shared.broken.set(why.clone());
                Attempt::Refused(Error::Broken(why))
            }
        }
    }

    /// Does what committed jobs left to be done, and answers all.
    fn settle(&self, jobs: &mut [Job]) {
        for job in jobs.iter_mut() {
            match &job.outcome {
                Some(Ok(())) => {
                    count(&self.shared.counts.writes);
                    self.shared.follow_up(std::mem::take(&mut job.later));
                }
                Some(Err(_)) => count(&self.shared.counts.writes_failed),
                None => {}
            }
        }
        jobs.iter_mut().for_each(Job::answer);
    }

    /// Answers jobs of which nothing is stored.
    fn refuse(&self, jobs: &mut [Job], error: &Error) {
        for job in jobs {
            job.fail(error);
            count(&self.shared.counts.writes_failed);
            job.answer();
        }
    }

    /// Forces the end of the transaction, for a job that cannot be undone otherwise.
    pub(super) fn give_up(&mut self) -> Fate {
        let _broken_is_seen_at_the_next_begin = self.rolled_back(Attempt::Committed);
        Fate::Ended
    }
}

/// What a job came to: its own result, and whether it left changes that only the end of the transaction undoes.
pub(super) struct Came {
    pub(super) result: Result<()>,
    pub(super) torn: bool,
}
