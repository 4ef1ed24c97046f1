//! The `stbl` of a track.

mod auxiliary;
mod sizes;
mod small;
mod times;

use crate::boxes::{BoxHeader, BoxType, FormatError, SyncSamples, Table, is_senc};
use crate::index::{Index, Node, SampleTable, Track};
use crate::limits;
use crate::plan::assembly::Assembly;
use crate::plan::part::{Entries, EntryKind};
use crate::plan::slice::{ChunkSlice, RunSlice};
use crate::plan::treatment::{Place, Treatment};
use crate::seek::{SampleRange, TrackClip};
use crate::source::ReadAt;

use super::layout::Layout;
use sizes::{nibbles, per_sample};

pub(crate) use times::offset_field;

impl Layout<'_> {
    pub(super) fn chunk_offsets(
        &self,
        track: usize,
        wide: bool,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let (box_type, entry_size) = if wide { (b"co64", 8) } else { (b"stco", 4) };
        let mut list = Assembly::default();
        let chunks = self.chunks.get(track).and_then(Option::as_ref);
        for range in chunks.map_or(&[][..], |c| &c.ranges) {
            let count = range.chunks.end - range.chunks.start;
            // u64::MAX is no chunk's offset: then the table's own holds for the first chunk too.
            let first = range.first_offset.unwrap_or(u64::MAX);
            let kind = EntryKind::ChunkOffsets(range.chunks.clone(), first);
            list.entries(count, Entries { track, entry_size, kind });
        }
        out.list(BoxType(*box_type), &[0; 4], u64::from(entry_size), list)
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where all of them meet")]
    pub(super) fn stbl_child<R: ReadAt>(
        &self,
        source: &R,
        node: &Node,
        track: usize,
        of: &Track,
        held: &TrackClip,
        wide: bool,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let header = &node.header;
        let samples = &of.samples;
        let ranges = held.ranges.as_slice();
        let entries = |entry_size, kind| Entries { track, entry_size, kind };
        let mut list = Assembly::default();
        match Treatment::of(Place::SampleTable, header.box_type) {
            Treatment::Descriptions => match (held.pre_skip, of.pre_skip) {
                (Some(value), Some(at)) => out.copy_but(header, at, &value.to_be_bytes()),
                _ => out.copy(header),
            },
            Treatment::Durations => times::durations(source, track, samples, held, out)?,
            Treatment::CompositionOffsets => {
                let version = version_of(source, self.index, header)?;
                times::composition_offsets(source, track, samples, held, header, version, out)?;
            }
            Treatment::Chunks => {
                let chunks = self.chunks.get(track).and_then(Option::as_ref);
                let mut place = 0;
                for (range, of) in ranges.iter().zip(chunks.map_or(&[][..], |c| &c.ranges)) {
                    let slice = ChunkSlice::of(samples, source, &range.samples, place)?;
                    place += of.chunks.end - of.chunks.start;
                    list.entries(slice.count(), entries(12, EntryKind::Chunks(slice)));
                }
                out.list(header.box_type, &[0; 4], 12, list)?;
            }
            Treatment::Sizes => self.sizes(track, samples, held, out)?,
            Treatment::ChunkOffsets => self.chunk_offsets(track, wide, out)?,
            _ if ranges.is_empty() => {}
            // It is known better.
            Treatment::SyncSamples
                if matches!(samples.sync, SyncSamples::All)
                    || samples.pictures(source)?.is_some()
                    || samples.is_whole(source)? => {}
            Treatment::SyncSamples | Treatment::PartialSyncSamples => {
                let table = Table::read(&mut self.index.reader(source), header, 0, 4)?;
                for SampleRange { samples, place, joined_until, .. } in ranges {
                    let shift = i64::from(*place) - i64::from(samples.start);
                    let is_joined = *joined_until > samples.start;
                    let first = is_joined.then_some(samples.start..samples.start + 1);
                    let rest = samples.start.max(*joined_until)..samples.end;
                    for part in first.into_iter().chain([rest]) {
                        let first = SyncSamples::listed_before(&table, source, part.start)?;
                        let end = SyncSamples::listed_before(&table, source, part.end)?;
                        let kind = EntryKind::SampleNumbers(table, first, shift);
                        // The file's own order is not to be trusted.
                        list.entries(end.saturating_sub(first), entries(4, kind));
                    }
                }
                out.list(header.box_type, &[0; 4], 4, list)?;
            }
            Treatment::ByteForEachSample => per_sample(header, 1, held, out)?,
            Treatment::WordForEachSample => per_sample(header, 2, held, out)?,
            Treatment::GroupDescriptions => out.copy(header),
            Treatment::Groups => {
                let grouping = samples.groups.iter().enumerate();
                let mut grouping = grouping.map(|(n, g)| (n, g, g.table().offset));
                let Some((n, runs, offset)) =
                    grouping.find(|(_, _, at)| (header.payload()..=header.end()).contains(at))
                else {
                    return Ok(());
                };
                for range in ranges {
                    let slice = RunSlice::of(runs, source, range.samples.clone())?;
                    let made = (!runs.is_normal()).then(|| entries(8, EntryKind::Group(slice.clone(), n)));
                    list.runs(source, runs, slice, made)?;
                }
                let mut reader = self.index.reader(source);
                // Version, flags, grouping type and its parameter stay; the count is new.
                let prefix = usize::try_from(offset - 4 - header.payload()).unwrap_or(0);
                out.list(header.box_type, reader.bytes(header.payload(), prefix)?, 8, list)?;
            }
            Treatment::AuxiliarySizes | Treatment::AuxiliaryOffsets if samples.auxiliary.is_none() => {
                out.note(format!("left out {}: it is not about encryption", header.box_type));
            }
            Treatment::AuxiliarySizes => self.auxiliary(source, track, samples, held, out)?,
            // It comes with the saiz.
            Treatment::AuxiliaryOffsets => {}
            Treatment::Encryption if is_senc(&mut self.index.reader(source), header)? => {
                self.senc(source, header, of, held, out)?;
            }
            Treatment::PaddingBits => {
                let table = Table::read(&mut self.index.reader(source), header, 0, 0)?;
                let len = header.payload_len().saturating_sub(8);
                let last = ranges.last().map_or(0, |r| r.samples.end);
                if u64::from(table.count.min(last).div_ceil(2)) > len || table.count < last {
                    out.note(format!(
                        "left out {}: it has fewer entries than the track has samples",
                        header.box_type
                    ));
                } else {
                    let table = Table { count: last.div_ceil(2), entry_size: 1, ..table };
                    let count = held.sample_count();
                    let mut content = Assembly::default();
                    content.bytes(&[0; 4]);
                    content.bytes(&count.to_be_bytes());
                    content.entries(count.div_ceil(2), entries(1, nibbles(table, ranges)));
                    out.wrap(header.box_type, content)?;
                }
            }
            Treatment::Small if header.payload_len() > limits::SMALL_BOX as u64 => {
                out.note(format!("left out {}: {} bytes are more than we cut", header.box_type, header.size));
            }
            Treatment::Small => {
                let mut reader = self.index.reader(source);
                match small::cut(header.box_type, reader.payload(header, 0)?, ranges) {
                    Some(bytes) => out.bytes(&bytes),
                    None => {
                        out.note(format!("left out {} at byte {}: malformed", header.box_type, header.offset))
                    }
                }
            }
            Treatment::LeftOut => {}
            _ => out.note(format!(
                "left out {} at byte {}: not known how it is cut",
                header.box_type, header.offset
            )),
        }
        Ok(())
    }

    /// The `stss` of a track that has none, or a wrong one, and that is not as it says: a reader that believed it would begin
    /// decoding in the middle of what an edit hides.
    pub(super) fn seen_sync<R: ReadAt>(
        &self,
        source: &R,
        samples: &SampleTable,
        held: &TrackClip,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        if held.ranges.is_empty() || samples.pictures(source)?.is_none() {
            return Ok(());
        }
        let mut list = Assembly::default();
        for range in &held.ranges {
            for sample in samples.seen_sync(source, &range.samples)? {
                list.bytes(&(range.place + (sample - range.samples.start) + 1).to_be_bytes());
            }
        }
        out.list(BoxType(*b"stss"), &[0; 4], 4, list)
    }
}

fn version_of<R: ReadAt>(source: &R, index: &Index, header: &BoxHeader) -> Result<u8, FormatError> {
    Ok(index.reader(source).bytes(header.payload(), 1)?.first().copied().unwrap_or(0))
}
