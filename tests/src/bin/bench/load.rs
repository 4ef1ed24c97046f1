//! A load of one kind of request over some connections, from one thread.

use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::ops::RangeFrom;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, recv};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    /// `host:port`.
    pub(crate) address: &'a str,
    /// GET or HEAD.
    pub(crate) method: &'a str,
    /// Path and query. `{n}` in it is another number for each request.
    pub(crate) target: &'a str,
    /// Connections that ask at the same time, each again as soon as it has its answer.
    pub(crate) connections: usize,
    /// How long.
    pub(crate) duration: Duration,
    /// Leaves at the first byte of each answer and connects again, where whole answers
    /// are too long to see many of them.
    pub(crate) leave: bool,
    /// Each connection begins at another place of its first answer, of this many bytes: for as long
    /// as the load lasts, all parts of answers are under way as much as each other.
    pub(crate) spread: Option<u64>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Answers received whole.
    pub(crate) answers: u64,
    /// Bytes of bodies, those of answers still under way included.
    pub(crate) body_bytes: u64,
    /// How long it really took.
    pub(crate) elapsed: Duration,
    /// From the request to the first byte of each answer.
    pub(crate) first_bytes: Vec<Duration>,
    /// From the request to the last byte of each answer received whole.
    pub(crate) last_bytes: Vec<Duration>,
}

struct Connection<'a> {
    load: &'a Load<'a>,
    stream: TcpStream,
    asked: Instant,
    /// The head as far as it has come.
    head: Vec<u8>,
    /// Bytes of the body, once the head is there.
    left: Option<u64>,
}

impl Load<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// Any answer that is not a whole 200 (or the 206 that was asked for) with a `Content-Length`.
    pub(crate) fn run(&self) -> io::Result<Measured> {
        let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(self.connections);
        for key in 0..self.connections {
            connections.push(Connection::open(self, &queue, key as u64)?);
        }
        let mut numbers = 0..;
        let began = Instant::now();
        for (n, connection) in (0..).zip(&mut connections) {
            let from = self.spread.map(|len| len / self.connections as u64 * n);
            connection.ask(from, &mut numbers)?;
        }
        let mut measured = Measured::default();
        let mut buffer = vec![0; 8 << 10];
        let mut events = Vec::with_capacity(self.connections);
        while began.elapsed() < self.duration {
            events.clear();
            let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
            if epoll::wait(&queue, spare_capacity(&mut events), Some(&patience))? == 0 {
                return Err(ErrorKind::TimedOut.into());
            }
            for event in &events {
                let key = event.data.u64();
                let place = usize::try_from(key).map_err(io::Error::other)?;
                let Some(connection) = connections.get_mut(place) else { continue };
                let has_ended = connection.receive(&mut buffer, &mut measured)?;
                if self.leave && connection.left.is_some() {
                    *connection = Connection::open(self, &queue, key)?;
                    connection.ask(None, &mut numbers)?;
                } else if has_ended {
                    connection.ask(None, &mut numbers)?;
                }
            }
        }
        measured.elapsed = began.elapsed();
        Ok(measured)
    }
}

impl<'a> Connection<'a> {
    fn open(load: &'a Load<'a>, queue: &OwnedFd, key: u64) -> io::Result<Self> {
        let stream = TcpStream::connect(load.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(queue, &stream, epoll::EventData::new_u64(key), epoll::EventFlags::IN)?;
        Ok(Self { load, stream, asked: Instant::now(), head: Vec::new(), left: None })
    }

    fn ask(&mut self, from: Option<u64>, numbers: &mut RangeFrom<u32>) -> io::Result<()> {
        let Load { method, target, address, .. } = self.load;
        let number = numbers.next().unwrap_or_default() % 1_000_000;
        let target = target.replace("{n}", &format!("{number:06}"));
        let range = from
            .filter(|&from| from > 0)
            .map_or_else(String::new, |from| format!("Range: bytes={from}-\r\n"));
        self.head.clear();
        self.left = None;
        self.asked = Instant::now();
        let request = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n{range}\r\n");
        (&self.stream).write_all(request.as_bytes())
    }

    /// Takes what has come, once, so that no connection starves another. Whether that was the end
    /// of an answer.
    fn receive(&mut self, buffer: &mut [u8], measured: &mut Measured) -> io::Result<bool> {
        // Read in small portions, as clients read: whoever takes all at once, or has the kernel
        // throw it away (TRUNC), acknowledges so seldom that answers in more than one write wait
        // for a timer.
        let (_, n) = match recv(&self.stream, &mut *buffer, RecvFlags::empty()) {
            Err(rustix::io::Errno::AGAIN) => return Ok(false),
            received => received?,
        };
        if n == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let mut body = n;
        if self.left.is_none() {
            if self.head.is_empty() {
                measured.first_bytes.push(self.asked.elapsed());
            }
            self.head.extend_from_slice(buffer.get(..n).unwrap_or_default());
            let Some(end) = self.head.windows(4).position(|w| w == b"\r\n\r\n") else {
                return Ok(false);
            };
            let len = body_length(&self.head)?;
            self.left = Some(if self.load.method == "HEAD" { 0 } else { len });
            body = self.head.len() - end - 4;
        }
        let left = self.left.unwrap_or_default().checked_sub(body as u64).ok_or(ErrorKind::InvalidData)?;
        self.left = Some(left);
        measured.body_bytes += body as u64;
        if left == 0 {
            measured.answers += 1;
            measured.last_bytes.push(self.asked.elapsed());
        }
        Ok(left == 0)
    }
}

fn body_length(head: &[u8]) -> io::Result<u64> {
    let head = String::from_utf8_lossy(head);
    let refused = || io::Error::other(format!("not a film with a length: {head}"));
    if !head.starts_with("HTTP/1.1 200 ") && !head.starts_with("HTTP/1.1 206 ") {
        return Err(refused());
    }
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or_else(refused)
}
