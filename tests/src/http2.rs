//! HTTP/2 spoken by hand, for what curl will not do: streams that take nothing of what they ask for.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::client::patience;

/// Frames (RFC 9113, section 6).
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;

const ACK: u8 = 1;
/// On HEADERS: the request has no body, and all of its head is in this frame.
const WHOLE: u8 = 1 | 4;

/// A connection whose streams each take a small window of a body and no more.
#[derive(Debug)]
pub struct Http2 {
    stream: TcpStream,
    next: u32,
}

/// What a client takes of each body.
const WINDOW: u32 = 1000;

impl Http2 {
    /// Connects to `host:port`, which knows that HTTP/2 is spoken.
    pub fn open(address: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        stream.set_read_timeout(Some(patience())).expect("a timeout above zero");
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("a server");
        let mut http2 = Self { stream, next: 1 };
        // SETTINGS_HEADER_TABLE_SIZE, so that no head speaks of an earlier one, and
        // SETTINGS_INITIAL_WINDOW_SIZE.
        let settings: [&[u8]; 4] = [&[0, 1], &[0; 4], &[0, 4], &WINDOW.to_be_bytes()];
        http2.write(SETTINGS, 0, 0, &settings.concat());
        http2
    }

    /// Asks for `target`; the stream, and the status of its answer.
    pub fn get(&mut self, target: &str) -> (u32, u16) {
        let id = self.next;
        self.next += 2;
        // `:method` GET and `:scheme` http from the static table, `:path` and `:authority` with names
        // from there (RFC 7541, section 6.2.2).
        let mut head = vec![0x82, 0x86];
        for (name, value) in [(4, target), (1, "test")] {
            head.extend([
                name,
                u8::try_from(value.len()).ok().filter(|len| *len < 127).expect("a short name"),
            ]);
            head.extend(value.as_bytes());
        }
        self.write(HEADERS, WHOLE, id, &head);
        loop {
            let (kind, of, body) = self.read();
            if (kind, of) == (HEADERS, id) {
                return (id, status(&body));
            }
        }
    }

    /// Wants no more of a stream.
    pub fn reset(&mut self, stream: u32) {
        const CANCEL: u32 = 8;
        self.write(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u32, body: &[u8]) {
        let len = u32::try_from(body.len()).expect("a short frame").to_be_bytes();
        let frame = [&len[1..], &[kind, flags], &stream.to_be_bytes(), body].concat();
        self.stream.write_all(&frame).expect("a server that reads");
    }

    /// A frame, and what it says of which stream.
    fn read(&mut self) -> (u8, u32, Vec<u8>) {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).expect("a server that answers");
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut body = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).expect("24 bits")];
        self.stream.read_exact(&mut body).expect("a whole frame");
        if matches!(kind, SETTINGS | PING) && flags & ACK == 0 {
            let answer = if kind == PING { body.as_slice() } else { &[] };
            self.write(kind, ACK, 0, answer);
        }
        (kind, u32::from_be_bytes(stream) & 0x7FFF_FFFF, body)
    }
}

/// The status of a head, which is its first field: from the static table, or in figures behind the
/// name from there, where 403 is so written by all.
fn status(head: &[u8]) -> u16 {
    // Behind what the server says of the size of its table.
    let begins = head.iter().position(|byte| byte & 0xE0 != 0x20).unwrap_or_default();
    let head = &head[begins..];
    match head {
        [0x88, ..] => 200,
        [0x08 | 0x18 | 0x48, 3, figures @ ..] => {
            std::str::from_utf8(&figures[..3]).expect("figures").parse().expect("a number")
        }
        // As Huffman writes it: `4` is 011010, `0` 00000, `3` 011001.
        [0x08 | 0x18 | 0x48, 0x83, 0x68, 0x0C, 0xFF, ..] => 403,
        _ => panic!("no status in {head:x?}"),
    }
}
