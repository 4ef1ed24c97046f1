//! What a clip presents, compared with what the file presents.

use mp4seek::Error;
use proptest::prelude::*;
use test_boxes::{Expanded, Film, One, Shown, expand};

use super::common::clip;

/// What a film shows of each track in a range, times moved to its start.
pub(crate) fn shown_in(film: &[u8], from: f64, to: f64) -> Vec<Vec<Shown>> {
    shown_of(&expand(film), from, to)
}

/// The same of tracks that were read.
pub(crate) fn shown_of(film: &[Expanded], from: f64, to: f64) -> Vec<Vec<Shown>> {
    let cut = |s: Shown| {
        let (start, end) = (s.from.max(from) - from, s.to.min(to) - from);
        (end > start + TICK).then_some(Shown { from: start, to: end, ..s })
    };
    // By number of the track: a clip has none that shows nothing.
    let mut tracks = vec![Vec::new(); TRACKS];
    for track in film {
        tracks[track.id as usize - 1] = track.shown().into_iter().filter_map(cut).collect();
    }
    tracks
}

/// What a clip must show: video that has ended by its start shows its last frame once more, for
/// as long as a clip likes.
pub(crate) fn due_in(film: &[u8], from: f64, to: f64) -> Vec<Vec<Shown>> {
    let mut tracks = shown_in(film, from, to);
    for track in expand(film).iter().filter(|t| &t.handler == b"vide") {
        let shown = track.shown();
        let Some(last) = shown.last().filter(|last| last.to <= from + 1e-6) else { continue };
        // A frame that is hardly on screen in the film is so in the clip.
        let lasts = last.to - last.from;
        let to = if lasts < 2.0 * TICK { lasts } else { f64::INFINITY };
        tracks[track.id as usize - 1] = vec![Shown { from: 0.0, to, ..last.clone() }];
    }
    tracks
}

/// The clip of these scenes; `None` where it is refused, as there is nothing in them.
pub(crate) fn presented(
    film: &[u8],
    query: &str,
    scenes: &[(f64, f64)],
) -> Result<Option<Vec<u8>>, TestCaseError> {
    match clip(film, query) {
        Err(Error::Empty { .. }) => {
            let due = scenes.iter().flat_map(|&(start, end)| due_in(film, start, end)).flatten();
            // What is shown for about a tick may round to none.
            let due: Vec<_> = due.filter(|shown| shown.to - shown.from > 2.0 * TICK).collect();
            prop_assert!(due.is_empty(), "{} shows {:?}", query, due);
            Ok(None)
        }
        clip => Ok(Some(clip.unwrap())),
    }
}

/// The largest number of tracks of a generated film.
const TRACKS: usize = 4;

/// A frame of audio at the lowest rate that is tried here: how exact a cut of audio can be.
/// (A little more, as the whole of a film is rounded, too.)
pub(crate) const TICK: f64 = 1.1 / 8000.0;

pub(crate) fn duration(film: &[u8]) -> f64 {
    expand(film).iter().flat_map(|t| t.shown()).map(|s| s.to).fold(0.0, f64::max)
}

/// Where a clip of `[start, …)` really begins: on the frame on screen.
pub(crate) fn snapped(film: &Film, source: &[u8], start: f64) -> f64 {
    if &film.tracks[0].handler != b"vide" {
        return start;
    }
    let frames = shown_in(source, 0.0, f64::MAX).swap_remove(0);
    let on_screen = frames.iter().rev().find(|f| f.from <= start + 1e-6);
    let on_screen = on_screen.filter(|f| start + 1e-6 < f.to && !f.dwells);
    // Amid a frame that has been there for long.
    on_screen.filter(|f| start - f.from <= 1.0).map_or(start, |f| f.from)
}

/// That both show the same, but for so many cuts that are rounded to a tick.
pub(crate) fn assert_same(
    clip: &[Vec<Shown>],
    source: &[Vec<Shown>],
    cuts: f64,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(clip.len(), source.len());
    for (t, (clip, source)) in clip.iter().zip(source).enumerate() {
        let name = |s: &Shown| String::from_utf8_lossy(&s.bytes).into_owned();
        let names = |l: &[Shown]| l.iter().map(name).collect::<Vec<_>>();
        // What is shown for about a tick may round to one more or to none.
        let is_sliver = |s: &Shown| s.to - s.from < (cuts + 1.0) * TICK;
        let off = |c: &Shown, s: &Shown| {
            let late = if s.to == f64::INFINITY { 0.0 } else { (c.to - s.to).abs() };
            (c.from - s.from).abs().max(late)
        };
        let (mut held, mut due) = (clip.iter().peekable(), source.iter().peekable());
        loop {
            match (held.peek(), due.peek()) {
                (None, None) => break,
                // A sample may be shown again by the next edit, after a sliver of it by this one.
                (Some(c), Some(s)) if c.bytes == s.bytes && off(c, s) <= cuts * TICK => {
                    held.next();
                    due.next();
                }
                (Some(c), _) if is_sliver(c) => drop(held.next()),
                (_, Some(s)) if is_sliver(s) => drop(due.next()),
                (c, s) => {
                    prop_assert_eq!(names(clip), names(source), "track {}", t);
                    prop_assert!(false, "track {}: {:?}, was {:?}", t, c, s);
                }
            }
        }
    }
    Ok(())
}

/// Whether the ticks of the first track are no whole ticks of a clip's movie. The clip may begin and
/// end its edits a tick of the track away, then.
pub(crate) fn has_coarse_times(clip: &[u8], source: &[u8]) -> bool {
    expand(clip).first().is_some_and(|track| track.movie_timescale % expand(source)[0].timescale != 0)
}

/// The tracks of a clip, each with that of the film which its samples are of.
pub(crate) fn with_sources<'a>(
    film: &'a [Expanded],
    clip: &'a [Expanded],
) -> Vec<(&'a Expanded, &'a Expanded)> {
    let source = |cut: &Expanded| {
        let first = &cut.samples.first()?.bytes;
        film.iter().find(|of| of.samples.iter().any(|s| s.bytes == *first))
    };
    clip.iter().filter_map(|cut| Some((source(cut)?, cut))).collect()
}

/// Where in its media an edit ends.
fn media_end_of(track: &Expanded, &(duration, media_time, rate): &(u64, i64, u32)) -> i64 {
    let ticks = u128::from(duration) * u128::from(track.timescale) * u128::from(rate);
    media_time + i64::try_from(ticks.div_ceil(u128::from(track.movie_timescale) << 16)).unwrap().max(1)
}

/// What holds for the times of a clip's samples, hidden ones above all.
pub(crate) fn assert_lead_in(of: &Expanded, cut: &Expanded) -> Result<(), TestCaseError> {
    prop_assert_eq!(cut.timescale % of.timescale, 0);
    let place = |s: &One| of.samples.iter().position(|o| o.bytes == s.bytes).unwrap();
    let held: Vec<(usize, &One)> = cut.samples.iter().map(|s| (place(s), s)).collect();
    for pair in held.windows(2) {
        prop_assert!(pair[0].1.dts < pair[1].1.dts, "decode times {:?}", pair);
    }
    // Samples that lie side by side in the film.
    for range in held.chunk_by(|a, b| a.0 + 1 == b.0) {
        let is_last = range.last() == held.last();
        let Some(range) = Presented::of(range, of, cut) else { continue };
        if is_last && cut.edits.iter().all(|e| e.2 == 0x10000) {
            range.assert_ending()?;
        }
        range.assert_hidden()?;
        range.assert_presented()?;
    }
    Ok(())
}

/// Samples that lie side by side in the film, of which some are presented. Each has its number in
/// the film.
struct Presented<'a> {
    of: &'a Expanded,
    cut: &'a Expanded,
    /// When the first is decoded.
    first_dts: i64,
    /// When the first is presented that is.
    shown: i64,
    /// Where presentation ends.
    end: i64,
    /// Decoded for what follows, and not presented.
    hidden: Vec<(usize, &'a One)>,
    presented: Vec<(usize, &'a One)>,
    /// Decoded for what is presented, and presented after the end.
    late: Vec<(usize, &'a One)>,
}

impl<'a> Presented<'a> {
    /// `None` where no edit begins in the samples.
    fn of(range: &[(usize, &'a One)], of: &'a Expanded, cut: &'a Expanded) -> Option<Self> {
        let first_dts = range[0].1.dts;
        let ends = range.iter().map(|(_, s)| s.cts.max(s.dts) + i64::from(s.delta)).max()?;
        let edits = || cut.edits.iter().filter(|e| (first_dts..=ends).contains(&e.1));
        let latest = range.iter().map(|(_, s)| s.cts).max()?;
        let first = edits().map(|e| e.1).min().filter(|first| *first <= latest)?;
        let shown = range.iter().map(|(_, s)| s.cts).filter(|cts| *cts <= first).max().unwrap_or(first);
        let end = edits().map(|e| media_end_of(cut, e)).max()?;
        let (hidden, rest): (Vec<_>, Vec<_>) = range.iter().copied().partition(|(_, s)| s.cts < shown);
        let (presented, late): (Vec<_>, Vec<_>) = rest.iter().copied().partition(|(_, s)| s.cts < end);
        Some(Self { of, cut, first_dts, shown, end, hidden, presented, late })
    }

    /// Ticks of the clip in one of the film.
    fn scale(&self) -> i64 {
        i64::from(self.cut.timescale / self.of.timescale)
    }

    /// The samples of `group` that the film composes after the sample `n`.
    fn later<'s>(&'s self, group: &'s [(usize, &'a One)], n: usize) -> impl Iterator<Item = &'a One> {
        let cts = |n: usize| self.of.samples[n].cts;
        group.iter().filter(move |(m, _)| cts(*m) > cts(n)).map(|(_, s)| *s)
    }

    /// What is presented last, and what is decoded but presented later, ends with the clip, unless
    /// that is not much longer than its frames are reordered.
    fn assert_ending(&self) -> Result<(), TestCaseError> {
        let last = self.presented.iter().max_by_key(|(_, s)| s.cts).filter(|_| self.presented.len() > 12);
        let reordered = self.of.samples.iter().map(|s| s.dts - s.cts).max().unwrap().max(0);
        let negative = self.scale() * reordered;
        // What is decoded after the end is not composed before that.
        let is_moved = |s: &One| s.cts - s.dts > negative;
        let ends = last.into_iter().chain(self.late.iter().filter(|(_, s)| last.is_some() && is_moved(s)));
        // An edit may end amid a tick of the film.
        let longest = i64::try_from(self.late.len()).unwrap()
            + 3 * self.scale()
            + i64::from(self.cut.timescale / self.cut.movie_timescale);
        for (n, s) in ends {
            let is_near = s.cts + i64::from(s.delta) <= self.end + longest;
            prop_assert!(is_near, "sample {} ends after {}: {:?}", n, self.end, s);
        }
        for &(n, sample) in &self.late {
            prop_assert!(sample.cts >= sample.dts, "sample {} is composed before it is decoded", n);
            let in_order = self.later(&self.late, n).all(|s| s.cts > sample.cts);
            prop_assert!(!is_moved(sample) || in_order, "sample {} is out of order", n);
        }
        Ok(())
    }

    fn assert_hidden(&self) -> Result<(), TestCaseError> {
        for &(n, sample) in &self.hidden {
            prop_assert!(sample.cts >= sample.dts, "sample {} is composed before it is decoded", n);
            let in_order = self.later(&self.hidden, n).all(|s| s.cts > sample.cts);
            prop_assert!(in_order, "sample {} is out of order", n);
            prop_assert!(sample.cts + i64::from(sample.delta) <= self.shown, "sample {} lasts too long", n);
        }
        if self.hidden.is_empty() {
            return Ok(());
        }
        prop_assert!(self.cut.samples.iter().all(|s| s.cts >= s.dts), "a negative offset");
        let offsets = || self.of.samples.iter().map(|s| s.cts - s.dts);
        let depth = offsets().max().unwrap() - offsets().min().unwrap();
        let allowed = f64::from(self.of.timescale) * 0.1 + depth as f64;
        let lead_in = self.shown - self.first_dts;
        prop_assert!(
            lead_in as f64 <= allowed * self.scale() as f64,
            "{} of {}",
            lead_in,
            self.cut.timescale
        );
        Ok(())
    }

    /// Samples that are presented keep their distances. A slide that the clip begins amid of begins with
    /// the edit.
    fn assert_presented(&self) -> Result<(), TestCaseError> {
        let Some(&(m, last)) = self.presented.iter().max_by_key(|(_, s)| s.cts) else { return Ok(()) };
        for &(n, sample) in &self.presented {
            let apart = self.of.samples[m].cts - self.of.samples[n].cts;
            let late = sample.cts - (last.cts - apart * self.scale());
            let is_cut_off = late > i64::from(self.cut.timescale / 10) && sample.cts == self.shown;
            prop_assert!(late == 0 || is_cut_off, "sample {} is {} late, beside {}", n, late, m);
        }
        Ok(())
    }
}
