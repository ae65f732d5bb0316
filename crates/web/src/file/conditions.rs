//! What a request's conditions and its range come to (RFC 9110 sections 13.2 and 14.2): no I/O, no replies.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderMap, HeaderName, Method};
use http_range_header::{EndPosition, StartPosition};

/// How long after a change another one may not show.
const SETTLED: Duration = Duration::from_secs(2);

/// What one state of a file is told by.
#[derive(Clone, Debug)]
pub(super) struct Version {
    length: u64,
    modified: Option<SystemTime>,
    settled: bool,
}

/// What to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Whole,
    /// From the first to the last byte, both included.
    Part {
        first: u64,
        last: u64,
    },
    /// 304.
    NotModified,
    /// 412.
    Failed,
    /// 416.
    Unsatisfiable,
}

impl Version {
    pub(super) fn new(length: u64, modified: Option<SystemTime>, now: SystemTime) -> Self {
        let modified = modified.filter(|time| *time >= UNIX_EPOCH);
        let settled = modified.is_some_and(|time| now.duration_since(time).is_ok_and(|age| age >= SETTLED));
        Self { length, modified, settled }
    }

    /// The entity tag.
    pub(super) fn tag(&self) -> String {
        let weak = if self.settled { "" } else { "W/" };
        format!("{weak}{}", self.opaque())
    }

    fn opaque(&self) -> String {
        let since = self.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        format!("\"{:x}-{:x}\"", self.length, since.as_nanos())
    }

    /// The time of change as HTTP writes it, once no other change can fall into the same second.
    pub(super) fn date(&self) -> Option<String> {
        self.seconds().filter(|time| self.settled && *time < UNIX_EPOCH + LATEST).map(httpdate::fmt_http_date)
    }

    /// The time of change, to the second.
    fn seconds(&self) -> Option<SystemTime> {
        let since = self.modified?.duration_since(UNIX_EPOCH).ok()?;
        Some(UNIX_EPOCH + Duration::from_secs(since.as_secs()))
    }
}

/// The end of the year 9999, past which no date can be written.
const LATEST: Duration = Duration::from_secs(253_402_300_800);

/// Weighs conditions in the order of RFC 9110 section 13.2.2. Only GET and HEAD have them here, and only GET has ranges.
pub(super) fn judge(method: &Method, headers: &HeaderMap, version: &Version) -> Verdict {
    if *method != Method::GET && *method != Method::HEAD {
        return Verdict::Whole;
    }
    if headers.contains_key(IF_MATCH) {
        let opaque = version.opaque();
        if !tags(headers, &IF_MATCH).any(|tag| tag == "*" || (version.settled && tag == opaque)) {
            return Verdict::Failed;
        }
    } else if let (Some(since), Some(changed)) = (date(headers, &IF_UNMODIFIED_SINCE), version.seconds())
        && changed > since
    {
        return Verdict::Failed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        let opaque = version.opaque();
        if tags(headers, &IF_NONE_MATCH)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == opaque)
        {
            return Verdict::NotModified;
        }
    } else if let (Some(since), Some(changed)) = (date(headers, &IF_MODIFIED_SINCE), version.seconds())
        && changed <= since
    {
        return Verdict::NotModified;
    }
    if *method == Method::GET && still_the_same(headers, version) {
        return range(headers, version.length);
    }
    Verdict::Whole
}

/// What `If-Range` comes to: a strong tag or date that fits, or none.
fn still_the_same(headers: &HeaderMap, version: &Version) -> bool {
    if !headers.contains_key(IF_RANGE) {
        return true;
    }
    let Some(text) = only(headers, &IF_RANGE) else { return false };
    version.settled && (text == version.opaque() || version.date().is_some_and(|date| date == text))
}

/// What one range comes to. Several are not looked at: parts in one body are rarely read, and cost work.
fn range(headers: &HeaderMap, length: u64) -> Verdict {
    let Some(text) = only(headers, &RANGE).filter(|text| !text.contains(',')) else { return Verdict::Whole };
    let parsed = match http_range_header::parse_range_header(text) {
        Ok(parsed) => parsed,
        Err(http_range_header::RangeUnsatisfiableError::ZeroSuffix) => return Verdict::Unsatisfiable,
        Err(_) => return Verdict::Whole,
    };
    let [range] = parsed.ranges.as_slice() else { return Verdict::Whole };
    let end = length.saturating_sub(1);
    match (range.start, range.end) {
        (StartPosition::FromLast(_), _) if length == 0 => Verdict::Whole,
        (StartPosition::FromLast(count), _) => {
            Verdict::Part { first: length.saturating_sub(count), last: end }
        }
        (StartPosition::Index(first), EndPosition::Index(last)) if last < first => Verdict::Whole,
        (StartPosition::Index(first), _) if first >= length => Verdict::Unsatisfiable,
        (StartPosition::Index(first), EndPosition::Index(last)) => {
            Verdict::Part { first, last: last.min(end) }
        }
        (StartPosition::Index(first), EndPosition::LastByte) => Verdict::Part { first, last: end },
    }
}

/// The value of a header that stands there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(only(headers, name)?).ok()
}

/// The tags of a list. One of ours has no comma, so what a comma in a foreign one leaves is no tag of ours.
fn tags<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const TAG: &str = "\"64-ae1b981bc490a00\"";

    fn version(settled: bool) -> Version {
        let modified = httpdate::parse_http_date(CHANGED).unwrap();
        let age = if settled { SETTLED } else { Duration::ZERO };
        Version::new(100, Some(modified), modified + age)
    }

    fn ask(method: &Method, version: &Version, fields: &[(HeaderName, &str)]) -> Verdict {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.clone(), value.parse().unwrap());
        }
        judge(method, &headers, version)
    }

    #[test]
    fn ranges_come_to_parts() {
        let part = |first, last| Verdict::Part { first, last };
        let many = format!("bytes=0-0{}", ",0-0".repeat(2000));
        let cases = [
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-99", part(0, 99)),
            ("bytes=10-", part(10, 99)),
            ("bytes=90-1000", part(90, 99)),
            ("bytes=-10", part(90, 99)),
            ("bytes=-1000", part(0, 99)),
            ("bytes=99-99", part(99, 99)),
            ("bytes=100-", Verdict::Unsatisfiable),
            ("bytes=100-200", Verdict::Unsatisfiable),
            ("bytes=-0", Verdict::Unsatisfiable),
            ("bytes=5-4", Verdict::Whole),
            ("bytes=", Verdict::Whole),
            ("bytes=a-b", Verdict::Whole),
            ("bytes=0-18446744073709551616", Verdict::Whole),
            ("bytes=0-18446744073709551615", part(0, 99)),
            ("items=0-1", Verdict::Whole),
            ("bytes=0-1,2-3", Verdict::Whole),
            (many.as_str(), Verdict::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(ask(&Method::GET, &version(true), &[(RANGE, range)]), expected, "{range}");
            assert_eq!(ask(&Method::HEAD, &version(true), &[(RANGE, range)]), Verdict::Whole, "{range}");
            assert_eq!(ask(&Method::POST, &version(true), &[(RANGE, range)]), Verdict::Whole, "{range}");
        }
        let twice = [(RANGE, "bytes=0-0"), (RANGE, "bytes=1-1")];
        assert_eq!(ask(&Method::GET, &version(true), &twice), Verdict::Whole);
        let empty = Version { length: 0, ..version(true) };
        assert_eq!(ask(&Method::GET, &empty, &[(RANGE, "bytes=0-")]), Verdict::Unsatisfiable);
        assert_eq!(ask(&Method::GET, &empty, &[(RANGE, "bytes=-5")]), Verdict::Whole);
    }

    #[test]
    fn conditions_are_weighed_in_their_order() {
        let (old, part) = (version(true), Verdict::Part { first: 0, last: 0 });
        assert_eq!(old.tag(), TAG);
        let weak = format!("W/{TAG}");
        let list = format!("\"x\", {weak}");
        let later = "Sun, 06 Nov 1994 08:49:38 GMT";
        let earlier = "Sun, 06 Nov 1994 08:49:36 GMT";
        let range = (RANGE, "bytes=0-0");
        let cases: &[(&[(HeaderName, &str)], Verdict)] = &[
            (&[(IF_NONE_MATCH, TAG)], Verdict::NotModified),
            (&[(IF_NONE_MATCH, &weak)], Verdict::NotModified),
            (&[(IF_NONE_MATCH, &list)], Verdict::NotModified),
            (&[(IF_NONE_MATCH, "*")], Verdict::NotModified),
            (&[(IF_NONE_MATCH, "\"x\"")], Verdict::Whole),
            (&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, CHANGED)], Verdict::Whole),
            (&[(IF_NONE_MATCH, TAG), range.clone()], Verdict::NotModified),
            (&[(IF_MODIFIED_SINCE, CHANGED)], Verdict::NotModified),
            (&[(IF_MODIFIED_SINCE, later)], Verdict::NotModified),
            (&[(IF_MODIFIED_SINCE, earlier)], Verdict::Whole),
            (&[(IF_MODIFIED_SINCE, "yesterday")], Verdict::Whole),
            (&[(IF_MATCH, TAG)], Verdict::Whole),
            (&[(IF_MATCH, &weak)], Verdict::Failed),
            (&[(IF_MATCH, "\"x\"")], Verdict::Failed),
            (&[(IF_MATCH, "*")], Verdict::Whole),
            (&[(IF_UNMODIFIED_SINCE, earlier)], Verdict::Failed),
            (&[(IF_UNMODIFIED_SINCE, CHANGED)], Verdict::Whole),
            (&[(IF_RANGE, TAG), range.clone()], part),
            (&[(IF_RANGE, CHANGED), range.clone()], part),
            (&[(IF_RANGE, &weak), range.clone()], Verdict::Whole),
            (&[(IF_RANGE, later), range.clone()], Verdict::Whole),
            (&[(IF_RANGE, "\"x\""), range.clone()], Verdict::Whole),
        ];
        for (fields, expected) in cases {
            assert_eq!(ask(&Method::GET, &old, fields), *expected, "{fields:?}");
        }
    }

    #[test]
    fn a_file_just_changed_is_never_strongly_the_same() {
        let new = version(false);
        assert_eq!(new.tag(), format!("W/{TAG}"));
        let range = (RANGE, "bytes=0-0");
        for known in [TAG, new.tag().as_str(), CHANGED] {
            assert_eq!(ask(&Method::GET, &new, &[(IF_RANGE, known), range.clone()]), Verdict::Whole);
        }
        assert_eq!(ask(&Method::GET, &new, &[(IF_NONE_MATCH, &new.tag())]), Verdict::NotModified);
    }
}
