//! Request ids as long as the candidate's: 16 hexadecimal digits, made of a counter.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;

/// The name of one request.
#[derive(Clone, Copy)]
pub(crate) struct RequestId([u8; 16]);

impl RequestId {
    pub(crate) fn next() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        // An odd factor is one to one over 64 bits, so no two ids are the same, and they look mixed.
        let word = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut digits = [0; 16];
        for (at, digit) in digits.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[((word >> (60 - 4 * at)) & 15) as usize];
        }
        Self(digits)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the digits are ASCII")
    }

    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("the digits are ASCII")
    }
}
