//! What a runner works on, and whether it ends by itself.

/// What a runner works on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scope {
    /// Whatever is due, until it is told to stop.
    #[default]
    Everything,
    /// Whatever is due, until nothing is.
    UntilIdle,
    /// This job alone, whenever it is due, once.
    Only(i64),
    /// Nothing more: it ends when what runs has ended.
    Nothing,
}

impl Scope {
    /// The job that alone is claimed.
    pub(super) fn only(self) -> Option<i64> {
        match self {
            Self::Only(id) => Some(id),
            Self::Everything | Self::UntilIdle | Self::Nothing => None,
        }
    }

    /// What could be claimed was.
    pub(super) fn claimed(&mut self) {
        if let Self::Only(_) = self {
            *self = Self::Nothing;
        }
    }

    /// Nothing runs, and nothing is due.
    pub(super) fn idle(&mut self) {
        if *self == Self::UntilIdle {
            *self = Self::Nothing;
        }
    }
}
