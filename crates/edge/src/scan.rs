//! Looks over hyper's shoulder at the bytes of an HTTP/1 connection, for what its parser forgives and we do not.
//!
//! hyper reads a message with both `Content-Length` and `Transfer-Encoding` by the latter and takes the former away
//! before anyone sees it; that is allowed (RFC 9112, 6.1), but it is how requests are smuggled past a proxy that reads
//! it by the former. It also takes a bare line feed for a line end (2.2). Both are 400 here. This never decides where a
//! message ends. Where it cannot be sure to follow hyper, it has everything after that refused.

/// Follows one connection. Its memory is constant.
#[derive(Debug)]
pub(crate) struct Scan {
    state: State,
    /// The start of a line that is still coming.
    carry: [u8; CARRY],
    kept: usize,
    /// How long that line is so far, and its last byte.
    length: usize,
    last: u8,
    /// Lines of this head that have ended.
    lines: usize,
    length_header: Option<u64>,
    chunked: bool,
    bare_feed: bool,
    heads: u64,
    first_bad: u64,
}

/// Enough of a line for `content-length: ` and twenty digits, or for the size of a chunk.
const CARRY: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes of a body are still to come.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk are still to come, its line end included.
    Chunk(u64),
    Trailers,
    /// hyper refuses what came; nothing more is to be seen.
    Off,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            state: State::Head,
            carry: [0; CARRY],
            kept: 0,
            length: 0,
            last: 0,
            lines: 0,
            length_header: None,
            chunked: false,
            bare_feed: false,
            heads: 0,
            first_bad: 0,
        }
    }
}

impl Scan {
    /// Takes the next bytes of the connection.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.state {
                State::Off => return,
                State::Body(left) => bytes = self.skip(bytes, left, State::Body, State::Head),
                State::Chunk(left) => bytes = self.skip(bytes, left, State::Chunk, State::ChunkSize),
                State::Head | State::ChunkSize | State::Trailers => bytes = self.line(bytes),
            }
        }
    }

    /// The ordinal, from 1, of the first head that is to be refused; 0 when there is none.
    pub(crate) fn first_bad(&self) -> u64 {
        self.first_bad
    }

    /// Whether it can no longer be told where messages end.
    pub(crate) fn is_lost(&self) -> bool {
        self.state == State::Off
    }

    /// Whether a body has begun and not ended.
    pub(crate) fn in_body(&self) -> bool {
        !matches!(self.state, State::Head)
    }

    fn skip<'b>(&mut self, bytes: &'b [u8], left: u64, more: fn(u64) -> State, then: State) -> &'b [u8] {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left - here as u64;
        self.state = if left == 0 { then } else { more(left) };
        &bytes[here..]
    }

    fn line<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.keep(bytes);
            return &[];
        };
        if self.length == 0 {
            // No more than the start, as of a line that comes in pieces: the verdict is the same however it comes.
            self.ended(&bytes[..end.min(CARRY)], end, end.checked_sub(1).map_or(0, |at| bytes[at]));
        } else {
            self.keep(&bytes[..end]);
            let (carry, kept) = (self.carry, self.kept);
            self.ended(&carry[..kept], self.length, self.last);
        }
        (self.kept, self.length, self.last) = (0, 0, 0);
        &bytes[end + 1..]
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = (CARRY - self.kept).min(bytes.len());
        self.carry[self.kept..self.kept + room].copy_from_slice(&bytes[..room]);
        self.kept += room;
        self.length += bytes.len();
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    /// A line without its line feed: its start, its length, its last byte.
    fn ended(&mut self, start: &[u8], length: usize, last: u8) {
        let bare = last != b'\r';
        let empty = length == usize::from(!bare);
        match self.state {
            State::Head => {
                self.bare_feed |= bare;
                if !empty {
                    self.lines += 1;
                    self.header(start, length);
                } else if self.lines > 0 || bare {
                    self.head_ended();
                }
            }
            State::ChunkSize => match chunk(start) {
                // The size goes on past what was kept of it.
                Some(_) if length > start.len() + 1 && start.iter().all(u8::is_ascii_hexdigit) => {
                    self.lose_track();
                }
                size => self.state = size.unwrap_or(State::Off),
            },
            // hyper and this would go on at different places.
            State::Trailers if bare => self.lose_track(),
            State::Trailers if empty => self.state = State::Head,
            _ => {}
        }
    }

    /// `length` is the whole line's, of which `line` may only be the start.
    fn header(&mut self, line: &[u8], length: usize) {
        let value = |name: &[u8]| {
            let fits = line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name);
            fits.then(|| line[name.len()..].trim_ascii())
        };
        if let Some(digits) = value(b"content-length:") {
            let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
            match number.filter(|_| length <= line.len() + 1) {
                Some(number) => self.length_header = Some(number),
                None => self.lose_track(),
            }
        } else if value(b"transfer-encoding:").is_some() {
            self.chunked = true;
        }
    }

    /// From here on no request of this connection is to be trusted: this one, or the next if none has begun.
    fn lose_track(&mut self) {
        if self.first_bad == 0 {
            self.first_bad = self.heads + 1;
        }
        self.state = State::Off;
    }

    fn head_ended(&mut self) {
        self.heads += 1;
        let ambiguous = self.chunked && self.length_header.is_some();
        if (ambiguous || self.bare_feed) && self.first_bad == 0 {
            self.first_bad = self.heads;
        }
        self.state = match (self.chunked, self.length_header) {
            (true, _) => State::ChunkSize,
            (false, Some(length)) if length > 0 => State::Body(length),
            _ => State::Head,
        };
        (self.lines, self.length_header, self.chunked, self.bare_feed) = (0, None, false, false);
    }
}

/// The state after the line that says how long a chunk is; `None` when hyper refuses it.
fn chunk(line: &[u8]) -> Option<State> {
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    match u64::from_str_radix(std::str::from_utf8(&line[..digits]).ok()?, 16).ok()? {
        0 => Some(State::Trailers),
        size => size.checked_add(2).map(State::Chunk),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first_bad(parts: &[&[u8]]) -> u64 {
        let mut scan = Scan::default();
        parts.iter().for_each(|part| scan.feed(part));
        scan.first_bad()
    }

    const GOOD: &[u8] = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
        POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n\
        \r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n";
    const BOTH: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-LENGTH:4\r\n\r\n0\r\n\r\n";

    #[test]
    fn ambiguous_heads_are_named_by_their_number() {
        assert_eq!(first_bad(&[GOOD]), 0);
        assert_eq!(first_bad(&[BOTH]), 1);
        assert_eq!(first_bad(&[GOOD, BOTH]), 4);
        assert_eq!(first_bad(&[GOOD, b"GET / HTTP/1.1\nHost: a\r\n\r\n"]), 4);
        assert_eq!(first_bad(&[b"GET / HTTP/1.1\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n"]), 1);
        assert_eq!(first_bad(&[b"GET / HTTP/1.1\r\nHost: a\n\n"]), 1);
    }

    #[test]
    fn what_cannot_be_followed_is_refused_from_there_on() {
        let chunked = b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\n\nA: b\r\n\r\n";
        assert_eq!(first_bad(&[chunked, BOTH]), 2);
        let spaces = [b"POST / HTTP/1.1\r\nContent-Length:".as_slice(), &[b' '; 70]].concat();
        assert_eq!(first_bad(&[&spaces, b"44\r\n\r\n"]), 1);
        assert_eq!(first_bad(&[b"POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n"]), 1);
    }

    #[test]
    fn a_number_that_is_longer_than_what_is_kept_is_refused_however_it_comes() {
        let spaces = [b"POST / HTTP/1.1\r\nContent-Length:".as_slice(), &[b' '; 70], b"44\r\n\r\n"].concat();
        assert_eq!(first_bad(&[&spaces]), 1);
        let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice();
        let zeros = [head, &[b'0'; 70], b"5\r\nhello\r\n0\r\n\r\n"].concat();
        assert_eq!(first_bad(&[&zeros]), 2);
        let cuts: Vec<&[u8]> = zeros.chunks(7).collect();
        assert_eq!(first_bad(&cuts), 2);
        let fits = [head, &[b'0'; 63], b"5\r\nhello\r\n0\r\n\r\n"].concat();
        assert_eq!(first_bad(&[&fits, BOTH]), 2);
        assert_eq!(first_bad(&[&fits, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]), 0);
    }

    #[test]
    fn a_body_that_is_still_coming_is_known() {
        let mut scan = Scan::default();
        scan.feed(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel");
        assert!(scan.in_body());
        scan.feed(b"lo");
        assert!(!scan.in_body());
    }

    proptest! {
        /// However the bytes are cut into reads, the verdict is the same.
        #[test]
        fn cuts_change_nothing(cuts in prop::collection::vec(0..400_usize, 0..8)) {
            let bytes = [GOOD, BOTH].concat();
            let mut scan = Scan::default();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            for pair in cuts.windows(2) {
                scan.feed(&bytes[pair[0]..pair[1]]);
            }
            prop_assert_eq!(scan.first_bad(), 4);
        }

        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            Scan::default().feed(&bytes);
        }
    }
}
