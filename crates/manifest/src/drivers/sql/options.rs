//! What a method says of its SQL: `returns` beside `run`, the rest under `sql`.

use ketch_model::Problem;

use crate::driver::Wanted;
use crate::fields::Fields;
use crate::keys::SQL;
use crate::source::{Json, Spanned};

/// Rows of a list that can be continued, when nobody says.
pub(crate) const PAGE: usize = 100;
/// Rows of a list that cannot.
pub(crate) const LIST: usize = 1_000;
/// Rows of any list, at most.
pub(crate) const MOST: usize = 10_000;

/// What an endpoint gives of its statement's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returns {
    /// The only row, as an object; 404 when there is none.
    Row,
    /// `{"items": […], "next": …}`.
    Rows,
    /// `{"count": n}`: how many rows the last statement changed.
    Count,
}

impl Returns {
    const NAMES: [(&'static str, Self); 3] =
        [("row", Self::Row), ("rows", Self::Rows), ("count", Self::Count)];

    pub(super) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }
}

/// What a method says.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) returns: Option<Returns>,
    /// The column whose last value continues a list.
    pub(super) cursor: Option<Spanned>,
    /// Rows of one reply, at most.
    pub(super) page: Option<usize>,
    /// Whether callers that nobody knows are let through although the statement asks who calls.
    pub(super) anonymous: bool,
}

impl Options {
    pub(super) fn read(wanted: &Wanted<'_>, problems: &mut Vec<Problem>) -> Self {
        let mut options = Self::default();
        let of = |list: &[(String, Spanned)], name: &str| {
            list.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        if let Some(said) = of(&wanted.project.options, "sql") {
            options.take(&said, "sql", problems);
        }
        let Some(endpoint) = wanted.endpoint else { return options };
        if let Some(said) = wanted.options {
            options.take(said, &endpoint.subject(), problems);
        }
        if let Some(said) = of(&endpoint.options, "returns") {
            options.returns = returns(&said).or_else(|| {
                let message = "`returns` is `row`, `rows` or `count`";
                problems.push(Problem::new(Some(said.place.clone()), endpoint.subject(), message));
                None
            });
        }
        options
    }

    fn take(&mut self, said: &Spanned, subject: &str, problems: &mut Vec<Problem>) {
        let Some(mut fields) = Fields::by(&SQL, said, subject, problems) else { return };
        if fields.text("cursor", problems).is_some() {
            self.cursor = fields.get("cursor").cloned();
        }
        if let Some(place) = fields.get("page").map(|value| value.place.clone())
            && let Some(page) = fields.number("page", problems)
        {
            match usize::try_from(page).ok().filter(|page| (1..=MOST).contains(page)) {
                Some(page) => self.page = Some(page),
                None => {
                    let message = format!("`page` is 1 to {MOST} rows");
                    problems.push(Problem::new(Some(place), subject, message));
                }
            }
        }
        self.anonymous = fields.flag("anonymous", problems).unwrap_or(self.anonymous);
        fields.finish(problems);
    }

    /// The name of the cursor's column.
    pub(super) fn cursor(&self) -> Option<&str> {
        match &self.cursor.as_ref()?.value {
            Json::Text(name) => Some(name),
            _ => None,
        }
    }
}

fn returns(said: &Spanned) -> Option<Returns> {
    let Json::Text(name) = &said.value else { return None };
    Returns::NAMES.iter().find(|(known, _)| known == name).map(|(_, returns)| *returns)
}
