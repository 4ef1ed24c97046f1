//! Which bytes of the file a clip needs.

mod copy;
mod walk;

use std::ops::Range;

use crate::boxes::FormatError;
use crate::index::{Index, SampleTable};
use crate::limits;
use crate::seek::TrackClip;
use crate::source::ReadAt;
use crate::virtual_file::WINDOW;

use walk::{Part, Stream, Walk, Walker, each_chunk};

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

impl Extent {
    fn holds(&self, offset: u64) -> bool {
        offset.checked_sub(self.offset).is_some_and(|into| into < self.len)
    }
}

/// Extents that are known, in the order of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtentList {
    list: Vec<Extent>,
}

impl ExtentList {
    /// Extents that neither overlap nor run backwards.
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

    /// The extents, in the order of the source.
    pub fn iter(&self) -> impl Iterator<Item = &Extent> {
        self.list.iter()
    }

    /// How many bytes they are together.
    pub fn len(&self) -> u64 {
        self.list.last().map_or(0, |e| e.position + e.len)
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those that have bytes at or after `position` among all that is sent.
    pub fn starting_at(&self, position: u64) -> &[Extent] {
        let first = self.list.partition_point(|e| e.position + e.len <= position);
        self.list.get(first..).unwrap_or_default()
    }

    /// The extent that holds a byte of the source.
    pub fn holding(&self, offset: u64) -> Option<&Extent> {
        let after = self.list.partition_point(|e| e.offset <= offset);
        self.list.get(after.checked_sub(1)?).filter(|e| e.holds(offset))
    }

    /// Where a byte of the source stands among all that is sent.
    pub fn position_of(&self, offset: u64) -> Option<u64> {
        self.holding(offset).map(|e| e.position + (offset - e.offset))
    }
}

/// The media of an answer, in the order of the source. Few extents are kept; more are made when they are asked for.
#[derive(Debug)]
pub struct Extents(Kind);

#[derive(Debug)]
enum Kind {
    List(ExtentList),
    Walk(Walk),
}

impl From<ExtentList> for Extents {
    fn from(list: ExtentList) -> Self {
        Self(Kind::List(list))
    }
}

impl Extents {
    /// How many bytes they are together.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Kind::List(list) => list.len(),
            Kind::Walk(walk) => walk.len(),
        }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the last extent ends in the source.
    pub fn end(&self) -> u64 {
        match &self.0 {
            Kind::List(list) => list.list.last().map_or(0, |e| e.offset + e.len),
            Kind::Walk(walk) => walk.end(),
        }
    }

    /// Bytes they take besides their own size: no more than some 50 KiB.
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Kind::List(list) => list.list.capacity() * size_of::<Extent>(),
            Kind::Walk(walk) => walk.heap_size(),
        }
    }

    /// The extents, where they are kept.
    pub fn listed(&self) -> Option<&ExtentList> {
        match &self.0 {
            Kind::List(list) => Some(list),
            Kind::Walk(_) => None,
        }
    }

    /// The extents that have bytes at or after `position` among all that is sent, or some of them: as many as there are in
    /// [`NEAR`] bytes at least. Where they have to be made, they are left in `made`, for the next time.
    ///
    /// # Errors
    /// When the film cannot be read.
    pub fn near<'a, R: ReadAt>(
        &'a self,
        index: &Index,
        source: &R,
        position: u64,
        made: &'a mut ExtentList,
    ) -> Result<&'a [Extent], FormatError> {
        let Kind::Walk(walk) = &self.0 else {
            return Ok(self.listed().map_or(&[], |l| l.starting_at(position)));
        };
        let first = made.list.first().map_or(u64::MAX, |e| e.position);
        // What is left has to be enough for a window, or a look-up would be made for a few bytes.
        if position < first || made.len() < position.saturating_add(NEAR).min(self.len()) {
            made.list.clear();
            let mut walker = walk.starting_at(index, source, position)?;
            while made.list.len() < MADE_EXTENTS.0 || made.len() < position.saturating_add(2 * NEAR) {
                match walker.next()? {
                    Some(e) if e.position + e.len <= position => {}
                    Some(e) if made.list.len() < MADE_EXTENTS.1 => made.list.push(e),
                    _ => break,
                }
                if walker.is_tired() && !made.list.is_empty() {
                    break;
                }
            }
        }
        Ok(made.starting_at(position))
    }

    /// Look-ups of where bytes of the source are.
    pub fn places<'a, R: ReadAt>(&'a self, index: &'a Index, source: &'a R) -> Places<'a, R> {
        Places { extents: self, index, source, walker: None, held: None, gap: 0 }
    }
}

/// Bytes of media that are looked up together.
pub const NEAR: u64 = WINDOW as u64;

/// How many extents are made at once: at least, and where they are small.
const MADE_EXTENTS: (usize, usize) = (64, 512);

/// See [`Extents::places`]. Places that are asked for in their order are found fastest.
pub struct Places<'a, R: ReadAt> {
    extents: &'a Extents,
    index: &'a Index,
    source: &'a R,
    walker: Option<Box<Walker<'a, R>>>,
    /// The extent that the walker came to last.
    held: Option<Extent>,
    /// From here up to that extent there is nothing.
    gap: u64,
}

impl<R: ReadAt> Places<'_, R> {
    /// The extent that holds a byte of the source.
    ///
    /// # Errors
    /// When the film cannot be read.
    pub fn holding(&mut self, offset: u64) -> Result<Option<Extent>, FormatError> {
        let walk = match &self.extents.0 {
            Kind::List(list) => return Ok(list.holding(offset).copied()),
            Kind::Walk(walk) => walk,
        };
        let goes_on = self
            .walker
            .as_ref()
            .is_some_and(|w| self.gap <= offset && !walk.begins_after(offset, w.position()));
        if !goes_on {
            self.walker = Some(Box::new(walk.covering(self.index, self.source, offset)?));
            (self.held, self.gap) = (None, offset);
        }
        let Some(walker) = &mut self.walker else { return Ok(None) };
        while self.held.is_none_or(|held| held.offset + held.len <= offset) {
            self.gap = self.held.map_or(self.gap, |held| held.offset + held.len);
            self.held = walker.next()?;
            if self.held.is_none() {
                break;
            }
        }
        Ok(self.held.filter(|held| held.holds(offset)))
    }

    /// Where a byte of the source stands among all that is sent.
    ///
    /// # Errors
    /// As [`Self::holding`].
    pub fn position_of(&mut self, offset: u64) -> Result<Option<u64>, FormatError> {
        Ok(self.holding(offset)?.map(|e| e.position + (offset - e.offset)))
    }
}

/// Finds what the tracks of a clip need of the file.
///
/// Most films are interleaved, and a clip of all their tracks is one stretch with a
/// ragged beginning and end. So the chunks are only walked where the tracks do not
/// all run side by side; the middle is taken whole if what the tracks need of it, known from
/// prefix sums, says that there are no holes worth mentioning.
///
/// A walk goes through the chunks of all tracks in the order of the file. What it finds is kept where it is little, and is
/// walked through again where it is much. Where chunks go back and forth so often that they cannot be walked through in that order, they
/// are gathered and sorted; such a clip is refused if it lies in more places than are kept.
///
/// # Errors
/// When the file cannot be read, or its tables name places that cannot be.
pub fn find_extents<R: ReadAt>(
    index: &Index,
    source: &R,
    clips: &[Option<TrackClip>],
) -> Result<Extents, FormatError> {
    let mut needs = Needs::default();
    let held = || {
        let tracks = index.tracks.iter().zip(clips).enumerate();
        tracks.filter_map(|(n, (track, clip))| Some((n, track, clip.as_ref()?)))
    };
    let stretches = held().map(|(.., clip)| clip.ranges.len()).max().unwrap_or(0);
    // Where a clip goes on elsewhere in the film, it mostly does so in all its tracks.
    for n in 0..stretches {
        let mut spans = Vec::new();
        for (track, of, clip) in held() {
            let Some(range) = clip.ranges.get(n) else { continue };
            let span = Span::of(track, &of.samples, source, range.samples.clone())?;
            if span.is_ascending(source)? {
                spans.push(span);
            } else {
                needs.add_disordered(&span, source)?;
            }
        }
        find_side_by_side(spans, source, &mut needs)?;
    }
    let extents = needs.finish(index, source)?;
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
    needs: &mut Needs,
) -> Result<(), FormatError> {
    let all = spans.iter().fold(0u64, |all, s| all.saturating_add(s.bytes));
    // A track with next to nothing in it (text, a time code) does not say where the others run.
    let (main, small): (Vec<_>, Vec<_>) = spans.into_iter().partition(|s| s.bytes >= all / 100);
    for span in &small {
        needs.add(span, source, span.chunks.clone())?;
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
        needs.ranges.push(side_by_side)?;
        for (span, middle) in main.iter().zip(middles) {
            needs.add(span, source, span.chunks.start..middle.start)?;
            // The chunk before the end may reach past it.
            let tail = middle.end.saturating_sub(1).max(span.chunks.start)..span.chunks.end;
            needs.add(span, source, tail)?;
        }
    } else {
        for span in &main {
            if span.bytes == span.end.saturating_sub(span.start) {
                needs.ranges.push(span.start..span.end)?;
            } else {
                needs.add(span, source, span.chunks.clone())?;
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
    track: usize,
    samples: &'a SampleTable,
    range: Range<u32>,
    chunks: Range<u32>,
    start: u64,
    /// Where the last chunk ends, if the chunks are in order.
    end: u64,
    bytes: u64,
}

impl<'a> Span<'a> {
    fn of<R: ReadAt>(
        track: usize,
        samples: &'a SampleTable,
        source: &R,
        range: Range<u32>,
    ) -> Result<Self, FormatError> {
        let first = samples.chunk_of(source, range.start)?;
        let last = samples.chunk_of(source, range.end - 1)?;
        let start = samples.offset_in(source, &first, range.start)?;
        let end = samples.offset_in(source, &last, range.end)?;
        let chunks = first.index..last.index + 1;
        let mut this = Self { track, samples, range, chunks, start, end, bytes: 0 };
        this.bytes = this.bytes_of(source, this.chunks.clone())?;
        Ok(this)
    }

    /// Whether no chunk stands before the one before it, nor before what is needed of a first one that is cut.
    fn is_ascending<R: ReadAt>(&self, source: &R) -> Result<bool, FormatError> {
        let offsets = &self.samples.offsets;
        let second = self.chunks.start + 1;
        Ok((second >= self.chunks.end || offsets.get(source, second)? >= self.start)
            && offsets.is_ascending(source, self.chunks.clone())?)
    }

    /// Where one of its chunks begins.
    fn start_of<R: ReadAt>(&self, source: &R, chunk: u32) -> Result<u64, FormatError> {
        if chunk == self.chunks.start { Ok(self.start) } else { self.samples.offsets.get(source, chunk) }
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
}

/// What is to be walked through, and what is known to be needed.
#[derive(Default)]
struct Needs {
    /// The chunks of a track, and where the last of them stands.
    streams: Vec<(usize, Vec<Part>, u64)>,
    ranges: Collector,
    is_disordered: bool,
}

impl Needs {
    /// Adds a range of the chunks of a span, which are in order.
    fn add<R: ReadAt>(&mut self, span: &Span<'_>, source: &R, chunks: Range<u32>) -> Result<(), FormatError> {
        if chunks.is_empty() {
            return Ok(());
        }
        let first = span.start_of(source, chunks.start)?;
        let last = span.start_of(source, chunks.end - 1)?;
        let part = Part { chunks, samples: span.range.clone() };
        let follows = |s: &&mut (usize, Vec<Part>, u64)| s.0 == span.track && s.2 <= first;
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
        each_chunk(span.samples, source, part, |range| self.ranges.push(range))
    }

    /// Adds all chunks of a span that are not in order: in as many parts as are, if those are few.
    fn add_disordered<R: ReadAt>(&mut self, span: &Span<'_>, source: &R) -> Result<(), FormatError> {
        let mut offsets = span.samples.offsets.reader(source, 64);
        let mut before = span.start;
        let mut parts = Vec::new();
        let mut start = span.chunks.start;
        for chunk in span.chunks.start + 1..span.chunks.end {
            let offset = offsets.get(chunk)?;
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

    fn finish<R: ReadAt>(mut self, index: &Index, source: &R) -> Result<Extents, FormatError> {
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
        let mut found = Collector::default();
        let mut is_much = false;
        // What is in order can be walked through again.
        let most = if self.is_disordered { limits::GATHERED_EXTENTS } else { 4 * limits::EXTENTS };
        let walk = Walk::of(index, source, streams, |e| {
            is_much |= found.list.len() > most;
            if !is_much {
                let _ = found.push(e.offset..e.offset + e.len);
            }
        })?;
        if !is_much {
            found.close_small_holes(walk.len());
            if found.list.len() <= limits::EXTENTS {
                return Ok(ExtentList::of(found.list).into());
            }
        }
        if self.is_disordered {
            // Places would be looked up in no order either.
            return if is_much { Err(too_scattered()) } else { found.close_gaps(walk.len()) };
        }
        Ok(Extents(Kind::Walk(walk)))
    }
}

/// Stretches of chunks in order that are walked through side by side: one for each track in most films.
const STREAMS: usize = 64;

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

    fn bytes(&self) -> u64 {
        self.list.iter().map(|r| r.end - r.start).sum()
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

    /// Closes small holes, for less than a hundredth of the bytes that are needed, together with those within what is taken
    /// whole. Those nearest to the longest stretch come first: what joins it is sent from the file and need not be copied.
    fn close_small_holes(&mut self, needed: u64) {
        self.join(0, u64::MAX);
        let mut budget = needed / 150;
        let longest = self.list.iter().enumerate().max_by_key(|(_, r)| r.end - r.start).map_or(0, |(n, _)| n);
        let mut fits = |before: usize| {
            let (Some(a), Some(b)) = (self.list.get(before), self.list.get(before + 1)) else { return false };
            let hole = b.start - a.end;
            let fits = hole <= SMALL_GAP.min(budget);
            budget -= if fits { hole } else { 0 };
            fits
        };
        let (mut first, mut last) = (longest, longest);
        while first > 0 && fits(first - 1) {
            first -= 1;
        }
        while fits(last) {
            last += 1;
        }
        if let Some(end) = self.list.get(last).map(|r| r.end) {
            self.list.drain(first + 1..=last);
            if let Some(joined) = self.list.get_mut(first) {
                joined.end = end;
            }
        }
        self.join(SMALL_GAP, budget);
    }

    /// Closes small holes, and where there are too many, the smallest, but for no more bytes than are needed.
    fn close_gaps(mut self, needed: u64) -> Result<Extents, FormatError> {
        self.close_small_holes(needed);
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
        Ok(ExtentList::of(self.list).into())
    }
}

fn too_scattered() -> FormatError {
    FormatError::Film(format!(
        "this stretch lies in more than {} places of the file, in no order; a shorter one, or all tracks, can be had",
        limits::EXTENTS
    ))
}
