//! A client of HTTP/2 that writes its own frames, so that it can leave windows closed.
//!
//! Headers are literals without compression (RFC 7541, section 6.2.2).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;
use super::http::Request;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const INITIAL_WINDOW_SIZE: u16 = 4;

/// A connection.
pub(crate) struct Http2 {
    stream: TcpStream,
    next_stream: u32,
}

/// A frame.
pub(crate) struct Frame {
    kind: u8,
    pub(crate) stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    /// The bytes of a body, if it is a frame of these.
    pub(crate) fn data(&self) -> Option<&[u8]> {
        (self.kind == DATA).then_some(&self.payload)
    }
}

impl Http2 {
    /// A connection whose streams each have a window of so many bytes for answers.
    pub(crate) fn open(address: SocketAddr, window_bytes: u32) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut connection = Self { stream, next_stream: 1 };
        connection.stream.write_all(PREFACE)?;
        let setting = [&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &window_bytes.to_be_bytes()].concat();
        connection.write(SETTINGS, 0, 0, &setting)?;
        Ok(connection)
    }

    /// Sends a request. Returns its stream.
    pub(crate) fn send(&mut self, request: &Request) -> io::Result<u32> {
        let stream = self.next_stream;
        self.next_stream += 2;
        let mut block = Vec::new();
        let pseudo = [(":method", &request.method), (":scheme", &"http".into()), (":path", &request.target)];
        for (name, value) in pseudo {
            literal(&mut block, name, value);
        }
        for (name, value) in &request.headers {
            let name = if name.eq_ignore_ascii_case("host") { ":authority" } else { name };
            literal(&mut block, &name.to_lowercase(), value);
        }
        self.write(HEADERS, END_HEADERS, stream, &block)?;
        self.write(DATA, END_STREAM, stream, &request.body)?;
        Ok(stream)
    }

    /// Lets the broker send so many bytes more on a stream; 0 names the connection.
    pub(crate) fn widen(&mut self, stream: u32, bytes: u32) -> io::Result<()> {
        self.write(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
    }

    /// The next frame. `None` once the broker has closed the connection.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], stream, payload })
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.stream.write_all(&[&head, payload].concat())
    }
}

/// Adds a header that is neither compressed nor indexed.
fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    for text in [name, value] {
        // An integer with a prefix of seven bits (RFC 7541, section 5.1).
        match u8::try_from(text.len()) {
            Ok(length) if length < 127 => block.push(length),
            _ => {
                let mut rest = text.len() - 127;
                block.push(127);
                while rest >= 128 {
                    block.push(u8::try_from(rest % 128).expect("below 128") | 128);
                    rest /= 128;
                }
                block.push(u8::try_from(rest).expect("below 128"));
            }
        }
        block.extend_from_slice(text.as_bytes());
    }
}
