//! What comes out of the speakers of a [`Desk`](crate::desk::Desk).

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use test_sound::{Recording, count, index};

const RATE: f64 = 8000.0;

/// Records all the time, until it ends with this.
pub(crate) struct Ear {
    process: Child,
    begun: Instant,
    tape: Arc<Mutex<Tape>>,
}

#[derive(Default)]
struct Tape {
    samples: Vec<f64>,
    /// When the first sample was heard, in seconds since the ear began to listen. Samples come
    /// late, never early: the earliest counts.
    first: Option<f64>,
}

impl Ear {
    pub(crate) fn start(env: &[(String, String)]) -> Self {
        let mut process = Command::new("parec")
            .args(["--raw", "--format=s16le", "--rate=8000", "--channels=1", "--device=screens.monitor"])
            .args(["--latency-msec=20", "--process-time-msec=10"])
            .envs(env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("parec: run `tests/setup.sh screens`");
        let begun = Instant::now();
        let tape = Arc::<Mutex<Tape>>::default();
        let mut audio = process.stdout.take().expect("a pipe");
        let to = Arc::clone(&tape);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = audio.read(&mut part) {
                held.extend_from_slice(&part[..length]);
                let whole = held.len() / 2 * 2;
                let values = held[..whole].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]]));
                let mut tape = to.lock().expect("a tape");
                tape.samples.extend(values.map(|v| f64::from(v) / 32768.0));
                held.drain(..whole);
                let first = begun.elapsed().as_secs_f64() - count(tape.samples.len()) / RATE;
                tape.first = Some(tape.first.map_or(first, |known| known.min(first)));
            }
        });
        Self { process, begun, tape }
    }

    /// Seconds since it began to listen.
    pub(crate) fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// What was heard between two times of [`Ear::now`].
    pub(crate) fn heard(&self, from: f64, to: f64) -> Option<Recording> {
        let tape = self.tape.lock().expect("a tape");
        let first = tape.first?;
        let at = index((from - first) * RATE);
        let end = index((to - first) * RATE).min(tape.samples.len());
        Some(Recording {
            rate: RATE,
            begins: first + count(at) / RATE,
            samples: tape.samples.get(at..end)?.to_vec(),
        })
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).ok();
        self.process.wait().ok();
    }
}
