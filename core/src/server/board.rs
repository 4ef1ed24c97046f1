//! Counts of what all processes of a server have done.
//!
//! A [`Board`] lies in memory that the processes share: the server's first process makes it before
//! it forks. All of it are atomic numbers, so a process that dies in the middle of anything leaves
//! nothing locked. Counts go up only, and begin at 0 when the server reads its configuration again.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::explanation::Known;
use crate::packaging::{Address, AddressKind};
use crate::virtual_file::VirtualFile;

use super::clients::{Clients, TooMany};
use super::processes::{Process, Processes, Totals, id_of, own_life};
use super::{InProgress, ReadWork};

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A part of a movie, or a movie in another form.
    Clip,
    /// All of a movie, metadata first.
    Film,
    /// A file as it is.
    File,
    /// The rest of an FLV.
    Flv,
    /// A playlist of HLS.
    Hls,
    /// A manifest of DASH.
    Dash,
    /// Media of either.
    Media,
    /// Text of either.
    Text,
    /// A picture of a movie.
    Poster,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The query cannot be understood.
    Query,
    /// More is asked for than the configuration allows.
    Limit,
    /// The link has no signature.
    Unsigned,
    /// The signature is wrong.
    Signature,
    /// The link has expired.
    Expired,
    /// There is nothing at this address.
    Address,
    /// The method is not one of ours.
    Method,
    /// A precondition does not hold.
    Precondition,
    /// The file cannot be cut.
    Format,
    /// The clip begins past the end of the movie.
    PastEnd,
    /// The byte range lies outside of the answer.
    Range,
    /// The file cannot be read.
    Disk,
    /// The client gets as many clips as it may at a time.
    Clients,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Clip,
        Self::Film,
        Self::File,
        Self::Flv,
        Self::Hls,
        Self::Dash,
        Self::Media,
        Self::Text,
        Self::Poster,
    ];

    /// What the answer of a film is, or of what is at an address behind it.
    pub fn of(film: &VirtualFile, address: Option<Address>) -> Self {
        match address.as_ref().map(Address::kind) {
            Some(AddressKind::Hls) => Self::Hls,
            Some(AddressKind::Dash) => Self::Dash,
            Some(AddressKind::Cmaf) => Self::Media,
            Some(AddressKind::Text) => Self::Text,
            None => match film.explanation() {
                None if film.is_poster() => Self::Poster,
                None => Self::Flv,
                Some(explanation) if explanation.samples().is_some() => Self::Clip,
                Some(_) => Self::Film,
            },
        }
    }

    /// Whether a client may have only so many at a time, where the configuration says so. Players of
    /// playlists fetch their media by themselves.
    pub fn is_limited(self) -> bool {
        matches!(self, Self::Clip | Self::Film | Self::Flv)
    }

    /// The word for it in logs and measures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clip => "clip",
            Self::Film => "film",
            Self::File => "file",
            Self::Flv => "flv",
            Self::Hls => "hls",
            Self::Dash => "dash",
            Self::Media => "media",
            Self::Text => "text",
            Self::Poster => "poster",
        }
    }
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 13] = [
        Self::Query,
        Self::Limit,
        Self::Unsigned,
        Self::Signature,
        Self::Expired,
        Self::Address,
        Self::Method,
        Self::Precondition,
        Self::Format,
        Self::PastEnd,
        Self::Range,
        Self::Disk,
        Self::Clients,
    ];

    /// The word for it in logs and measures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Limit => "limit",
            Self::Unsigned => "unsigned",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::Address => "address",
            Self::Method => "method",
            Self::Precondition => "precondition",
            Self::Format => "format",
            Self::PastEnd => "past-end",
            Self::Range => "range",
            Self::Disk => "disk",
            Self::Clients => "clients",
        }
    }

    /// What a refusal says to caches. Of what they keep by themselves (RFC 9110, 15.1), an address
    /// without anything may have a recording's first segment in a moment; and who has too many
    /// clips is refused for no fault of the address.
    pub fn cache_control(self) -> Option<&'static str> {
        matches!(self, Self::Address | Self::Clients).then_some("no-store")
    }
}

/// Bounds of the times that plans take, in microseconds.
pub(super) const TIMES: [u64; 6] = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The counts. All bytes 0 are a board that has counted nothing.
#[repr(C)]
#[derive(Default)]
pub struct Board {
    answers: [AtomicU64; Kind::ALL.len()],
    refusals: [AtomicU64; Reason::ALL.len()],
    /// By what was known: the plan, the index, nothing.
    known: [AtomicU64; 3],
    /// How many plans took at most so long, each counted once.
    times: [AtomicU64; TIMES.len()],
    /// Of all plans, in microseconds.
    time: AtomicU64,
    metadata: AtomicU64,
    media: AtomicU64,
    /// Pieces of work that threads did because the disk had to be waited for.
    reads: AtomicU64,
    processes: Processes,
    clients: Clients,
}

impl Board {
    /// Counts an answer.
    pub fn note_answer(&self, kind: Kind, film: Option<&VirtualFile>) {
        add(self.answers.get(kind as usize), 1);
        let Some(explanation) = film.and_then(VirtualFile::explanation) else { return };
        let known = match explanation.known() {
            Known::Plan => 0,
            Known::Index => 1,
            Known::Nothing => 2,
        };
        add(self.known.get(known), 1);
        self.note_time(explanation.took());
    }

    fn note_time(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.time.fetch_add(micros, Relaxed);
        let bound = TIMES.iter().position(|&bound| micros <= bound);
        add(bound.and_then(|bound| self.times.get(bound)), 1);
    }

    /// Counts a request that is refused.
    pub fn note_refusal(&self, reason: Reason) {
        add(self.refusals.get(reason as usize), 1);
    }

    /// Counts the bytes of a part of an answer, which begins to be sent.
    pub fn note_bytes(&self, film: &VirtualFile, part: &std::ops::Range<u64>) {
        let metadata = part.end.min(film.metadata_len()).saturating_sub(part.start);
        self.metadata.fetch_add(metadata, Relaxed);
        self.media.fetch_add((part.end - part.start).saturating_sub(metadata), Relaxed);
    }

    /// Counts a piece of work that threads do because the disk has to be waited for.
    pub fn note_read(&self) {
        self.reads.fetch_add(1, Relaxed);
    }

    /// Counts a piece of work that threads of the server itself do, whose number nobody tells, until
    /// what is returned is dropped.
    pub fn queue_read(&'static self) -> ReadWork {
        self.note_read();
        ReadWork::new(self.own_process())
    }

    /// Notes what the cache of this process holds.
    pub fn note_cache(&self, entries: u64, bytes: u64) {
        if let Some(process) = self.own_process() {
            process.entries.store(entries, Relaxed);
            process.bytes.store(bytes, Relaxed);
        }
    }

    /// Notes how many threads of this process there may be, how many of them work, and how much work
    /// waits for one.
    pub fn note_pool(&self, threads: usize, busy: usize, waiting: usize) {
        if let Some(process) = self.own_process() {
            let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
            process.threads.store(number(threads), Relaxed);
            process.busy.store(number(busy), Relaxed);
            process.waiting.store(number(waiting), Relaxed);
        }
    }

    /// Counts an answer whose body is about to be sent, until what is returned is dropped. Of those to
    /// a client, which has an address and a number, no more than that number are let through.
    ///
    /// # Errors
    /// Where the client has as many as it may.
    pub fn begin(&'static self, client: Option<(&[u8], u32)>) -> Result<InProgress, TooMany> {
        let life = own_life();
        let process = self.process_of(life);
        let client = match client.filter(|_| process.is_some()) {
            Some((address, most)) => self.clients.take(id_of(life), address, most)?,
            None => None,
        };
        process.into_iter().for_each(|process| {
            process.answers.fetch_add(1, Relaxed);
        });
        Ok(InProgress { clients: &self.clients, process, client, life })
    }

    fn own_process(&self) -> Option<&Process> {
        self.process_of(own_life())
    }

    fn process_of(&self, life: u64) -> Option<&Process> {
        self.processes.own(life, |id| self.clients.free_all_of(id))
    }

    /// What the living processes have.
    pub(super) fn totals(&self) -> Totals {
        self.processes.totals()
    }

    pub(super) fn answers(&self) -> [(&'static str, u64); Kind::ALL.len()] {
        Kind::ALL.map(|kind| (kind.name(), read(self.answers.get(kind as usize))))
    }

    pub(super) fn refusals(&self) -> [(&'static str, u64); Reason::ALL.len()] {
        Reason::ALL.map(|reason| (reason.name(), read(self.refusals.get(reason as usize))))
    }

    pub(super) fn plans(&self) -> [(&'static str, u64); 3] {
        let names = [Known::Plan, Known::Index, Known::Nothing].map(super::facts::known_name);
        array::from_fn(|n| (names.get(n).copied().unwrap_or_default(), read(self.known.get(n))))
    }

    pub(super) fn times(&self) -> (u64, [u64; TIMES.len()]) {
        (self.time.load(Relaxed), array::from_fn(|n| read(self.times.get(n))))
    }

    pub(super) fn bytes(&self) -> [(&'static str, u64); 2] {
        [("metadata", self.metadata.load(Relaxed)), ("media", self.media.load(Relaxed))]
    }

    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Relaxed)
    }

    /// All counts with names, for the status pages of the servers: `answers.clip`.
    pub fn lines(&self) -> Vec<(String, u64)> {
        let totals = self.totals();
        let named = |group: &str, counts: &[(&str, u64)]| -> Vec<_> {
            counts.iter().map(|(name, count)| (format!("{group}.{name}"), *count)).collect()
        };
        let now = [
            ("pool.reads", self.reads()),
            ("pool.threads", totals.threads),
            ("pool.busy", totals.busy),
            ("pool.waiting", totals.waiting),
            ("cache.entries", totals.entries),
            ("cache.bytes", totals.bytes),
            ("in-progress", totals.answers),
            ("processes", totals.processes),
        ];
        let mut lines = named("answers", &self.answers());
        lines.extend(named("refusals", &self.refusals()));
        lines.extend(named("known", &self.plans()));
        lines.extend(named("bytes", &self.bytes()));
        lines.extend(now.map(|(name, count)| (name.to_owned(), count)));
        lines
    }
}

fn add(counter: Option<&AtomicU64>, count: u64) {
    if let Some(counter) = counter {
        counter.fetch_add(count, Relaxed);
    }
}

fn read(counter: Option<&AtomicU64>) -> u64 {
    counter.map_or(0, |counter| counter.load(Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_counted_by_itself() {
        let board = Board::default();
        for (n, kind) in Kind::ALL.into_iter().enumerate() {
            (0..=n).for_each(|_| board.note_answer(kind, None));
        }
        for (n, reason) in Reason::ALL.into_iter().enumerate() {
            (0..=n).for_each(|_| board.note_refusal(reason));
        }
        assert_eq!(board.answers().map(|(_, count)| count), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(board.refusals().map(|(_, count)| count), array::from_fn(|n| n as u64 + 1));
        let lines = board.lines();
        let names: std::collections::HashSet<_> = lines.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), lines.len());
        assert!(lines.contains(&("refusals.past-end".to_owned(), 10)), "{lines:?}");
    }

    #[test]
    fn times_are_counted_below_their_bounds() {
        let board = Board::default();
        for micros in [1, 100, 101, 9_999_999, 10_000_001] {
            board.note_time(Duration::from_micros(micros));
        }
        assert_eq!(board.times(), (1 + 100 + 101 + 9_999_999 + 10_000_001, [2, 1, 0, 0, 0, 1]));
    }
}
