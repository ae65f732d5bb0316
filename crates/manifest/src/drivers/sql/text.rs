//! A file of SQL: its statements and their parameters, each with its place.

use std::path::{Path, PathBuf};

use ketch_db::Dialect;
use ketch_db::tokens::{Kind, Tokens, split, words};
use ketch_model::{Place, Problem};

use crate::project::ProjectFile;
use crate::source::Source;

/// A file.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) source: Source,
    pub(super) dialect: Dialect,
    /// Whether the file is of this dialect alone.
    pub(super) own: bool,
}

/// A statement of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement<'t> {
    pub(super) sql: &'t str,
    /// Where it begins, in bytes.
    pub(super) at: usize,
}

impl Text {
    /// Reads a file; for a dialect that has a file of its own beside it, such as `todos.postgres.sql`, that one.
    pub(super) fn read(project: &ProjectFile, file: &Path, dialect: Dialect) -> Result<Self, Problem> {
        let sibling = file.with_extension(format!("{}.sql", dialect.name()));
        let own = project.root.join(&sibling).is_file();
        let file: PathBuf = if own { sibling } else { file.to_owned() };
        let source = Source::read(&project.root.join(&file), &file.display().to_string())?;
        Ok(Self { source, dialect, own })
    }

    /// Its statements, in order.
    pub(super) fn statements(&self) -> Vec<Statement<'_>> {
        let text = self.source.text();
        let at = |sql: &str| sql.as_ptr().addr() - text.as_ptr().addr();
        split(text, self.dialect).into_iter().map(|sql| Statement { sql, at: at(sql) }).collect()
    }

    /// The place of a byte of a statement.
    pub(super) fn place(&self, statement: Statement<'_>, at: usize) -> Place {
        self.source.place(statement.at + at.min(statement.sql.len()))
    }
}

impl<'t> Statement<'t> {
    /// Its parameters without the colon, each once, and where each comes first.
    pub(super) fn params(self, dialect: Dialect) -> Vec<(&'t str, usize)> {
        let mut found: Vec<(&str, usize)> = Vec::new();
        let mut at = 0;
        for token in Tokens::new(self.sql, dialect) {
            if token.kind == Kind::Parameter && found.iter().all(|(name, _)| *name != &token.text[1..]) {
                found.push((&token.text[1..], at));
            }
            at += token.text.len();
        }
        found
    }

    /// Whether it reads, as far as its words tell.
    pub(super) fn looks_like_a_read(self, dialect: Dialect) -> bool {
        let mut words = words(self.sql, dialect);
        let first = words.next().unwrap_or_default();
        ["select", "values", "with", "table"].contains(&&*first)
            && !words.any(|word| ["insert", "update", "delete", "merge"].contains(&&*word))
    }

    /// Whether it gives rows, as far as its words tell.
    pub(super) fn looks_like_rows(self, dialect: Dialect) -> bool {
        self.looks_like_a_read(dialect) || words(self.sql, dialect).any(|word| word == "returning")
    }

    /// Whether it says an order.
    pub(super) fn is_ordered(self, dialect: Dialect) -> bool {
        words(self.sql, dialect).any(|word| word == "order")
    }

    /// The column by which rows are ordered first, where it is a plain one: `name` of `order by t.name desc, id`.
    pub(super) fn first_of_order(self, dialect: Dialect) -> Option<String> {
        let plain = Tokens::new(self.sql, dialect);
        let plain: Vec<_> = plain.filter(|it| !matches!(it.kind, Kind::Space | Kind::Comment)).collect();
        let is = |at: usize, what: &str| plain.get(at).is_some_and(|it| it.text.eq_ignore_ascii_case(what));
        // The last one that stands in no brackets is of the whole.
        let (mut depth, mut found) = (0_i32, None);
        for (at, token) in plain.iter().enumerate() {
            match token.text {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ if depth == 0 && is(at, "order") && is(at + 1, "by") => found = Some(at + 2),
                _ => {}
            }
        }
        let mut at = found?;
        while is(at + 1, ".") {
            at += 2;
        }
        let name = plain.get(at).filter(|it| matches!(it.kind, Kind::Word | Kind::Name))?;
        let ends = at + 1 == plain.len()
            || [",", ";", "asc", "desc", "limit", "nulls"].iter().any(|it| is(at + 1, it));
        ends.then(|| name.text.trim_matches(['"', '`', '[', ']']).to_owned())
    }

    /// The column that `:after` is compared with: `id` of `todos.id > :after`.
    pub(super) fn compared_with(self, param: &str, dialect: Dialect) -> Option<String> {
        let plain = Tokens::new(self.sql, dialect);
        let plain: Vec<_> = plain.filter(|it| !matches!(it.kind, Kind::Space | Kind::Comment)).collect();
        let found = plain.windows(3).find(|window| {
            window[2].kind == Kind::Parameter
                && &window[2].text[1..] == param
                && ["<", ">"].contains(&window[1].text)
                && matches!(window[0].kind, Kind::Word | Kind::Name)
        })?;
        Some(found[0].text.trim_matches(['"', '`', '[', ']']).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(sql: &str) -> Statement<'_> {
        Statement { sql, at: 0 }
    }

    #[test]
    fn parameters_are_told_once_each_with_their_place() {
        let found = statement("select ':no', :a, :b -- :c\nfrom t where a = :a").params(Dialect::Sqlite);
        assert_eq!(found, [("a", 14), ("b", 18)]);
    }

    #[test]
    fn the_column_of_a_cursor_is_found() {
        let column = |sql| statement(sql).compared_with("after", Dialect::Sqlite);
        assert_eq!(column("select id from t where t.id > :after order by id"), Some("id".to_owned()));
        assert_eq!(column("select id from t where \"when\" < /* x */ :after"), Some("when".to_owned()));
        assert_eq!(column("select id from t where lower(id) > :after"), None);
        assert_eq!(column("select id from t where id = :after"), None);
    }

    #[test]
    fn the_first_column_of_an_order_is_found() {
        let first = |sql| statement(sql).first_of_order(Dialect::Sqlite);
        assert_eq!(first("select 1 from t order by t.\"id\" desc, n limit 1"), Some("id".to_owned()));
        assert_eq!(first("select rank() over (order by x) from t order by n limit 1"), Some("n".to_owned()));
        assert_eq!(first("select 1 from t order by lower(n)"), None);
        assert_eq!(first("select 1 from t order by n collate nocase"), None);
        assert_eq!(first("select 1 from t order by 1"), None);
        assert_eq!(first("select rank() over (order by x) from t"), None);
    }

    #[test]
    fn words_tell_what_reads_and_what_gives_rows() {
        for (sql, reads, rows) in [
            ("select 1", true, true),
            ("with a as (select 1) select * from a", true, true),
            ("with a as (select 1) delete from t", false, false),
            ("insert into t values (1) returning id", false, true),
            ("update t set a = 'select'", false, false),
        ] {
            assert_eq!(statement(sql).looks_like_a_read(Dialect::Sqlite), reads, "{sql}");
            assert_eq!(statement(sql).looks_like_rows(Dialect::Sqlite), rows, "{sql}");
        }
    }
}
