//! An HTTP/1.1 client: connections are kept alive, and answers are read to their last byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub method: String,
    /// Path and query, encoded as on the wire.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a header, replacing an earlier value.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The request as bytes. `Content-Length` is added unless the caller set it or `Transfer-Encoding`.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.find("content-length").is_none() && self.find("transfer-encoding").is_none() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("an answer is UTF-8")
    }

    fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// One connection.
pub(crate) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
}

/// What an HTTP connection is made over.
pub(crate) trait Stream: Read + Write + Send {
    /// Ends what is sent.
    fn finish(&mut self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn finish(&mut self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self::over(stream))
    }

    /// Over a stream that is open.
    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub(crate) fn exchange(&mut self, request: &Request) -> io::Result<Response> {
        self.write(&request.to_bytes())?;
        self.read()
    }

    /// Closes the sending half of the connection.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.stream.get_mut().finish()
    }

    /// Reads until the broker has closed the connection, and returns how many bytes came.
    pub(crate) fn drain(&mut self) -> io::Result<u64> {
        io::copy(&mut self.stream, &mut io::sink())
    }

    /// The next byte. `None` once the broker has closed the connection.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        matches!(self.stream.read(&mut byte), Ok(1)).then_some(byte[0])
    }

    /// Waits for the broker to close the connection. Returns whether it did.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.byte().is_none()
    }

    /// Reads one answer.
    pub(crate) fn read(&mut self) -> io::Result<Response> {
        let status_line = self.line()?;
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| malformed(&status_line))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new() };
        response.body = self.body(&response)?;
        Ok(response)
    }

    fn body(&mut self, response: &Response) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if let Some(length) = response.header("content-length") {
            body.resize(length.parse().map_err(|_| malformed(length))?, 0);
            self.stream.read_exact(&mut body)?;
        } else if response.header("transfer-encoding").is_some() {
            loop {
                let size = self.line()?;
                let size = usize::from_str_radix(&size, 16).map_err(|_| malformed(&size))?;
                let start = body.len();
                body.resize(start + size, 0);
                self.stream.read_exact(&mut body[start..])?;
                self.line()?;
                if size == 0 {
                    break;
                }
            }
        } else if response.closes() {
            self.stream.read_to_end(&mut body)?;
        }
        Ok(body)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        let line = String::from_utf8(line).map_err(|_| malformed("a header that is not UTF-8"))?;
        line.strip_suffix("\r\n")
            .map(str::to_owned)
            .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, format!("the connection ended after {line:?}")))
    }
}

fn malformed(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP/1.1: {text:?}"))
}

/// Makes a connection.
pub(crate) type Connect = Box<dyn Fn() -> io::Result<Connection> + Send + Sync>;

/// Connections that many threads share.
pub(crate) struct Pool {
    connect: Connect,
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Pool {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::connecting(Box::new(move || Connection::open(address)))
    }

    /// Connections that are made in another way.
    pub(crate) fn connecting(connect: Connect) -> Self {
        Self { connect, idle: Mutex::new(Vec::new()) }
    }

    /// Drops all idle connections. To be called when the broker ends.
    pub(crate) fn forget(&self) {
        self.idle.lock().expect("no case panics here").clear();
    }

    pub(crate) fn exchange(&self, request: &Request) -> io::Result<Response> {
        // The broker closes idle connections. The one used last is the most likely to be open.
        let fresh = |(_, since): &(Connection, Instant)| since.elapsed() < Duration::from_secs(10);
        let idle = self.idle.lock().expect("no case panics here").pop().filter(fresh);
        let mut connection = match idle {
            Some((connection, _)) => connection,
            None => (self.connect)()?,
        };
        let response = connection.exchange(request)?;
        if !response.closes() {
            self.idle.lock().expect("no case panics here").push((connection, Instant::now()));
        }
        Ok(response)
    }
}
