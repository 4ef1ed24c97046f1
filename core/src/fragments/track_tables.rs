//! Writes the samples of a track's fragments as the tables of a flat movie.

use crate::boxes::{
    BoxType, TableHead, chunk_offsets_head, ctts_head, sdtp_head, stsc_entry, stsc_head, stss_entry,
    stss_head, stsz_entry, stsz_head, stts_head, write_offset,
};
use crate::limits::Limits;
use crate::numbers::SampleNumber;
use crate::source::GENERATED;
use crate::time::MediaTime;

use super::batch::are_few;
use super::run_lengths::number;
use super::tables::{GeneratedTable, TableKind, TableLayout};
use super::track::{FragmentChunk, Position, TrackFragments};

impl TrackFragments {
    /// Whether it has descriptions of a grouping, which take the place of the `moov`'s own.
    pub(crate) fn describes(&self, grouping: [u8; 4]) -> bool {
        self.seed.groupings.describes(grouping)
    }

    /// Bytes of each chunk, if those numbers are few and short enough to be kept.
    pub(crate) fn chunk_sizes(&self, batches: usize, limits: &Limits) -> Option<Box<[u32]>> {
        if !are_few(self.chunks.len() * size_of::<u32>(), batches, limits.kept_chunk_sizes) {
            return None;
        }
        let mut sizes = self.sizes.iter();
        let bytes = self.chunks.iter().map(|&FragmentChunk { samples, .. }| {
            u32::try_from(sizes.by_ref().take(samples as usize).map(|&s| u64::from(s)).sum::<u64>()).ok()
        });
        bytes.collect()
    }

    /// Decode time of the first sample.
    pub(crate) fn first_decode_time(&self) -> Option<MediaTime> {
        self.first
    }

    /// Appends the tables of a flat movie to `out`, which begins at [`GENERATED`].
    pub(crate) fn write(&mut self, track: usize, out: &mut TableLayout) {
        let samples = self.sizes.len();
        self.seed.groupings.finish(SampleNumber::at_place(samples));
        let ends: Vec<Position> = self.starts.iter().skip(1).map(|s| s.before).chain([self.end()]).collect();
        let this = &*self;
        let mut table = |head: &TableHead, kind| {
            let table = GeneratedTable { track, kind, entry_size: head.entry_size };
            out.table(head, table, |bytes| this.write_entries(&table, &ends, bytes));
        };
        table(&stts_head(), TableKind::Durations);
        if self.offsets.runs.iter().any(|(_, offset)| *offset != 0) {
            table(&ctts_head(self.has_negative_offsets.into()), TableKind::Offsets);
        }
        table(&stsc_head(), TableKind::Chunks);
        table(&stsz_head(number(samples)), TableKind::Sizes);
        let is_wide = self.chunks.iter().any(|chunk| u32::try_from(chunk.offset.0).is_err());
        table(&chunk_offsets_head(is_wide), TableKind::ChunkOffsets { is_wide });
        self.write_optional(track, &ends, out);
    }

    /// Appends the tables that not every track has.
    fn write_optional(&self, track: usize, ends: &[Position], out: &mut TableLayout) {
        let samples = self.sizes.len();
        let table = |head: &TableHead, kind, out: &mut TableLayout| {
            let table = GeneratedTable { track, kind, entry_size: head.entry_size };
            out.table(head, table, |bytes| self.write_entries(&table, ends, bytes));
        };
        self.seed.groupings.write_descriptions(&mut out.bytes);
        for (n, head) in self.seed.groupings.heads().enumerate() {
            table(&head, TableKind::Group(n), out);
        }
        if !self.dependencies.bytes.is_empty() {
            table(&sdtp_head(), TableKind::Dependencies, out);
        }
        if let Some(subsamples) = &self.subsamples {
            subsamples.write(&mut out.bytes);
        }
        if self.unsliced.is_none() && self.auxiliary.is_needed() {
            let senc = self.auxiliary.senc_head(number(samples));
            table(&self.auxiliary.saiz_head(number(samples)), TableKind::AuxiliarySizes, out);
            self.auxiliary.write_saio(&senc, GENERATED, &mut out.bytes);
            table(&senc, TableKind::Auxiliary, out);
        }
        // A writer that marks no audio sample at all does not mark them.
        let unmarked = self.seed.is_audio && self.sync.is_empty();
        if self.sync.len() < samples && !unmarked {
            table(&stss_head(), TableKind::Sync, out);
        }
    }
    /// Appends the entries of a table. Returns how many there are up to each of `ends`; no entry
    /// reaches over one of them.
    pub(crate) fn write_entries(
        &self,
        table: &GeneratedTable,
        ends: &[Position],
        out: &mut Vec<u8>,
    ) -> Vec<u32> {
        let samples = ends.iter().map(|end| end.sample - self.before.sample);
        let mut fixed = |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            let all = self.sizes.len().saturating_sub(bytes.len());
            out.resize(out.len() + all, 0);
            samples.clone().collect()
        };
        match table.kind {
            TableKind::Durations => self.durations.write(samples, out),
            TableKind::Offsets => self.offsets.write(samples, out),
            TableKind::Group(n) => self.seed.groupings.write_runs(n, samples, out),
            TableKind::Dependencies => fixed(&self.dependencies.bytes),
            TableKind::AuxiliarySizes => fixed(&self.auxiliary.sizes),
            TableKind::Auxiliary => {
                out.extend_from_slice(&self.auxiliary.bytes);
                let (mut at, mut sum) = (0, 0);
                samples
                    .map(|end| {
                        let sizes = self.auxiliary.sizes.get(at..).unwrap_or_default();
                        let now = (end as usize).saturating_sub(at);
                        sum += sizes.iter().take(now).map(|&n| u32::from(n)).sum::<u32>();
                        at = end as usize;
                        sum
                    })
                    .collect()
            }
            TableKind::Sizes => {
                self.sizes.iter().for_each(|&size| out.extend_from_slice(&stsz_entry(size)));
                samples.collect()
            }
            TableKind::Sync => {
                self.sync.iter().for_each(|&sample| out.extend_from_slice(&stss_entry(sample)));
                ends.iter().map(|end| number(self.sync.partition_point(|&s| s < end.sample))).collect()
            }
            TableKind::ChunkOffsets { is_wide } => {
                self.chunks.iter().for_each(|chunk| write_offset(out, chunk.offset.0, is_wide));
                ends.iter().map(|end| end.chunk - self.before.chunk).collect()
            }
            TableKind::Chunks => self.write_chunks(ends, out),
        }
    }

    /// Appends the entries of an `stsc` (8.7.4), one for each run of equal chunks. As
    /// [`Self::write_entries`].
    fn write_chunks(&self, ends: &[Position], out: &mut Vec<u8>) -> Vec<u32> {
        let (mut at, mut entries) = (0, 0);
        let mut up_to = |end: &Position| {
            let mut last = None;
            let end = (end.chunk - self.before.chunk) as usize;
            for (n, chunk) in (at..end).zip(self.chunks.get(at..end).unwrap_or_default()) {
                let value = (chunk.samples, chunk.description_index);
                if last.replace(value) != Some(value) {
                    entries += 1;
                    let first = self.before.chunk + number(n);
                    out.extend_from_slice(&stsc_entry(first, chunk.samples, chunk.description_index));
                }
            }
            at = end;
            entries
        };
        ends.iter().map(&mut up_to).collect()
    }
}

/// Whether [`TrackFragments::write`] writes boxes of this type, which take the place of the
/// `moov`'s own.
pub(crate) fn is_replaced(box_type: BoxType) -> bool {
    matches!(
        &box_type.0,
        b"stts"
            | b"ctts"
            | b"stsc"
            | b"stsz"
            | b"stz2"
            | b"stco"
            | b"co64"
            | b"stss"
            | b"saiz"
            | b"saio"
            | b"senc"
            | b"sbgp"
            | b"csgp"
            | b"sdtp"
            | b"subs"
    )
}
