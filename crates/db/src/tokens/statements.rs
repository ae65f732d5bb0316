//! Where statements end, and which words they are made of.

use super::{Kind, Token, Tokens};
use crate::driver::Dialect;

/// The words of a statement, keywords and names that are not quoted, in lower case.
pub fn words(sql: &str, dialect: Dialect) -> impl Iterator<Item = String> {
    Tokens::new(sql, dialect)
        .filter(|token| token.kind == Kind::Word)
        .map(|token| token.text.to_ascii_lowercase())
}

/// The statements of a script, without what stands between them. The `;` inside the body of a function (`begin atomic …
/// end`) or of a trigger (SQLite: `create trigger … begin … end`) ends no statement.
pub fn split(script: &str, dialect: Dialect) -> Vec<&str> {
    let mut all = Vec::new();
    let mut body = Body::default();
    // Where the statement begins, and where its last token ends.
    let mut begun: Option<(usize, usize)> = None;
    let mut at = 0;
    for token in Tokens::new(script, dialect) {
        let end = at + token.text.len();
        match token.kind {
            Kind::Space | Kind::Comment => {}
            Kind::End if !body.is_open() => {
                all.extend(begun.take().map(|(from, to)| &script[from..to]));
                body = Body::default();
            }
            _ => {
                body.take(token, dialect);
                begun = Some((begun.map_or(at, |(from, _)| from), end));
            }
        }
        at = end;
    }
    all.extend(begun.map(|(from, to)| &script[from..to]));
    all
}

/// Whether a statement is inside a body that has statements of its own.
#[derive(Default)]
struct Body {
    depth: usize,
    /// The word before was `begin`.
    begin: bool,
    /// It makes a trigger.
    trigger: bool,
    words: usize,
}

impl Body {
    fn is_open(&self) -> bool {
        self.depth > 0
    }

    fn take(&mut self, token: Token<'_>, dialect: Dialect) {
        if token.kind != Kind::Word {
            self.begin = false;
            return;
        }
        let is = |word: &str| token.text.eq_ignore_ascii_case(word);
        self.words += 1;
        // `create temporary trigger` has it third.
        self.trigger |= dialect == Dialect::Sqlite && self.words <= 3 && is("trigger");
        let opens =
            (self.begin && dialect == Dialect::Postgres && is("atomic")) || (self.trigger && is("begin"));
        if self.is_open() {
            self.depth += usize::from(is("case"));
            self.depth -= usize::from(is("end"));
        } else if opens {
            self.depth = 1;
        }
        self.begin = is("begin");
    }
}
