//! What this process knows of the types of jobs that it registered, for jobs that are enqueued by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use crate::job::{Job, read};

/// The types by name. They are written in code, so there are few.
#[derive(Default)]
pub(crate) struct Types(RwLock<BTreeMap<&'static str, TypeInfo>>);

/// What a type says of its jobs.
#[derive(Clone, Copy)]
pub(crate) struct TypeInfo {
    pub(crate) queue: &'static str,
    pub(crate) priority: u8,
    pub(crate) max_attempts: u32,
    /// What is wrong with a payload.
    pub(crate) check: fn(&str) -> Result<(), String>,
}

impl fmt::Debug for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Types {
    /// Learns a type.
    pub(crate) fn know<J: Job>(&self) {
        let check = |payload: &str| read::<J>(payload).map(drop).map_err(|error| error.to_string());
        let info = TypeInfo { queue: J::QUEUE, priority: J::PRIORITY, max_attempts: J::MAX_ATTEMPTS, check };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(J::TYPE, info);
    }

    /// What a type says, if it is known.
    pub(crate) fn get(&self, job_type: &str) -> Option<TypeInfo> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(job_type).copied()
    }

    /// The names, in alphabetical order.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}
