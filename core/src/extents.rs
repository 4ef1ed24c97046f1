//! Which bytes of the file a clip needs.

use std::ops::Range;

use crate::boxes::FormatError;
use crate::index::{Index, SampleTable};
use crate::limits;
use crate::seek::TrackClip;
use crate::source::ReadAt;

/// A stretch of the source file that is sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it stands in the source.
    pub offset: u64,
    /// Its length.
    pub len: u64,
    /// Where it stands among all that is sent of the source.
    pub position: u64,
}

/// The media of an answer, in the order of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extents {
    list: Vec<Extent>,
}

impl Extents {
    /// Extents that are known: they neither overlap nor run backwards.
    pub fn of(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut list: Vec<Extent> = Vec::new();
        let mut position = 0;
        for range in ranges {
            let len = range.end.saturating_sub(range.start);
            match list.last_mut() {
                Some(last) if last.offset + last.len == range.start => last.len += len,
                _ => list.push(Extent { offset: range.start, len, position }),
            }
            position += len;
        }
        Self { list }
    }

    /// Bytes they take besides their own size.
    pub fn heap_size(&self) -> usize {
        self.list.capacity() * size_of::<Extent>()
    }

    /// The extents, in the order of the source.
    pub fn iter(&self) -> impl Iterator<Item = &Extent> {
        self.list.iter()
    }

    /// Those that have bytes at or after `position` among all that is sent.
    pub fn starting_at(&self, position: u64) -> &[Extent] {
        let first = self.list.partition_point(|e| e.position + e.len <= position);
        self.list.get(first..).unwrap_or_default()
    }

    /// How many bytes they are together.
    pub fn len(&self) -> u64 {
        self.list.last().map_or(0, |e| e.position + e.len)
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The extent that holds a byte of the source.
    pub fn holding(&self, offset: u64) -> Option<&Extent> {
        let after = self.list.partition_point(|e| e.offset <= offset);
        self.list.get(after.checked_sub(1)?).filter(|e| offset - e.offset < e.len)
    }

    /// Where a byte of the source stands among all that is sent.
    pub fn position_of(&self, offset: u64) -> Option<u64> {
        self.holding(offset).map(|e| e.position + (offset - e.offset))
    }

    /// Where the last extent ends in the source.
    pub fn end(&self) -> u64 {
        self.list.last().map_or(0, |e| e.offset + e.len)
    }
}

/// Finds what the tracks of a clip need of the file.
///
/// Most films are interleaved, and a clip of all their tracks is one stretch with a
/// ragged beginning and end. So the chunks are only walked where the tracks do not
/// all run side by side; the middle is taken whole if what the tracks need of it, known from
/// prefix sums, says that there are no holes worth mentioning.
///
/// # Errors
/// When the file cannot be read, or its tables name places that cannot be.
pub fn find_extents<R: ReadAt>(
    index: &Index,
    source: &R,
    clips: &[Option<TrackClip>],
) -> Result<Extents, FormatError> {
    let mut found = Collector::default();
    let held = || index.tracks.iter().zip(clips).filter_map(|(track, clip)| Some((track, clip.as_ref()?)));
    let stretches = held().map(|(_, clip)| clip.ranges.len()).max().unwrap_or(0);
    // Where a clip goes on elsewhere in the film, it mostly does so in all its tracks.
    for n in 0..stretches {
        let mut spans = Vec::new();
        for (track, clip) in held() {
            let Some(range) = clip.ranges.get(n) else { continue };
            let span = Span::of(&track.samples, source, range.samples.clone())?;
            if span.samples.offsets.is_ascending(source, span.chunks.clone())? {
                spans.push(span);
            } else {
                span.walk(source, span.chunks.clone(), &mut found)?;
            }
        }
        find_side_by_side(spans, source, &mut found)?;
    }
    let extents = found.finish()?;
    if extents.end() > index.file_len {
        return Err(FormatError::Film(format!(
            "the film is cut off: samples of this stretch lie up to byte {}, the file has {}",
            extents.end(),
            index.file_len
        )));
    }
    Ok(extents)
}

/// Finds what is needed where each track needs one stretch.
fn find_side_by_side<R: ReadAt>(
    spans: Vec<Span<'_>>,
    source: &R,
    found: &mut Collector,
) -> Result<(), FormatError> {
    let all = spans.iter().fold(0u64, |all, s| all.saturating_add(s.bytes));
    // A track with next to nothing in it (text, a time code) does not say where the others run.
    let (main, small): (Vec<_>, Vec<_>) = spans.into_iter().partition(|s| s.bytes >= all / 100);
    for span in &small {
        span.walk(source, span.chunks.clone(), found)?;
    }
    let side_by_side =
        main.iter().map(|s| s.start).max().unwrap_or(0)..main.iter().map(|s| s.end).min().unwrap_or(0);
    let mut needed = 0u64;
    let mut middles = Vec::new();
    for span in &main {
        let first = span.samples.offsets.first_from(source, span.chunks.clone(), side_by_side.start)?;
        // The first chunk may be cut: then it begins after its own offset.
        let first = if span.start >= side_by_side.start { span.chunks.start } else { first };
        let last = span.samples.offsets.first_from(source, span.chunks.clone(), side_by_side.end)?;
        let middle = first.min(last)..last;
        needed = needed.saturating_add(span.bytes_of(source, middle.clone())?);
        middles.push(middle);
    }
    let length = side_by_side.end.saturating_sub(side_by_side.start);
    // Where tracks share bytes the sum says nothing of holes.
    let is_full = length > 0 && (length - length / 400..=length).contains(&needed);
    if is_full && !share_bytes(&main, &middles, source)? {
        found.push(side_by_side)?;
        for (span, middle) in main.iter().zip(middles) {
            span.walk(source, span.chunks.start..middle.start, found)?;
            // The chunk before the end may reach past it.
            let tail = middle.end.saturating_sub(1).max(span.chunks.start)..span.chunks.end;
            span.walk(source, tail, found)?;
        }
    } else {
        for span in &main {
            if span.bytes == span.end.saturating_sub(span.start) {
                found.push(span.start..span.end)?;
            } else {
                span.walk(source, span.chunks.clone(), found)?;
            }
        }
    }
    Ok(())
}

/// Whether tracks that run side by side speak of the same media, as an alternative or the same picture twice does.
/// Their first chunks tell.
fn share_bytes<R: ReadAt>(
    spans: &[Span<'_>],
    middles: &[Range<u32>],
    source: &R,
) -> Result<bool, FormatError> {
    let mut firsts = Vec::new();
    for (span, middle) in spans.iter().zip(middles).filter(|(_, middle)| !middle.is_empty()) {
        let chunk = span.samples.chunk(source, middle.start)?;
        let start = span.samples.offsets.get(source, middle.start)?;
        let samples = chunk.first_sample..chunk.first_sample.saturating_add(chunk.samples);
        firsts.push(start..start.saturating_add(span.samples.sizes.bytes(source, samples)?));
    }
    firsts.sort_unstable_by_key(|r| r.start);
    Ok(firsts.iter().zip(firsts.iter().skip(1)).any(|(a, b)| b.start < a.end))
}

/// What a clip needs of one track, in one stretch.
struct Span<'a> {
    samples: &'a SampleTable,
    range: Range<u32>,
    chunks: Range<u32>,
    start: u64,
    /// Where the last chunk ends, if the chunks are in order.
    end: u64,
    bytes: u64,
}

impl<'a> Span<'a> {
    fn of<R: ReadAt>(samples: &'a SampleTable, source: &R, range: Range<u32>) -> Result<Self, FormatError> {
        let first = samples.chunk_of(source, range.start)?;
        let last = samples.chunk_of(source, range.end - 1)?;
        let start = samples.offset_in(source, &first, range.start)?;
        let end = samples.offset_in(source, &last, range.end)?;
        let mut this = Self { samples, range, chunks: first.index..last.index + 1, start, end, bytes: 0 };
        this.bytes = this.bytes_of(source, this.chunks.clone())?;
        Ok(this)
    }

    /// Bytes of the clip's samples in a range of its chunks.
    fn bytes_of<R: ReadAt>(&self, source: &R, chunks: Range<u32>) -> Result<u64, FormatError> {
        if chunks.is_empty() {
            return Ok(0);
        }
        let first = self.samples.chunk(source, chunks.start)?;
        let last = self.samples.chunk(source, chunks.end - 1)?;
        let start = first.first_sample.max(self.range.start);
        let end = last.first_sample.saturating_add(last.samples).min(self.range.end);
        self.samples.sizes.bytes(source, start..end)
    }

    /// Notes the bytes of each chunk of a range of the clip's chunks.
    fn walk<R: ReadAt>(
        &self,
        source: &R,
        chunks: Range<u32>,
        found: &mut Collector,
    ) -> Result<(), FormatError> {
        if chunks.is_empty() {
            return Ok(());
        }
        let first = self.samples.chunk(source, chunks.start)?.first_sample.max(self.range.start);
        let mut offsets = self.samples.offsets.reader(source, 64);
        let mut sizes = self.samples.sizes.reader(source, first..self.range.end);
        let mut sample = first;
        for run in self.samples.stsc.pieces_from(source, chunks.start)? {
            let run = run?;
            for index in run.unit..run.end().min(chunks.end) {
                let whole = u64::from(run.samples_per_chunk());
                let chunk_start = run.sum + u64::from(index - run.unit) * whole;
                let chunk_end = (chunk_start + whole).min(u64::from(self.range.end));
                let count = u32::try_from(chunk_end.saturating_sub(u64::from(sample))).unwrap_or(0);
                let mut offset = offsets.get(index)?;
                let cut = u64::from(sample).saturating_sub(chunk_start);
                if cut > 0 {
                    let cut = u32::try_from(cut).unwrap_or(u32::MAX);
                    offset = offset.saturating_add(
                        self.samples.sizes.bytes(source, sample.saturating_sub(cut)..sample)?,
                    );
                }
                let len = sizes.sum(count)?;
                let end = offset.checked_add(len).ok_or_else(|| {
                    FormatError::Film(format!("chunk {} ends past 64 bits", u64::from(index) + 1))
                })?;
                found.push(offset..end)?;
                sample += count;
            }
            if run.end() >= chunks.end {
                break;
            }
        }
        Ok(())
    }
}

/// Gathers stretches of the file, in any order, overlapping or not.
#[derive(Default)]
struct Collector {
    list: Vec<Range<u64>>,
    /// How long the list may get before it is looked through for stretches that touch.
    room: usize,
}

/// Holes up to this size are sent along where that costs next to nothing: an extent more is
/// a system call more.
const SMALL_GAP: u64 = 4096;

impl Collector {
    fn push(&mut self, range: Range<u64>) -> Result<(), FormatError> {
        if range.is_empty() {
            return Ok(());
        }
        match self.list.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.list.push(range),
        }
        if self.list.len() > self.room.max(2 * limits::EXTENTS) {
            self.join(0, u64::MAX);
            if self.list.len() > limits::GATHERED_EXTENTS {
                return Err(too_scattered());
            }
            self.room = 2 * self.list.len();
        }
        Ok(())
    }

    /// Joins what touches or has a hole of no more than `most` bytes between, as long as the holes fit in the
    /// budget. What the holes take.
    fn join(&mut self, most: u64, budget: u64) -> u64 {
        self.list.sort_unstable_by_key(|r| (r.start, r.end));
        let mut sent = 0;
        self.list.dedup_by(|next, last| {
            let hole = next.start.saturating_sub(last.end);
            let joined = hole <= most.min(budget - sent);
            if joined {
                sent += hole;
                last.end = last.end.max(next.end);
            }
            joined
        });
        sent
    }

    /// Where there are too many, the smallest holes are closed, but for no more bytes than are needed.
    fn finish(mut self) -> Result<Extents, FormatError> {
        self.join(0, u64::MAX);
        let needed: u64 = self.list.iter().map(|r| r.end - r.start).sum();
        self.join(SMALL_GAP, needed / 200);
        if let Some(excess) = self.list.len().checked_sub(limits::EXTENTS).filter(|&n| n > 0) {
            let after = self.list.iter().skip(1);
            let mut holes: Vec<_> =
                self.list.iter().zip(after).map(|(a, b)| b.start.saturating_sub(a.end)).collect();
            let (_, &mut widest, _) = holes.select_nth_unstable(excess - 1);
            self.join(widest, needed);
            if self.list.len() > limits::EXTENTS {
                return Err(too_scattered());
            }
        }
        Ok(Extents::of(self.list))
    }
}

fn too_scattered() -> FormatError {
    FormatError::Film(format!(
        "this stretch lies in more than {} places of the file; a shorter one, or all tracks, can be had",
        limits::EXTENTS
    ))
}
