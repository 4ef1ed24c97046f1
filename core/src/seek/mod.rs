//! From a stretch of movie time to the samples and edits of each track.
//!
//! Times are presentation times. Movie time goes through a track's edit list to media
//! time, and through the composition offsets to samples; the cut itself is in decode order.

mod ending;
mod hold;
mod lead_in;
mod open_gop;
mod opus;

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError, Runs, SyncSamples};
use crate::index::{Index, Track};
use crate::limits;
use crate::request::{ClipRequest, Mode, RequestError, Time};
use crate::source::ReadAt;
use crate::tracks::{chosen_tracks, kind_of};

use ending::Ending;
pub use ending::Retimed;
pub use lead_in::LeadIn;
use lead_in::{Hidden, LEAD_INS_A_SECOND};

/// The part of a film that answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// All of it.
    Whole,
    /// A stretch of it.
    Clip(Clip),
}

/// A stretch of a film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Ticks per second of the clip's movie time; all movie times here are in these.
    pub timescale: u32,
    /// Where the clip begins in the source's presentation.
    pub start: u64,
    /// How long it is presented.
    pub duration: u64,
    /// For each track of the film, what the clip holds of it; `None` for one that is left out.
    pub tracks: Vec<Option<TrackClip>>,
}

/// What a clip holds of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackClip {
    /// The samples, in decode order: one stretch of the track, or several where edits are far apart.
    pub ranges: Vec<SampleRange>,
    /// The clip's own edit list, in the clip's movie time.
    pub edits: Vec<ElstEntry>,
    /// Ticks of the clip's media time for each of the film's.
    pub multiplier: u32,
    /// Added to every composition offset, in ticks of the clip, so that no edit begins at a negative media time.
    pub offset_shift: i64,
    /// Length of the samples in ticks of the clip.
    pub media_duration: u64,
    /// What the clip's description of Opus says that a decoder drops, if that is not what the film's says.
    pub pre_skip: Option<u16>,
}

/// A stretch of a track's samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleRange {
    /// The samples, 0-based; not empty.
    pub samples: Range<u32>,
    /// Samples of the clip before it.
    pub place: u32,
    /// Samples after the first and before this one are no sync samples of the clip: decoding begins with the first.
    pub joined_until: u32,
    /// The times of the first samples, where some of them are hidden.
    pub lead_in: Option<LeadIn>,
    /// Taken off the duration of the first sample, in media ticks of the film.
    pub trim: u32,
    /// Added to the duration of the last sample, in media ticks of the film, so that nothing of the next stretch is
    /// presented before this one has ended, and that the last does not end before its edit.
    pub gap: u32,
    /// The last samples, where they end otherwise than in the film. They have no gap.
    pub ending: Vec<Retimed>,
}

impl SampleRange {
    /// How many samples there are; never 0.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> u32 {
        self.samples.end - self.samples.start
    }

    /// Where in the clip (0-based) a sample of the film is, if one of `ranges` holds it.
    pub fn find(ranges: &[Self], sample: u32) -> Option<u32> {
        let range = ranges.get(ranges.partition_point(|r| r.samples.end <= sample))?;
        sample.checked_sub(range.samples.start).map(|into| range.place + into)
    }
}

impl TrackClip {
    /// Of a track that has nothing in the clip.
    fn empty() -> Self {
        let edits = Vec::new();
        Self { ranges: Vec::new(), edits, multiplier: 1, offset_shift: 0, media_duration: 0, pre_skip: None }
    }

    /// How many samples there are.
    pub fn sample_count(&self) -> u32 {
        self.ranges.last().map_or(0, |r| r.place + r.len())
    }

    /// How long the track is presented, in the clip's movie time.
    pub fn duration(&self) -> u64 {
        self.edits.iter().map(|e| e.segment_duration).sum()
    }
}

/// Why a stretch cannot be cut.
#[derive(Debug, thiserror::Error)]
pub enum SeekError {
    /// It begins where the film has ended.
    #[error("start {start} is at or past the end of the film, {end} seconds")]
    PastEnd {
        /// Where the stretch would begin, in seconds.
        start: String,
        /// Where the film ends, in seconds.
        end: String,
    },
    /// There are no such tracks.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The film does not allow it.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Two times no farther apart than this are the same: players and probes count in microseconds,
/// rounding some and cutting others, so the time of a frame comes back to us up to one off.
const TOLERANCE_NANOS: u64 = 1000;

/// The least resolution of a clip's movie time: what MPEG systems count in.
const MIN_TIMESCALE: u64 = 90_000;

/// Finds what a request asks for.
///
/// # Errors
/// When the stretch lies past the film's end, or the film cannot be read there.
pub fn seek<R: ReadAt>(index: &Index, source: &R, request: &ClipRequest) -> Result<Cut, SeekError> {
    if !request.is_cut && !index.is_fragmented {
        return Ok(Cut::Whole);
    }
    let chosen = chosen_tracks(index, request)?;
    let reference = reference_track(index, |n| chosen.get(n) == Some(&true));
    let timescale = movie_timescale(index, reference, &[]);
    let cut = cut_film(index, source, request, &chosen, reference, timescale)?;
    let other = match Waiting::of(index, &cut) {
        Waiting::No => timescale,
        Waiting::Pictures(waiting) => movie_timescale(index, reference, &waiting),
        // libavformat counts the samples to skip in the media timescale of sound, which thus stays the sampling rate.
        Waiting::Sound(sound) => sound,
    };
    if other == timescale { Ok(cut) } else { cut_film(index, source, request, &chosen, reference, other) }
}

/// A coarser movie timescale than this rounds times by more than 25 µs.
const LEAST_SOUND: u32 = 20_000;

/// What a clip waits for, with empty edits.
enum Waiting {
    /// Nothing that is seen or heard.
    No,
    /// Pictures: the media timescales of these tracks.
    Pictures(Vec<u32>),
    /// Sound of this media timescale, and no pictures.
    Sound(u32),
}

impl Waiting {
    fn of(index: &Index, cut: &Cut) -> Self {
        let Cut::Clip(clip) = cut else { return Self::No };
        let waits = |held: &Option<TrackClip>| {
            held.as_ref().is_some_and(|held| held.edits.iter().any(|e| e.media_time.is_none()))
        };
        let waiting = |handler: [u8; 4]| {
            let tracks = index.tracks.iter().zip(&clip.tracks);
            let waiting = tracks.filter(move |(track, held)| track.handler.0 == handler && waits(held));
            waiting.map(|(track, _)| track.mdhd.timescale.max(1))
        };
        let pictures: Vec<_> = waiting(*b"vide").collect();
        match waiting(*b"soun").find(|&timescale| timescale >= LEAST_SOUND) {
            _ if !pictures.is_empty() => Self::Pictures(pictures),
            Some(sound) => Self::Sound(sound),
            None => Self::No,
        }
    }
}

/// Cuts a film, counting in this movie timescale.
fn cut_film<R: ReadAt>(
    index: &Index,
    source: &R,
    request: &ClipRequest,
    chosen: &[bool],
    reference: Option<usize>,
    timescale: u32,
) -> Result<Cut, SeekError> {
    let mut lines: Vec<_> =
        index.tracks.iter().map(|t| Timeline::of(t, index.mvhd.timescale, timescale)).collect();
    let film_end = film_end(index, &lines, chosen);
    for (_, line) in index.tracks.iter().zip(&mut lines).filter(|(track, _)| holds_on(track)) {
        line.hold_until(film_end);
    }
    let clock = Clock { timescale };
    let start = clock.ticks(request.start);
    if clock.exact(request.start) >= i128::from(film_end) * NANOS {
        let seconds = |ticks: u64| format!("{:.3}", ticks as f64 / f64::from(timescale));
        return Err(SeekError::PastEnd { start: seconds(start), end: seconds(film_end) });
    }
    let past_end = |end: Time| clock.exact(end) >= i128::from(film_end) * NANOS;
    let end = request.end.filter(|&end| !past_end(end));
    let all_tracks = request.tracks.is_empty() && request.lang.is_none();
    if request.start.nanos() == 0 && end.is_none() && all_tracks && !index.is_fragmented {
        return Ok(Cut::Whole);
    }
    let guide = reference.and_then(|r| Some((index.tracks.get(r)?, lines.get(r)?)));
    let start = match guide {
        Some((track, line)) => snap_start(track, line, source, clock, request)?,
        None => start,
    };
    let end = match (end, guide) {
        (None, _) => film_end,
        (Some(end), Some((track, line))) => snap_end(track, line, source, clock, end)?,
        (Some(end), None) => clock.ticks(end),
    };
    let end = end.max(start + 1);
    let mut tracks = index
        .tracks
        .iter()
        .zip(&lines)
        .zip(chosen)
        .map(|((track, line), chosen)| chosen.then(|| cut_track(track, line, source, start..end)).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    leave_out_empty(&mut tracks);
    let pictures = guide.and_then(|(track, _)| {
        let held = tracks.get(reference?)?.as_ref().filter(|_| &track.handler.0 == b"vide")?;
        opus::lead_of(track, held)
    });
    for (track, held) in index.tracks.iter().zip(&mut tracks) {
        if let Some(held) = held {
            opus::shorten(track, held, source, pictures.unwrap_or((0, 1)))?;
        }
    }
    Ok(Cut::Clip(Clip { timescale, start, duration: end - start, tracks }))
}

/// Leaves out the tracks of which the clip has no samples: Chromium fails to seek in a film with such a track. A clip of
/// nothing at all keeps them, as a film has tracks.
fn leave_out_empty(tracks: &mut [Option<TrackClip>]) {
    let is_empty = |held: &TrackClip| held.ranges.is_empty();
    if tracks.iter().flatten().all(is_empty) {
        return;
    }
    for track in tracks {
        *track = track.take().filter(|held| !is_empty(held));
    }
}

/// When the last of what is seen or heard ends. Data tracks (time codes, telemetry) may run on past
/// that, and count only where there is nothing else.
fn film_end(index: &Index, lines: &[Timeline], chosen: &[bool]) -> u64 {
    let ends = |of: fn(&Track) -> bool| {
        let tracks = index.tracks.iter().zip(lines).zip(chosen);
        tracks
            .filter(move |((track, _), chosen)| **chosen && of(track))
            .map(|((_, line), _)| line.end())
            .max()
    };
    let presented = ends(|t| kind_of(t.handler).is_some()).filter(|&end| end > 0);
    presented.or_else(|| ends(|_| true)).unwrap_or(0)
}

/// The sync samples of a track that are presented, in seconds of the film.
///
/// # Errors
/// When the film cannot be read.
pub fn sync_points<R: ReadAt>(index: &Index, source: &R, track: &Track) -> Result<Vec<f64>, FormatError> {
    let SyncSamples::Listed(table) = &track.samples.sync else { return Ok(Vec::new()) };
    let timescale = movie_timescale(index, None, &[]);
    let line = Timeline::of(track, index.mvhd.timescale, timescale);
    let mut out = Vec::new();
    for n in 0..table.count {
        let number = SyncSamples::listed(table, source, n)?;
        let Some(sample) = number.checked_sub(1).filter(|&s| s < track.samples.count) else { continue };
        let cts = track.samples.cts(source, sample)?;
        let at =
            |s: &Segment| s.start.saturating_add_signed(line.to_movie(cts - s.media_time, Rounding::Nearest));
        let shown = line.segments.iter().filter(|s| cts >= s.media_time).map(|s| (at(s), s.end));
        out.extend(shown.filter(|(at, end)| at < end).map(|(at, _)| at as f64 / f64::from(timescale)));
    }
    Ok(out)
}

const NANOS: i128 = 1_000_000_000;

/// The track whose frames a clip begins on: the first enabled video track. (A film
/// whose tracks are all marked disabled is played as if they were enabled.) Pictures that go with
/// sound, a cover or one for each chapter, are not what a viewer seeks by.
pub fn reference_track(index: &Index, is_chosen: impl Fn(usize) -> bool) -> Option<usize> {
    let chosen = || index.tracks.iter().enumerate().filter(|(n, _)| is_chosen(*n));
    let none_enabled = !chosen().any(|(_, t)| t.tkhd.is_enabled());
    let played = |t: &Track| t.samples.count > 0 && (none_enabled || t.tkhd.is_enabled());
    let has_sound = chosen().any(|(_, t)| played(t) && &t.handler.0 == b"soun");
    let goes_with_sound = |t: &Track| {
        has_sound
            && (is_still(t) || index.tracks.iter().any(|other| other.chapters.contains(&t.tkhd.track_id)))
    };
    chosen().find(|(_, t)| &t.handler.0 == b"vide" && played(t) && !goes_with_sound(t)).map(|(n, _)| n)
}

/// Whether what a track has to say holds for all of the film, however long its samples are said to last, as the object
/// descriptors of MPEG-4 systems do. (A time code goes on counting within its sample.) Samples of no duration at
/// all are not told apart.
fn holds_on(track: &Track) -> bool {
    let is_timed = kind_of(track.handler).is_some() || &track.handler.0 == b"tmcd";
    let samples = &track.samples;
    (samples.count == 1 && !is_timed) || (samples.count > 0 && samples.end <= samples.start)
}

fn is_still(track: &Track) -> bool {
    &track.handler.0 == b"vide" && track.samples.count == 1
}

/// A timescale in which the source's edits and the frames the clip begins and ends on are whole ticks, and which
/// is a multiple of those of the `waiting` tracks. Firefox reads an empty edit in the timescale of its media: with a
/// multiple, both can be made the same. Where there is none that fits, the source's edits are rounded first, to half a
/// tick at most, and then waiting tracks are left out.
fn movie_timescale(index: &Index, reference: Option<usize>, waiting: &[u32]) -> u32 {
    let with_samples = || index.tracks.iter().position(|t| t.samples.count > 0);
    let media = reference
        .or_else(with_samples)
        .and_then(|r| index.tracks.get(r))
        .map_or(1, |t| t.mdhd.timescale.max(1));
    let movie = u64::from(index.mvhd.timescale.max(1));
    let media = u64::from(media);
    let fits = |n: &u64| *n <= u64::from(u32::MAX >> 1);
    let common = |a: u64, b: u64| a.checked_mul(b / gcd(a, b)).filter(fits);
    let all = |from: u64| waiting.iter().try_fold(from, |all, &scale| common(all, scale.into()));
    let with_edits = common(movie, media);
    let exact =
        with_edits.and_then(all).filter(|&all| waiting.is_empty() || all <= limits::MEDIA_TIMESCALE.into());
    let common = exact.or_else(|| all(media)).or(with_edits).unwrap_or(media);
    let finer = common * MIN_TIMESCALE.div_ceil(common);
    u32::try_from(finer).unwrap_or(u32::MAX)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Requested times in ticks of the clip's movie time.
#[derive(Clone, Copy)]
struct Clock {
    timescale: u32,
}

impl Clock {
    /// The nearest tick.
    fn ticks(self, time: Time) -> u64 {
        clamp((self.exact(time) + NANOS / 2) / NANOS)
    }

    /// In billionths of a tick, without rounding.
    fn exact(self, time: Time) -> i128 {
        i128::from(time.nanos()) * i128::from(self.timescale)
    }
}

fn clamp(n: i128) -> u64 {
    u64::try_from(n.max(0)).unwrap_or(u64::MAX)
}

/// A track's edit list as stretches of the clip's movie time.
struct Timeline {
    segments: Vec<Segment>,
    media_timescale: u32,
    timescale: u32,
    media_start: i64,
}

/// A stretch of movie time in which a track's media is presented.
#[derive(Debug, Clone, Copy)]
struct Segment {
    start: u64,
    end: u64,
    media_time: i64,
    /// 16.16 fixed point.
    rate: u32,
}

/// Movie times past this are not believed; it keeps all sums of ticks far from overflow.
const MAX_TICKS: i128 = 1 << 60;

impl Timeline {
    fn of(track: &Track, movie_timescale: u32, timescale: u32) -> Self {
        let media_timescale = track.mdhd.timescale.max(1);
        let mut line =
            Self { segments: Vec::new(), media_timescale, timescale, media_start: track.samples.start };
        if track.samples.count == 0 {
            return line;
        }
        let media_end = track.samples.end;
        let until_media_end = |start: u64, media_time: i64| {
            let left = i128::from(media_end.saturating_sub(media_time).max(0));
            let ticks = (left * i128::from(timescale) + i128::from(media_timescale) - 1)
                / i128::from(media_timescale);
            clamp((i128::from(start) + ticks).min(MAX_TICKS))
        };
        if track.edits.is_empty() {
            let rate = ElstEntry::NORMAL_RATE;
            line.segments.push(Segment { start: 0, end: until_media_end(0, 0), media_time: 0, rate });
            return line;
        }
        let mut elapsed = 0i128;
        let ticks = |movie: i128| {
            let n = i128::from(timescale);
            let d = i128::from(movie_timescale.max(1));
            clamp(((movie.min(MAX_TICKS) * n + d / 2) / d).min(MAX_TICKS))
        };
        for (n, edit) in track.edits.iter().enumerate() {
            let start = ticks(elapsed);
            elapsed += i128::from(edit.segment_duration);
            let Some(media_time) = edit.media_time else { continue };
            let mut end = ticks(elapsed);
            let last = n + 1 == track.edits.len();
            if edit.segment_duration == 0 && last {
                end = until_media_end(start, media_time);
            } else if edit.media_rate == ElstEntry::NORMAL_RATE {
                // What the media does not have is not presented.
                end = end.min(until_media_end(start, media_time));
            }
            if end > start && media_time < media_end {
                line.segments.push(Segment { start, end, media_time, rate: edit.media_rate });
            }
        }
        line
    }

    /// Whether ticks of the media are not whole ticks of the movie.
    fn is_coarse(&self) -> bool {
        self.timescale % self.media_timescale != 0
    }

    fn end(&self) -> u64 {
        self.segments.last().map_or(0, |s| s.end)
    }

    /// Presents what is presented last up to a time.
    fn hold_until(&mut self, end: u64) {
        let (rate, media_time) = (ElstEntry::NORMAL_RATE, self.media_start);
        match self.segments.last_mut() {
            Some(last) => last.end = last.end.max(end),
            None => self.segments.push(Segment { start: 0, end, media_time, rate }),
        }
    }

    /// The segment that is presented at a time, given in billionths of a tick.
    fn at(&self, time: i128) -> Option<&Segment> {
        let segment = self.segments.iter().rev().find(|s| i128::from(s.start) * NANOS <= time)?;
        (time < i128::from(segment.end) * NANOS).then_some(segment)
    }

    /// When a segment presents the media of a time: not before the segment begins.
    fn shown_at(&self, segment: &Segment, media: i64) -> u64 {
        let into = self.to_movie(media.saturating_sub(segment.media_time).max(0), Rounding::Nearest);
        segment.start.saturating_add(u64::try_from(into).unwrap_or(0))
    }

    /// Media ticks of a number of movie ticks.
    fn to_media(&self, ticks: u64, rounding: Rounding) -> i64 {
        scale(i128::from(ticks), self.media_timescale, self.timescale, rounding)
    }

    /// Movie ticks of a number of media ticks.
    fn to_movie(&self, ticks: i64, rounding: Rounding) -> i64 {
        scale(i128::from(ticks), self.timescale, self.media_timescale, rounding)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Nearest,
    Up,
}

fn scale(n: i128, to: u32, from: u32, rounding: Rounding) -> i64 {
    let product = n * i128::from(to);
    let from = i128::from(from.max(1));
    let up = if rounding == Rounding::Up { from - 1 } else { from / 2 };
    i64::try_from((product + up).div_euclid(from)).unwrap_or(i64::MAX / 4)
}

/// What the reference track shows at a time: where in movie ticks that frame (or sync sample) begins.
fn frame_at<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    time: Time,
    mode: Mode,
) -> Result<Option<u64>, FormatError> {
    let tolerant = clock.exact(time) + i128::from(TOLERANCE_NANOS) * i128::from(clock.timescale);
    let Some(segment) = line.at(tolerant).filter(|s| s.rate == ElstEntry::NORMAL_RATE) else {
        return Ok(None);
    };
    let into = (tolerant - i128::from(segment.start) * NANOS) * i128::from(line.media_timescale);
    let into = into / (NANOS * i128::from(line.timescale));
    let media = segment.media_time.saturating_add(i64::try_from(into).unwrap_or(i64::MAX / 4));
    let shown = match mode {
        Mode::Exact => track.samples.on_screen(source, media)?,
        // Before the first sync sample, as after it: what is on screen.
        Mode::Keyframe => match track.samples.sync_at(source, media)? {
            None => track.samples.on_screen(source, media)?,
            sync => sync,
        },
    };
    // A frame that began before the edit did is presented from the edit's start.
    Ok(shown.map(|cts| line.shown_at(segment, cts)))
}

fn snap_start<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    request: &ClipRequest,
) -> Result<u64, FormatError> {
    let frame = frame_at(track, line, source, clock, request.start, request.mode)?;
    Ok(frame.unwrap_or_else(|| clock.ticks(request.start)))
}

/// The end, moved onto the start of a frame where it is within the tolerance of one, so that
/// the clip up to a time and the clip from it share no frame and miss none. Otherwise it is moved up to a whole
/// tick of the track: libavformat counts an edit in those, and shows nothing of a frame that has less than one.
fn snap_end<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    end: Time,
) -> Result<u64, FormatError> {
    let tolerance = i128::from(TOLERANCE_NANOS) * i128::from(clock.timescale);
    let frame = frame_at(track, line, source, clock, end, Mode::Exact)?;
    let near = frame.filter(|&f| (i128::from(f) * NANOS - clock.exact(end)).abs() <= tolerance);
    let exact = clock.exact(end);
    let end = near.unwrap_or_else(|| clock.ticks(end));
    let segment = line.at(exact).filter(|s| near.is_none() && s.rate == ElstEntry::NORMAL_RATE);
    let whole = segment.map(|s| {
        let media = line.to_media(end.saturating_sub(s.start), Rounding::Up);
        line.shown_at(s, s.media_time.saturating_add(media)).min(s.end)
    });
    Ok(whole.map_or(end, |whole| whole.max(end)))
}

fn cut_track<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clip: Range<u64>,
) -> Result<TrackClip, FormatError> {
    let mut plays = Vec::new();
    for segment in &line.segments {
        let from = segment.start.max(clip.start);
        let to = segment.end.min(clip.end);
        if from < to {
            plays.extend(play(track, line, source, segment, from..to)?);
        }
    }
    if plays.is_empty() {
        plays.extend(hold::hold_last(track, line, source, &clip)?);
    }
    // Whether something is not presented from the start of the clip on, or with a gap between.
    let follows =
        plays.iter().try_fold(clip.start, |end, p: &Play| (p.movie.start <= end).then_some(p.movie.end));
    let waits_in = follows.is_none().then_some(line.timescale);
    let (stretches, multiplier) = lay_out(track, line, source, &plays, waits_in)?;
    let Some(last) = stretches.last() else { return Ok(TrackClip::empty()) };
    let media_duration = u64::try_from(last.to + last.len).unwrap_or(0);
    let mut edits = Edits::default();
    for play in &plays {
        let holding = stretches.partition_point(|s| s.range.samples.start <= play.samples.start);
        let Some(stretch) = holding.checked_sub(1).and_then(|n| stretches.get(n)) else { continue };
        edits.wait_until(play.movie.start - clip.start);
        edits.push(ElstEntry {
            segment_duration: play.movie.end - play.movie.start,
            media_time: Some(stretch.in_clip(play.media_time)),
            media_rate: play.rate,
        });
    }
    let earliest = edits.list.iter().filter_map(|e| e.media_time).min().unwrap_or(0);
    let mut offset_shift = (-earliest).max(0);
    if stretches.iter().any(|s| s.range.lead_in.is_some()) {
        offset_shift = offset_shift.max(negative_offset(track, multiplier));
    }
    for edit in &mut edits.list {
        edit.media_time = edit.media_time.map(|t| t + offset_shift);
    }
    let ranges = stretches.into_iter().map(|s| s.range).collect();
    Ok(TrackClip { ranges, edits: edits.list, multiplier, offset_shift, media_duration, pre_skip: None })
}

/// By how much composition offsets are negative, if they can be moved. libavformat does not look for negative ones at
/// the end of a track, if those before are not.
fn negative_offset(track: &Track, multiplier: u32) -> i64 {
    let (lowest, highest) = track.samples.ctts.as_ref().map_or((0, 0), Runs::extremes);
    let scaled = |offset: i64| offset.saturating_mul(multiplier.into());
    let shift = scaled(-lowest.min(0));
    if scaled(highest).saturating_add(shift) <= MAX_GAP { shift } else { 0 }
}

/// A stretch of samples and its place in the clip.
struct Stretch {
    range: SampleRange,
    /// Decode time of the first sample in the clip.
    to: i64,
    /// A media time of the film …
    origin: i64,
    /// … and the same in the clip, counted from `to`.
    origin_at: i64,
    multiplier: u32,
    /// Time from the first sample to the end of the last, in the clip.
    len: i64,
}

impl Stretch {
    /// A media time of the film in the media time of the clip. It is not that of a hidden sample.
    fn in_clip(&self, time: i64) -> i64 {
        self.to + self.since_start(time)
    }

    fn since_start(&self, time: i64) -> i64 {
        self.origin_at + (time - self.origin).saturating_mul(self.multiplier.into())
    }

    /// Lets the samples of the last range end with their edit.
    fn end_with(&mut self, ending: &Ending) {
        let held = self.range.len();
        let since_start = |time| self.since_start(time);
        if let Some(before) = self.range.lead_in.as_ref().and_then(|lead_in| lead_in.all_but_last(held)) {
            // The last sample is one of the lead-in.
            let lasts = since_start(ending.end) - since_start(ending.last_composition());
            let last_duration = u32::try_from(lasts.max(1)).unwrap_or(u32::MAX >> 1);
            self.len = before + i64::from(last_duration);
            self.range.lead_in.iter_mut().for_each(|lead_in| lead_in.last_duration = last_duration);
            return;
        }
        let lead_in = self.range.lead_in.map_or(0, |lead_in| lead_in.len);
        let (retimed, decode_end) = ending.retimed(lead_in, self.multiplier, since_start);
        self.len = decode_end.unwrap_or(self.len);
        self.range.ending = retimed;
    }
}

/// Puts the samples of all edits one after the other, in the order of the film, each of them once. Gives the multiplier
/// of their media time, too. `waits_in` is the movie timescale where there are empty edits.
fn lay_out<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    plays: &[Play],
    waits_in: Option<u32>,
) -> Result<(Vec<Stretch>, u32), FormatError> {
    let samples = &track.samples;
    let mut plays: Vec<_> = plays.iter().collect();
    plays.sort_unstable_by_key(|p| (p.samples.start, p.samples.end));
    let mut ranges: Vec<_> = plays.iter().map(|p| p.samples.clone()).collect();
    close_holes(&mut ranges, 0);
    if let Some(excess) = ranges.len().checked_sub(limits::SAMPLE_RANGES).filter(|&n| n > 0) {
        let after = ranges.iter().skip(1);
        let mut holes: Vec<_> = ranges.iter().zip(after).map(|(a, b)| b.start - a.end).collect();
        let (_, &mut widest, _) = holes.select_nth_unstable(excess - 1);
        close_holes(&mut ranges, widest);
    }
    let (lowest, highest) = samples.ctts.as_ref().map_or((0, 0), Runs::extremes);
    if highest - lowest > MAX_GAP {
        close_holes(&mut ranges, u32::MAX);
    }
    let mut parts = Vec::new();
    let mut rest = plays.as_slice();
    for range in ranges {
        let (here, later) = rest.split_at(rest.partition_point(|p| p.samples.start < range.end));
        rest = later;
        let hidden = hidden(track, source, &range, here)?;
        parts.push((range, here, hidden));
    }
    let ending = match parts.last() {
        Some((range, here, _)) => ending(track, line, source, range, here)?,
        None => None,
    };
    let hidden = parts.iter().filter_map(|(.., hidden)| hidden.as_ref());
    let has_late = ending.as_ref().is_some_and(Ending::has_hidden);
    let multiplier = multiplier(track, hidden, has_late, waits_in);
    let mut out: Vec<Stretch> = Vec::new();
    let count = parts.len();
    for (n, (samples_here, here, hidden)) in parts.into_iter().enumerate() {
        let from = samples.dts(source, samples_here.start)?;
        let end = samples.decode_end_of(source, &samples_here)?;
        let trim = match here {
            [only] if hidden.is_none() => trim(track, source, only, from)?,
            _ => 0,
        };
        let ending = ending.as_ref().filter(|_| n + 1 == count);
        let until = ending.map_or((i64::MAX, 0), |ending| (ending.end, ending.margin));
        let lead_in =
            hidden.map(|hidden| hidden.lead_in(samples, source, &samples_here, end, until, multiplier));
        let lead_in = lead_in.transpose()?;
        let (to, place) = out.last().map_or((0, 0), |b| (b.to + b.len, b.range.place + b.range.len()));
        let (origin, origin_at) = match &lead_in {
            Some(lead_in) => (lead_in.first_presented, lead_in.presented_at),
            None => (from + i64::from(trim), 0),
        };
        let joined_until = here.first().map_or(0, |first| first.joined_until);
        let range = SampleRange {
            samples: samples_here,
            place,
            joined_until,
            lead_in,
            trim,
            gap: 0,
            ending: Vec::new(),
        };
        let mut stretch = Stretch { range, to, origin, origin_at, multiplier, len: 0 };
        stretch.len = stretch.since_start(end);
        if let Some(ending) = ending {
            stretch.end_with(ending);
            out.push(stretch);
            continue;
        }
        // How long frames that are reordered are on screen is not how long they are decoded.
        let media_end = here.iter().map(|p| p.media_end).max().unwrap_or(from);
        let missing = match n + 1 < count {
            // The last presented of one stretch comes before the first of the next, whatever their offsets, and
            // before what is hidden there.
            true => (highest - lowest.min(0)).max(media_end - end - lowest.min(0)),
            false => {
                let last = stretch.range.samples.end - 1;
                let begun = stretch.range.samples.start + lead_in.map_or(0, |l| l.len);
                // What the lead-in has of presented samples may last shorter than in the film.
                match samples.end_of(source, &(begun.min(last)..last + 1))? < media_end {
                    true => media_end - end + samples.dts(source, last)? - samples.cts(source, last)?,
                    false => 0,
                }
            }
        };
        let gap = u32::try_from(missing.clamp(0, MAX_GAP)).unwrap_or(0);
        stretch.range.gap = gap;
        stretch.len = stretch.len.saturating_add(i64::from(gap).saturating_mul(multiplier.into()));
        let held = stretch.range.len();
        let all = stretch.range.lead_in.as_mut().and_then(|l| Some((l.all_but_last(held)?, l)));
        if let Some((before, lead_in)) = all {
            // The last sample of the range is one of the lead-in.
            lead_in.last_duration = u32::try_from((stretch.len - before).max(1)).unwrap_or(u32::MAX >> 1);
            stretch.len = before + i64::from(lead_in.last_duration);
        }
        out.push(stretch);
    }
    Ok((out, multiplier))
}

/// What a range has of hidden samples. Of sound all samples keep their times: how much of what is decoded is not
/// heard is told by them.
fn hidden<R: ReadAt>(
    track: &Track,
    source: &R,
    range: &Range<u32>,
    plays: &[&Play],
) -> Result<Option<Hidden>, FormatError> {
    let first = plays.iter().map(|p| (p.first_shown, p.first_presented)).min();
    let Some((first_shown, _)) = first.filter(|_| &track.handler.0 != b"soun") else { return Ok(None) };
    let presented = plays.iter().map(|p| p.first_presented).min().unwrap_or(range.start);
    Hidden::of(track, source, range, first_shown, presented)
}

/// How the last range of a track ends, where its samples may be told to end with their edit: pictures that are
/// presented one after the other.
fn ending<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    range: &Range<u32>,
    plays: &[&Play],
) -> Result<Option<Ending>, FormatError> {
    let is_usual = |p: &&Play| p.rate == ElstEntry::NORMAL_RATE;
    let end = plays.iter().map(|p| p.media_end).max().filter(|_| plays.iter().all(is_usual));
    let moves = &track.handler.0 == b"vide" && !is_still(track) && !holds_on(track);
    let Some(end) = end.filter(|_| moves) else { return Ok(None) };
    // An edit may end so much later than it should, rounded to ticks of the movie.
    let margin = if line.is_coarse() { line.to_media(1, Rounding::Up) } else { 0 };
    Ending::of(&track.samples, source, range, end, margin).map(Some)
}

/// The least multiplier of a track's timescale with which hidden samples take no longer than they may, or that which
/// makes it the movie's where there are empty edits.
fn multiplier<'a>(
    track: &Track,
    hidden: impl Iterator<Item = &'a Hidden>,
    has_late: bool,
    waits_in: Option<u32>,
) -> u32 {
    let timescale = u64::from(track.mdhd.timescale.max(1));
    let highest = highest_multiplier(track);
    let is_seen = &track.handler.0 == b"vide";
    let movie = waits_in.map(u64::from).filter(|movie| is_seen && movie % timescale == 0);
    if let Some(same) = movie.map(|movie| movie / timescale).filter(|&same| same <= highest) {
        return u32::try_from(same).unwrap_or(1);
    }
    let ticks = hidden.map(Hidden::ticks).max().unwrap_or(0);
    // A sample that is presented after the end of the clip makes it a tick longer.
    let ticks_a_second = if has_late { LEAST_TICKS_A_SECOND } else { 0 };
    let needed = (u64::from(ticks) * LEAD_INS_A_SECOND).max(ticks_a_second).div_ceil(timescale);
    let finest = u64::from(limits::MEDIA_TIMESCALE) / timescale;
    u32::try_from(needed.min(finest).clamp(1, highest)).unwrap_or(1)
}

/// With a greater one, what the clip says of the track may not fit in its fields.
fn highest_multiplier(track: &Track) -> u64 {
    let samples = &track.samples;
    let (_, longest) = samples.stts.extremes();
    let (lowest, highest) = samples.ctts.as_ref().map_or((0, 0), Runs::extremes);
    let of_a_field = MAX_GAP / 4 / longest.max(highest.abs()).max(lowest.abs()).max(1);
    let of_all =
        (i64::MAX >> 8) / samples.decode_end().saturating_abs().max(samples.end.saturating_abs()).max(1);
    let of_timescale = i64::from(u32::MAX) / i64::from(track.mdhd.timescale.max(1));
    u64::try_from(of_a_field.min(of_all).min(of_timescale)).unwrap_or(1).max(1)
}

/// The least timescale of a track with samples that are presented after the end of the clip.
const LEAST_TICKS_A_SECOND: u64 = 500;

/// No sample is made longer by more ticks.
const MAX_GAP: i64 = (u32::MAX >> 1) as i64;

/// Joins neighbours that are no more than so many samples apart.
fn close_holes(ranges: &mut Vec<Range<u32>>, hole: u32) {
    ranges.dedup_by(|next, last| {
        let joined = next.start <= last.end.saturating_add(hole);
        if joined {
            last.end = last.end.max(next.end);
        }
        joined
    });
}

/// Where a clip begins inside a subtitle or a chapter, what is left of it becomes all of it: libavformat
/// takes such an edit to begin with the next sample, and shows that too early. (A time code says
/// what the time is where its sample begins, so it keeps its length.) Where sound begins with a
/// packet that is said to last longer than those beside it, and the edit begins past that, it is given their duration as far as it is
/// hidden: libavformat drops as much of what is decoded as is said.
///
/// How much of the first sample, which decodes at `from`, is taken off.
fn trim<R: ReadAt>(track: &Track, source: &R, play: &Play, from: i64) -> Result<u32, FormatError> {
    let is_text = matches!(&track.handler.0, b"text" | b"sbtl" | b"subt" | b"clcp" | b"subp" | b"meta");
    let is_sound = &track.handler.0 == b"soun" && play.samples.len() > 1;
    if !(is_text || is_sound) || track.samples.ctts.is_some() || play.rate != ElstEntry::NORMAL_RATE {
        return Ok(0);
    }
    let duration = track.samples.stts.at_unit(source, play.samples.start)?.value;
    let into = u32::try_from(play.media_time - from).unwrap_or(0);
    if is_text {
        return Ok(if u64::from(into) >= duration { 0 } else { into });
    }
    let others = beside(track, source, play.samples.start)?;
    let longer = u32::try_from(duration.saturating_sub(others)).unwrap_or(0);
    let past = u64::from(into).saturating_sub(others);
    Ok(if others > 0 { longer.min(u32::try_from(past).unwrap_or(u32::MAX)) } else { 0 })
}

/// How long the samples before and after one last: the longer of them, as the last of a track is often short.
fn beside<R: ReadAt>(track: &Track, source: &R, sample: u32) -> Result<u64, FormatError> {
    let lasts = |sample: Option<u32>| match sample.filter(|n| *n < track.samples.count) {
        Some(sample) => track.samples.stts.at_unit(source, sample).map(|run| run.value),
        None => Ok(0),
    };
    Ok(lasts(sample.checked_sub(1))?.max(lasts(sample.checked_add(1))?))
}

#[derive(Default)]
struct Edits {
    list: Vec<ElstEntry>,
    /// Where the last of them ends.
    elapsed: u64,
}

impl Edits {
    /// Fills the time up to `movie_time` of the clip with an empty edit.
    fn wait_until(&mut self, movie_time: u64) {
        if movie_time > self.elapsed {
            self.push(ElstEntry {
                segment_duration: movie_time - self.elapsed,
                media_time: None,
                media_rate: ElstEntry::NORMAL_RATE,
            });
        }
    }

    fn push(&mut self, edit: ElstEntry) {
        self.elapsed += edit.segment_duration;
        self.list.push(edit);
    }
}

/// What one edit of the source presents in a clip.
struct Play {
    movie: Range<u64>,
    media_time: i64,
    media_end: i64,
    /// 16.16 fixed point.
    rate: u32,
    /// Composition time of the first sample that is presented.
    first_shown: i64,
    /// The first sample in decode order that is presented.
    first_presented: u32,
    /// What must be decoded for it.
    samples: Range<u32>,
    /// As of [`SampleRange`].
    joined_until: u32,
}

fn play<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    segment: &Segment,
    movie: Range<u64>,
) -> Result<Option<Play>, FormatError> {
    let rate = i32::from_be_bytes(segment.rate.to_be_bytes());
    let at_rate = |ticks: i64| match segment.rate {
        ElstEntry::NORMAL_RATE => ticks,
        _ => i64::try_from((i128::from(ticks) * i128::from(rate).abs()) >> 16).unwrap_or(i64::MAX / 4),
    };
    let into = |t: u64, rounding| segment.media_time.saturating_add(at_rate(line.to_media(t, rounding)));
    let (from, to) = match rate {
        // Played backwards, from its end.
        ..0 => (segment.end - movie.end, segment.end - movie.start),
        _ => (movie.start - segment.start, movie.end - segment.start),
    };
    let mut media_time = into(from, Rounding::Nearest);
    let mut media_end = into(to, Rounding::Up);
    if line.is_coarse() && &track.handler.0 == b"vide" && segment.rate == ElstEntry::NORMAL_RATE {
        let near = |time| near_frame(track, line, source, time);
        media_time = near(media_time)?.unwrap_or(media_time).max(segment.media_time);
        media_end = near(into(to, Rounding::Nearest))?.unwrap_or(media_end);
    }
    media_end = media_end.max(media_time.saturating_add(1)).min(track.samples.end);
    if is_still(track) || holds_on(track) {
        // There is no later part of it to begin at, and libavformat shows nothing of a frame that begins
        // before its edit.
        media_time = media_time.min(line.media_start);
        media_end = media_end.max(media_time.saturating_add(1));
    }
    let mut start = movie.start;
    let first = line.shown_at(segment, line.media_start);
    if (media_time < line.media_start || start < first) && segment.rate == ElstEntry::NORMAL_RATE {
        // Nothing is on screen yet: a gap, which is an empty edit in the clip.
        start = start.max(first);
        media_time = line.media_start;
    }
    if start >= movie.end || media_time >= media_end {
        return Ok(None);
    }
    let shown = track.samples.on_screen(source, media_time)?.unwrap_or(line.media_start);
    if segment.rate == 0 {
        // A frame may be on screen for longer than the clip says it lasts.
        media_time = shown.min(media_time);
        media_end = media_time.saturating_add(1);
    }
    let first_shown = shown.min(media_time);
    let Some(needed) = track.samples.presented(source, first_shown, media_end)? else {
        return Ok(None);
    };
    let lead_in = lead_in(track, source, needed.start, media_time)?;
    let latest = if lead_in < needed.start { i64::MAX } else { shown };
    let sync = track.samples.preceding_sync(source, lead_in, latest)?;
    let first = open_gop::closed_before(track, source, sync)?;
    let samples = on_packets(track, source, first..needed.end)?;
    Ok(Some(Play {
        movie: start..movie.end,
        media_time,
        media_end,
        rate: segment.rate,
        first_shown,
        first_presented: needed.start,
        samples,
        joined_until: if first < sync { sync + 1 } else { 0 },
    }))
}

/// When the frame begins that begins at a media time, as far as movie ticks tell it.
fn near_frame<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    time: i64,
) -> Result<Option<i64>, FormatError> {
    // Half a movie tick, and what is rounded.
    let off = scale(1, line.media_timescale, line.timescale, Rounding::Up) / 2 + 1;
    let frame = track.samples.on_screen(source, time.saturating_add(off))?;
    Ok(frame.filter(|frame| time.saturating_sub(*frame) <= off))
}

/// The sample to begin with so that the decoder has settled when it reaches `sample`: sound
/// coders carry state from packet to packet. `time` is when that is to be.
fn lead_in<R: ReadAt>(track: &Track, source: &R, sample: u32, time: i64) -> Result<u32, FormatError> {
    if &track.handler.0 != b"soun" || sample == 0 {
        return Ok(sample);
    }
    // (packets, milliseconds) at least, whatever the film says: ffmpeg says one packet of AAC, whose bands may
    // depend on two more.
    let (packets, millis) = match &track.coding.0 {
        // Apple's encoder says 2112 frames of priming: three packets.
        b"mp4a" => (3, 60),
        // RFC 7845, section 4.6. Players that count no edit lists play what is longer than the lead (see `opus`).
        b"Opus" => (4, 80),
        // Frames may borrow bits from up to nine before them.
        b".mp3" | b"ms\0U" => (10, 0),
        b"ac-3" | b"ec-3" | b"ac-4" | b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" | b"dtsx" | b"dtsy" => (2, 0),
        // From the core of USAC on, three frames; with `stss` it is the sync sample before that counts.
        b"mha1" | b"mha2" | b"mhm1" | b"mhm2" => (3, 0),
        b"samr" | b"sawb" | b"sqcp" | b"sevc" | b"QDM2" | b"QDMC" | b"vorb" => (5, 100),
        _ => (0, 0),
    };
    let packets = track.samples.roll_before(source, sample)?.max(packets);
    if packets == 0 {
        return Ok(sample);
    }
    let ticks = i64::from(track.mdhd.timescale).saturating_mul(millis) / 1000;
    let begun = track.samples.dts(source, sample)?.saturating_sub(ticks);
    let by_time = track.samples.presented(source, begun.max(0), i64::MAX / 4)?.map_or(sample, |r| r.start);
    let first = by_time.min(sample.saturating_sub(packets));
    after_a_gap(track, source, first..sample, time)
}

/// Packets looked at for a gap before them.
const LEAD_IN: usize = 256;

/// The packet of `range`, or the one after it, that is followed by a gap (it lasts three times as long as those beside it, at least: some
/// codings have packets of twice the length), with its sound over by `time`: what came before it does not matter. Otherwise the first.
fn after_a_gap<R: ReadAt>(
    track: &Track,
    source: &R,
    range: Range<u32>,
    time: i64,
) -> Result<u32, FormatError> {
    let (stts, last) = (&track.samples.stts, track.samples.count.saturating_sub(1));
    let (shortest, longest) = stts.extremes();
    if longest < shortest.saturating_mul(3) {
        return Ok(range.start);
    }
    for packet in (range.start..=range.end.min(last.saturating_sub(1))).rev().take(LEAD_IN) {
        let (lasts, others) = (stts.at_unit(source, packet)?.value, beside(track, source, packet)?);
        let heard =
            track.samples.dts(source, packet)?.saturating_add(i64::try_from(others).unwrap_or(i64::MAX));
        if others > 0 && lasts >= others.saturating_mul(3) && heard <= time {
            return Ok(packet);
        }
    }
    Ok(range.start)
}

/// Widens a range of PCM frames to whole packets.
fn on_packets<R: ReadAt>(track: &Track, source: &R, range: Range<u32>) -> Result<Range<u32>, FormatError> {
    let packet = track.samples.sizes.samples_per_packet();
    if packet == 1 {
        return Ok(range);
    }
    let first = track.samples.chunk_of(source, range.start)?;
    let start = range.start - (range.start - first.first_sample) % packet;
    let last = track.samples.chunk_of(source, range.end - 1)?;
    let into = (range.end - last.first_sample).div_ceil(packet).saturating_mul(packet);
    let end = last.first_sample.saturating_add(into.min(last.samples));
    Ok(start..end.min(track.samples.count))
}
