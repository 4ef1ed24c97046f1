//! The tables of a fragmented movie, generated again where they are read.
//!
//! A *batch* is a few fragments in a row. What is kept of each is where it begins, and how many
//! samples, chunks and entries of each table come before it. An entry is read by reading the `moof`
//! boxes of its batch again.

use std::io;
use std::ops::Range;

use crate::boxes::{FormatError, Reader};
use crate::limits::Limits;
use crate::source::ReadAt;

use super::batch::{Batch, COST_OF_BOX, COST_OF_MOOF, READ_AHEAD, are_few};
use super::kept::KeptEntries;
use super::moof::read_moof;
use super::tables::{GeneratedTable, TableLayout};
use super::track::{Seed, TrackFragments, TrackStart};

/// The generated entries of one batch, table by table.
pub(crate) type Entries = Vec<Vec<u8>>;

/// All batches of a movie.
#[derive(Debug)]
pub(crate) struct Batches {
    file_len: u64,
    /// [`Limits::kept_table`].
    kept_table: usize,
    batches: Vec<Batch>,
    /// The entries of those that are not generated again, by their number.
    kept: Vec<(usize, Vec<KeptEntries>)>,
    tracks: Vec<Seed>,
    /// Where each track is at the start of each batch, batch by batch.
    starts: Vec<TrackStart>,
    tables: Vec<GeneratedTable>,
    /// How many entries of each table come before each batch; after the last batch, all of them.
    counts: Vec<u32>,
}

impl Batches {
    /// Keeps what is needed to generate the entries of the tables again.
    ///
    /// # Errors
    /// When too many would have to be kept.
    pub(crate) fn new(
        file_len: u64,
        batches: Vec<Batch>,
        mut fragments: Vec<TrackFragments>,
        layout: &TableLayout,
        limits: &Limits,
    ) -> Result<Self, FormatError> {
        let TableLayout { bytes, spans, tables, counts } = layout;
        fragments.iter_mut().for_each(TrackFragments::cut_what_follows);
        let mut starts = Vec::new();
        let mut flat = Vec::new();
        for n in 0..=batches.len() {
            if n < batches.len() {
                starts.extend(fragments.iter().filter_map(|f| f.starts.get(n).copied()));
            }
            let before = |c: &Vec<u32>| n.checked_sub(1).and_then(|n| c.get(n)).copied().unwrap_or(0);
            flat.extend(counts.iter().map(before));
        }
        let tracks = fragments.into_iter().map(TrackFragments::into_seed).collect();
        let mut this = Self {
            file_len,
            kept_table: limits.kept_table,
            batches,
            kept: Vec::new(),
            tracks,
            starts,
            tables: tables.clone(),
            counts: flat,
        };
        let (most, mut held) = (limits.kept_batches, 0);
        for n in 0..this.batches.len() {
            if !this.batches.get(n).is_some_and(Batch::is_kept) {
                continue;
            }
            let mut kept = Vec::with_capacity(spans.len());
            for (table, span) in spans.iter().enumerate() {
                let range = if this.is_small(table) { 0..0 } else { this.span(n, table) };
                let range = span.start + range.start..span.start + range.end;
                let entries = KeptEntries::of(bytes.get(range).unwrap_or_default(), this.entry_size(table));
                held += entries.heap_size();
                if held > most {
                    return Err(FormatError::LargeTables { most });
                }
                kept.push(entries);
            }
            this.kept.push((n, kept));
        }
        this.counts.shrink_to_fit();
        this.starts.shrink_to_fit();
        this.batches.shrink_to_fit();
        Ok(this)
    }

    fn count(&self, batch: usize, table: usize) -> u32 {
        self.counts.get(batch * self.tables.len() + table).copied().unwrap_or(0)
    }

    /// Whether a table is kept as a whole. Where there are few entries in a batch, a look-up among
    /// many of them would generate many batches.
    pub(crate) fn is_small(&self, table: usize) -> bool {
        let bytes = self.count(self.batches.len(), table) as usize * self.entry_size(table);
        are_few(bytes, self.batches.len(), self.kept_table)
    }

    fn entry_size(&self, table: usize) -> usize {
        self.tables.get(table).map_or(1, |t| usize::from(t.entry_size))
    }

    /// Where the entries of a batch stand among all of a table, in bytes.
    pub(crate) fn span(&self, batch: usize, table: usize) -> Range<usize> {
        let size = self.entry_size(table);
        self.count(batch, table) as usize * size..self.count(batch + 1, table) as usize * size
    }

    /// The batch that has the byte at `offset` of a table's entries.
    pub(crate) fn holding(&self, table: usize, offset: u64) -> usize {
        let entry = offset / self.entry_size(table) as u64;
        let (mut low, mut high) = (0, self.batches.len());
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

    /// The entries of a batch, if they are kept.
    pub(crate) fn kept(&self, batch: usize) -> Option<&[KeptEntries]> {
        let at = self.kept.binary_search_by_key(&batch, |(n, _)| *n).ok()?;
        self.kept.get(at).map(|(_, entries)| &entries[..])
    }

    /// What it costs to generate a batch.
    pub(crate) fn cost(&self, batch: usize) -> u64 {
        self.batches.get(batch).map_or(0, |s| s.cost)
    }

    /// Generates the entries of a batch.
    ///
    /// # Errors
    /// When the file cannot be read, or no longer says what it said.
    pub(crate) fn generate<R: ReadAt>(&self, file: &R, batch: usize) -> io::Result<Entries> {
        Ok(self.try_generate(file, batch)?)
    }

    fn try_generate<R: ReadAt>(&self, file: &R, number: usize) -> Result<Entries, FormatError> {
        let batch = self.batches.get(number).ok_or(FormatError::Changed)?;
        let starts = |number: usize| self.starts.get(number * self.tracks.len()..).unwrap_or_default();
        let tracks = self.tracks.iter().zip(starts(number));
        let mut tracks: Vec<_> = tracks.map(|(seed, start)| TrackFragments::from(seed, start)).collect();
        let mut reader = Reader::new(file, self.file_len);
        reader.read_ahead(READ_AHEAD);
        let mut at = batch.offset;
        let mut left = batch.moofs;
        let mut cost = 0;
        while left > 0 {
            let header = reader.header(at, self.file_len)?.ok_or(FormatError::Changed)?;
            cost += COST_OF_BOX;
            if &header.box_type.0 == b"moof" {
                left -= 1;
                cost += header.size.saturating_add(COST_OF_MOOF);
                if cost > batch.cost {
                    return Err(FormatError::Changed);
                }
                read_moof(&mut reader, &header, &mut tracks)?;
            } else if cost > batch.cost {
                return Err(FormatError::Changed);
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
                return Err(FormatError::Changed);
            }
            out.push(entries);
        }
        Ok(out)
    }

    /// What it costs to generate all of it.
    pub(crate) fn total_cost(&self) -> u64 {
        self.batches.iter().map(|s| s.cost).sum()
    }

    /// Memory held besides the struct itself.
    pub(crate) fn heap_size(&self) -> usize {
        let entries = |e: &Vec<KeptEntries>| {
            e.capacity() * size_of::<KeptEntries>() + e.iter().map(KeptEntries::heap_size).sum::<usize>()
        };
        self.batches.capacity() * size_of::<Batch>()
            + self.kept.capacity() * size_of::<(usize, Vec<KeptEntries>)>()
            + self.kept.iter().map(|(_, e)| entries(e)).sum::<usize>()
            + self.tracks.iter().map(|t| size_of::<Seed>() + t.heap_size()).sum::<usize>()
            + self.starts.capacity() * size_of::<TrackStart>()
            + self.tables.capacity() * size_of::<GeneratedTable>()
            + self.counts.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::{FilmSource, Index};
    use crate::numbers::SampleNumber;
    use crate::source::GENERATED;
    use crate::testing::{self, fragments_at, make_box};

    fn build(film: &Vec<u8>) -> Index {
        testing::index(film, film.len() as u64).unwrap()
    }

    proptest! {
        /// Fragments are late, early, or sent again and again. The samples before the time of a
        /// later one end at that time, however many batches there are between. (`testing::index`
        /// compares what is generated again with what was generated first.)
        #[test]
        fn decode_times_hold_over_batches(steps in prop::collection::vec(-150i64..90, 1..40)) {
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
                    let dts = samples.dts(&source, SampleNumber(u32::try_from(n * 4 + i).unwrap())).unwrap();
                    prop_assert_eq!(dts.0, (time + 10 * i64::try_from(i).unwrap()).min(later));
                }
            }
        }
    }

    /// A fragment of many samples is not generated again. What is kept of it is bounded, and entries
    /// that are all alike are kept once.
    #[test]
    fn what_is_kept_of_long_fragments_is_bounded() {
        // 20,000 samples of one size, and of two sizes in turn.
        let run = |flags: u32, entries: &[u32]| {
            let trun = make_box(b"trun", testing::words([&[flags, 20_000][..], entries].concat()));
            let tfhd = make_box(b"tfhd", testing::words([0, 1]));
            let moof = make_box(b"moof", make_box(b"traf", [tfhd, trun].concat()));
            let film = fragments_at([0], |_, _| Vec::new());
            let free = make_box(b"free", vec![0; 100_000]);
            [film, moof, free].concat()
        };
        let sizes: Vec<u32> = (0..20_000).map(|n| n % 2).collect();
        let heap = |film: &Vec<u8>| build(film).heap_size();
        assert!(heap(&run(0, &[])) < 40_000, "{}", heap(&run(0, &[])));
        let film = run(0x200, &sizes);
        assert!((80_000..120_000).contains(&heap(&film)), "{}", heap(&film));
        let within = |kept_batches| {
            let limits = Limits { kept_batches, ..testing::FEW };
            Index::build_within(&film, film.len() as u64, limits).map(drop)
        };
        within(100_000).unwrap();
        assert!(within(79_000).unwrap_err().to_string().contains("tables in single fragments"));
    }

    /// What is not kept is generated from the file as it is then.
    #[test]
    fn a_file_that_changed_is_noticed() {
        let film = fragments_at((0..40).map(|n| n * 40), |_, _| Vec::new());
        let index = build(&film);
        let read = |film: &Vec<u8>| {
            let mut all = vec![0; usize::try_from(index.generated.len()).unwrap()];
            FilmSource::new(film, film.len() as u64, &index.generated)
                .read_exact_at(&mut all, GENERATED)
                .map_err(|e| e.to_string())
        };
        read(&film).unwrap();
        let at = |nth: usize, what: &[u8; 4]| {
            film.windows(4).enumerate().filter(|(_, w)| w == what).map(|(at, _)| at).nth(nth).unwrap()
        };
        for (at, byte, error) in [
            // A sample less, a track that is not there, no moof any more, one that is far longer,
            // and one whose size is no size of a box.
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
