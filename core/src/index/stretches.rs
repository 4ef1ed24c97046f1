//! The tables of a fragmented film, made anew where they are read.
//!
//! What is kept of the film are places to begin at: a *stretch* is a few fragments in a row, and of each are known
//! the samples, the chunks and the entries of each table that come before it. An entry is read by reading
//! the `moof` boxes of its stretch again.

use std::io;
use std::ops::Range;

use crate::boxes::{FormatError, Reader};
use crate::source::ReadAt;

use super::fragments::{Seed, TrackFragments, TrackStart, read_moof};

/// Which table of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Durations,
    Offsets,
    Chunks,
    Sizes,
    ChunkOffsets,
    /// Which of the track's sample groupings.
    Group(usize),
    Dependencies,
    AuxiliarySizes,
    Auxiliary,
    Sync,
}

/// A table of a film.
#[derive(Debug, Clone, Copy)]
pub(super) struct MadeTable {
    pub(super) track: usize,
    pub(super) kind: Kind,
    pub(super) entry_size: u8,
}

/// The boxes of all tables, as they are made for the first time.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) bytes: Vec<u8>,
    /// Where in them the entries of each table stand.
    pub(super) spans: Vec<Range<usize>>,
    tables: Vec<MadeTable>,
    /// Of each table, the entries up to the end of each stretch.
    counts: Vec<Vec<u32>>,
}

impl Layout {
    /// Begins after some bytes.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// A box of `prefix`, the number of entries (unless the prefix says it), and entries. `write` gives how many there are up to
    /// the end of each stretch.
    pub(super) fn table(
        &mut self,
        box_type: &[u8; 4],
        prefix: &[u8],
        has_count: bool,
        table: MadeTable,
        write: impl FnOnce(&mut Vec<u8>) -> Vec<u32>,
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(box_type);
        self.bytes.extend_from_slice(prefix);
        let count_at = self.bytes.len();
        if has_count {
            self.bytes.extend_from_slice(&[0; 4]);
        }
        let entries = self.bytes.len();
        let counts = write(&mut self.bytes);
        let size = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        let count = counts.last().copied().unwrap_or(0);
        self.put(start, size);
        if has_count {
            self.put(count_at, count);
        }
        self.spans.push(entries..self.bytes.len());
        self.tables.push(table);
        self.counts.push(counts);
    }

    fn put(&mut self, at: usize, value: u32) {
        if let Some(to) = self.bytes.get_mut(at..at + 4) {
            to.copy_from_slice(&value.to_be_bytes());
        }
    }
}

/// Fragments in a row.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stretch {
    /// Where the first `moof` is.
    pub(super) offset: u64,
    /// Number of `moof` boxes; none for what the `moov` holds.
    pub(super) moofs: u32,
    pub(super) samples: u32,
    /// What it takes to read it again, about in bytes.
    pub(super) cost: u64,
}

/// Samples of a stretch, where its fragments are not larger. Few in tests, whose films are short.
const SAMPLES: u32 = if cfg!(test) { 48 } else { 4096 };

/// Fragments of a stretch, where they are not tiny.
const MOOFS: u32 = if cfg!(test) { 2 } else { 16 };

impl Stretch {
    /// Whether the next fragment begins another: a look-up reads one of these.
    pub(super) fn is_full(&self) -> bool {
        self.cost >= 256 << 10
            || self.samples >= SAMPLES
            || (self.moofs >= MOOFS && self.samples >= SAMPLES / 16)
    }

    /// Whether it costs too much to be made anew. Its tables are kept.
    fn is_kept(&self) -> bool {
        self.moofs == 0 || self.samples > 16 << 10 || self.cost > 512 << 10
    }
}

/// How far to read at once: most of a `moof`, and little of the media after it.
pub(super) const READ_AHEAD: usize = 2048;

/// What it costs to read a `moof` again, besides its bytes.
pub(super) const COST_OF_MOOF: u64 = READ_AHEAD as u64;

/// Bytes of a table's entries in a stretch, about, up to which all of the table is kept: durations that seldom change, a
/// chunk and a sync sample in each fragment. That is no more than is kept to make them from.
const SMALL_IN_STRETCH: usize = if cfg!(test) { 0 } else { 256 };

/// Whether these bytes are few beside what is kept of so many stretches.
pub(super) fn are_few(bytes: usize, stretches: usize) -> bool {
    bytes <= SMALL_IN_STRETCH * (stretches + 3)
}

/// What it costs to pass another box.
pub(super) const COST_OF_BOX: u64 = 64;

/// The made entries of one stretch, table by table.
pub(super) type Entries = Vec<Vec<u8>>;

/// All stretches of a film.
#[derive(Debug)]
pub(super) struct Stretches {
    file_len: u64,
    stretches: Vec<Stretch>,
    /// Those that are not made anew, by their number.
    kept: Vec<(usize, Entries)>,
    tracks: Vec<Seed>,
    /// Of each stretch, each track.
    starts: Vec<TrackStart>,
    tables: Vec<MadeTable>,
    /// Of each stretch, the entries of each table before it; and after the last, all of them.
    counts: Vec<u32>,
}

impl Stretches {
    /// Takes from the first making what is needed to make it all again, and the stretches of bytes that are not entries; where
    /// each begins, and for entries the number of their table.
    pub(super) fn new(
        file_len: u64,
        stretches: Vec<Stretch>,
        fragments: Vec<TrackFragments>,
        layout: &Layout,
    ) -> Self {
        let Layout { bytes, spans, tables, counts } = layout;
        let mut starts = Vec::new();
        let mut flat = Vec::new();
        for n in 0..=stretches.len() {
            if n < stretches.len() {
                starts.extend(fragments.iter().filter_map(|f| f.starts.get(n).copied()));
            }
            let before = |c: &Vec<u32>| n.checked_sub(1).and_then(|n| c.get(n)).copied().unwrap_or(0);
            flat.extend(counts.iter().map(before));
        }
        let tracks = fragments.into_iter().map(TrackFragments::into_seed).collect();
        let mut this = Self {
            file_len,
            stretches,
            kept: Vec::new(),
            tracks,
            starts,
            tables: tables.clone(),
            counts: flat,
        };
        for n in 0..this.stretches.len() {
            if this.stretches.get(n).is_some_and(Stretch::is_kept) {
                let entries = spans.iter().enumerate().map(|(table, span)| {
                    if this.is_small(table) {
                        return Vec::new();
                    }
                    let range = this.span(n, table);
                    let range = span.start + range.start..span.start + range.end;
                    bytes.get(range).unwrap_or_default().to_vec()
                });
                let entries = entries.collect();
                this.kept.push((n, entries));
            }
        }
        this.counts.shrink_to_fit();
        this.starts.shrink_to_fit();
        this.stretches.shrink_to_fit();
        this
    }

    fn count(&self, stretch: usize, table: usize) -> u32 {
        self.counts.get(stretch * self.tables.len() + table).copied().unwrap_or(0)
    }

    /// Whether a table is kept as a whole. Where there are few entries in a stretch, a look-up among many of them would
    /// make many stretches.
    pub(super) fn is_small(&self, table: usize) -> bool {
        are_few(
            self.count(self.stretches.len(), table) as usize * self.entry_size(table),
            self.stretches.len(),
        )
    }

    fn entry_size(&self, table: usize) -> usize {
        self.tables.get(table).map_or(1, |t| usize::from(t.entry_size))
    }

    /// Where the entries of a stretch stand among all of a table, in bytes.
    pub(super) fn span(&self, stretch: usize, table: usize) -> Range<usize> {
        let size = self.entry_size(table);
        self.count(stretch, table) as usize * size..self.count(stretch + 1, table) as usize * size
    }

    /// The stretch that has the byte at `offset` of a table's entries.
    pub(super) fn holding(&self, table: usize, offset: u64) -> usize {
        let entry = offset / self.entry_size(table) as u64;
        let (mut low, mut high) = (0, self.stretches.len());
        // The last that does not begin after it.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if u64::from(self.count(middle, table)) <= entry {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The entries of a stretch, if they are kept.
    pub(super) fn kept(&self, stretch: usize) -> Option<&Entries> {
        let at = self.kept.binary_search_by_key(&stretch, |(n, _)| *n).ok()?;
        self.kept.get(at).map(|(_, entries)| entries)
    }

    /// What it costs to make a stretch.
    pub(super) fn cost(&self, stretch: usize) -> u64 {
        self.stretches.get(stretch).map_or(0, |s| s.cost)
    }

    /// Makes the entries of a stretch.
    ///
    /// # Errors
    /// When the file cannot be read, or no longer says what it said.
    pub(super) fn make<R: ReadAt>(&self, file: &R, stretch: usize) -> io::Result<Entries> {
        Ok(self.try_make(file, stretch)?)
    }

    fn try_make<R: ReadAt>(&self, file: &R, number: usize) -> Result<Entries, FormatError> {
        let stretch = self.stretches.get(number).ok_or_else(FormatError::changed)?;
        let starts = |number: usize| self.starts.get(number * self.tracks.len()..).unwrap_or_default();
        let tracks = self.tracks.iter().zip(starts(number));
        let mut tracks: Vec<_> = tracks.map(|(seed, start)| TrackFragments::from(seed, start)).collect();
        let mut reader = Reader::new(file, self.file_len);
        reader.read_ahead(READ_AHEAD);
        let mut at = stretch.offset;
        let mut left = stretch.moofs;
        let mut cost = 0;
        while left > 0 {
            let header = reader.header(at, self.file_len)?.ok_or_else(FormatError::changed)?;
            cost += COST_OF_BOX;
            if &header.box_type.0 == b"moof" {
                left -= 1;
                cost += header.size.saturating_add(COST_OF_MOOF);
                if cost > stretch.cost {
                    return Err(FormatError::changed());
                }
                read_moof(&mut reader, &header, &mut tracks)?;
            } else if cost > stretch.cost {
                return Err(FormatError::changed());
            }
            at = header.end();
        }
        for (track, start) in tracks.iter_mut().zip(starts(number)) {
            track.finish(start);
        }
        let mut out = Vec::new();
        for (n, table) in self.tables.iter().enumerate() {
            let mut entries = Vec::new();
            if self.is_small(n) {
                out.push(entries);
                continue;
            }
            if let Some(track) = tracks.get(table.track) {
                track.write_entries(table, &[track.end()], &mut entries);
            }
            if entries.len() != self.span(number, n).len() {
                return Err(FormatError::changed());
            }
            out.push(entries);
        }
        Ok(out)
    }

    /// What it costs to make all of it.
    pub(super) fn total_cost(&self) -> u64 {
        self.stretches.iter().map(|s| s.cost).sum()
    }

    /// Memory held besides the struct itself.
    pub(super) fn heap_size(&self) -> usize {
        let entries =
            |e: &Entries| e.capacity() * size_of::<Vec<u8>>() + e.iter().map(Vec::capacity).sum::<usize>();
        self.stretches.capacity() * size_of::<Stretch>()
            + self.kept.iter().map(|(n, e)| size_of_val(n) + entries(e)).sum::<usize>()
            + self.tracks.iter().map(|t| size_of::<Seed>() + t.heap_size()).sum::<usize>()
            + self.starts.capacity() * size_of::<TrackStart>()
            + self.tables.capacity() * size_of::<MadeTable>()
            + self.counts.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::{FilmSource, Index};
    use crate::source::GENERATED;
    use crate::testing::fragments_at;

    fn build(film: &Vec<u8>) -> Index {
        Index::build(film, film.len() as u64).unwrap()
    }

    proptest! {
        /// Fragments that are late, early, or sent again and again: the samples before the time of a later one are kept
        /// short, however many stretches there are between. (That what is made anew is what was made first is looked at
        /// whenever an index is built in a test.)
        #[test]
        fn decode_times_hold_over_stretches(steps in prop::collection::vec(-150i64..90, 1..40)) {
            let mut times = vec![0i64];
            for step in steps {
                times.push((times[times.len() - 1] + 40 + step).max(0));
            }
            let film = fragments_at(times.iter().map(|&t| u32::try_from(t).unwrap()), |_, _| Vec::new());
            let index = build(&film);
            let (source, samples) = (index.film(&film), &index.tracks[0].samples);
            prop_assert_eq!(samples.count as usize, times.len() * 4);
            for (n, time) in times.iter().enumerate() {
                for i in 0..4 {
                    let later = times[n + 1..].iter().min().copied().unwrap_or(i64::MAX);
                    let dts = samples.dts(&source, u32::try_from(n * 4 + i).unwrap()).unwrap();
                    prop_assert_eq!(dts, (time + 10 * i64::try_from(i).unwrap()).min(later));
                }
            }
        }
    }

    /// What is let go is made from the file as it is then.
    #[test]
    fn a_file_that_changed_is_noticed() {
        let film = fragments_at((0..40).map(|n| n * 40), |_, _| Vec::new());
        let index = build(&film);
        let read = |film: &Vec<u8>| {
            let mut all = vec![0; usize::try_from(index.made.len()).unwrap()];
            FilmSource::new(film, &index.made).read_exact_at(&mut all, GENERATED).map_err(|e| e.to_string())
        };
        read(&film).unwrap();
        let at = |nth: usize, what: &[u8; 4]| {
            film.windows(4).enumerate().filter(|(_, w)| w == what).map(|(at, _)| at).nth(nth).unwrap()
        };
        for (at, byte, error) in [
            // A sample less, a track that is not there, no moof any more, one that is far longer, and a box that is none.
            (at(30, b"trun") + 11, 1, "changed"),
            (at(20, b"tfhd") + 11, 9, "changed"),
            (at(25, b"moof"), b'f', "changed"),
            (at(25, b"moof") - 2, 0x70, "moof box"),
            (at(25, b"moof") - 4, 0x70, "moof box"),
        ] {
            let mut changed = film.clone();
            changed[at] = byte;
            let e = read(&changed).unwrap_err();
            assert!(e.contains(error), "byte {at}: {e}");
        }
        read(&film[..film.len() / 2].to_vec()).unwrap_err();
    }
}
