//! The text of a statement: part of the program, made while it runs, or read once and shared by many statements.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// SQL text. To copy one that is part of the program, or [shared](Self::shared), copies no text.
#[derive(Clone)]
pub struct Sql(Form);

#[derive(Clone)]
enum Form {
    Static(&'static str),
    Owned(String),
    /// With its fingerprint, so that it is not read again each time it is asked for.
    Shared(Arc<str>, u64),
}

/// What tells a text from others without reading it each time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Print<'s> {
    /// It is part of the program: where it lies tells.
    Static(&'static str),
    /// It has to be read.
    Owned(&'s str),
    /// It has been read.
    Shared(u64),
}

impl Sql {
    /// A text that many statements will have, such as one that was read from a file.
    pub fn shared(text: impl Into<Arc<str>>) -> Self {
        static HASHER: OnceLock<RandomState> = OnceLock::new();
        let text = text.into();
        let print = HASHER.get_or_init(RandomState::new).hash_one(&*text);
        Self(Form::Shared(text, print))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Form::Static(text) => text,
            Form::Owned(text) => text,
            Form::Shared(text, _) => text,
        }
    }

    pub(crate) fn print(&self) -> Print<'_> {
        match &self.0 {
            Form::Static(text) => Print::Static(text),
            Form::Owned(text) => Print::Owned(text),
            Form::Shared(_, print) => Print::Shared(*print),
        }
    }
}

impl Deref for Sql {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl PartialEq for Sql {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self(Form::Static(text))
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Self {
        Self(Form::Owned(text))
    }
}

impl From<Cow<'static, str>> for Sql {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<Arc<str>> for Sql {
    fn from(text: Arc<str>) -> Self {
        Self::shared(text)
    }
}

impl From<&Sql> for Sql {
    fn from(sql: &Sql) -> Self {
        sql.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_however_it_is_kept() {
        let all = [Sql::from("select 1"), Sql::from("select 1".to_owned()), Sql::shared("select 1")];
        for sql in &all {
            assert_eq!(sql, &all[0]);
            assert_eq!(sql.to_string(), "select 1");
        }
        assert_ne!(all[2], Sql::shared("select 2"));
    }

    #[test]
    fn a_shared_text_has_the_same_print_wherever_it_was_read() {
        let print = |sql: &Sql| match sql.print() {
            Print::Shared(print) => print,
            other => panic!("{other:?}"),
        };
        let (one, again) = (Sql::shared("select 1"), Sql::shared("select 1".to_owned()));
        assert_eq!(print(&one), print(&again));
        assert_ne!(print(&one), print(&Sql::shared("select 2")));
    }
}
