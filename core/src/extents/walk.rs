//! Finds extents again when they are asked for, from the sample tables. A clip needs the chunks of
//! its tracks. A walk goes through these side by side, in the order of the file:
//!
//! ```text
//! covered  = where the bytes that are needed so far end in the file
//! position = how many those are
//! repeat
//!     take the stream whose next range begins first, and go one step on in it
//!     the bytes of that range from `covered` on are needed, too
//!     they belong to the extent at hand, or that is complete and they begin the next one
//! until no stream has a range left
//! ```
//!
//! Checkpoints are kept of `covered` and `position`, and of the steps gone in each stream, so that
//! a walk can begin in the middle.

use crate::boxes::FormatError;
use crate::index::Film;
use crate::offsets::{FileOffset, MediaOffset};
use crate::source::ReadAt;

use super::list::Extent;
use super::steps::{Chunks, Steps, Stream};

/// Where a walk can begin.
#[derive(Debug, Clone, Copy, Default)]
struct Checkpoint {
    /// Where what comes next begins in the media.
    position: MediaOffset,
    /// Where what comes before ends in the file.
    covered: FileOffset,
}

/// Extents in the order of the source, and where to begin to look for them.
#[derive(Debug)]
pub(super) struct Walk {
    streams: Vec<Stream>,
    checkpoints: Vec<Checkpoint>,
    /// The steps that each stream has gone before each checkpoint.
    gone: Vec<u32>,
    /// Steps from one checkpoint to the next.
    stride: u64,
    end: Checkpoint,
}

/// No extent is much longer than this, or a walk would go on without end to find out how long it
/// is.
const LONGEST: u64 = 4 << 20;

impl Walk {
    /// Walks through `streams` once, and visits the extents.
    pub(super) fn of(
        film: &Film<'_>,
        streams: Vec<Stream>,
        mut visit: impl FnMut(&Extent),
    ) -> Result<Self, FormatError> {
        let limits = &film.index.limits;
        let most = limits.checkpoints / (size_of::<Checkpoint>() + streams.len() * size_of::<u32>());
        let mut this = Self {
            streams: Vec::new(),
            checkpoints: Vec::new(),
            gone: Vec::new(),
            stride: limits.checkpoint_stride,
            end: Checkpoint::default(),
        };
        let mut walker = Walker::new(film, &streams, Checkpoint::default(), &[])?;
        let mut steps = 0;
        loop {
            if steps % this.stride == 0 {
                if this.checkpoints.len() >= most.max(2) {
                    this.thin_out(streams.len());
                }
                if steps % this.stride == 0 {
                    this.checkpoints.push(walker.at);
                    this.gone.extend(walker.streams.iter().map(Steps::gone));
                }
            }
            let (goes_on, extent) = walker.step()?;
            extent.iter().for_each(&mut visit);
            if !goes_on {
                break;
            }
            steps += 1;
        }
        this.end = walker.at;
        drop(walker);
        this.checkpoints.shrink_to_fit();
        this.gone.shrink_to_fit();
        Ok(Self { streams, ..this })
    }

    /// Leaves out every other checkpoint.
    fn thin_out(&mut self, streams: usize) {
        let mut n = 0;
        self.checkpoints.retain(|_| {
            n += 1;
            n % 2 == 1
        });
        let mut n = 0;
        self.gone.retain(|_| {
            n += 1;
            (n - 1) / streams.max(1) % 2 == 0
        });
        self.stride *= 2;
    }

    pub(super) fn len(&self) -> u64 {
        self.end.position.0
    }

    /// Where the last extent ends in the file.
    pub(super) fn end(&self) -> FileOffset {
        self.end.covered
    }

    pub(super) fn heap_size(&self) -> usize {
        let streams = self.streams.iter().map(Stream::heap_size);
        self.streams.capacity() * size_of::<Stream>()
            + streams.sum::<usize>()
            + self.checkpoints.capacity() * size_of::<Checkpoint>()
            + self.gone.capacity() * size_of::<u32>()
    }

    /// The extents from some before `position` on. They may be cut into several.
    pub(super) fn starting_at<'a>(
        &'a self,
        film: &'a Film<'a>,
        position: MediaOffset,
    ) -> Result<Walker<'a>, FormatError> {
        self.at_checkpoint(film, self.last(|c| c.position <= position))
    }

    /// The extents from some before `offset` on.
    pub(super) fn covering<'a>(
        &'a self,
        film: &'a Film<'a>,
        offset: FileOffset,
    ) -> Result<Walker<'a>, FormatError> {
        self.at_checkpoint(film, self.last(|c| c.covered <= offset))
    }

    /// Whether [`Self::covering`] would begin after this position.
    pub(super) fn begins_after(&self, offset: FileOffset, position: MediaOffset) -> bool {
        self.checkpoints.get(self.last(|c| c.covered <= offset)).is_some_and(|c| c.position > position)
    }

    /// The last checkpoint of which that is so; the first if of none.
    fn last(&self, is_before: impl Fn(&Checkpoint) -> bool) -> usize {
        self.checkpoints.partition_point(is_before).saturating_sub(1)
    }

    fn at_checkpoint<'a>(&'a self, film: &'a Film<'a>, n: usize) -> Result<Walker<'a>, FormatError> {
        let at = self.checkpoints.get(n).copied().unwrap_or_default();
        let gone = self.gone.get(n * self.streams.len()..).unwrap_or_default();
        let walker = Walker::new(film, &self.streams, at, gone)?;
        Ok(Walker { patience: self.stride, ..walker })
    }
}

/// Extents, one after the other.
pub(super) struct Walker<'a> {
    streams: Vec<Steps<'a, &'a dyn ReadAt>>,
    at: Checkpoint,
    held: Option<Extent>,
    steps: u64,
    /// An extent is found in no more steps than these.
    patience: u64,
}

impl<'a> Walker<'a> {
    fn new(
        film: &'a Film<'a>,
        streams: &'a [Stream],
        at: Checkpoint,
        gone: &[u32],
    ) -> Result<Self, FormatError> {
        let gone = gone.iter().copied().chain(std::iter::repeat(0));
        let steps = streams.iter().zip(gone).map(|(stream, gone)| match stream {
            Stream::Ranges(ranges) => Ok(Steps::Ranges(ranges, gone)),
            Stream::Chunks(track, parts) => {
                let samples =
                    film.index.tracks.get(*track).map(|t| &t.samples).ok_or(FormatError::Changed)?;
                Ok(Steps::Chunks(Box::new(Chunks::new(samples, &film.source, parts, gone)?)))
            }
        });
        Ok(Self { streams: steps.collect::<Result<_, _>>()?, at, held: None, steps: 0, patience: 0 })
    }

    /// The next extent, or as much of it as is found in no more steps than there are between two
    /// checkpoints: a file that has changed may have none any more.
    pub(super) fn next(&mut self) -> Result<Option<Extent>, FormatError> {
        for _ in 0..=self.patience {
            match self.step()? {
                (_, Some(extent)) => return Ok(Some(extent)),
                (false, None) => return Ok(None),
                (true, None) => {}
            }
        }
        Ok(self.held.take())
    }

    /// Where what comes next begins in the media.
    pub(super) fn position(&self) -> MediaOffset {
        self.at.position
    }

    /// Whether it has gone so far that what is wanted has been found, if it is there.
    pub(super) fn is_tired(&self) -> bool {
        self.steps > 4 * self.patience + 4096
    }

    /// Goes one step on. Returns whether there was one, and the extent that is complete now, if one
    /// is.
    fn step(&mut self) -> Result<(bool, Option<Extent>), FormatError> {
        let heads = self.streams.iter_mut().filter_map(|s| Some((s.head()?, s)));
        let Some((range, stream)) = heads.min_by_key(|(head, _)| head.start) else {
            return Ok((false, self.held.take()));
        };
        stream.advance()?;
        self.steps += 1;
        let start = range.start.max(self.at.covered);
        let len = range.end - start;
        if len == 0 {
            return Ok((true, None));
        }
        let position = self.at.position;
        self.at = Checkpoint { position: position + len, covered: range.end };
        let complete = match &mut self.held {
            Some(held) if held.end() == start && held.len < LONGEST => {
                held.len += len;
                None
            }
            held => held.replace(Extent { offset: start, len, position }),
        };
        Ok((true, complete))
    }
}
