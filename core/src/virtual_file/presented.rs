//! Up to which byte an answer holds what is presented before a time.
//!
//! ```text
//! for each track that counts
//!     media time   of that time, by the edit list of the film
//!     sample       the last in decoding order that is presented before it
//!     end          of that sample in the answer
//! the furthest of these ends
//! ```
//!
//! Video and audio count, and not what may lie far from the media of its time: text, chapters, a
//! cover. Where there is neither video nor audio, all tracks count.

use std::cell::Cell;
use std::io;
use std::ops::Range;
use std::time::Duration;

use crate::boxes::{ElstEntry, FormatError};
use crate::explanation::Summary;
use crate::index::{Film, Index, Track};
use crate::limits;
use crate::numbers::SampleNumber;
use crate::source::{Metered, ReadAt};
use crate::time::{MediaTime, NANOS_PER_SECOND, Rounding, rescale};

use super::{Body, Layout, Planned, VirtualFile};

/// No presentation is taken to last longer: 34 years, in milliseconds.
const LONGEST: u64 = 1 << 40;

impl VirtualFile {
    /// Up to which byte the file holds what is presented before `time`, which is counted from the
    /// start of its presentation. Metadata comes before any time, and so does all of a file that has
    /// no times, or in which it would take too long to find one.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn presented_before(&self, source: &impl ReadAt, time: Duration) -> io::Result<u64> {
        let Body::Film(index, planned, ..) = &self.body else { return Ok(self.len()) };
        let end = within_budget(index, source, |film| self.find_before(planned, film, time))?;
        Ok(end.unwrap_or(self.len()))
    }

    /// As [`Self::presented_before`]; `None` where it takes too many reads.
    fn find_before(&self, planned: &Planned, film: &Film<'_>, time: Duration) -> io::Result<Option<u64>> {
        match planned.presented_before(film, time.as_nanos()) {
            Ok(end) => Ok(Some(end.saturating_sub(self.part.start).min(self.len()))),
            Err(FormatError::ReadBudget(_)) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// The time up to which one can play with what is before byte `offset`, in milliseconds: the
    /// last at which [`Self::presented_before`] is not beyond it. Where it would take too long to find,
    /// it is later than any presentation ends.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn playable_until(&self, source: &impl ReadAt, offset: u64) -> io::Result<Duration> {
        let Body::Film(index, planned, ..) = &self.body else { return Ok(Duration::ZERO) };
        // One budget for all look-ups.
        within_budget(index, source, |film| self.find_playable(planned, film, offset))
    }

    fn find_playable(&self, planned: &Planned, film: &Film<'_>, offset: u64) -> io::Result<Duration> {
        let mut is_spent = false;
        let mut is_before = |millis| {
            let end = self.find_before(planned, film, Duration::from_millis(millis))?;
            is_spent |= end.is_none();
            Ok::<_, io::Error>(end.is_some_and(|end| end <= offset))
        };
        if offset >= self.len() {
            return Ok(Duration::ZERO);
        }
        if !is_before(1)? {
            return Ok(Duration::from_millis(if is_spent { LONGEST } else { 0 }));
        }
        let mut low = 1;
        while low < LONGEST && is_before(low * 2)? {
            low *= 2;
        }
        let mut step = low / 2;
        while step > 0 {
            if is_before(low + step)? {
                low += step;
            }
            step /= 2;
        }
        Ok(Duration::from_millis(if is_spent { LONGEST } else { low }))
    }
}

/// Does some work with a film, in order, of which no more than [`limits::READS_OF_PACE`] are read: of the
/// file, and of its tables.
fn within_budget<R: ReadAt, T>(index: &Index, source: &R, work: impl FnOnce(&Film<'_>) -> T) -> T {
    let left = Cell::new(limits::READS_OF_PACE);
    let file = Metered::new(source, &left);
    let source = index.film_in_order(&file);
    work(&Film { index, source: &Metered::new(&source, &left) })
}

impl Planned {
    /// Up to which byte of what was laid out there is what is presented before a time.
    fn presented_before(&self, film: &Film<'_>, nanos: u128) -> Result<u64, FormatError> {
        let (metadata, len) = (self.layout.head_len(), self.layout.len());
        let summary = self.summary.as_ref();
        if nanos == 0 {
            return Ok(metadata);
        }
        if summary.is_some_and(|summary| summary.duration_nanos() <= nanos) {
            return Ok(len);
        }
        let whole = summary.is_none().then_some(0..nanos);
        let scenes = summary.into_iter().flat_map(|summary| summary.presented_nanos(nanos));
        let played: Vec<_> = whole.into_iter().chain(scenes).collect();
        let plan = match &self.layout {
            Layout::Fragmented(file) if summary.is_some_and(Summary::is_joined) => {
                return Ok(file.end_of_segment_at(nanos).max(metadata));
            }
            Layout::Fragmented(file) => {
                let reference = file.reference_track().and_then(|n| film.index.tracks.get(n));
                let last = reference.map(|track| last_presented(film, track, &played)).transpose()?;
                return Ok(file.end_of_presented(film, nanos, last.flatten())?.max(metadata));
            }
            Layout::Flat(plan) => plan,
        };
        let (mut furthest, mut has_ended) = (metadata, true);
        for track in counted(film.index, summary) {
            let last = last_presented(film, track, &played)?;
            has_ended &= summary.is_none() && has_presented_all(track, film.index.mvhd.timescale, nanos)
                || last.is_some_and(|last| last.next() >= track.samples.end_number());
            if let Some(last) = last {
                let last = (last + early(track, summary)).min(track.samples.end_number() - 1);
                let mut chunk = track.samples.chunk_of(&film.source, last)?;
                let place = track.samples.place_of(&film.source, &mut chunk, last)?;
                furthest = furthest.max(plan.extents.before(film, place.end)?.in_answer(metadata));
            }
        }
        Ok(if has_ended { len } else { furthest.min(len) })
    }
}

/// The tracks whose media has to be there to play.
fn counted<'a>(index: &'a Index, summary: Option<&'a Summary>) -> impl Iterator<Item = &'a Track> {
    let is_held = move |track: &&Track| {
        track.samples.count > 0 && summary.is_none_or(|summary| summary.has_track(track.tkhd.track_id))
    };
    // One sample is a picture that stands, whose place says nothing of its time.
    let is_played = |track: &&Track| matches!(&track.handler.0, b"vide" | b"soun") && track.samples.count > 1;
    let all = !index.tracks.iter().filter(is_held).any(|track| is_played(&track));
    index.tracks.iter().filter(is_held).filter(move |track| all || is_played(track))
}

/// How many samples of a track may be presented in a clip before it is time for them in the movie. Where
/// scenes go on without edits, sound is up to a packet early, and the last packet of a scene begins up to
/// half a packet after its end.
fn early(track: &Track, summary: Option<&Summary>) -> u32 {
    if &track.handler.0 == b"soun" && summary.is_some_and(Summary::goes_on) { 2 } else { 0 }
}

/// The last sample of a track, in decoding order, that is presented before the end of one of these
/// parts of the film, given in nanoseconds.
fn last_presented(
    film: &Film<'_>,
    track: &Track,
    played: &[Range<u128>],
) -> Result<Option<SampleNumber>, FormatError> {
    let mut latest = None;
    for played in played {
        let last = match media_needed(track, film.index.mvhd.timescale, played) {
            Some(Needed::Before(time)) => track.samples.last_before(&film.source, time)?,
            Some(Needed::LastBefore(time)) => last_on_screen(film, track, time)?,
            None => None,
        };
        latest = latest.max(last);
    }
    Ok(latest)
}

/// The sample that is on screen just before a media time. What is decoded between those presented
/// before it and itself is not in a clip that holds this one alone.
fn last_on_screen(
    film: &Film<'_>,
    track: &Track,
    time: MediaTime,
) -> Result<Option<SampleNumber>, FormatError> {
    let samples = &track.samples;
    let Some(shown) = samples.on_screen(&film.source, time.previous())? else { return Ok(None) };
    let held = samples.presented(&film.source, shown, time)?;
    Ok(held.map(|held| held.end - 1))
}

/// What a track presents in a part of the film.
enum Needed {
    /// Everything before this media time: the latest of the edits that are played in it.
    Before(MediaTime),
    /// The last frame before this media time, at which the track has ended.
    LastBefore(MediaTime),
}

/// What a track presents in a part of the film, if anything.
fn media_needed(track: &Track, movie_timescale: u32, played: &Range<u128>) -> Option<Needed> {
    let [from, nanos] = [played.start, played.end].map(|nanos| i128::try_from(nanos).unwrap_or(i128::MAX));
    let ticks = |nanos: i128| {
        MediaTime(rescale(nanos.min(NANOS_OF_LONGEST), NANOS_PER_SECOND, track.mdhd.timescale, Rounding::Up))
    };
    if track.edits.is_empty() {
        return Some(Needed::Before(ticks(nanos)));
    }
    let mut elapsed = 0i128;
    let (mut latest, mut ended) = (None, None);
    for (n, edit) in track.edits.iter().enumerate() {
        let start = in_nanos(elapsed, movie_timescale);
        elapsed += i128::from(edit.segment_duration);
        let Some(media_time) = edit.media_time.map(MediaTime) else { continue };
        if start >= nanos {
            // Before what is played later, nothing is shown.
            ended = None;
            break;
        }
        let is_open = edit.segment_duration == 0 && n + 1 == track.edits.len();
        let all = if is_open { nanos } else { in_nanos(elapsed, movie_timescale) };
        let until = match ElstEntry::signed_rate(edit.media_rate) {
            0 => media_time.next(),
            rate @ 1.. => media_time + ticks(all.min(nanos) - start).at_rate(rate),
            // Played backwards, from its end.
            ..0 => media_time + ticks(all - start),
        };
        if all > from {
            latest = latest.max(Some(until));
        } else if until > track.samples.start && media_time < track.samples.end {
            // Else it presents nothing, and what was on screen before it stays.
            ended = Some(until);
        }
    }
    // A track that has ended before shows its last frame.
    latest.map(Needed::Before).or(ended.map(Needed::LastBefore))
}

/// Whether all edits of a track are over by a time of the film. They may leave out the end of its
/// media.
fn has_presented_all(track: &Track, movie_timescale: u32, nanos: u128) -> bool {
    let lasts = track.edits.iter().map(|edit| i128::from(edit.segment_duration)).sum();
    let is_open = track.edits.last().is_none_or(|edit| edit.segment_duration == 0);
    !is_open && u128::try_from(in_nanos(lasts, movie_timescale)).is_ok_and(|end| end <= nanos)
}

/// [`LONGEST`] in nanoseconds.
const NANOS_OF_LONGEST: i128 = LONGEST as i128 * 1_000_000;

/// Ticks of the movie in nanoseconds, rounded down.
fn in_nanos(ticks: i128, timescale: u32) -> i128 {
    let nanos = ticks.saturating_mul(NANOS_PER_SECOND.into()) / i128::from(timescale.max(1));
    nanos.min(NANOS_OF_LONGEST)
}
