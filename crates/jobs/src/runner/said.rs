//! What was said of a runner and where, so that what is wrong with it is told with its place.

use std::collections::BTreeSet;

use ketch_model::{Place, Problem};

use crate::job::Job;
use crate::options::Queue;
use crate::schedule::Schedule;

/// The most jobs of a queue that may run at a time in one process.
const MOST: usize = 1024;

/// What was said, in order.
#[derive(Debug, Default)]
pub(super) struct Said {
    jobs: Vec<(&'static str, &'static str, Place)>,
    queues: Vec<(Queue, Place)>,
    schedules: Vec<(Schedule, Place)>,
    wrong: Vec<(String, Place)>,
}

impl Said {
    pub(super) fn job<J: Job>(&mut self, place: Place) {
        self.jobs.push((J::TYPE, J::QUEUE, place));
    }

    pub(super) fn queue(&mut self, queue: &Queue, place: Place) {
        self.queues.push((queue.clone(), place));
    }

    pub(super) fn schedule(&mut self, schedule: &Schedule, place: Place) {
        self.schedules.push((schedule.clone(), place));
    }

    /// Keeps what was found already.
    pub(super) fn wrong(&mut self, messages: Vec<String>, place: &Place) {
        self.wrong.extend(messages.into_iter().map(|message| (message, place.clone())));
    }

    /// Everything that is wrong, in the order it was said.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut tell = |place: &Place, message: String| {
            problems.push(Problem::new(Some(place.clone()), "jobs", message));
        };
        self.about_jobs(&mut tell);
        self.about_queues(&mut tell);
        self.about_schedules(&mut tell);
        for (message, place) in &self.wrong {
            tell(place, message.clone());
        }
        problems
    }

    fn about_jobs(&self, tell: &mut impl FnMut(&Place, String)) {
        let mut types = BTreeSet::new();
        for (job_type, queue, place) in &self.jobs {
            if job_type.is_empty() {
                tell(place, "the name of a job's type (`Job::TYPE`) is empty".to_owned());
            } else if !types.insert(job_type) {
                tell(place, format!("the job `{job_type}` is registered twice: names of types differ"));
            }
            if *queue != "default" && !self.queues.iter().any(|(known, _)| known.name == *queue) {
                tell(
                    place,
                    format!(
                        "the job `{job_type}` waits in the queue `{queue}`, which nobody here works on: \
                         add `.queue(Queue::new(\"{queue}\"))`"
                    ),
                );
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
            let name = &schedule.name;
            if !names.insert(name) {
                tell(place, format!("the schedule `{name}` is given twice: names of schedules differ"));
            }
            if !self.jobs.iter().any(|(job_type, _, _)| *job_type == schedule.job_type) {
                let job_type = schedule.job_type;
                tell(
                    place,
                    format!(
                        "the schedule `{name}` enqueues the job `{job_type}`, which is not registered: add `.job`"
                    ),
                );
            }
        }
    }
}
