//! The way in for the fuzz targets of this repository to what is not public. Not an interface for people: it changes
//! without notice.

use crate::scan::Scan;

/// The ordinal of the first head of a connection that is to be refused, or 0, when its bytes arrive in these parts.
pub fn first_bad(parts: &[&[u8]]) -> u64 {
    let mut scan = Scan::default();
    for part in parts {
        scan.feed(part);
    }
    scan.first_bad()
}
