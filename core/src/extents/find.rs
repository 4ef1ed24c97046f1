//! Finds which bytes of the file a clip needs.

use std::ops::{ControlFlow, Range};

use crate::boxes::FormatError;
use crate::index::{Film, SampleTable};
use crate::limits::{self, Limits};
use crate::numbers::{ChunkNumber, Numbers, SampleNumber};
use crate::offsets::FileOffset;
use crate::seek::TrackClip;
use crate::source::ReadAt;

use super::collector::Collector;
use super::list::ExtentList;
use super::lookup::Extents;
use super::steps::{Part, Stream, each_chunk};
use super::walk::Walk;

/// Finds what the tracks of a clip need of the file.
///
/// Most movies are interleaved, and a clip of all their tracks is one range of the file with a
/// ragged beginning and end:
///
/// ```text
/// bring the ranges of each track in the order of the file, each sample once
/// for each range of samples that the tracks have in common
///     spans  = from the first chunk of each track to the last
///     middle = where all spans overlap
///     take the middle whole, if what the tracks need of it fills it (known from prefix sums)
///     walk through the chunks before and after it
/// ```
///
/// A walk goes through the chunks of all tracks in the order of the file. What it finds is kept if
/// it is little, and is found again by another walk if it is much. Chunks that go back and forth
/// too often for a walk are gathered and sorted. Such a clip is refused if it lies in more places
/// than are kept.
///
/// # Errors
/// When the file cannot be read, or its tables name places that cannot be.
pub fn find_extents(film: &Film<'_>, clips: &[Option<TrackClip>]) -> Result<Extents, FormatError> {
    let Film { index, source } = film;
    let mut needs = Needs::new(&index.limits);
    let ordered: Vec<_> =
        clips.iter().map(|clip| clip.as_ref().map_or_else(Vec::new, in_file_order)).collect();
    let most_ranges = ordered.iter().map(Vec::len).max().unwrap_or(0);
    // Where a clip goes on elsewhere in the movie, it mostly does so in all its tracks.
    for n in 0..most_ranges {
        let mut spans = Vec::new();
        for ((track, of), ranges) in index.tracks.iter().enumerate().zip(&ordered) {
            let Some(range) = ranges.get(n).filter(|range| !range.is_empty()) else { continue };
            let span = Span::of(track, &of.samples, source, range.clone())?;
            if span.is_ascending(source)? {
                spans.push(span);
            } else {
                needs.add_disordered(&span, source)?;
            }
        }
        find_side_by_side(spans, source, &mut needs)?;
    }
    let extents = needs.finish(film)?;
    if extents.end() > FileOffset(index.file_len) {
        return Err(FormatError::CutOff { end: extents.end().0, file_len: index.file_len });
    }
    Ok(extents)
}

/// The samples of a track in the order of the file, each of them once. Where scenes overlap, the
/// later part of them that is new stays a range of its own, which may be empty: so the ranges of all
/// tracks go on being those of the same scenes.
fn in_file_order(clip: &TrackClip) -> Vec<Range<SampleNumber>> {
    let mut ranges: Vec<_> = clip.ranges.iter().map(|range| range.samples.clone()).collect();
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut taken = SampleNumber::FIRST;
    for range in &mut ranges {
        range.start = range.start.max(taken).min(range.end);
        taken = taken.max(range.end);
    }
    ranges
}

/// Visits where some samples of a track lie, chunk by chunk, in the order of the samples, until
/// that breaks off.
///
/// # Errors
/// When the file cannot be read, and those of `visit`.
pub fn each_range<R: ReadAt>(
    samples: &SampleTable,
    source: &R,
    range: Range<SampleNumber>,
    visit: impl FnMut(Range<FileOffset>) -> Result<ControlFlow<()>, FormatError>,
) -> Result<(), FormatError> {
    let Some(last) = range.end.previous().filter(|last| *last >= range.start) else { return Ok(()) };
    let first = samples.chunk_of(source, range.start)?.number;
    let chunks = first..samples.chunk_of(source, last)?.number.next();
    each_chunk(samples, source, &Part { chunks, samples: range }, visit)
}

/// Finds what is needed where each track needs one range of samples.
fn find_side_by_side<R: ReadAt>(
    spans: Vec<Span<'_>>,
    source: &R,
    needs: &mut Needs,
) -> Result<(), FormatError> {
    let all = spans.iter().fold(0u64, |all, s| all.saturating_add(s.bytes));
    // A track with next to nothing in it (text, a time code) does not say where the others run.
    let (main, small): (Vec<_>, Vec<_>) = spans.into_iter().partition(|s| s.bytes >= all / 100);
    for span in &small {
        needs.add(span, source, span.chunks.clone())?;
    }
    let side_by_side = main.iter().map(|s| s.start).max().unwrap_or_default()
        ..main.iter().map(|s| s.end).min().unwrap_or_default();
    let mut needed = 0u64;
    let mut middles = Vec::new();
    for span in &main {
        let first = span.first_from(source, side_by_side.start)?;
        // The first chunk may be cut: then it begins after its own offset.
        let first = if span.start >= side_by_side.start { span.chunks.start } else { first };
        let last = span.first_from(source, side_by_side.end)?;
        let middle = first.min(last)..last;
        needed = needed.saturating_add(span.bytes_of(source, middle.clone())?);
        middles.push(middle);
    }
    let length = side_by_side.end - side_by_side.start;
    // Where tracks share bytes the sum says nothing of holes.
    let is_full = length > 0 && (length - length / 400..=length).contains(&needed);
    if is_full && !share_bytes(&main, &middles, source)? {
        needs.ranges.push(side_by_side)?;
        for (span, middle) in main.iter().zip(middles) {
            needs.add(span, source, span.chunks.start..middle.start)?;
            // The chunk before the end may reach past it.
            let tail = (middle.end - 1).max(span.chunks.start)..span.chunks.end;
            needs.add(span, source, tail)?;
        }
    } else {
        for span in &main {
            if span.bytes == span.end - span.start {
                needs.ranges.push(span.start..span.end)?;
            } else {
                needs.add(span, source, span.chunks.clone())?;
            }
        }
    }
    Ok(())
}

/// Whether tracks that run side by side share media, as an alternative or the same picture twice
/// does. Their first chunks show it.
fn share_bytes<R: ReadAt>(
    spans: &[Span<'_>],
    middles: &[Range<ChunkNumber>],
    source: &R,
) -> Result<bool, FormatError> {
    let mut firsts = Vec::new();
    for (span, middle) in spans.iter().zip(middles).filter(|(_, middle)| !middle.is_empty()) {
        let chunk = span.samples.chunk(source, middle.start)?;
        let start = span.samples.offset_in(source, &chunk, chunk.first_sample)?;
        let bytes = span.samples.bytes(source, chunk.first_sample..chunk.end_sample())?;
        firsts.push(start..start + bytes);
    }
    firsts.sort_unstable_by_key(|r| r.start);
    Ok(firsts.iter().zip(firsts.iter().skip(1)).any(|(a, b)| b.start < a.end))
}

/// What a clip needs of one track, in one range of its samples.
struct Span<'a> {
    track: usize,
    samples: &'a SampleTable,
    range: Range<SampleNumber>,
    chunks: Range<ChunkNumber>,
    start: FileOffset,
    /// Where the last chunk ends, if the chunks are in order.
    end: FileOffset,
    bytes: u64,
}

impl<'a> Span<'a> {
    fn of<R: ReadAt>(
        track: usize,
        samples: &'a SampleTable,
        source: &R,
        range: Range<SampleNumber>,
    ) -> Result<Self, FormatError> {
        let first = samples.chunk_of(source, range.start)?;
        let last = samples.chunk_of(source, range.end - 1)?;
        let start = samples.offset_in(source, &first, range.start)?;
        let end = samples.offset_in(source, &last, range.end)?;
        let chunks = first.number..last.number.next();
        let mut this = Self { track, samples, range, chunks, start, end, bytes: 0 };
        this.bytes = this.bytes_of(source, this.chunks.clone())?;
        Ok(this)
    }

    /// Whether no chunk begins before the one before it, nor before what is needed of a first one
    /// that is cut.
    fn is_ascending<R: ReadAt>(&self, source: &R) -> Result<bool, FormatError> {
        let offsets = &self.samples.offsets;
        let second = self.chunks.start.next();
        Ok((second >= self.chunks.end || FileOffset(offsets.get(source, second.0)?) >= self.start)
            && offsets.is_ascending(source, self.chunks.units())?)
    }

    /// Where one of its chunks begins.
    fn start_of<R: ReadAt>(&self, source: &R, chunk: ChunkNumber) -> Result<FileOffset, FormatError> {
        match chunk == self.chunks.start {
            true => Ok(self.start),
            false => self.samples.offsets.get(source, chunk.0).map(FileOffset),
        }
    }

    /// The first of its chunks that begins at or after an offset.
    fn first_from<R: ReadAt>(&self, source: &R, offset: FileOffset) -> Result<ChunkNumber, FormatError> {
        self.samples.offsets.first_from(source, self.chunks.units(), offset.0).map(ChunkNumber)
    }

    /// Bytes of the clip's samples in a range of its chunks.
    fn bytes_of<R: ReadAt>(&self, source: &R, chunks: Range<ChunkNumber>) -> Result<u64, FormatError> {
        if chunks.is_empty() {
            return Ok(0);
        }
        let first = self.samples.chunk(source, chunks.start)?;
        let last = self.samples.chunk(source, chunks.end - 1)?;
        let start = first.first_sample.max(self.range.start);
        let end = last.end_sample().min(self.range.end);
        self.samples.bytes(source, start..end)
    }
}

/// What is to be walked through, and what is known to be needed.
struct Needs {
    /// The chunks of a track, and where the last of them begins.
    streams: Vec<(usize, Vec<Part>, FileOffset)>,
    ranges: Collector,
    is_disordered: bool,
}

impl Needs {
    fn new(limits: &Limits) -> Self {
        Self { streams: Vec::new(), ranges: Collector::new(limits), is_disordered: false }
    }

    /// Adds a range of the chunks of a span, which are in order.
    fn add<R: ReadAt>(
        &mut self,
        span: &Span<'_>,
        source: &R,
        chunks: Range<ChunkNumber>,
    ) -> Result<(), FormatError> {
        if chunks.is_empty() {
            return Ok(());
        }
        let first = span.start_of(source, chunks.start)?;
        let last = span.start_of(source, chunks.end - 1)?;
        let part = Part { chunks, samples: span.range.clone() };
        let follows = |s: &&mut (usize, Vec<Part>, FileOffset)| s.0 == span.track && s.2 <= first;
        let is_room = self.streams.len() < STREAMS;
        match self.streams.iter_mut().find(follows) {
            Some((_, parts, end)) => {
                parts.push(part);
                *end = last;
            }
            None if is_room => self.streams.push((span.track, vec![part], last)),
            None => self.gather(span, source, &part)?,
        }
        Ok(())
    }

    /// Adds chunks of a span one by one, as there is no room to walk through them in their order.
    fn gather<R: ReadAt>(&mut self, span: &Span<'_>, source: &R, part: &Part) -> Result<(), FormatError> {
        self.is_disordered = true;
        each_chunk(span.samples, source, part, |range| self.ranges.push(range).map(ControlFlow::Continue))
    }

    /// Adds all chunks of a span that are not in order: in as many parts as are, if those are few.
    fn add_disordered<R: ReadAt>(&mut self, span: &Span<'_>, source: &R) -> Result<(), FormatError> {
        let mut offsets = span.samples.offsets.reader(source, 64);
        let mut before = span.start;
        let mut parts = Vec::new();
        let mut start = span.chunks.start;
        for chunk in (start.next()..span.chunks.end).each() {
            let offset = FileOffset(offsets.get(chunk.0)?);
            if offset < before && parts.len() <= STREAMS {
                parts.push(start..chunk);
                start = chunk;
            }
            before = offset;
        }
        if parts.len() < STREAMS {
            parts.push(start..span.chunks.end);
            return parts.into_iter().try_for_each(|chunks| self.add(span, source, chunks));
        }
        let all = Part { chunks: span.chunks.clone(), samples: span.range.clone() };
        self.gather(span, source, &all)
    }

    fn finish(mut self, film: &Film<'_>) -> Result<Extents, FormatError> {
        let most_kept = film.index.limits.extents;
        self.ranges.join(0, u64::MAX);
        if self.streams.is_empty() {
            let needed = self.ranges.bytes();
            return self.ranges.close_gaps(needed);
        }
        let mut streams: Vec<_> =
            self.streams.into_iter().map(|(track, parts, _)| Stream::Chunks(track, parts)).collect();
        if !self.ranges.list.is_empty() {
            streams.push(Stream::Ranges(self.ranges.list));
        }
        let mut found = Collector::new(&film.index.limits);
        let mut is_much = false;
        // What is in order can be walked through again.
        let most = if self.is_disordered { limits::GATHERED_EXTENTS } else { 4 * most_kept };
        let walk = Walk::of(film, streams, |e| {
            is_much |= found.list.len() > most;
            if !is_much {
                let _ = found.push(e.offset..e.end());
            }
        })?;
        if !is_much {
            found.close_small_holes(walk.len());
            if found.list.len() <= most_kept {
                return Ok(ExtentList::of(found.list).into());
            }
        }
        if self.is_disordered {
            // Places would be looked up in no order either.
            return if is_much {
                Err(FormatError::Scattered { most: most_kept })
            } else {
                found.close_gaps(walk.len())
            };
        }
        Ok(walk.into())
    }
}

/// Sequences of chunks in order that are walked through side by side: one for each track in most
/// movies.
const STREAMS: usize = 64;
