//! A shaped link: what goes through it takes as long as over a network of that speed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use crate::Result;

/// Bits a second of each direction, shared by all connections.
const RATE: f64 = 10e6;

/// From one end to the other.
const DELAY: Duration = Duration::from_millis(25);

/// Bytes that are on their way as one.
const PACKET: usize = 4096;

/// Packets of a connection that wait in front of the link: TCP's own control keeps a real queue short.
const QUEUE: usize = 16;

/// A port that leads over the link to a server. TCP's slow start is not part of it: to the ends, the
/// link is the loopback. A new connection waits for a round trip, as it does for its handshake.
pub(crate) struct Link {
    pub(crate) address: String,
}

/// One direction of the link.
type Lane = Arc<Mutex<Instant>>;

impl Link {
    /// Opens a link to a server. It lasts as long as this program.
    pub(crate) fn to(server: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let server = server.to_owned();
        let lanes: [Lane; 2] = [Arc::new(Mutex::new(Instant::now())), Arc::new(Mutex::new(Instant::now()))];
        spawn(move || {
            for client in listener.incoming().flatten() {
                // One that breaks off is noticed by the client.
                connect(&client, &server, &lanes).ok();
            }
        });
        Ok(Self { address })
    }
}

fn connect(client: &TcpStream, server: &str, [up, down]: &[Lane; 2]) -> Result<()> {
    let server = TcpStream::connect(server)?;
    for stream in [client, &server] {
        stream.set_nodelay(true)?;
    }
    let handshake = Instant::now() + 2 * DELAY;
    carry(client.try_clone()?, server.try_clone()?, Arc::clone(up), handshake);
    carry(server, client.try_clone()?, Arc::clone(down), handshake);
    Ok(())
}

/// Carries what comes from one end to the other.
fn carry(from: TcpStream, to: TcpStream, lane: Lane, not_before: Instant) {
    let (queue, arrives) = sync_channel(QUEUE);
    spawn(move || enter(from, &queue, &lane, not_before));
    spawn(move || leave(to, &arrives));
}

fn enter(mut from: TcpStream, queue: &SyncSender<(Instant, Vec<u8>)>, lane: &Lane, not_before: Instant) {
    loop {
        let mut packet = vec![0; PACKET];
        let Some(n) = from.read(&mut packet).ok().filter(|&n| n > 0) else { return };
        packet.truncate(n);
        let sent = {
            let mut free = lane.lock().unwrap_or_else(PoisonError::into_inner);
            *free =
                (*free).max(Instant::now()).max(not_before) + Duration::from_secs_f64(n as f64 * 8.0 / RATE);
            *free
        };
        if queue.send((sent + DELAY, packet)).is_err() {
            from.shutdown(Shutdown::Both).ok();
            return;
        }
    }
}

fn leave(mut to: TcpStream, arrives: &Receiver<(Instant, Vec<u8>)>) {
    for (at, packet) in arrives {
        sleep(at.saturating_duration_since(Instant::now()));
        if to.write_all(&packet).is_err() {
            return;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}
