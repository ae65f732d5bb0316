//! HTTP/2 frames written by hand, and a client that sends them without asking whether they make sense.
//!
//! Not here: flow control, priorities or a decoder for header blocks beyond the status; a client library has those,
//! and would refuse to send what these tests send. Sources: RFC 9113 sections 3.4, 4.1 and 6, RFC 7541 sections 5 and 6.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::raw::PATIENCE;

/// RFC 9113 3.4: what a client says first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The kinds of frame, RFC 9113 6.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PUSH_PROMISE: u8 = 5;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

/// The flags of frames, RFC 9113 6.
pub(crate) mod flag {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const ACK: u8 = 1;
    pub(crate) const END_STREAM: u8 = 1;
    pub(crate) const END_HEADERS: u8 = 4;
    pub(crate) const PADDED: u8 = 8;
    pub(crate) const PRIORITY: u8 = 32;
}

/// The settings, RFC 9113 6.5.2.
pub(crate) mod setting {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 1;
    pub(crate) const ENABLE_PUSH: u16 = 2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// The error codes, RFC 9113 7.
pub(crate) mod code {
    pub(crate) const NO_ERROR: u32 = 0;
    pub(crate) const PROTOCOL_ERROR: u32 = 1;
    pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
    pub(crate) const STREAM_CLOSED: u32 = 5;
    pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
    pub(crate) const REFUSED_STREAM: u32 = 7;
    pub(crate) const COMPRESSION_ERROR: u32 = 9;
    pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;
}

/// One frame as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag == flag
    }

    /// The error code of RST_STREAM and GOAWAY.
    pub(crate) fn code(&self) -> Option<u32> {
        let at = match self.kind {
            kind::RST_STREAM => 0,
            kind::GOAWAY => 4,
            _ => return None,
        };
        self.payload.get(at..at + 4).map(number)
    }

    /// The status of HEADERS that begin a response.
    pub(crate) fn status(&self) -> Option<u16> {
        if self.kind == kind::HEADERS { decode_status(&self.payload) } else { None }
    }
}

/// One frame as bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a payload below 2^24 bytes");
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A request that is complete in one HEADERS frame.
pub(crate) fn headers(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, block)
}

/// A request that still has a body to come.
pub(crate) fn open_headers(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(kind::HEADERS, flag::END_HEADERS, stream, block)
}

pub(crate) fn data(flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(kind::DATA, flags, stream, payload)
}

pub(crate) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let pairs = values.iter().map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat());
    frame(kind::SETTINGS, flag::NONE, 0, &pairs.collect::<Vec<_>>().concat())
}

pub(crate) fn ping(payload: &[u8; 8]) -> Vec<u8> {
    frame(kind::PING, flag::NONE, 0, payload)
}

pub(crate) fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, flag::NONE, stream, &code.to_be_bytes())
}

pub(crate) fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, flag::NONE, stream, &increment.to_be_bytes())
}

pub(crate) fn go_away(last: u32, code: u32) -> Vec<u8> {
    frame(kind::GOAWAY, flag::NONE, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())
}

/// One field: literal, without indexing, new name, no Huffman code (RFC 7541 6.2.2).
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        bytes.extend(integer(7, text.len()));
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// One field that is stored in the dynamic table, where it becomes entry 62 (RFC 7541 6.2.1).
pub(crate) fn stored_field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = field(name, value);
    bytes[0] = 0x40;
    bytes
}

/// An integer behind a prefix of so many bits, all other bits of its first byte zero (RFC 7541 5.1).
pub(crate) fn integer(prefix: u32, value: usize) -> Vec<u8> {
    let full = (1 << prefix) - 1;
    if value < full {
        return vec![u8::try_from(value).expect("less than the prefix holds")];
    }
    let mut bytes = vec![u8::try_from(full).expect("a prefix of at most eight bits")];
    let mut rest = value - full;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128 + 128).expect("less than 256"));
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).expect("less than 128"));
    bytes
}

/// The header block of a request to the probe.
pub(crate) fn request(method: &str, path: &str) -> Vec<u8> {
    let fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "probe")];
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// The header block of a request with further fields.
pub(crate) fn request_with(method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let more = fields.iter().flat_map(|(name, value)| field(name, value));
    request(method, path).into_iter().chain(more).collect()
}

/// One HTTP/2 connection to the server.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
    ended: bool,
    /// What the server said in its first SETTINGS.
    settings: Vec<(u16, u32)>,
    /// How much WINDOW_UPDATE has added to the windows of the connection and of stream 1.
    opened: [usize; 2],
}

impl Client {
    /// A connection on which nothing has been said.
    pub(crate) async fn silent(addr: SocketAddr) -> Client {
        Client::over(TcpStream::connect(addr).await.expect("the server accepts connections"))
    }

    /// A connection past its preface, with these settings of ours, and with both sides' settings acknowledged.
    pub(crate) async fn connect(addr: SocketAddr, values: &[(u16, u32)]) -> Client {
        Client::silent(addr).await.greet(values).await
    }

    /// As `connect`, with little room for what is not read, so that the server soon feels it.
    pub(crate) async fn connect_narrow(addr: SocketAddr) -> Client {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket.set_recv_buffer_size(4 << 10).expect("a fresh socket takes options");
        Client::over(socket.connect(addr).await.expect("the server accepts connections")).greet(&[]).await
    }

    fn over(stream: TcpStream) -> Client {
        stream.set_nodelay(true).expect("a fresh socket takes options");
        Client { stream, unread: Vec::new(), ended: false, settings: Vec::new(), opened: [0; 2] }
    }

    async fn greet(mut self, values: &[(u16, u32)]) -> Client {
        self.send(&[PREFACE, &settings(values), &frame(kind::SETTINGS, flag::ACK, 0, &[])].concat()).await;
        let first = self.next().await.expect("the server answers the preface");
        assert_eq!(
            (first.kind, first.has(flag::ACK)),
            (kind::SETTINGS, false),
            "first comes a SETTINGS frame"
        );
        let pairs = first.payload.chunks_exact(6);
        self.settings =
            pairs.map(|pair| (u16::from_be_bytes([pair[0], pair[1]]), number(&pair[2..]))).collect();
        self.until(|frame| frame.kind == kind::SETTINGS && frame.has(flag::ACK)).await;
        self
    }

    /// What the server announced for this setting.
    pub(crate) fn announced(&self, name: u16) -> Option<u32> {
        self.settings.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Writes the bytes; false if the server ended the connection before it had taken them all.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("the server reads or closes").is_ok()
    }

    /// Takes what has arrived, without waiting, so that the server need not stop for a reader.
    pub(crate) fn read_what_is_there(&mut self) {
        let mut piece = [0; 16 * 1024];
        while let Ok(length @ 1..) = self.stream.try_read(&mut piece) {
            self.unread.extend_from_slice(&piece[..length]);
        }
    }

    /// Waits until the windows of the connection and of stream 1 have room for so many bytes in all, or until a
    /// response or an error comes; returns the frames read meanwhile.
    pub(crate) async fn wait_for_window(&mut self, total: usize) -> Vec<Frame> {
        let announced = self.announced(setting::INITIAL_WINDOW_SIZE).unwrap_or(65_535) as usize;
        let mut frames = Vec::new();
        self.read_what_is_there();
        while self.unread.len() >= 9 || total > self.opened[0] + 65_535 || total > self.opened[1] + announced
        {
            let Some(frame) = self.next().await else { break };
            frames.push(frame);
            if frames.iter().any(|frame| frame.status().is_some() || frame.code().is_some()) {
                break;
            }
        }
        frames
    }

    /// The next frame, or `None` when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = take_frame(&mut self.unread) {
                if let (kind::WINDOW_UPDATE, stream @ 0..=1) = (frame.kind, frame.stream as usize) {
                    self.opened[stream] += number(&frame.payload) as usize;
                }
                return Some(frame);
            }
            if self.ended {
                return None;
            }
            let mut piece = [0; 16 * 1024];
            let read = timeout(PATIENCE, self.stream.read(&mut piece)).await;
            match read.expect("the server answers or closes") {
                Ok(0) | Err(_) => self.ended = true,
                Ok(length) => self.unread.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Reads up to the first frame that fits, and returns all frames read, that one last if it came.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            let last = fits(&frame);
            frames.push(frame);
            if last {
                break;
            }
        }
        frames
    }

    /// Every frame until the connection ends.
    pub(crate) async fn until_it_ends(&mut self) -> Vec<Frame> {
        self.until(|_| false).await
    }
}

/// Asks honestly over a new HTTP/2 connection.
pub(crate) async fn ask_honestly(addr: SocketAddr) -> Result<(), String> {
    let mut client = Client::connect(addr, &[]).await;
    client.send(&headers(1, &request("GET", "/hello"))).await;
    let frames = client.until(|frame| frame.stream == 1 && frame.has(flag::END_STREAM)).await;
    let status = frames.iter().find_map(Frame::status);
    let body: Vec<u8> = frames
        .iter()
        .filter(|frame| frame.kind == kind::DATA)
        .flat_map(|frame| frame.payload.clone())
        .collect();
    if status == Some(200) && body == b"hello" {
        Ok(())
    } else {
        Err(format!("an honest request was answered {frames:?}"))
    }
}

fn take_frame(unread: &mut Vec<u8>) -> Option<Frame> {
    let head = unread.get(..9)?;
    let length = number(&[0, head[0], head[1], head[2]]) as usize;
    if unread.len() < 9 + length {
        return None;
    }
    let bytes: Vec<u8> = unread.drain(..9 + length).collect();
    Some(Frame {
        kind: bytes[3],
        flags: bytes[4],
        stream: number(&bytes[5..9]),
        payload: bytes[9..].to_vec(),
    })
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// The status is the first field: an entry of the static table, or one literal with its name from there.
fn decode_status(block: &[u8]) -> Option<u16> {
    const STATIC: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    // A size update of the dynamic table may stand before it (RFC 7541 6.3).
    let start = block.iter().position(|byte| byte & 0xe0 != 0x20)?;
    match block[start] {
        entry @ 0x88..=0x8e => Some(STATIC[usize::from(entry - 0x88)]),
        0x48..=0x4e | 0x08..=0x0e => {
            let length = block.get(start + 1)?;
            let value = block.get(start + 2..start + 2 + usize::from(length & 0x7f))?;
            if length & 0x80 == 0 {
                std::str::from_utf8(value).ok()?.parse().ok()
            } else {
                huffman_digits(value)
            }
        }
        _ => None,
    }
}

/// Three digits in the code of RFC 7541 Appendix B: 0 to 2 take five bits, 3 to 9 take six.
fn huffman_digits(bytes: &[u8]) -> Option<u16> {
    let bits: Vec<u16> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1))).collect();
    let (mut at, mut digits) = (0, 0);
    for _ in 0..3 {
        let take = |length: usize| {
            bits.get(at..at + length).map(|bits| bits.iter().fold(0, |all, bit| all << 1 | bit))
        };
        let (digit, length) = match take(5)? {
            short @ 0..=2 => (short, 5),
            _ => (take(6)?.checked_sub(0b011001 - 3)?, 6),
        };
        digits = digits * 10 + digit;
        at += length;
    }
    Some(digits)
}
