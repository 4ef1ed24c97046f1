//! A load of one kind of request over some connections, from one thread that does little else than
//! to receive: on a machine with few cores the client's work is part of what is measured.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, recv};
use tests::servers::Site;

use crate::asks::{Ask, Asks};

/// How much of an answer the client takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// All of it. The connection is kept.
    Whole,
    /// This many bytes of the body at most. The client then closes the connection and opens
    /// another, as a viewer does who scrubs.
    Bytes(u64),
}

/// How a load is applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    /// Who is asked.
    pub(crate) site: &'a Site,
    /// Connections that ask at the same time, each again as soon as it has its answer.
    pub(crate) connections: usize,
    /// How long.
    pub(crate) duration: Duration,
    /// How much of each answer is taken.
    pub(crate) until: Until,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Answers received. One that is under way at the end counts by what has come of it.
    pub(crate) answers: f64,
    /// How long it really took.
    pub(crate) elapsed: Duration,
    /// Seconds of processor time of the server meanwhile.
    pub(crate) processor: f64,
    /// From the request to the first byte of each answer.
    pub(crate) first_bytes: Vec<Duration>,
    /// From the request to the last byte of each answer received.
    pub(crate) last_bytes: Vec<Duration>,
}

struct Connection {
    stream: TcpStream,
    until: Until,
    asked: Instant,
    is_head: bool,
    /// The head as far as it has come.
    head: Vec<u8>,
    /// Bytes of the body that have come and that will be taken, once the head is there.
    body: Option<(u64, u64)>,
}

/// Bytes that are received at once: the buffer stays in a core's own cache.
const BUFFER: usize = 256 << 10;

impl Load<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// Any answer that is not a whole 200 (or the 206 that was asked for) with a `Content-Length`.
    pub(crate) fn run(&self, asks: &mut Asks<'_>) -> io::Result<Measured> {
        let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(self.connections);
        for key in 0..self.connections {
            connections.push(Connection::open(self, &queue, key as u64)?);
        }
        let mut buffer = vec![0; BUFFER];
        let mut measured = Measured::default();
        for connection in &mut connections {
            connection.ask(self.site.address(), &asks.next())?;
        }
        self.receive(self.run_up(), &queue, &mut connections, asks, &mut buffer, &mut measured)?;
        measured = Measured { answers: -under_way(&connections), ..Measured::default() };
        let processor = processor_time(self.site);
        let began = Instant::now();
        self.receive(self.duration, &queue, &mut connections, asks, &mut buffer, &mut measured)?;
        measured.elapsed = began.elapsed();
        measured.processor = processor_time(self.site) - processor;
        measured.answers += under_way(&connections);
        Ok(measured)
    }

    /// How long connections are used before anything is measured. They begin slowly: their windows
    /// grow, and their first segments may wait for a timer.
    pub(crate) fn run_up(&self) -> Duration {
        self.duration / 5
    }

    /// Receives answers, and asks again, for some time.
    fn receive(
        &self,
        duration: Duration,
        queue: &OwnedFd,
        connections: &mut [Connection],
        asks: &mut Asks<'_>,
        buffer: &mut [u8],
        measured: &mut Measured,
    ) -> io::Result<()> {
        let began = Instant::now();
        let mut events = Vec::with_capacity(connections.len());
        while began.elapsed() < duration {
            events.clear();
            let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
            if epoll::wait(queue, spare_capacity(&mut events), Some(&patience))? == 0 {
                return Err(ErrorKind::TimedOut.into());
            }
            for event in &events {
                let key = event.data.u64();
                let place = usize::try_from(key).map_err(io::Error::other)?;
                let Some(connection) = connections.get_mut(place) else { continue };
                if let Some(len) = connection.receive(buffer, measured)? {
                    asks.answered(len);
                    if self.until != Until::Whole {
                        *connection = Connection::open(self, queue, key)?;
                    }
                    connection.ask(self.site.address(), &asks.next())?;
                }
            }
        }
        Ok(())
    }
}

/// The answers that have come in part, each as that part.
fn under_way(connections: &[Connection]) -> f64 {
    let bodies = connections.iter().filter_map(|connection| connection.body);
    bodies.map(|(come, wanted)| come as f64 / wanted.max(1) as f64).sum()
}

impl Connection {
    fn open(load: &Load<'_>, queue: &OwnedFd, key: u64) -> io::Result<Self> {
        let stream = TcpStream::connect(load.site.address())?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(queue, &stream, epoll::EventData::new_u64(key), epoll::EventFlags::IN)?;
        let (until, asked) = (load.until, Instant::now());
        Ok(Self { stream, until, asked, is_head: false, head: Vec::new(), body: None })
    }

    fn ask(&mut self, address: &str, ask: &Ask) -> io::Result<()> {
        let Ask { method, target, range } = ask;
        let range = range
            .as_ref()
            .map_or_else(String::new, |range| format!("Range: bytes={}-{}\r\n", range.start, range.end - 1));
        self.head.clear();
        self.body = None;
        self.is_head = *method == "HEAD";
        self.asked = Instant::now();
        let request = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n{range}\r\n");
        (&self.stream).write_all(request.as_bytes())
    }

    /// Takes what has come, once, so that no connection starves another. The length of the answer's
    /// body if that was the end of it.
    fn receive(&mut self, buffer: &mut [u8], measured: &mut Measured) -> io::Result<Option<u64>> {
        let (_, n) = match recv(&self.stream, &mut *buffer, RecvFlags::empty()) {
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            received => received?,
        };
        if n == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let (come, wanted) = match &mut self.body {
            Some((come, wanted)) => {
                *come += n as u64;
                (*come, *wanted)
            }
            None => {
                if self.head.is_empty() {
                    measured.first_bytes.push(self.asked.elapsed());
                }
                self.head.extend_from_slice(buffer.get(..n).unwrap_or_default());
                let Some((head_len, len)) = parse_head(&self.head)? else { return Ok(None) };
                let wanted = match self.until {
                    _ if self.is_head => 0,
                    Until::Whole => len,
                    Until::Bytes(bytes) => len.min(bytes),
                };
                let come = (self.head.len() - head_len) as u64;
                self.body = Some((come, wanted));
                (come, wanted)
            }
        };
        if come < wanted {
            return Ok(None);
        }
        if come > wanted && self.until == Until::Whole {
            return Err(ErrorKind::InvalidData.into());
        }
        measured.answers += 1.0;
        measured.last_bytes.push(self.asked.elapsed());
        self.body = None;
        Ok(Some(wanted))
    }
}

/// Seconds of processor time that the server's threads have had.
pub(crate) fn processor_time(site: &Site) -> f64 {
    let tasks = site.processes().into_iter().filter_map(|process| fs::read_dir(process.join("task")).ok());
    let nanoseconds = tasks.flatten().flatten().filter_map(|task| {
        let statistics = fs::read_to_string(task.path().join("schedstat")).ok()?;
        statistics.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// The lengths of a head, once it is whole, and of the body that follows.
fn parse_head(bytes: &[u8]) -> io::Result<Option<(usize, u64)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(len) = head.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let body = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = body.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok());
    match (head.code, body) {
        (Some(200 | 206), Some(body)) => Ok(Some((len, body))),
        _ => Err(io::Error::other(format!("not a film with a length: {}", String::from_utf8_lossy(bytes)))),
    }
}
