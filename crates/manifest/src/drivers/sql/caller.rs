//! Who calls, where an engine would take an id for a number: `07` is not 7, and does not get what is of 7.
//!
//! SQLite compares text with a column of numbers as a number, PostgreSQL reads text as the type that it needs. So where
//! `:caller_id` may meet numbers, an id that is a number has to be spelt as the engine would spell it.

use std::sync::{Arc, OnceLock};

use ketch_db::describe::Kind;
use ketch_db::sqlite::Table;
use ketch_db::tokens::{Kind as Piece, Token, Tokens, words};
use ketch_db::{Dialect, Schema, Value};
use ketch_model::Error;

/// How an id must be spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As it is: it is compared as text.
    Free,
    /// As a whole number, if an engine would take it for a number at all.
    OfNumbers,
    /// As a whole number.
    Number,
}

/// How the caller's id must be spelt for a statement, as soon as that is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Spelt(Arc<OnceLock<Spelling>>);

impl Spelt {
    pub(super) fn known(spelling: Spelling) -> Self {
        Self(Arc::new(OnceLock::from(spelling)))
    }

    /// What the engine says of the parameter.
    pub(super) fn learn(&self, kind: Option<Kind>) {
        let spelling = match kind {
            Some(Kind::Text | Kind::Uuid | Kind::Json | Kind::Blob | Kind::Date | Kind::Timestamp) => {
                Spelling::Free
            }
            Some(_) => Spelling::Number,
            None => Spelling::OfNumbers,
        };
        let _known = self.0.set(spelling);
    }

    /// The id as a parameter.
    ///
    /// # Errors
    /// 403 for an id that could be taken for another's.
    pub(super) fn value(&self, id: &str) -> Result<Value<'static>, Error> {
        spelt(id, self.0.get().copied().unwrap_or(Spelling::Number))
    }
}

/// The id as a parameter.
///
/// # Errors
/// 403 for an id that could be taken for another's.
pub(crate) fn spelt(id: &str, spelling: Spelling) -> Result<Value<'static>, Error> {
    let whole = || id.parse::<i64>().is_ok_and(|number| number.to_string() == id);
    let good = match spelling {
        Spelling::Free => true,
        Spelling::OfNumbers => !is_like_a_number(id) || whole(),
        Spelling::Number => whole(),
    };
    if good {
        return Ok(id.to_owned().into());
    }
    let cause = "the caller's id meets a column of numbers, and is no whole number as it is spelt";
    Err(Error::new(403, "forbidden", "nothing here can belong to this caller").because(cause))
}

/// Whether SQLite's numeric affinity may make a number of a text.
fn is_like_a_number(id: &str) -> bool {
    let id = id.trim_matches(|it: char| it.is_ascii_whitespace() || it == '\u{b}' || it == '\0');
    let digits = id.trim_start_matches(['+', '-']);
    digits.starts_with(|it: char| it == '.' || it.is_ascii_digit()) && id.parse::<f64>().is_ok()
}

/// How the id must be spelt for a statement of SQLite. What it meets is read from the text where that is plain, such as
/// `owner = :caller_id`; else any column that the statement names may be it.
pub(super) fn spelling(sql: &str, schema: Option<&Schema>) -> Spelling {
    let Some(schema) = schema else { return Spelling::OfNumbers };
    let said: Vec<String> = words(sql, Dialect::Sqlite).collect();
    let all = Tokens::new(sql, Dialect::Sqlite);
    let all: Vec<Token<'_>> = all.filter(|it| !matches!(it.kind, Piece::Space | Piece::Comment)).collect();
    let names: Vec<String> = all
        .iter()
        .filter(|it| matches!(it.kind, Piece::Word | Piece::Name))
        .map(|it| plain(it.text))
        .collect();
    let tables = schema.tables();
    let tables = tables.iter().filter(|name| names.contains(&name.to_ascii_lowercase()));
    let tables: Vec<Table> = tables.filter_map(|name| schema.table(name)).collect();
    let uses = all.iter().enumerate().filter(|(_, it)| it.text.eq_ignore_ascii_case(":caller_id"));
    let free = uses.map(|(at, _)| at).all(|at| match partner(&all, at, &tables) {
        Some(name) if !is_made(&name, &all, &said) => !is_of_numbers(&name, &tables),
        _ => !said.iter().any(|it| it == "cast") && !names.iter().any(|name| is_of_numbers(name, &tables)),
    });
    if free { Spelling::Free } else { Spelling::OfNumbers }
}

/// The column that a parameter is compared with, or becomes the value of.
fn partner(all: &[Token<'_>], at: usize, tables: &[Table]) -> Option<String> {
    let column = |token: Option<&Token<'_>>| {
        let token = token.filter(|it| matches!(it.kind, Piece::Word | Piece::Name))?;
        let name = plain(token.text);
        let known = |table: &Table| table.columns.iter().any(|it| it.name.eq_ignore_ascii_case(&name));
        tables.iter().any(known).then_some(name)
    };
    let before = |back: usize| at.checked_sub(back).and_then(|at| all.get(at));
    let is = |token: Option<&Token<'_>>, what: &str| token.is_some_and(|it| it.text == what);
    // Nothing is done to the value before it is compared.
    let ends = all.get(at + 1).is_none_or(|next| {
        matches!(next.kind, Piece::End) || [")", ","].contains(&next.text) || is_word(next, &AFTER)
    });
    if is(before(1), "=") && ends {
        return column(before(2));
    }
    if is(all.get(at + 1), "=")
        && !is(all.get(at + 3), ".")
        && before(1).is_some_and(|it| is_word(it, &BEFORE))
    {
        return column(all.get(at + 2));
    }
    inserted(all, at, tables).filter(|_| ends)
}

/// What may stand behind a comparison, and before one.
const AFTER: [&str; 9] = ["and", "or", "order", "group", "limit", "returning", "where", "union", "on"];
const BEFORE: [&str; 4] = ["where", "and", "or", "on"];

fn is_word(token: &Token<'_>, of: &[&str]) -> bool {
    token.kind == Piece::Word && of.iter().any(|it| token.text.eq_ignore_ascii_case(it))
}

/// The column of a row of `insert into t (a, b) values (:a, :b)`.
fn inserted(all: &[Token<'_>], at: usize, tables: &[Table]) -> Option<String> {
    let word = |token: &Token<'_>, what: &str| is_word(token, &[what]);
    let into = all.iter().position(|it| word(it, "into"))?;
    let values = all.iter().position(|it| word(it, "values")).filter(|values| *values < at)?;
    // Rows of plain values only: brackets inside of one, or a value that is computed, and the place is not clear.
    let open = all[..at].iter().rposition(|it| it.text == "(").filter(|open| *open > values)?;
    let row = &all[open + 1..at];
    if row.iter().any(|it| it.text == ")") || row.len() % 2 == 1 || is_no_row(&all[values + 1..open]) {
        return None;
    }
    let (pairs, commas) = (row.iter().skip(1).step_by(2), row.len() / 2);
    if !pairs.into_iter().all(|it| it.text == ",") {
        return None;
    }
    let (table, list) = (all.get(into + 1)?, all.get(into + 2)?);
    if list.text == "(" {
        let names = all[into + 3..values].iter().take_while(|it| it.text != ")");
        return names.filter(|it| it.text != ",").nth(commas).map(|it| plain(it.text));
    }
    let table = tables.iter().find(|it| it.name.eq_ignore_ascii_case(&plain(table.text)))?;
    table.columns.iter().filter(|it| !it.computed).nth(commas).map(|it| it.name.clone())
}

/// Whether a bracket is another than the first of a row.
fn is_no_row(between: &[Token<'_>]) -> bool {
    let count = |what: &str| between.iter().filter(|it| it.text == what).count();
    count("(") != count(")") || between.last().is_some_and(|it| it.text != ",")
}

/// Whether the statement itself may give the name to something else than a column of a table.
fn is_made(name: &str, all: &[Token<'_>], said: &[String]) -> bool {
    let named = |pair: &[Token<'_>]| is_word(&pair[0], &["as"]) && plain(pair[1].text) == name;
    said.iter().any(|it| it == "with") || all.windows(2).any(named)
}

/// Whether any column of this name makes numbers of texts.
fn is_of_numbers(name: &str, tables: &[Table]) -> bool {
    let mut columns = tables.iter().flat_map(|table| &table.columns);
    ["rowid", "oid", "_rowid_"].contains(&name)
        || columns.any(|it| it.numeric && it.name.eq_ignore_ascii_case(name))
}

fn plain(name: &str) -> String {
    name.trim_matches(['"', '`', '[', ']']).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "create table a (id integer primary key, owner integer, name text);
        create table b (id integer primary key, owner text, size real, key uuid);";

    fn of(sql: &str) -> Spelling {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("001_all.sql"), TABLES).unwrap();
        let all = ketch_db::Migrations::from_folder(folder.path()).unwrap();
        let schema = Schema::of([&all]).unwrap().unwrap();
        schema.describe(sql).unwrap();
        spelling(sql, Some(&schema))
    }

    #[test]
    fn an_id_that_meets_text_alone_is_free() {
        for sql in [
            "select id from b where owner = :caller_id and id = :id",
            "select id from b where b.owner = :caller_id order by id",
            "select id from b where :caller_id = owner",
            "insert into b (id, owner) values (:id, :caller_id) returning id",
            "insert into b values (null, :caller_id, 1, null)",
            "update b set owner = :caller_id where size > 1",
            "select name from a where name in (:caller_id)",
        ] {
            assert_eq!(of(sql), Spelling::Free, "{sql}");
        }
    }

    #[test]
    fn an_id_that_may_meet_numbers_is_spelt_as_one() {
        for sql in [
            "select name from a where owner = :caller_id",
            "select name from a where a.\"owner\" = :caller_id",
            "select name from a where :caller_id = owner",
            "select name from a where :caller_id = a.owner",
            "select name from a where owner in (:caller_id)",
            "select name from a where (owner, name) = (:caller_id, 'x')",
            "select a.name from a join b on b.id = a.id where a.owner = :caller_id",
            "insert into a (id, owner) values (:id, :caller_id)",
            "insert into a values (null, :caller_id, 'x')",
            "insert into a (owner, name) values (1, 'x'), (:caller_id, 'y')",
            "insert into b (owner, id) values ('x', (:caller_id))",
            "insert into a (owner) select :caller_id",
            "update a set owner = :caller_id",
            "select name from a where rowid = :caller_id",
            "select owner from b where key = :caller_id",
            "select owner from b where cast(owner as integer) = :caller_id",
            "select name from (select id as name from a) where name = :caller_id",
            "with b (owner) as (select id from a) select owner from b where owner = :caller_id",
            "with me (it) as (select :caller_id) select name from a join me on owner = it",
        ] {
            assert_eq!(of(sql), Spelling::OfNumbers, "{sql}");
        }
    }

    #[test]
    fn only_what_is_taken_for_another_number_is_refused() {
        let refused = |id: &str, spelling| spelt(id, spelling).is_err();
        for id in ["07", " 7", "+7", "7.0", "7e0", "-0", ".5", "7 ", "9223372036854775808"] {
            assert!(refused(id, Spelling::OfNumbers) && refused(id, Spelling::Number), "{id}");
            assert!(!refused(id, Spelling::Free), "{id}");
        }
        for id in ["7", "-7", "0"] {
            assert!(!refused(id, Spelling::OfNumbers) && !refused(id, Spelling::Number), "{id}");
        }
        for id in ["ada", "", "2f0c5f5e-8c1c-4c0e-9d5e-3b1d2a4f6c7b", "0x7", "1_0", "inf", "nan"] {
            assert!(!refused(id, Spelling::OfNumbers) && refused(id, Spelling::Number), "{id}");
        }
    }
}
