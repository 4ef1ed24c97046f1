//! Everything that is wrong with a clip.

use super::timeline::Shown;
use super::{EXACT, INSTANT, LEAD_IN, Movie, Sample, Track};
use crate::probe::Cut;

/// What is wrong with a clip, and how well its tracks are in step.
#[derive(Debug, Default)]
pub struct Verdict {
    /// One line each; none if it is right.
    pub faults: Vec<String>,
    /// The farthest that a sample is from its place, in ticks of its track.
    pub ticks: f64,
}

impl Movie {
    /// Everything that is wrong with `clip`, which was cut from this film.
    pub fn judge(&self, clip: &Self, cut: &Cut) -> Verdict {
        let (start, end) = self.bounds(cut);
        let mut verdict = Verdict::default();
        // Hint tracks hint at another file than the clip.
        let (ours, theirs) = (clip.media_tracks(), self.media_tracks());
        let name = |t: &&Track| format!("{} {}/{}", t.id, t.kind, t.codec);
        let theirs: Vec<_> = theirs.into_iter().filter(|t| self.belongs(t, start, end)).collect();
        let (named, wanted): (Vec<_>, Vec<_>) =
            (ours.iter().map(name).collect(), theirs.iter().map(name).collect());
        // A clip of nothing at all has all tracks, empty.
        let is_nothing = theirs.is_empty() && ours.iter().all(|t| t.samples.is_empty());
        if named != wanted && !is_nothing {
            verdict.faults.push(format!("tracks are {named:?} instead of {wanted:?}"));
            return verdict;
        }
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            let judged = theirs.judge(self.timescale, ours, clip.timescale, start, end);
            let name = format!("track {} ({})", ours.id, ours.kind);
            verdict.faults.extend(judged.faults.into_iter().map(|f| format!("{name}: {f}")));
            verdict.ticks = verdict.ticks.max(judged.ticks);
        }
        let whole = cut.start.is_none() && cut.end.is_none();
        let longest = clip.tracks.iter().map(|t| t.duration).fold(0.0, f64::max);
        if !whole && longest > 0.0 && (clip.duration - longest).abs() > 0.5 {
            verdict.faults.push(format!("mvhd says {} ticks, the longest track {longest}", clip.duration));
        }
        let (seconds, wanted) = (clip.duration / clip.timescale, end - start);
        // The end was rounded to a tick of the movie before it was to one of the video.
        let tick = self.guide().map_or(0.0, |video| 1.0 / video.timescale);
        let lasts = |wanted: f64| (seconds - wanted).abs() <= tick + 1.0 / clip.timescale + INSTANT;
        if !(lasts(wanted) || whole && lasts(self.duration / self.timescale)) {
            verdict.faults.push(format!("lasts {seconds} s instead of {wanted}"));
        }
        verdict
    }
}

impl Track {
    /// Judges `clip`, this track between `start` and `end`.
    fn judge(&self, timescale: f64, clip: &Self, clip_timescale: f64, start: f64, end: f64) -> Verdict {
        let mut verdict = Verdict::default();
        // Times of hidden samples, and empty edits, may need a finer one.
        if clip.timescale % self.timescale != 0.0 {
            let fault = format!("timescale {}, not a multiple of {}", clip.timescale, self.timescale);
            verdict.faults.push(fault);
            return verdict;
        }
        let off = |t: &Self| !t.edits.is_empty() && t.duration != t.edits.iter().map(|e| e.0).sum::<f64>();
        // A whole film is as it was.
        if off(clip) && !off(self) {
            verdict.faults.push(format!("tkhd says {} ticks, its edit list does not", clip.duration));
        }
        if self.counts_frames() {
            return verdict;
        }
        verdict.faults.extend(self.run_fault(clip));
        // A film from its start on is as it was.
        if start > EXACT {
            verdict.faults.extend(self.lead_in_fault(clip));
        }
        if self.holds_on() {
            return verdict;
        }
        let (ours, theirs) = (clip.shown(clip_timescale), self.shown(timescale));
        if self.has_ended(timescale, start) {
            verdict.faults.extend(self.last_frame_fault(clip, &ours, &theirs));
            return verdict;
        }
        let by = self.moved(clip, &theirs, start);
        let (start, end) = (start + by, end + by);
        let inside = |s: &&Shown| s.to > start + EXACT && s.from < end - EXACT;
        let theirs: Vec<_> = theirs.iter().filter(inside).collect();
        self.judge_shown(clip, &ours, &theirs, start, end, &mut verdict);
        verdict.faults.truncate(6);
        verdict
    }

    /// By how much a clip of audio begins later than at `start`: with the nearest packet, where the
    /// timescale is higher than any sampling rate.
    fn moved(&self, clip: &Self, shown: &[Shown], start: f64) -> f64 {
        const SAMPLING_RATE: f64 = 192_000.0;
        if self.kind != "soun" || self.timescale <= SAMPLING_RATE || start <= EXACT {
            return 0.0;
        }
        let nearest = shown.iter().map(|s| (s.from - start).abs()).fold(f64::INFINITY, f64::min);
        // Midway between two of them, rounding decides.
        let tick = 1.0 / self.timescale + EXACT;
        let is_as_near = |s: &&Shown| (s.from - start).abs() < nearest + tick;
        let begins = |s: &&Shown| Some(&self.samples[s.sample].hash) == clip.samples.first().map(|s| &s.hash);
        let found = shown.iter().filter(is_as_near).find(begins).or(shown.iter().find(is_as_near));
        found.map_or(0.0, |s| s.from - start)
    }

    /// Whether a clip of video that has ended does not show its last frame: players keep that on
    /// screen.
    fn last_frame_fault(&self, clip: &Self, ours: &[Shown], theirs: &[Shown]) -> Option<String> {
        let last = theirs.last().map(|s| &self.samples[s.sample].hash);
        let shown: Vec<_> = ours.iter().map(|s| Some(&clip.samples[s.sample].hash)).collect();
        let is_wrong = shown != [last] || ours[0].from > EXACT;
        is_wrong.then(|| "does not show the last frame of video that has ended".into())
    }

    /// Judges what a clip shows, between `start` and `end` of what this track shows.
    fn judge_shown(
        &self,
        clip: &Self,
        ours: &[Shown],
        theirs: &[&Shown],
        start: f64,
        end: f64,
        verdict: &mut Verdict,
    ) {
        let tick = 1.0 / self.timescale + EXACT;
        // Less than a tick of a sample may be left out.
        let needed = |s: &Shown| s.to > start + tick && s.from < end - tick && s.to - s.from > tick;
        let says = |s: &Shown| format!("#{} of {:.6}–{:.6}", s.sample, s.from, s.to);
        // What is left of a sample by rounding: less than a tick of one that lasts longer.
        let sliver = |s: &&Shown| s.to - s.from <= tick && clip.samples[s.sample].duration > 1.0;
        let mut theirs = theirs.iter().copied().peekable();
        for ours in ours.iter().filter(|s| !sliver(s)) {
            let hash = &clip.samples[ours.sample].hash;
            let mut passed = Vec::new();
            let found = loop {
                let Some(&next) = theirs.peek() else { break None };
                let place = next.from.max(start) - start - ours.from;
                let same = &self.samples[next.sample].hash == hash;
                if place.abs() < tick && same {
                    theirs.next();
                    break Some(place.abs());
                }
                // Later, or another at that very time.
                if place >= tick || (place > -tick && needed(next)) {
                    break None;
                }
                passed.push(next);
                theirs.next();
            };
            for lost in passed.into_iter().filter(|s| needed(s)) {
                verdict.faults.push(format!("{} of the film is not shown", says(lost)));
            }
            match found {
                None => verdict.faults.push(format!("{} is not the film's of that time", says(ours))),
                Some(place) => verdict.ticks = verdict.ticks.max(place * self.timescale),
            }
        }
        for lost in theirs.filter(|s| needed(s)) {
            verdict.faults.push(format!("{} of the film is not shown", says(lost)));
        }
    }

    /// Whether a player that ignores the edit list shows hidden frames of the clip for longer than
    /// it may: before the first frame that is shown.
    fn lead_in_fault(&self, clip: &Self) -> Option<String> {
        let mut shown = clip.edits.iter().map(|(_, from, _)| *from).filter(|from| *from >= 0.0);
        let (Some(from), None) = (shown.next(), shown.next()) else { return None };
        let times = || clip.samples.iter().map(|s| s.cts);
        let on_screen = times().filter(|cts| *cts <= from).fold(f64::NAN, f64::max);
        let lasts = (on_screen - times().fold(f64::INFINITY, f64::min)) / clip.timescale;
        let offsets = || self.samples.iter().map(|s| s.cts - s.dts);
        let spread = offsets().fold(f64::NEG_INFINITY, f64::max) - offsets().fold(f64::INFINITY, f64::min);
        let is_long = self.kind == "vide" && lasts > LEAD_IN + spread / self.timescale;
        is_long.then(|| format!("{lasts:.3} s of hidden frames before the first that is shown"))
    }

    /// Whether what the clip holds is not this track's own samples, in runs that each begin where
    /// decoding can.
    fn run_fault(&self, clip: &Self) -> Option<String> {
        // A clip may say of audio that all are sync samples, where the film does not. Up to the
        // first frame that is shown, those of open groups of pictures may not be marked, so that
        // decoding begins before them.
        let from = clip.edits.iter().map(|(_, from, _)| *from).find(|from| *from >= 0.0).unwrap_or(0.0);
        let is_marked = |a: &Sample, b: &Sample| {
            let is_joined = self.kind == "vide" && !a.sync && a.cts <= from && clip.samples[0].sync;
            a.sync == b.sync || (self.kind == "soun" && a.sync) || is_joined
        };
        let is_same = |a: &Sample, b: &Sample| a.hash == b.hash && a.size == b.size && is_marked(a, b);
        let (mut held, mut next) = (clip.samples.as_slice(), 0);
        while let Some(first) = held.first() {
            let run =
                |at: usize| held.iter().zip(&self.samples[at..]).take_while(|(a, b)| is_same(a, b)).count();
            // If samples are all alike, the run that goes on the farthest counts.
            let starts =
                (next..self.samples.len()).filter(|&at| is_same(first, &self.samples[at])).take(1000);
            let Some((at, len)) = starts.map(|at| (at, run(at))).max_by_key(|(_, len)| *len) else {
                return Some("its samples are not the film's, in their order and as they are marked".into());
            };
            if !first.sync && self.samples[..at].iter().any(|s| s.sync) {
                return Some(format!("decodes from sample {at} on, which cannot be decoded"));
            }
            (held, next) = (&held[len..], at + len);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use mp4seek::request::Mode;

    use super::*;

    const FRAME: f64 = 40.0;
    /// From the third frame of a group of pictures on, to another one.
    const CUT: Cut = Cut { start: Some(0.88), end: Some(3.0), mode: Mode::Exact };

    /// Samples of 40 ms: those of a film of four seconds with these numbers.
    fn samples(kind: &str, numbers: std::ops::Range<u32>) -> Vec<Sample> {
        let first = numbers.start;
        numbers
            .map(|n| Sample {
                dts: f64::from(n - first) * FRAME,
                cts: f64::from(n - first) * FRAME,
                duration: FRAME,
                sync: kind == "soun" || n % 10 == 0,
                size: u64::from(100 + n),
                hash: format!("{kind} {n}"),
            })
            .collect()
    }

    fn track(id: u64, kind: &str, numbers: std::ops::Range<u32>, edit: (f64, f64)) -> Track {
        Track {
            id,
            enabled: true,
            kind: kind.to_owned(),
            codec: "test".to_owned(),
            timescale: 1000.0,
            duration: edit.0,
            edits: vec![(edit.0, edit.1, 1.0)],
            samples: samples(kind, numbers),
        }
    }

    fn movie(duration: f64, tracks: Vec<Track>) -> Movie {
        Movie { timescale: 1000.0, duration, tracks }
    }

    fn film() -> Movie {
        movie(4000.0, vec![track(1, "vide", 0..100, (4000.0, 0.0)), track(2, "soun", 0..100, (4000.0, 0.0))])
    }

    /// The clip as it has to be: two frames are hidden.
    fn right() -> Movie {
        let video = track(1, "vide", 20..75, (2120.0, 80.0));
        movie(2120.0, vec![video, track(2, "soun", 22..75, (2120.0, 0.0))])
    }

    fn faults(clip: &Movie, cut: &Cut) -> Vec<String> {
        film().judge(clip, cut).faults
    }

    #[test]
    fn what_is_right_has_no_fault() {
        assert_eq!(faults(&right(), &CUT), [""; 0]);
        let whole = Cut { start: None, end: None, ..CUT };
        assert_eq!(faults(&film(), &whole), [""; 0]);
        let to_a_key_frame = Cut { mode: Mode::Keyframe, ..CUT };
        let video = track(1, "vide", 20..75, (2200.0, 0.0));
        let clip = movie(2200.0, vec![video, track(2, "soun", 20..75, (2200.0, 0.0))]);
        assert_eq!(faults(&clip, &to_a_key_frame), [""; 0]);
    }

    #[test]
    fn each_wrong_clip_has_a_fault() {
        type Change = fn(&mut Movie);
        let wrong: [(&str, Change); 19] = [
            ("tracks are", |clip| drop(clip.tracks.pop())),
            ("tracks are", |clip| clip.tracks[1].codec = "other".into()),
            ("not a multiple", |clip| clip.tracks[0].timescale = 999.0),
            ("tkhd says", |clip| clip.tracks[0].duration += 1.0),
            ("mvhd says", |clip| clip.duration += 1.0),
            // The first frame that is shown is one too late, or one too early.
            ("not the film's of that time", |clip| clip.tracks[0].edits[0].1 = 120.0),
            ("not the film's of that time", |clip| clip.tracks[0].edits[0].1 = 40.0),
            // The sound is a packet late.
            ("not the film's of that time", |clip| clip.tracks[1].samples = samples("soun", 23..76)),
            ("not the film's of that time", |clip| clip.tracks[1].edits.insert(0, (40.0, -1.0, 1.0))),
            // Each packet is a millisecond longer.
            ("not the film's of that time", |clip| {
                let times = clip.tracks[1].samples.iter_mut().zip(0u32..);
                times.for_each(|(sample, n)| sample.cts += f64::from(n));
            }),
            ("is not shown", |clip| drop(clip.tracks[0].samples.pop())),
            ("is not shown", |clip| drop(clip.tracks[1].samples.pop())),
            ("its samples are not the film's", |clip| clip.tracks[0].samples[30].hash = "other".into()),
            ("its samples are not the film's", |clip| clip.tracks[0].samples[30].size += 1),
            ("its samples are not the film's", |clip| clip.tracks[0].samples[31].sync = true),
            ("its samples are not the film's", |clip| clip.tracks[0].samples[30].sync = false),
            ("its samples are not the film's", |clip| clip.tracks[1].samples.swap(5, 6)),
            ("which cannot be decoded", |clip| {
                clip.tracks[0].samples = samples("vide", 22..75);
                clip.tracks[0].edits[0].1 = 0.0;
            }),
            ("of hidden frames before the first", |clip| {
                clip.tracks[0].samples = samples("vide", 10..75);
                clip.tracks[0].edits[0].1 = 480.0;
            }),
        ];
        for (fault, change) in wrong {
            let mut clip = right();
            change(&mut clip);
            let found = faults(&clip, &CUT);
            assert!(found.iter().any(|found| found.contains(fault)), "{fault:?} is not in {found:?}");
        }
    }

    #[test]
    fn the_clip_of_another_cut_has_a_fault() {
        for other in [
            Cut { start: Some(0.92), ..CUT },
            Cut { start: Some(0.84), ..CUT },
            Cut { end: Some(3.04), ..CUT },
            Cut { end: Some(2.96), ..CUT },
            Cut { start: None, ..CUT },
            Cut { mode: Mode::Keyframe, ..CUT },
        ] {
            assert_ne!(faults(&right(), &other), [""; 0], "{other:?}");
        }
    }

    #[test]
    fn how_far_samples_are_from_their_places_is_told() {
        let mut clip = right();
        clip.tracks[1].samples.iter_mut().for_each(|sample| sample.cts += 0.5);
        let ticks = film().judge(&clip, &CUT).ticks;
        assert!((ticks - 0.5).abs() < 1e-6, "{ticks}");
    }
}
