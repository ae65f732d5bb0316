//! Time zones by name: the machine's, which may be newer, or else those in the program.

use jiff::tz::{TimeZone, TimeZoneDatabase, db};
use ketch_syntax::closest;

/// The longest name of a zone, in bytes.
const LONGEST: usize = 64;

/// The zone with this IANA name.
///
/// # Errors
/// That there is none, and which was probably meant.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    if name.eq_ignore_ascii_case("UTC") {
        return Ok(TimeZone::UTC);
    }
    let bundled = TimeZoneDatabase::bundled();
    let plain = !name.is_empty() && name.len() <= LONGEST && name.is_ascii();
    let found = plain.then(|| db().get(name).or_else(|_| bundled.get(name)).ok()).flatten();
    // The library takes a zone of this name for one that is not known.
    if let Some(zone) = found.filter(|zone| !zone.is_unknown()) {
        return Ok(zone);
    }
    let mut message = format!("`{}` is no time zone", name.escape_debug());
    if plain {
        let known: Vec<String> = bundled.available().map(|name| name.as_str().to_owned()).collect();
        // `Berlin` and `europe-berlin` are nearer to `Europe/Berlin` than their letters say.
        let city = name.rsplit(['/', '-']).next().unwrap_or(name).replace(' ', "_");
        let last = |known: &&String| {
            known.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&city))
                && known.contains('/')
        };
        let near = closest(name, known.iter().map(String::as_str));
        if let Some(near) = near.or_else(|| known.iter().find(last).map(String::as_str)) {
            return Err(format!("{message}; did you mean `{near}`?"));
        }
    }
    message += "; names are as in the IANA database: `Europe/Paris`, `America/New_York`, `UTC`";
    Err(message)
}
