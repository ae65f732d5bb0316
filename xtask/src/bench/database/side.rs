//! What is measured: the servers, and what each of them is asked for.

use super::super::load::Varied;
use super::ROWS;

/// A server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The candidate; `alone` is a commit for each insert.
    Ketch { sync: Sync, alone: bool },
    /// The candidate, whose row is an endpoint of its manifest.
    Manifest,
    /// The baseline, whose inserts are done simply.
    Axum { reads: Reads, sync: Sync },
    /// With its log, as it comes, or without.
    PocketBase { log: bool },
}

/// What a commit waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    Full,
    Normal,
}

/// How the baseline reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    Inline,
    Blocking,
    Channel,
}

/// What a server is asked for, and over how many connections.
#[derive(Clone, Copy)]
pub(super) struct Case {
    pub(super) what: What,
    pub(super) connections: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Row,
    List,
    Insert,
    Mix,
}

impl Side {
    pub(super) const fn axum(reads: Reads) -> Self {
        Self::Axum { reads, sync: Sync::Full }
    }

    pub(super) fn is_peer(&self) -> bool {
        matches!(self, Self::PocketBase { .. })
    }

    /// Its name in the tables of a group that reads only, or that writes too.
    pub(super) fn name(self, writes: bool) -> String {
        match self {
            Self::Ketch { .. } if !writes => "Ketch".to_owned(),
            Self::Ketch { sync, alone: false } => format!("Ketch, {}", sync.shown()),
            Self::Ketch { sync, alone: true } => format!("Ketch, {}, a commit each", sync.shown()),
            Self::Manifest => "a file of SQL".to_owned(),
            Self::Axum { reads, .. } if !writes => format!("axum, {}", reads.shown()),
            Self::Axum { sync, .. } => format!("axum done simply, {}", sync.shown()),
            Self::PocketBase { log: true } => "PocketBase".to_owned(),
            Self::PocketBase { log: false } => "PocketBase, its log off".to_owned(),
        }
    }

    /// What it is asked for.
    pub(super) fn asked(self, what: What) -> Varied {
        let (row, list, post) = if self.is_peer() {
            // Its pages have numbers and no cursor: this is the first one, which is the cheapest.
            let all = "/api/collections/boats/records";
            (format!("{all}/boat%011d"), format!("{all}?perPage=20&skipTotal=1"), all)
        } else {
            ("/boats/%d".to_owned(), "/boats?after=%d".to_owned(), "/boats")
        };
        let row = if self == Self::Manifest { "/sql/boats/%d".to_owned() } else { row };
        Varied {
            keys: ROWS,
            posts: match what {
                What::Row | What::List => 0,
                What::Mix => 20,
                What::Insert => 100,
            },
            get: if what == What::List { list } else { row },
            post: post.to_owned(),
            body: r#"{"name":"Gipsy Moth %d","kind":"ketch","length":16.5}"#.to_owned(),
        }
    }
}

impl Sync {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }

    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Full => "`FULL`",
            Self::Normal => "`NORMAL`",
        }
    }
}

impl Reads {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Blocking => "blocking",
            Self::Channel => "channel",
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Inline => "read inline",
            Self::Blocking => "`spawn_blocking`",
            Self::Channel => "reader threads",
        }
    }
}

impl Case {
    pub(super) const fn of(what: What, connections: u32) -> Self {
        Self { what, connections }
    }

    pub(super) fn name(self) -> String {
        let what = match self.what {
            What::Row => "GET one row",
            What::List => "list 20 rows",
            What::Insert => "insert",
            What::Mix => "80 % GET one row, 20 % insert",
        };
        let connections = self.connections;
        format!("{what}, {connections} connection{}", if connections == 1 { "" } else { "s" })
    }

    pub(super) fn writes(self) -> bool {
        matches!(self.what, What::Insert | What::Mix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_is_asked_for_the_same_in_its_own_words() {
        let (ours, theirs) = (Side::axum(Reads::Inline), Side::PocketBase { log: true });
        assert_eq!(ours.asked(What::Row).get, "/boats/%d");
        assert_eq!(theirs.asked(What::Row).get, "/api/collections/boats/records/boat%011d");
        assert_eq!(ours.asked(What::Insert).body, theirs.asked(What::Insert).body);
        assert_eq!([What::Row, What::Mix, What::Insert].map(|what| theirs.asked(what).posts), [0, 20, 100]);
    }

    #[test]
    fn names_say_how_it_commits_only_where_that_matters() {
        let side = Side::Ketch { sync: Sync::Normal, alone: true };
        assert_eq!(side.name(false), "Ketch");
        assert_eq!(side.name(true), "Ketch, `NORMAL`, a commit each");
        assert_eq!(Side::axum(Reads::Blocking).name(false), "axum, `spawn_blocking`");
    }
}
