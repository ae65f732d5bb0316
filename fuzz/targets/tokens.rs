//! SQL text: its tokens are the whole text, and numbering its parameters touches nothing else.

use ketch_db::Dialect;
use ketch_db::tokens::{Kind, Tokens, number, split};

/// Tries one text.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(sql) = std::str::from_utf8(bytes) else { return };
    for dialect in [Dialect::Postgres, Dialect::Sqlite] {
        let whole: String = Tokens::new(sql, dialect).map(|token| token.text).collect();
        assert_eq!(whole, sql);
        assert!(split(sql, dialect).iter().all(|statement| !statement.is_empty()));
    }
    let numbered = number(sql);
    if numbered.names.is_empty() {
        assert_eq!(numbered.sql, sql, "a text without parameters is left as it is");
    }
    let others = |sql: &str| -> Vec<String> {
        let tokens = Tokens::new(sql, Dialect::Postgres);
        let others =
            tokens.filter(|token| !matches!(token.kind, Kind::Parameter | Kind::Positional | Kind::Space));
        others.map(|token| token.text.to_owned()).collect()
    };
    assert_eq!(others(sql), others(&numbered.sql), "what is no parameter is left as it is");
    assert!(number(&numbered.sql).names.is_empty(), "every parameter was numbered");
}
