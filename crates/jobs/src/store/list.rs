//! Pages of jobs, the newest first.
//!
//! There is an index for what is rare and looked for, dead and cancelled jobs, and for those that run. Everything else
//! goes down the numbers, a bounded way for each page, so that no index has to be kept for each thing that may be asked.

use ketch_db::{Db, Params, Result, Snapshot, params};

use super::look::{Stored, columns, shown};
use crate::manage::{Filter, Page};
use crate::row::{JobRow, Status};

/// How many rows one page looks at, at most.
const WINDOW: i64 = 20_000;

/// How many bytes the payloads of one page have, at most; the first job is on it however large it is.
const LARGEST: usize = 4 << 20;

pub(crate) async fn list(db: &Db, filter: Filter) -> Result<Page> {
    db.read(move |snapshot| page(snapshot, &filter)).await
}

const EVERY: &str = "1 = 1";

/// Where rows come from: a condition that one index serves, and how its number is written for that index to be chosen.
struct Source {
    which: String,
    number: &'static str,
}

impl Source {
    fn all() -> Self {
        Self { which: EVERY.to_owned(), number: "id" }
    }

    fn of(status: &[Status]) -> Vec<Self> {
        let rare = |status: &Status| matches!(status, Status::Dead | Status::Cancelled);
        match status {
            [] => vec![Self::all()],
            // They are few: read all, then sort. The sign keeps the planner from going down the numbers.
            [Status::Running] => vec![Self { which: "status = 'running'".to_owned(), number: "+id" }],
            some if some.iter().all(rare) => {
                let one = |status: &Status| Self {
                    which: format!("status in ('dead', 'cancelled') and status = '{status}'"),
                    number: "id",
                };
                some.iter().map(one).collect()
            }
            some => {
                let names: Vec<String> = some.iter().map(|status| format!("'{status}'")).collect();
                // Not a bare column, so that no index of one state is taken, which has another order.
                vec![Self { which: format!("status || '' in ({})", names.join(", ")), number: "id" }]
            }
        }
    }
}

fn page(snapshot: &mut Snapshot<'_>, filter: &Filter) -> Result<Page> {
    let mut status = filter.status.clone();
    status.sort_unstable_by_key(|status| status.name());
    status.dedup();
    let below = filter.after.unwrap_or(i64::MAX);
    let (mut jobs, mut next): (Vec<JobRow>, Option<i64>) = (Vec::new(), None);
    for source in Source::of(&status) {
        let part = part(snapshot, &source, filter, below)?;
        jobs.extend(part.jobs);
        next = next.max(part.next);
    }
    // What one source did not look at yet comes with the next page, and what others have from there on too.
    jobs.retain(|job| next.is_none_or(|next| job.id >= next));
    jobs.sort_unstable_by_key(|job| std::cmp::Reverse(job.id));
    if jobs.len() > filter.limit {
        jobs.truncate(filter.limit);
        next = jobs.last().map(|job| job.id);
    }
    Ok(Page { jobs, next })
}

/// A page from one source.
fn part(snapshot: &mut Snapshot<'_>, source: &Source, filter: &Filter, below: i64) -> Result<Page> {
    let Source { which, number } = source;
    let narrow = [
        ("job_type", filter.job_type.as_ref()),
        ("queue", filter.queue.as_ref()),
        ("schedule", filter.schedule.as_ref()),
    ];
    let narrow: Vec<_> = narrow.into_iter().filter_map(|(column, it)| Some((column, it?))).collect();
    // A page of everything is full before it has looked far.
    let floor: Option<i64> = if narrow.is_empty() && *which == EVERY {
        None
    } else {
        let sql = format!(
            "select id from job_queue where {which} and {number} < :below order by {number} desc limit 1 offset {WINDOW}"
        );
        snapshot.query_opt(sql, params! { below })?
    };
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let mut values: Params = params! { below, floor: floor.unwrap_or(0) };
    let mut conditions = String::new();
    for (column, value) in narrow {
        conditions.push_str(&format!(" and {column} = :{column}"));
        values = values.with(column, value);
    }
    let columns = columns(snapshot.dialect());
    let rows = format!(
        "from job_queue where {which} and {number} < :below and {number} > :floor{conditions} \
         order by {number} desc limit cast(:most as bigint)"
    );
    // Its size is known without reading a payload.
    let sizes: Vec<i64> = snapshot.query(
        format!("select cast(octet_length(payload) as bigint) {rows}"),
        values.clone().with("most", limit + 1),
    )?;
    let fit = fitting(&sizes, filter.limit);
    let most = i64::try_from(fit).unwrap_or(limit);
    let stored: Vec<Stored> =
        snapshot.query(format!("select {columns} {rows}"), values.with("most", most))?;
    let jobs: Vec<JobRow> = stored.into_iter().map(shown).collect::<Result<_>>()?;
    if fit < sizes.len() {
        let next = jobs.last().map(|job| job.id);
        return Ok(Page { jobs, next });
    }
    Ok(Page { jobs, next: floor.map(|floor| floor + 1) })
}

/// How many of these rows are on one page.
fn fitting(sizes: &[i64], limit: usize) -> usize {
    let mut bytes = 0_usize;
    let fits = |size: &&i64| {
        bytes = bytes.saturating_add(usize::try_from(**size).unwrap_or_default());
        bytes <= LARGEST
    };
    sizes.iter().take(limit).take_while(fits).count().max(1).min(sizes.len())
}
