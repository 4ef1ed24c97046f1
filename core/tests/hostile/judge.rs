//! What must hold for every file and every request, whatever the file says: length as promised, no
//! byte from outside the file, work and memory within a constant plus a multiple of the file.

use std::cell::Cell;
use std::io;
use std::ops::Range;

use mp4seek::describe::describe;
use mp4seek::index::{Film, Index};
use mp4seek::source::ReadAt;
use mp4seek::virtual_file::{VirtualFile, WINDOW};
use mp4seek::{Answer, Seeker};

use crate::allocator::peak;
use crate::queries::ask;

/// A file that counts what is read of it.
pub(crate) struct Counted<S> {
    file: S,
    len: u64,
    calls: Cell<u64>,
    bytes: Cell<u64>,
}

impl<S: ReadAt> Counted<S> {
    pub(crate) fn new(file: S, len: u64) -> Self {
        Self { file, len, calls: Cell::new(0), bytes: Cell::new(0) }
    }

    pub(crate) fn take(&self) -> (u64, u64) {
        (self.calls.take(), self.bytes.take())
    }
}

impl<S: ReadAt> ReadAt for Counted<S> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        // A read may ask for more than there is, but it begins inside.
        assert!(offset <= self.len, "{} bytes at {offset} asked of a file of {}", buf.len(), self.len);
        let n = self.file.read_at(buf, offset)?;
        self.calls.set(self.calls.get() + 1);
        self.bytes.set(self.bytes.get() + n as u64);
        Ok(n)
    }
}

/// What a call may take: a constant, and so much for each byte of what is really in the file.
pub(crate) struct Bounds {
    pub(crate) calls: (u64, u64),
    pub(crate) bytes: (u64, u64),
    pub(crate) memory: (u64, u64),
}

impl Bounds {
    /// For one request, index included. The constants of what is read are those of `limits::READS`.
    pub(crate) const ANSWER: Self =
        Self { calls: (600_000, 4), bytes: (130 << 20, 64), memory: (4 << 20, 256) };

    fn check(&self, what: &str, len: u64, (calls, bytes): (u64, u64), memory: u64) {
        let of = |(constant, each): (u64, u64)| constant + each.saturating_mul(len);
        assert!(calls <= of(self.calls), "{what}: {calls} reads for a file of {len}");
        assert!(bytes <= of(self.bytes), "{what}: {bytes} bytes read for a file of {len}");
        assert!(memory <= of(self.memory), "{what}: {memory} bytes of memory for a file of {len}");
    }
}

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Plain,
    Film(u64),
    Refused(u16, String),
}

/// Asks for `query` and checks all of the answer.
pub(crate) fn judge(film: &[u8], query: &str) -> Ending {
    judge_within(film, query, &Bounds::ANSWER)
}

/// As [`judge`], with bounds of its own.
pub(crate) fn judge_within(film: &[u8], query: &str, bounds: &Bounds) -> Ending {
    let film = film.to_vec();
    let len = film.len() as u64;
    examine(&film, len, len, query, bounds)
}

/// As [`judge_within`], for a file of `len` bytes of which `real` are there in earnest.
pub(crate) fn examine<S: ReadAt>(file: &S, len: u64, real: u64, query: &str, bounds: &Bounds) -> Ending {
    let source = Counted::new(file, len);
    let seeker = Seeker::new(1 << 20);
    let request = || ask(&seeker, &source, len, query);
    let (answer, memory) = peak(request);
    bounds.check(query, real, source.take(), memory);
    match answer {
        Ok(Answer::Plain(_)) => Ending::Plain,
        Ok(Answer::Film(film)) => {
            check_film(&film, &source, real, query);
            // The same again, with the index there or not: the same bytes.
            match request() {
                Ok(Answer::Film(again)) => assert_eq!((again.len(), again.etag()), (film.len(), film.etag())),
                other => panic!("{query}: a film, then {other:?}"),
            }
            change_under(&film, &source, &seeker, query);
            Ending::Film(film.len())
        }
        Err(e) => {
            let is_missing = e.status() == 404 && query.starts_with('/');
            let is_expected = is_missing || matches!(e.status(), 400 | 415 | 416);
            assert!(is_expected, "{query}: status {} for {e}", e.status());
            assert!(!e.to_string().contains(['\n', '\r']), "more than one line: {e}");
            Ending::Refused(e.status(), e.to_string())
        }
    }
}

/// What the description of a track may take.
const DESCRIPTION: Bounds = Bounds { calls: (100, 1), bytes: (64 << 10, 64), memory: (64 << 10, 8) };

/// Describes all tracks of a film that has an index: that fails for no file.
pub(crate) fn judge_descriptions(film: &[u8]) {
    let (file, len) = (film.to_vec(), film.len() as u64);
    let Ok(index) = Index::build(&file, len) else { return };
    // All is counted, also what is still in memory.
    let source = Counted::new(index.film(&file), u64::MAX);
    let film = Film { index: &index, source: &source };
    for track in 0..index.tracks.len() {
        let (described, memory) = peak(|| describe(&film, track));
        DESCRIPTION.check("a description", len, source.take(), memory);
        let described = described.unwrap_or_else(|e| panic!("track {track}: {e}"));
        let texts = [&described.codec, &described.language, &described.name];
        let mut texts = texts.into_iter().flatten().chain(&described.roles);
        assert!(texts.all(|text| text.len() <= 1024 && !text.contains(char::is_control)), "{described:?}");
    }
}

/// A file that is overwritten and cut while it is sent, or after its index was kept.
struct Changed<'a, S> {
    file: &'a S,
    len: u64,
    and: u8,
    or: u8,
}

impl<S: ReadAt> ReadAt for Changed<'_, S> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let n = self.file.read_at(buf, offset)?.min(left);
        for byte in &mut buf[..n] {
            *byte = *byte & self.and | self.or;
        }
        Ok(n)
    }
}

/// What comes out is no film any more; but it comes out, or fails, and nothing panics.
fn change_under<S: ReadAt>(film: &VirtualFile, source: &Counted<S>, seeker: &Seeker, query: &str) {
    let end = film.generated_len().min(LOOKED_AT);
    for (len, and, or) in
        [(u64::MAX, 0, 0), (u64::MAX, 0, 0xff), (u64::MAX, 0xfe, 0x10), (source.len / 2, 0xff, 0)]
    {
        let changed = Changed { file: source, len, and, or };
        let mut from = 0;
        while from < end {
            let to = (from + (64 << 10)).min(end);
            let mut window = vec![0; usize::try_from(to - from).unwrap()];
            let _ = film.read_at(&changed, from, &mut window);
            from = to;
        }
        let _ = ask(seeker, &changed, source.len, query);
    }
}

/// Generated bytes that are looked at; more than any film of the fuzzer has.
const LOOKED_AT: u64 = 4 << 20;

fn check_film<S: ReadAt>(film: &VirtualFile, source: &Counted<S>, real: u64, query: &str) {
    let mut at = 0;
    while at < film.len() {
        let chunk = film.next(source, &(at..film.len()), WINDOW);
        assert!((1..=WINDOW).contains(&chunk.generated), "{query}: {chunk:?} at {at}");
        let Range { start, end } = chunk.media;
        assert!(start <= end && end <= source.len, "{query}: {start} to {end} of a file of {}", source.len);
        at += chunk.len();
    }
    assert_eq!(at, film.len(), "{query}: length");
    let metadata = film.generated_len();
    assert!(metadata <= film.len(), "{query}: length of the metadata");
    source.take();
    let looked_at = metadata.min(LOOKED_AT);
    let mut whole = vec![0; usize::try_from(looked_at).unwrap()];
    let mut from = 0;
    for window in whole.chunks_mut(64 << 10) {
        let end = from + window.len() as u64;
        let (read, memory) = peak(|| film.read_at(source, from, window));
        read.unwrap_or_else(|e| panic!("{query}: bytes {from}..{end} of the metadata: {e}"));
        assert!(memory <= 1 << 20, "{query}: {memory} bytes of memory for a window");
        from = end;
    }
    let (_, bytes) = source.take();
    assert!(
        bytes <= (1 << 20) + 16 * (real + looked_at),
        "{query}: {bytes} bytes read to generate {looked_at}"
    );
    // Windows that begin and end anywhere hold the same bytes.
    for n in 0..24u64 {
        let from = looked_at * n / 24;
        let end = (from + 1 + n * n).min(looked_at);
        let mut window = vec![0; usize::try_from(end.saturating_sub(from)).unwrap()];
        film.read_at(source, from, &mut window).unwrap();
        let (_, bytes) = source.take();
        assert!(bytes <= 1 << 20, "{query}: {bytes} bytes read for a window of {}", window.len());
        let from = usize::try_from(from).unwrap();
        assert_eq!(window, whole[from..from + window.len()], "{query}: window at {from}");
    }
    if looked_at == metadata && query_cuts(query) {
        check_parses(film, source, whole, query);
    }
}

fn query_cuts(query: &str) -> bool {
    (query.contains("start=") || query.contains("end=")) && !query.starts_with('/')
}

/// A clip is a film that we can read ourselves.
fn check_parses<S: ReadAt>(film: &VirtualFile, source: &Counted<S>, metadata: Vec<u8>, query: &str) {
    let media: u64 = film.len() - film.generated_len();
    if media > 1 << 20 {
        return;
    }
    let mut all = metadata;
    let from = all.len();
    all.resize(usize::try_from(film.len()).unwrap(), 0);
    film.read_at(source, from as u64, &mut all[from..]).unwrap();
    if all.starts_with(b"FLV") {
        return;
    }
    let index = Index::build(&all, all.len() as u64);
    let index = index.unwrap_or_else(|e| panic!("{query}: the clip cannot be read: {e}"));
    assert!(index.is_fast_start(), "{query}: the metadata is not first");
}
