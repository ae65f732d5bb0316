//! A kept reply, and its form in bytes for stores outside the process.
//!
//! Version 1 of the form, all numbers big-endian: the six bytes `ketch1`; the status as u16; the time of storing and
//! the time to live as u64 milliseconds (the first since 1970); the number of tags as u16, each with its length as
//! u16; the number of headers as u16, each as a name with its length as u16 and a value with its length as u32; the
//! body with its length as u32. Nothing may follow. What cannot be read is a miss, so the form may change at any time.

use std::time::{Duration, SystemTime};

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const MAGIC: &[u8] = b"ketch1";

/// A kept reply: what is sent, when it was made, how long it holds, and the tags it is purged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    stored_at: SystemTime,
    ttl: Duration,
    tags: Vec<String>,
}

impl Entry {
    pub(super) fn new(
        (status, headers, body): (StatusCode, HeaderMap, Bytes),
        (stored_at, ttl): (SystemTime, Duration),
        tags: Vec<String>,
    ) -> Self {
        Self { status, headers, body, stored_at, ttl, tags }
    }

    /// The reply's status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The reply's headers, as they are sent but for `Age` and `Cache-Status`.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The reply's body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// How long it holds, from the time it was stored.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The tags it is purged by: its service, its operation, its URL, and what the endpoint added.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// How old it is; none when its time has passed. A clock that was set back makes it new, not old.
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        let age = now.duration_since(self.stored_at).unwrap_or_default();
        (age < self.ttl).then_some(age)
    }

    /// Its size in memory, in bytes, roughly and rather too large.
    pub fn weight(&self) -> usize {
        const OVERHEAD: usize = 512;
        const EACH: usize = 64;
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + EACH).sum();
        let tags: usize = self.tags.iter().map(|tag| tag.len() + EACH).sum();
        OVERHEAD + headers + tags + self.body.len()
    }

    /// The entry as bytes; none when a part of it is longer than the form allows.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(self.weight());
        out.put_slice(MAGIC);
        out.put_u16(self.status.as_u16());
        let since = self.stored_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        out.put_u64(u64::try_from(since.as_millis()).ok()?);
        out.put_u64(u64::try_from(self.ttl.as_millis()).ok()?);
        out.put_u16(u16::try_from(self.tags.len()).ok()?);
        for tag in &self.tags {
            out.put_u16(u16::try_from(tag.len()).ok()?);
            out.put_slice(tag.as_bytes());
        }
        out.put_u16(u16::try_from(self.headers.len()).ok()?);
        for (name, value) in &self.headers {
            out.put_u16(u16::try_from(name.as_str().len()).ok()?);
            out.put_slice(name.as_str().as_bytes());
            out.put_u32(u32::try_from(value.len()).ok()?);
            out.put_slice(value.as_bytes());
        }
        out.put_u32(u32::try_from(self.body.len()).ok()?);
        out.put_slice(&self.body);
        Some(out)
    }

    /// The entry that these bytes are; none when they are no entry of this version.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Option<Self> {
        let mut bytes = bytes.into();
        if take(&mut bytes, MAGIC.len())? != MAGIC {
            return None;
        }
        let status = StatusCode::from_u16(bytes.try_get_u16().ok()?).ok()?;
        let stored_at =
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(bytes.try_get_u64().ok()?))?;
        let ttl = Duration::from_millis(bytes.try_get_u64().ok()?);
        let mut tags = Vec::new();
        for _ in 0..bytes.try_get_u16().ok()? {
            let length = bytes.try_get_u16().ok()?;
            tags.push(String::from_utf8(take(&mut bytes, length.into())?.to_vec()).ok()?);
        }
        let mut headers = HeaderMap::new();
        for _ in 0..bytes.try_get_u16().ok()? {
            let length = bytes.try_get_u16().ok()?;
            let name = HeaderName::from_bytes(&take(&mut bytes, length.into())?).ok()?;
            let length = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
            // Copied, so that a header does not keep the whole entry's bytes.
            let value = HeaderValue::from_bytes(&take(&mut bytes, length)?).ok()?;
            headers.try_append(name, value).ok()?;
        }
        let length = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
        let body = take(&mut bytes, length)?;
        bytes.is_empty().then_some(Self { status, headers, body, stored_at, ttl, tags })
    }
}

fn take(bytes: &mut Bytes, length: usize) -> Option<Bytes> {
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(body: &[u8]) -> Entry {
        let mut headers = HeaderMap::new();
        headers.append("content-type", HeaderValue::from_static("text/plain"));
        headers.append("link", HeaderValue::from_static("a"));
        headers.append("link", HeaderValue::from_bytes(b"\xff").unwrap());
        let times = (SystemTime::UNIX_EPOCH + Duration::from_secs(9), Duration::from_millis(60_500));
        let tags = vec!["boats".to_owned(), "/boats/7?a=ü".to_owned()];
        Entry::new((StatusCode::OK, headers, Bytes::copy_from_slice(body)), times, tags)
    }

    #[test]
    fn an_entry_is_fresh_for_its_time_and_no_longer() {
        let (entry, at) = (entry(b""), |secs| SystemTime::UNIX_EPOCH + Duration::from_millis(secs));
        assert_eq!(entry.age(at(9_000)), Some(Duration::ZERO));
        assert_eq!(entry.age(at(69_499)), Some(Duration::from_millis(60_499)));
        assert_eq!(entry.age(at(69_500)), None);
        assert_eq!(entry.age(at(1_000)), Some(Duration::ZERO), "the clock was set back");
    }

    #[test]
    fn no_part_of_an_entry_is_an_entry() {
        let bytes = entry(b"hello").to_bytes().unwrap();
        assert_eq!(Entry::from_bytes(bytes.clone()), Some(entry(b"hello")));
        for length in 0..bytes.len() {
            assert_eq!(Entry::from_bytes(bytes[..length].to_vec()), None, "{length}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(Entry::from_bytes(longer), None);
        let mut other_version = bytes;
        other_version[5] = b'2';
        assert_eq!(Entry::from_bytes(other_version), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_a_miss(mut bytes in prop::collection::vec(any::<u8>(), 0..200), good in any::<bool>()) {
            if good {
                bytes.splice(0..0, MAGIC.iter().copied());
            }
            if let Some(entry) = Entry::from_bytes(bytes.clone()) {
                prop_assert_eq!(Entry::from_bytes(entry.to_bytes().unwrap()), Some(entry));
            }
        }

        #[test]
        fn every_body_comes_back(body in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(Entry::from_bytes(entry(&body).to_bytes().unwrap()), Some(entry(&body)));
        }
    }
}
