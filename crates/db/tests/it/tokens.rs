//! The tokenizer of SQL text: it finds the parameters, and nothing else is touched.

use ketch_db::Dialect;
use ketch_db::tokens::{Kind, Tokens, number, split};
use proptest::prelude::*;

#[test]
fn parameters_are_numbered_by_name() {
    for (sql, wanted, names) in [
        ("select :a", "select $1", "a"),
        ("select :a, :b, :a", "select $1, $2, $1", "a b"),
        ("select :a::int, x::text", "select $1::int, x::text", "a"),
        ("select a[1:2], b[:lo:3]", "select a[1:2], b[$1:3]", "lo"),
        ("select a[lo : hi]", "select a[lo : hi]", ""),
        ("x := :y", "x := $1", "y"),
        ("limit:n", "limit $1", "n"),
        ("a=:a and b=:b1_c", "a=$1 and b=$2", "a b1_c"),
        ("select ':a', \":b\", E'\\':c', $$:d$$, $x$:e$$:f$x$", "", ""),
        (
            "select 'it''s :a' -- :b\n, /* :c /* :d */ :e */ :f",
            "select 'it''s :a' -- :b\n, /* :c /* :d */ :e */ $1",
            "f",
        ),
        ("select E'a' \n 'b\\':c', :d", "select E'a' \n 'b\\':c', $1", "d"),
        ("select 'a' \n 'b\\', :c", "select 'a' \n 'b\\', $1", "c"),
        ("select a$b$, :c, d$b$", "select a$b$, $1, d$b$", "c"),
        // To PostgreSQL a carriage return ends a line as well.
        ("select 1 -- :a\r, :b", "select 1 -- :a\r, $1", "b"),
        ("select 'open :a", "", ""),
        ("select :größe", "select $1", "größe"),
        ("select 1e'\\':a', :b", "select 1e'\\':a', $1", "b"),
    ] {
        let numbered = number(sql);
        assert_eq!(numbered.sql, if wanted.is_empty() { sql } else { wanted }, "{sql}");
        assert_eq!(numbered.names.join(" "), names, "{sql}");
        assert!(!numbered.positional, "{sql}");
    }
    assert!(number("select $1").positional);
    assert!(!number("select '$1'").positional);
}

#[test]
fn a_script_is_split_where_its_statements_end() {
    let postgres = "; create table a (b text default ';'); -- c;\n\
        create function d() returns int language sql begin atomic select case when true then 1 end; select 2; end;\n\
        do $$ begin null; end $$;;";
    let parts = split(postgres, Dialect::Postgres);
    assert_eq!(parts.len(), 3, "{parts:?}");
    assert_eq!(parts[0], "create table a (b text default ';')");
    assert!(parts[1].ends_with("select 2; end"), "{parts:?}");
    assert_eq!(parts[2], "do $$ begin null; end $$");
    let sqlite = "create temp trigger a after insert on b begin update c set d = case when 1 then 2 end; end; \
        create table begin_atomic (x)";
    assert_eq!(split(sqlite, Dialect::Sqlite).len(), 2);
    assert_eq!(split(" -- nothing\n", Dialect::Sqlite), Vec::<&str>::new());
}

/// Pieces that hold no parameter, whatever stands beside them with a space between.
fn inert() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_][a-z0-9_$]{0,8}",
        "[0-9]{1,6}",
        "'([^'\\\\]|''){0,12}'",
        "\"([^\"]|\"\"){0,12}\"",
        "[eE]'([^'\\\\]|''|\\\\[^\u{0}]){0,12}'",
        "[^$\u{0}]{0,12}".prop_map(|text| format!("$${text}$$")),
        "[^$\u{0}]{0,12}".prop_map(|text| format!("$tag${text}$tag$")),
        "[^\r\n]{0,12}".prop_map(|text| format!("--{text}\n")),
        "[^*/]{0,12}".prop_map(|text| format!("/*{text}/*{text}*/{text}*/")),
        Just("x::text".to_owned()),
        Just("a[1:2]".to_owned()),
        Just("y := 1".to_owned()),
        "[(),=<>+;.]",
    ]
}

proptest! {
    #[test]
    fn what_holds_no_parameter_is_left_as_it_is(pieces in prop::collection::vec(inert(), 0..12)) {
        let sql = pieces.join(" ");
        let numbered = number(&sql);
        prop_assert_eq!(&*numbered.sql, &sql);
        prop_assert!(numbered.names.is_empty());
    }

    #[test]
    fn parameters_between_other_pieces_are_found_and_nothing_else_is_touched(
        pieces in prop::collection::vec((inert(), "[a-z_][a-z0-9_]{0,3}"), 1..10),
    ) {
        let mut sql = String::new();
        let mut wanted = String::new();
        let mut names: Vec<&str> = Vec::new();
        for (piece, name) in &pieces {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
            let index = names.iter().position(|it| it == name).unwrap() + 1;
            sql += &format!("{piece} :{name} ");
            wanted += &format!("{piece} ${index} ");
        }
        let numbered = number(&sql);
        prop_assert_eq!(&*numbered.sql, &wanted);
        prop_assert_eq!(numbered.names, names);
    }

    #[test]
    fn the_tokens_of_any_text_are_the_whole_text(sql in "[ -~\u{0}\n\u{e9}\u{1f600}]{0,40}|[:'\"$/*\\-eE;\\[\\]`a1\\\\\n ]{0,40}") {
        for dialect in [Dialect::Postgres, Dialect::Sqlite] {
            let tokens: Vec<_> = Tokens::new(&sql, dialect).collect();
            prop_assert_eq!(tokens.iter().map(|token| token.text).collect::<String>(), sql.as_str());
            prop_assert!(tokens.iter().all(|token| !token.text.is_empty()));
            for statement in split(&sql, dialect) {
                prop_assert!(sql.contains(statement) && !statement.is_empty());
            }
        }
    }

    #[test]
    fn what_was_numbered_has_no_parameters_left(sql in "[:'\"$/*\\-eE;\\[\\]`ab1\\\\\n ]{0,40}") {
        let numbered = number(&sql);
        if !numbered.positional && !numbered.names.is_empty() {
            let again = Tokens::new(&numbered.sql, Dialect::Postgres);
            let found: Vec<_> = again.filter(|token| token.kind == Kind::Positional).collect();
            prop_assert!(found.len() >= numbered.names.len());
            prop_assert!(number(&numbered.sql).names.is_empty());
        }
    }
}
