//! Where the parts of a multipart body begin and end (RFC 2046, 5.1.1), found in bytes as they come.
//!
//! Strict where readers differ and a check can be slipped past: lines end in CRLF, and the last delimiter must come.
//! No more is kept than a delimiter, or one part's headers; every byte is looked at a bounded number of times.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::Finder;

/// The longest headers of one part, in bytes.
pub(crate) const HEAD: usize = 8 << 10;
/// The longest transport padding after a delimiter, in bytes.
const PADDING: usize = 256;

/// Finds the parts of one body.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// `CR LF - - boundary`.
    delimiter: Finder<'static>,
    buffer: BytesMut,
    /// Bytes of the buffer that are known to begin no delimiter, or hold no end of a head.
    searched: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Preamble,
    Head,
    Data {
        /// Whether the line end before the first byte is still there.
        begins: bool,
    },
    Over,
}

/// What comes next in a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The headers of a part, without the empty line.
    Head(Bytes),
    /// Some of its data; not empty.
    Data(Bytes),
    /// The end of its data.
    End,
    /// The end of all parts.
    Over,
    /// Nothing before more bytes have come.
    Hungry,
}

/// Why a body is no multipart body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It ended before its last delimiter.
    Cut,
    /// A part's headers are longer than [`HEAD`].
    LongHead,
}

/// What a delimiter opens.
#[derive(Clone, Copy)]
enum After {
    /// A part, after so many bytes of the line.
    Part(usize),
    /// Nothing: it was the last.
    Close,
}

impl Scanner {
    /// `boundary` is the parameter of the content type.
    pub(crate) fn new(boundary: &str) -> Self {
        let delimiter = Finder::new(format!("\r\n--{boundary}").as_bytes()).into_owned();
        // The first delimiter may open the body, without a line before it.
        Self { delimiter, buffer: BytesMut::from("\r\n"), searched: 0, state: State::Preamble }
    }

    /// Takes the next bytes of the body.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.state != State::Over {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// What comes next. `ended` says that no more bytes will come.
    ///
    /// # Errors
    /// What is wrong with the body; what follows is not to be trusted.
    pub(crate) fn next(&mut self, ended: bool) -> Result<Event, Fault> {
        loop {
            let event = match self.state {
                State::Preamble => self.preamble(),
                State::Head => self.head()?,
                State::Data { begins } => self.data(begins),
                State::Over => Some(Event::Over),
            };
            match event {
                Some(Event::Hungry) if ended => return Err(Fault::Cut),
                Some(event) => return Ok(event),
                None => {}
            }
        }
    }

    fn preamble(&mut self) -> Option<Event> {
        match self.before_delimiter() {
            Found::Delimiter(at, after) => {
                self.pass(at, after);
                None
            }
            Found::Bytes(count) => {
                self.drop_front(count);
                Some(Event::Hungry)
            }
        }
    }

    /// The line end before a part's data is still there when they begin: data that is none at all leaves it to the
    /// delimiter.
    fn data(&mut self, begins: bool) -> Option<Event> {
        match self.before_delimiter() {
            Found::Delimiter(0, after) => {
                self.pass(0, after);
                Some(Event::End)
            }
            Found::Bytes(0 | 1) if begins => Some(Event::Hungry),
            Found::Bytes(0) => Some(Event::Hungry),
            _ if begins => {
                self.drop_front(2);
                self.state = State::Data { begins: false };
                None
            }
            Found::Delimiter(count, _) | Found::Bytes(count) => {
                self.searched = self.searched.saturating_sub(count);
                Some(Event::Data(self.buffer.split_to(count).freeze()))
            }
        }
    }

    fn head(&mut self) -> Result<Option<Event>, Fault> {
        // The delimiter's own line end has been taken, so headers that are none begin with one.
        if self.buffer.starts_with(b"\r\n") {
            return Ok(Some(self.headed(0)));
        }
        let from = self.searched.saturating_sub(3);
        match memchr::memmem::find(&self.buffer[from..], b"\r\n\r\n").map(|at| at + from) {
            Some(at) if at > HEAD => Err(Fault::LongHead),
            Some(at) => Ok(Some(self.headed(at))),
            None if self.buffer.len() > HEAD + 3 => Err(Fault::LongHead),
            None => {
                self.searched = self.buffer.len();
                Ok(Some(Event::Hungry))
            }
        }
    }

    fn headed(&mut self, length: usize) -> Event {
        let head = self.buffer.split_to(length).freeze();
        if length > 0 {
            self.drop_front(2);
        }
        self.searched = 0;
        self.state = State::Data { begins: true };
        Event::Head(head)
    }

    /// Steps over a delimiter and what stands before it.
    fn pass(&mut self, at: usize, after: After) {
        match after {
            After::Part(length) => {
                self.drop_front(at + self.delimiter.needle().len() + length);
                self.searched = 0;
                self.state = State::Head;
            }
            After::Close => {
                self.state = State::Over;
                self.buffer = BytesMut::new();
            }
        }
    }

    fn drop_front(&mut self, count: usize) {
        self.buffer.advance(count);
        self.searched = self.searched.saturating_sub(count);
    }

    /// How many bytes stand before the next delimiter, or surely belong to none.
    fn before_delimiter(&mut self) -> Found {
        let length = self.delimiter.needle().len();
        loop {
            let Some(at) = self.delimiter.find(&self.buffer[self.searched..]) else {
                let sure = (self.buffer.len() + 1).saturating_sub(length);
                self.searched = self.searched.max(sure);
                return Found::Bytes(sure);
            };
            let at = at + self.searched;
            self.searched = at;
            match after(&self.buffer[at + length..]) {
                Verdict::Delimiter(after) => return Found::Delimiter(at, after),
                Verdict::Unknown => return Found::Bytes(at),
                Verdict::Data => self.searched = at + 1,
            }
        }
    }
}

enum Found {
    Delimiter(usize, After),
    Bytes(usize),
}

/// What the bytes after a delimiter's make of it.
enum Verdict {
    Delimiter(After),
    /// It was data that only begins like one.
    Data,
    /// More bytes must come.
    Unknown,
}

fn after(rest: &[u8]) -> Verdict {
    match rest {
        [] | b"-" => return Verdict::Unknown,
        [b'-', b'-', ..] => return Verdict::Delimiter(After::Close),
        _ => {}
    }
    let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match &rest[padding..] {
        _ if padding > PADDING => Verdict::Data,
        [] | b"\r" => Verdict::Unknown,
        [b'\r', b'\n', ..] => Verdict::Delimiter(After::Part(padding + 2)),
        _ => Verdict::Data,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parts = Vec<(Vec<u8>, Vec<u8>)>;

    /// All parts of a body that comes in so many pieces: heads and data.
    fn read(boundary: &str, pieces: &[&[u8]]) -> Result<Parts, Fault> {
        let (mut scanner, mut parts, mut pieces) = (Scanner::new(boundary), Vec::new(), pieces.iter());
        let mut ended = false;
        loop {
            match scanner.next(ended)? {
                Event::Head(head) => parts.push((head.to_vec(), Vec::new())),
                Event::Data(data) => {
                    assert!(!data.is_empty());
                    parts.last_mut().unwrap().1.extend_from_slice(&data);
                }
                Event::End => {}
                Event::Over => return Ok(parts),
                Event::Hungry => match pieces.next() {
                    Some(piece) => scanner.feed(piece),
                    None => ended = true,
                },
            }
        }
    }

    fn part(head: &str, data: &str) -> (Vec<u8>, Vec<u8>) {
        (head.as_bytes().to_vec(), data.as_bytes().to_vec())
    }

    #[test]
    fn parts_end_where_a_delimiter_stands_alone_on_its_line() {
        assert_eq!(read("b", &[b"--b\r\nA: 1\r\n\r\nx\r\n--b--"]), Ok(vec![part("A: 1", "x")]));
        let near = b"x\r\n--b  \t\r\nA: 1\r\n\r\nx--b\r\n--bc\r\n--b c\r\n--b--y";
        assert_eq!(read("b", &[near]), Ok(vec![part("A: 1", "x--b\r\n--bc\r\n--b c")]));
        assert_eq!(read("b", &[b"--b--"]), Ok(vec![]));
        assert_eq!(read("b", &[b"--b\r\n\r\nx\r\n--b--"]), Ok(vec![part("", "x")]), "no headers");
        let empty = b"--b\r\nA: 1\r\n\r\n--b\r\nB: 2\r\n\r\n\r\n--b--";
        assert_eq!(read("b", &[empty]), Ok(vec![part("A: 1", ""), part("B: 2", "")]), "no data");
    }

    #[test]
    fn a_body_without_its_end_is_cut() {
        for cut in [
            "",
            "--b",
            "--b\r\nA: 1",
            "--b\r\nA: 1\r\n\r\nx",
            "--b\r\nA: 1\r\n\r\nx\r\n--b\r\n",
            "--b-",
            "--c--",
        ] {
            assert_eq!(read("b", &[cut.as_bytes()]), Err(Fault::Cut), "{cut:?}");
        }
        assert_eq!(read("b", &[b"--b\nA: 1\n\nx\n--b--\n"]), Err(Fault::Cut), "bare line feeds end no line");
    }

    #[test]
    fn headers_are_bounded_and_so_is_what_is_kept() {
        let long = [b"--b\r\nA: ".as_slice(), &[b'x'; HEAD + 1]].concat();
        assert_eq!(read("b", &[&long]), Err(Fault::LongHead));
        let mut scanner = Scanner::new("b");
        scanner.feed(b"--b\r\n\r\n");
        for _ in 0..1000 {
            scanner.feed(&[b'\r'; 1000]);
            while scanner.next(false).unwrap() != Event::Hungry {}
            assert!(scanner.buffer.len() < 10, "{}", scanner.buffer.len());
        }
    }

    proptest! {
        /// However the bytes are cut into reads, the parts are the same.
        #[test]
        fn cuts_change_nothing(bytes in "(--b|\r\n|\r|\n|-| |x|A: 1|\r\n\r\n|\r\n--b\r\n|--){0,30}", cuts in prop::collection::vec(0..100_usize, 0..8)) {
            let bytes = format!("--b\r\n{bytes}\r\n--b--").into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read("b", &[&bytes]), read("b", &pieces));
        }
    }
}
