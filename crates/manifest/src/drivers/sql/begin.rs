//! Looks at every statement once more, on the database itself: the schema is up to date by then, and another engine than
//! SQLite has not been asked before.

use ketch_db::Error;
use ketch_model::Problem;

use super::columns::unfit;
use super::inputs::From;
use super::run::{Query, Step};

impl Query {
    /// Everything that the database finds wrong.
    pub(super) async fn checked(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (at, step) in self.0.steps.iter().enumerate() {
            problems.extend(self.check(step, at + 1 == self.0.steps.len()).await);
        }
        problems
    }

    async fn check(&self, step: &Step, last: bool) -> Vec<Problem> {
        let origin = &self.0.origin;
        let place = |at: usize| origin.text.source.place(step.at + at);
        let problem =
            |at: usize, message: String| Problem::new(Some(place(at)), origin.subject.as_str(), message);
        let described = match self.0.db.describe(&step.sql).await {
            Ok(described) => described,
            Err(why) if matches!(why.error, Error::Unsupported(_)) => return Vec::new(),
            Err(why) => return vec![problem(why.at.unwrap_or(0), why.message())],
        };
        let mut problems = Vec::new();
        for param in &described.params {
            let at = step.inputs.names.iter().position(|name| **name == *param.name);
            let from = at.and_then(|at| step.inputs.from.get(at));
            if from == Some(&From::CallerId) {
                step.inputs.spelt.learn(param.kind);
            }
            if let (Some(From::Argument(argument)), Some(kind)) = (from, param.kind)
                && !argument.wants.fits(kind)
            {
                let at = step.sql.find(&format!(":{}", param.name)).unwrap_or(0);
                let (name, declared) = (&param.name, argument.wants.name());
                let message = format!(
                    "`:{name}` is {} here, and the argument is {declared}: declare another type, or write a cast",
                    kind.name()
                );
                problems.push(problem(at, message));
            }
        }
        if last {
            let (expected, cursor) = (&origin.expected, origin.cursor.as_ref());
            problems.extend(unfit(&origin.subject, &described.columns, expected, cursor, &place(0)));
        }
        problems
    }
}
