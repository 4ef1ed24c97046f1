//! HTTP as a real client speaks it: curl, for HTTP/1.1 and HTTP/2 alike.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::servers::under_valgrind;

/// A request under construction.
#[derive(Debug, Clone)]
pub struct Request {
    url: String,
    args: Vec<String>,
    http2_at: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Version of the status line: `HTTP/1.1`, `HTTP/2`.
    pub version: String,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What curl says where a connection of HTTP/2 is closed before the answer.
const FRAMING_LAYER: &str = "Error in the HTTP2 framing layer";

/// What is said of an error before the first byte of an answer.
const NOT_BEGUN: &str = "; no answer had begun";

impl Request {
    /// A GET of `url`, which is sent as it stands.
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), args: Vec::new(), http2_at: None }
    }

    /// Where the server speaks HTTP/2 without TLS (`host:port`), if on a port of its own.
    #[must_use]
    pub fn with_http2_at(mut self, place: Option<String>) -> Self {
        self.http2_at = place;
        self
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.arg("-H").arg(&format!("{name}: {value}"))
    }

    /// Asks for `bytes` (`0-99`, `-5`, `0-0,5-9`).
    #[must_use]
    pub fn range(self, bytes: &str) -> Self {
        self.header("Range", &format!("bytes={bytes}"))
    }

    /// Uses HEAD.
    #[must_use]
    pub fn head(self) -> Self {
        self.arg("--head")
    }

    /// Uses another method, with a body of that form.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        self.arg("-X").arg(method)
    }

    /// Speaks HTTP/2 from the first byte.
    #[must_use]
    pub fn http2(mut self) -> Self {
        let place = self.http2_at.take();
        let request = self.arg("--http2-prior-knowledge");
        // The URL and `Host` stay as they are.
        match place {
            Some(place) => request.arg("--connect-to").arg(&format!("::{place}")),
            None => request,
        }
    }

    /// The arguments of curl's so far.
    pub fn arguments(self) -> Vec<String> {
        self.args
    }

    /// Adds an argument of curl's.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Sends it and reads the whole answer. A body that is shorter than its
    /// `Content-Length`, or any other breach of HTTP, is a panic.
    pub fn send(self) -> Reply {
        let url = self.url.clone();
        self.try_send().unwrap_or_else(|e| panic!("{url}: {e}"))
    }

    /// Sends it over HTTP/2 to a server of which processes end, and reads the whole answer. One that
    /// is to end closes connections of which it has read no request yet, with GOAWAY. The client asks
    /// again then (RFC 9113, 6.8); curl does not.
    pub fn send_over_http2_until_read(self) -> Reply {
        let request = self.http2();
        match request.clone().try_send() {
            // Only the next connection may be accepted by one that is to end, too.
            Err(e) if e.contains(FRAMING_LAYER) && e.ends_with(NOT_BEGUN) => request.send(),
            answered => answered.unwrap_or_else(|e| panic!("{}: {e}", request.url)),
        }
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Errors
    /// What curl says went wrong.
    pub fn try_send(self) -> Result<Reply, String> {
        let headers = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
        let out = Command::new("curl")
            .args(["-q", "-sS", "--noproxy", "*", "--path-as-is", "--globoff", "--max-time", "120"])
            .arg("-D")
            .arg(headers.path())
            .args(&self.args)
            .arg("--")
            .arg(&self.url)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| format!("curl: {e}"))?;
        if !out.status.success() {
            let begun = out.stdout.len() as u64 + headers.path().metadata().map_or(0, |head| head.len());
            let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
            return Err(if begun == 0 { said + NOT_BEGUN } else { said });
        }
        let head = std::fs::read(headers.path()).map_err(|e| e.to_string())?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let head_only = self.args.iter().any(|a| a == "--head");
        parse_head(&head, if head_only { Vec::new() } else { out.stdout })
    }
}

fn parse_head(text: &str, body: Vec<u8>) -> Result<Reply, String> {
    // An interim answer (100, 101) has a head of its own before the last one.
    let head = text.trim_end().rsplit("\r\n\r\n").next().unwrap_or_default();
    let mut lines = head.lines();
    let mut status = lines.next().unwrap_or_default().split(' ');
    let version = status.next().unwrap_or_default().to_owned();
    let status = status.next().and_then(|s| s.parse().ok()).ok_or(format!("no status line: {text:?}"))?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Reply { status, version, headers, body })
}

impl Reply {
    /// The value of a header field, `""` where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// `Content-Length`.
    pub fn length(&self) -> u64 {
        self.header("content-length").parse().unwrap_or_else(|_| panic!("no Content-Length: {self}"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} {} ({} bytes)", self.version, self.status, self.body.len())?;
        self.headers.iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))
    }
}

/// One connection spoken by hand, for what curl will not do: pipelining, reading
/// slowly, leaving in the middle.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// How long a server may take for an answer. Under valgrind it takes many times as long.
pub(crate) fn patience() -> Duration {
    Duration::from_secs(if under_valgrind() { 120 } else { 30 })
}

impl Connection {
    /// Connects to `host:port`.
    pub fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        stream.set_read_timeout(Some(patience())).expect("a timeout above zero");
        Self { stream, buffer: Vec::new() }
    }

    /// Connects with a small buffer for what comes, as a slow network has.
    pub fn open_narrow(address: &str) -> Self {
        use rustix::net::{AddressFamily, SocketType, connect, socket, sockopt};
        let address: SocketAddr = address.parse().expect("an address in figures");
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        sockopt::set_socket_recv_buffer_size(&socket, 16 << 10).expect("a size in range");
        connect(&socket, &address).unwrap_or_else(|e| panic!("{address}: {e}"));
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(patience())).expect("a timeout above zero");
        Self { stream, buffer: Vec::new() }
    }

    /// Writes bytes of a request.
    pub fn write(&mut self, text: &str) {
        self.try_write(text).expect("a server that reads its requests");
    }

    /// Writes bytes of a request.
    ///
    /// # Errors
    /// When the connection is broken off.
    pub fn try_write(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())
    }

    /// Reads what there is, at most `len` bytes; 0 at the end.
    pub fn read(&mut self, len: usize) -> usize {
        self.try_read(len).expect("a server that answers")
    }

    /// Reads what there is, at most `len` bytes; 0 at the end.
    ///
    /// # Errors
    /// When the connection is broken off.
    pub fn try_read(&mut self, len: usize) -> io::Result<usize> {
        let mut buf = vec![0; len];
        // A socket with a timeout says so after the process was stopped and went on (signal(7)).
        let n = loop {
            match self.stream.read(&mut buf) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.buffer.extend_from_slice(buf.get(..n).unwrap_or_default());
        Ok(n)
    }

    /// What was read and not yet taken by [`Connection::reply`].
    pub fn received(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads one answer that has a `Content-Length`, leaving what follows it.
    pub fn reply(&mut self) -> Reply {
        let head_len = loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read(65536) > 0, "the connection ended inside a head");
        };
        let head: Vec<u8> = self.buffer.drain(..head_len).collect();
        let mut reply = parse_head(&String::from_utf8_lossy(&head), Vec::new()).expect("an HTTP head");
        let len = usize::try_from(reply.length()).expect("a length that fits");
        while self.buffer.len() < len {
            assert!(self.read(1 << 20) > 0, "the connection ended inside a body");
        }
        reply.body = self.buffer.drain(..len).collect();
        reply
    }
}
