//! What was said of a runner and where, so that what is wrong with it is told with its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use ketch_model::{Place, Problem};

use crate::job::{Job, problems};
use crate::options::Queue;
use crate::recur::Recurrent;

/// The most jobs of a queue that may run at a time in one process.
const MOST: usize = 1024;

/// The queue that every runner works on.
const DEFAULT: &str = "default";

/// What was said, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    jobs: Vec<(&'static str, &'static str, Place)>,
    queues: Vec<(Queue, Place)>,
    schedules: Vec<(Arc<Recurrent>, Place)>,
    /// What was wrong by itself.
    wrong: Vec<Problem>,
}

impl Said {
    pub(super) fn job<J: Job>(&mut self, place: Place) {
        self.wrong(problems::<J>(), &place);
        self.jobs.push((J::TYPE, J::QUEUE, place));
    }

    pub(super) fn queue(&mut self, queue: &Queue, place: Place) {
        self.queues.push((queue.clone(), place));
    }

    pub(super) fn schedule(&mut self, schedule: &Arc<Recurrent>, place: Place) {
        self.schedules.push((Arc::clone(schedule), place));
    }

    pub(super) fn wrong(&mut self, messages: Vec<String>, place: &Place) {
        self.wrong.extend(messages.into_iter().map(|message| problem(place, message)));
    }

    /// Everything that is wrong.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = self.wrong.clone();
        let mut tell = |place: &Place, message: String| problems.push(problem(place, message));
        self.about_jobs(&mut tell);
        self.about_queues(&mut tell);
        self.about_schedules(&mut tell);
        problems
    }

    fn works_on(&self, queue: &str) -> bool {
        queue == DEFAULT || self.queues.iter().any(|(known, _)| known.name == *queue)
    }

    fn about_jobs(&self, tell: &mut impl FnMut(&Place, String)) {
        let mut types = BTreeSet::new();
        for (job_type, queue, place) in &self.jobs {
            if job_type.is_empty() {
                tell(place, "the name of a job's type (`Job::TYPE`) is empty".to_owned());
            } else if !types.insert(job_type) {
                tell(place, format!("the job `{job_type}` is registered twice: names of types differ"));
            }
            if !self.works_on(queue) {
                tell(place, format!("the job `{job_type}` waits in {}", unattended(queue)));
            }
        }
    }

    fn about_queues(&self, tell: &mut impl FnMut(&Place, String)) {
        let mut names = BTreeSet::new();
        for (Queue { name, limit, .. }, place) in &self.queues {
            if name.is_empty() {
                tell(place, "the name of a queue is empty".to_owned());
            } else if !names.insert(name) {
                tell(place, format!("the queue `{name}` is given twice"));
            }
            if !(1..=MOST).contains(limit) {
                tell(place, format!("the limit of the queue `{name}` is {limit}: it is 1 to {MOST}"));
            }
        }
    }

    fn about_schedules(&self, tell: &mut impl FnMut(&Place, String)) {
        let mut names = BTreeSet::new();
        for (schedule, place) in &self.schedules {
            let (name, job_type, queue) = (&schedule.name, schedule.job_type(), schedule.queue());
            if !names.insert(name) {
                tell(place, format!("the schedule `{name}` is declared twice"));
            }
            if !self.works_on(queue) {
                tell(place, format!("the schedule `{name}` enqueues in {}", unattended(queue)));
            }
            if !self.jobs.iter().any(|(known, _, _)| *known == job_type) {
                tell(
                    place,
                    format!("the schedule `{name}`: no job `{job_type}` is registered here to run it"),
                );
            }
        }
    }
}

fn unattended(queue: &str) -> String {
    format!("the queue `{queue}`, which nobody here works on: add `.queue(Queue::new(\"{queue}\"))`")
}

fn problem(place: &Place, message: String) -> Problem {
    Problem::new(Some(place.clone()), "jobs", message)
}
