//! The bytes of a fragmented file, a window at a time.

use std::io;
use std::ops::Range;

use crate::boxes::{
    FormatError, MDAT_HEAD_SIZE, SIDX_ENTRY_SIZE, SidxHead, TRAF_HEAD_SIZE, TrafHead, sidx_entry, write_free,
    write_mdat_head, write_moof_head,
};
use crate::extents::{Extent, copy_batch};
use crate::index::Film;
use crate::offsets::MediaOffset;
use crate::plan::{Fragment, FragmentedFile, View};
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
        segment_index(file).as_slice().read_exact_at(now, from - index.start)?;
        from += now.len() as u64;
    }
    if rest.is_empty() {
        return Ok(());
    }
    let view = file.view(film)?;
    while !rest.is_empty() {
        let segment = file.segment_of(from).ok_or(FormatError::Changed)?;
        let fragment = file.fragment_at(&view, segment, from)?;
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

/// The `sidx` (ISO/IEC 14496-12, 8.16.3).
fn segment_index(file: &FragmentedFile) -> Vec<u8> {
    let count = file.segment_count();
    let start = file.times(0).map_or(0, |times| times.start);
    let mut out = Vec::with_capacity(64 + count * SIDX_ENTRY_SIZE as usize);
    let head = SidxHead {
        reference_id: file.reference_id(),
        timescale: file.timescale(),
        earliest_presentation_time: start,
        count: u16::try_from(count).unwrap_or(u16::MAX),
    };
    head.write(&mut out);
    for n in 0..count {
        let (Some(bytes), Some(times)) = (file.segment(n), file.times(n)) else { break };
        let size = u32::try_from(bytes.end - bytes.start).unwrap_or(0);
        let duration = u32::try_from(times.end - times.start).unwrap_or(u32::MAX);
        out.extend_from_slice(&sidx_entry(size, duration, file.sap(n).number()));
    }
    out
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
        fragment_head(view, fragment)?.as_slice().read_exact_at(now, from)?;
    }
    if rest.is_empty() {
        return Ok(());
    }
    let start = MediaOffset(from.saturating_sub(head_len));
    let mut copy = Copy { film, wanted: start..start + rest.len() as u64, extents: Vec::new(), rest };
    let mut at = MediaOffset(0);
    for (n, run) in fragment.runs.iter().enumerate() {
        let end = at + run.bytes;
        let Some((track, _)) = view.track(n) else { continue };
        if end > copy.wanted.start && at < copy.wanted.end && run.bytes > 0 {
            let mut place = at;
            track.each_place(run.samples.clone(), |range| {
                let extent = Extent { offset: range.start, len: range.end - range.start, position: place };
                place = extent.position_end();
                copy.add(extent)
            })?;
        }
        at = end;
    }
    copy.flush()?;
    // Of a source that was changed, less may be found than was planned.
    if copy.rest.is_empty() { Ok(()) } else { Err(FormatError::Changed.into()) }
}

/// Media that is copied, some extents at a time.
struct Copy<'a, 'f> {
    film: &'a Film<'f>,
    /// Where in the media of the fragment what is still wanted lies.
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
        if extent.position_end() <= self.wanted.start || extent.position >= self.wanted.end {
            return Ok(());
        }
        match self.extents.last_mut() {
            Some(last) if last.end() == extent.offset => last.len += extent.len,
            _ => self.extents.push(extent),
        }
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

/// The `moof` of a fragment, and the head of its `mdat`.
fn fragment_head(view: &View<'_>, fragment: &Fragment) -> Result<Vec<u8>, FormatError> {
    let mut out = Vec::with_capacity(fragment.head as usize);
    let moof_size = fragment.head - MDAT_HEAD_SIZE;
    write_moof_head(&mut out, moof_size, sequence_number(fragment));
    let mut media = 0u64;
    for (n, run) in fragment.runs.iter().enumerate() {
        let Some((track, delay)) = view.track(n) else { continue };
        let first = run.samples.start;
        let sample_count = run.samples.end - first;
        if sample_count == 0 {
            write_free(&mut out, TRAF_HEAD_SIZE);
            continue;
        }
        let head = TrafHead {
            track_id: run.track_id,
            decode_time: track.dts(first)?.ticks() + delay,
            sample_count,
            fields: run.fields,
            data_offset: u32::try_from(u64::from(fragment.head) + media).unwrap_or(u32::MAX),
        };
        head.write(&mut out);
        if run.fields.entry_size() > 0 {
            track.each_entry(run.samples.clone(), run.fields, |entry| {
                run.fields.write_entry(&mut out, entry)
            })?;
        }
        media += run.bytes;
    }
    write_mdat_head(&mut out, u32::try_from(media).unwrap_or(u32::MAX));
    if out.len() != fragment.head as usize {
        return Err(FormatError::Changed);
    }
    Ok(out)
}

/// `sequence_number` (8.8.5) grows from fragment to fragment; it need not count them.
fn sequence_number(fragment: &Fragment) -> u32 {
    let segment = u32::try_from(fragment.segment).unwrap_or(u32::MAX);
    segment.saturating_mul(1 << 16).saturating_add(fragment.number.min(0xfffe) + 1)
}
