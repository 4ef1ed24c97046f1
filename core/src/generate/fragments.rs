//! The bytes of a fragmented file, a window at a time.

use std::io;
use std::ops::{ControlFlow, Range};

use crate::boxes::{
    FormatError, MDAT_HEAD_SIZE, MOOF_HEAD_SIZE, SIDX_ENTRY_SIZE, SIDX_HEAD_SIZE, SidxHead, TRAF_HEAD_SIZE,
    TRUN_HEAD_SIZE, TrunHead, sidx_entry, write_free, write_mdat_head, write_moof_head, write_traf_head,
};
use crate::extents::{Extent, copy_batch};
use crate::index::Film;
use crate::limits;
use crate::numbers::Numbers;
use crate::offsets::MediaOffset;
use crate::plan::{ClipTrack, Fragment, FragmentRun, FragmentedFile, Plan, View};
use crate::source::ReadAt;

use super::window::generate;

/// Fills `out` with the file from offset `from` on.
///
/// # Errors
/// When the source cannot be read, or its tables are no longer those that were planned with.
pub(crate) fn read_fragmented(
    film: &Film<'_>,
    file: &FragmentedFile,
    from: u64,
    out: &mut [u8],
) -> io::Result<()> {
    let (init, index) = (file.init(), file.index());
    let mut rest = out;
    let mut from = from;
    if from < init.end {
        let now = split(&mut rest, init.end - from);
        generate(film, &file.head, from, now)?;
        from += now.len() as u64;
    }
    if from < index.end && !rest.is_empty() {
        let now = split(&mut rest, index.end - from);
        fill_segment_index(file, from - index.start, now)?;
        from += now.len() as u64;
    }
    if rest.is_empty() {
        return Ok(());
    }
    let view = file.view(film)?;
    while !rest.is_empty() {
        let segment = file.segment_of(from).ok_or(FormatError::Changed)?;
        let fragment = file.fragment(&view, segment)?;
        let now = split(&mut rest, fragment.end().saturating_sub(from));
        if now.is_empty() {
            return Err(FormatError::Changed.into());
        }
        read_fragment(film, &view, &fragment, from - fragment.start, now)?;
        from += now.len() as u64;
    }
    Ok(())
}

/// Takes at most `len` bytes off the front.
fn split<'a>(rest: &mut &'a mut [u8], len: u64) -> &'a mut [u8] {
    let all = std::mem::take(rest);
    let (now, later) = all.split_at_mut(usize::try_from(len).unwrap_or(usize::MAX).min(all.len()));
    *rest = later;
    now
}

/// Fills `out` with the `sidx` (ISO/IEC 14496-12, 8.16.3) from its byte `from` on. Only entries that
/// `out` touches are written: that of a long movie lies in many windows.
fn fill_segment_index(file: &FragmentedFile, from: u64, out: &mut [u8]) -> io::Result<()> {
    let (head_size, entry_size) = (u64::from(SIDX_HEAD_SIZE), u64::from(SIDX_ENTRY_SIZE));
    let (mut rest, mut from) = (out, from);
    if from < head_size {
        let head = SidxHead {
            reference_id: file.reference_id(),
            timescale: file.timescale(),
            earliest_presentation_time: file.times(0).map_or(0, |times| times.start),
            count: u16::try_from(file.segment_count()).unwrap_or(u16::MAX),
        };
        let mut bytes = Vec::with_capacity(SIDX_HEAD_SIZE as usize);
        head.write(&mut bytes);
        let now = split(&mut rest, head_size - from);
        bytes.as_slice().read_exact_at(now, from)?;
        from += now.len() as u64;
    }
    while !rest.is_empty() {
        let (n, into) = ((from - head_size) / entry_size, (from - head_size) % entry_size);
        let entry = usize::try_from(n).ok().and_then(|n| index_entry(file, n)).ok_or(FormatError::Changed)?;
        let now = split(&mut rest, entry_size - into);
        entry.as_slice().read_exact_at(now, into)?;
        from += now.len() as u64;
    }
    Ok(())
}

/// The entry of a segment in the `sidx`.
fn index_entry(file: &FragmentedFile, n: usize) -> Option<[u8; SIDX_ENTRY_SIZE as usize]> {
    let (bytes, times) = (file.segment(n)?, file.times(n)?);
    let size = u32::try_from(bytes.end - bytes.start).unwrap_or(0);
    let duration = u32::try_from(times.end - times.start).unwrap_or(u32::MAX);
    Some(sidx_entry(size, duration, file.sap(n).number()))
}

/// Fills `out` with a fragment from its byte `from` on.
fn read_fragment(
    film: &Film<'_>,
    view: &View<'_>,
    fragment: &Fragment,
    from: u64,
    out: &mut [u8],
) -> io::Result<()> {
    let mut rest = out;
    let head_len = u64::from(fragment.head);
    if from < head_len {
        let now = split(&mut rest, head_len - from);
        Head { film, out: now, skip: from, at: 0 }.write(view, fragment)?;
    }
    if rest.is_empty() {
        return Ok(());
    }
    let start = MediaOffset(fragment.start + from.max(head_len));
    let wanted = start..start + rest.len() as u64;
    let mut copy = Copy { film, wanted: wanted.clone(), extents: Vec::new(), rest };
    fragment.each_extent(view, wanted, |extent| copy.add(extent).map(ControlFlow::Continue))?;
    copy.flush()?;
    // Of a source that was changed, less may be found than was planned.
    if copy.rest.is_empty() { Ok(()) } else { Err(FormatError::Changed.into()) }
}

/// Media that is copied, some extents at a time.
struct Copy<'a, 'f> {
    film: &'a Film<'f>,
    /// Where in the file what is still wanted lies.
    wanted: Range<MediaOffset>,
    /// What was found of it, and follows each other.
    extents: Vec<Extent>,
    rest: &'a mut [u8],
}

/// Extents that are kept before they are copied.
const BATCH: usize = 1024;

impl Copy<'_, '_> {
    /// Adds an extent, which follows the one before.
    fn add(&mut self, extent: Extent) -> Result<(), FormatError> {
        extent.push_to(&mut self.extents);
        if self.extents.len() == BATCH {
            self.flush().map_err(FormatError::Unavailable)?;
        }
        Ok(())
    }

    /// Copies what was found.
    fn flush(&mut self) -> io::Result<()> {
        let Some(last) = self.extents.last() else { return Ok(()) };
        let end = last.position_end().min(self.wanted.end);
        let now = split(&mut self.rest, end - self.wanted.start);
        copy_batch(&self.extents, &self.film.source, self.wanted.start, now)?;
        self.wanted.start = end;
        self.extents.clear();
        Ok(())
    }
}

/// The part of a `moof`, and of the head of the `mdat` behind it, that is wanted.
struct Head<'a, 'f> {
    film: &'a Film<'f>,
    out: &'a mut [u8],
    /// Bytes before the part.
    skip: u64,
    /// Bytes that were passed or written.
    at: u64,
}

impl Head<'_, '_> {
    /// Fills all of `out`.
    fn write(mut self, view: &View<'_>, fragment: &Fragment) -> Result<(), FormatError> {
        let moof_size = fragment.head - MDAT_HEAD_SIZE;
        let sequence_number = u32::try_from(fragment.segment + 1).unwrap_or(u32::MAX);
        self.piece(MOOF_HEAD_SIZE, |out| {
            write_moof_head(out, moof_size, sequence_number);
            Ok(())
        })?;
        for (n, protection) in fragment.protection.iter().enumerate() {
            let Some((track, delay)) = view.track(n) else { continue };
            let runs = || fragment.runs_of(n);
            let size = TRAF_HEAD_SIZE + runs().map(FragmentRun::size).sum::<u32>();
            let Some(first) = runs().find(|run| !run.samples.is_empty()) else {
                self.piece(size, |out| {
                    write_free(out, size);
                    Ok(())
                })?;
                continue;
            };
            self.piece(TRAF_HEAD_SIZE, |out| {
                let decode_time = track.dts(first.samples.start)?.ticks() + delay;
                let len = u32::try_from(protection.len()).unwrap_or(u32::MAX);
                write_traf_head(out, size.saturating_add(len), first.track_id, decode_time);
                Ok(())
            })?;
            for run in runs() {
                self.run(track, run)?;
            }
            self.planned(protection)?;
        }
        self.piece(MDAT_HEAD_SIZE, |out| {
            write_mdat_head(out, u32::try_from(fragment.media).unwrap_or(u32::MAX));
            Ok(())
        })?;
        // Of a source that was changed, less may be found than was planned.
        if self.out.is_empty() { Ok(()) } else { Err(FormatError::Changed) }
    }

    /// The `trun` of a run, or a `free` box where it has no samples.
    fn run(&mut self, track: &ClipTrack<'_>, run: &FragmentRun) -> Result<(), FormatError> {
        if run.samples.is_empty() {
            return self.piece(run.size(), |out| {
                write_free(out, run.size());
                Ok(())
            });
        }
        self.piece(TRUN_HEAD_SIZE, |out| {
            let data_offset = u32::try_from(run.offset).unwrap_or(u32::MAX);
            TrunHead { sample_count: run.samples.count(), fields: run.fields, data_offset }.write(out);
            Ok(())
        })?;
        let end = self.at + u64::from(run.size() - TRUN_HEAD_SIZE);
        let of_block = limits::SAMPLES_OF_RUN * run.fields.entry_size();
        // Blocks are counted from the start of the run, so that each window gets the same bytes.
        let passed = self.skip.saturating_sub(self.at).checked_div(of_block.into()).unwrap_or(0);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        let mut first =
            run.samples.start + passed.saturating_mul(limits::SAMPLES_OF_RUN).min(run.samples.count());
        self.at += u64::from(passed) * u64::from(of_block);
        while self.at < end && !self.out.is_empty() {
            let next = (first + limits::SAMPLES_OF_RUN).min(run.samples.end);
            self.piece((next - first) * run.fields.entry_size(), |out| {
                track.each_entry(first..next, run.fields, |entry| run.fields.write_entry(out, entry))
            })?;
            first = next;
        }
        self.at = end;
        Ok(())
    }

    /// Pieces that were laid out for this place.
    fn planned(&mut self, plan: &Plan) -> Result<(), FormatError> {
        let end = self.at + plan.len();
        if end > self.skip && !self.out.is_empty() {
            let from = self.skip.max(self.at);
            let now = split(&mut self.out, end - from);
            generate(self.film, plan, from, now).map_err(FormatError::Unavailable)?;
        }
        self.at = end;
        Ok(())
    }

    /// A piece of that many bytes, written only where some of it is wanted.
    fn piece(
        &mut self,
        size: u32,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let end = self.at + u64::from(size);
        if end > self.skip && !self.out.is_empty() {
            let mut bytes = Vec::with_capacity(size as usize);
            write(&mut bytes)?;
            let from = usize::try_from(self.skip.saturating_sub(self.at)).unwrap_or(usize::MAX);
            let wanted = bytes.get(from..).filter(|_| bytes.len() == size as usize);
            let wanted = wanted.ok_or(FormatError::Changed)?;
            let now = split(&mut self.out, wanted.len() as u64);
            now.copy_from_slice(wanted.get(..now.len()).unwrap_or_default());
        }
        self.at = end;
        Ok(())
    }
}
