//! What of a track is presented, and when.

use mp4seek::request::Mode;

use super::{EXACT, INSTANT, PRESENTED, Sample, Track};

/// A range of movie time in which a track shows its media.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) start: f64,
    pub(super) end: f64,
    /// In seconds of the media.
    pub(super) media: f64,
    pub(super) rate: f64,
}

/// A sample on screen, in seconds of the movie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) sample: usize,
}

impl Track {
    /// Whether it is compressed audio of QuickTime's whose samples are PCM frames, not bytes: where
    /// the bytes of those lie, only the version 1 sound description says.
    pub(super) fn counts_frames(&self) -> bool {
        let raw = ["raw ", "NONE", "twos", "sowt", "ulaw", "alaw", "ipcm"].contains(&self.codec.as_str());
        self.kind == "soun" && !raw && self.samples.iter().all(|s| s.size == 1)
    }

    pub(super) fn has_several_edits(&self) -> bool {
        self.edits.iter().skip_while(|(_, from, _)| *from < 0.0).count() > 1
    }

    pub(super) fn begins_inside_a_frame(&self) -> bool {
        let Some(&(_, from, _)) = self.edits.iter().find(|(_, from, _)| *from >= 0.0) else { return false };
        let begun = self.samples.iter().map(|s| s.cts).filter(|cts| *cts <= from).max_by(f64::total_cmp);
        self.kind == "vide" && self.samples.len() > 1 && begun.is_some_and(|cts| from - cts > 1.0)
    }

    /// Whether its edit begins before its first frame, which libavformat then sets there.
    pub(super) fn begins_late(&self) -> bool {
        let Some(&(_, from, _)) = self.edits.iter().find(|(_, from, _)| *from >= 0.0) else { return false };
        let first = self.samples.iter().map(|s| s.cts).min_by(f64::total_cmp);
        self.kind == "vide" && self.samples.len() > 1 && first.is_some_and(|cts| cts - from > 1.0)
    }

    /// Whether it is video that is over by `time`.
    pub(super) fn has_ended(&self, movie_timescale: f64, time: f64) -> bool {
        let end = self.segments(movie_timescale).last().map(|s| s.end);
        self.kind == "vide" && end.is_some_and(|end| end <= time + EXACT)
    }

    /// Whether what it says holds for all of the film, however long that is said to last: one
    /// sample of data, or samples that last no time.
    pub(super) fn holds_on(&self) -> bool {
        let is_timed = PRESENTED.contains(&self.kind.as_str()) || self.kind == "tmcd";
        let lasts = self.samples.iter().any(|s| s.duration > 0.0);
        (self.samples.len() == 1 && !is_timed) || !lasts
    }

    /// When the last sample has been shown, in seconds of the media.
    pub(super) fn media_end(&self) -> f64 {
        self.ends().into_iter().fold(0.0, f64::max) / self.timescale
    }

    pub(super) fn segments(&self, movie_timescale: f64) -> Vec<Segment> {
        let media_end = self.media_end();
        if self.samples.is_empty() {
            return Vec::new();
        }
        if self.edits.is_empty() {
            return vec![Segment { start: 0.0, end: media_end, media: 0.0, rate: 1.0 }];
        }
        let mut elapsed = 0.0;
        let mut segments = Vec::new();
        for (i, &(duration, media_time, rate)) in self.edits.iter().enumerate() {
            let start = elapsed / movie_timescale;
            elapsed += duration;
            let mut end = elapsed / movie_timescale;
            if media_time < 0.0 {
                continue;
            }
            let media = media_time / self.timescale;
            let all = start + media_end - media;
            // A duration of 0 means to the end, as films in fragments write it.
            if duration == 0.0 && i + 1 == self.edits.len() {
                end = all;
            } else if (rate - 1.0).abs() < EXACT {
                end = end.min(all);
            }
            if end > start {
                segments.push(Segment { start, end, media, rate });
            }
        }
        segments
    }

    /// For each sample, when it gives way to another, in ticks of the media.
    fn ends(&self) -> Vec<f64> {
        let mut order: Vec<_> = (0..self.samples.len()).collect();
        order.sort_by(|&a, &b| self.samples[a].cts.total_cmp(&self.samples[b].cts));
        let mut ends = vec![0.0; order.len()];
        for pair in order.windows(2) {
            ends[pair[0]] = self.samples[pair[1]].cts;
        }
        if let (Some(&first), Some(&last)) = (order.first(), order.last()) {
            // Where frames that last unequally are reordered, all are shown for as long as all are
            // decoded.
            let durations = || self.samples.iter().map(|s| s.duration);
            let together = self.samples[first].cts + durations().sum::<f64>();
            let longest = self.samples[last].cts + durations().fold(0.0, f64::max);
            let own = self.samples.iter().map(|s| s.cts + s.duration).fold(0.0, f64::max);
            ends[last] = own.max(together.min(longest));
            // What is said to last no time does so because its writer did not know.
            if ends[last] == self.samples[last].cts && ["vide", "soun"].contains(&self.kind.as_str()) {
                ends[last] += durations().sum::<f64>() / (order.len() as f64 - 1.0).max(1.0);
            }
        }
        ends
    }

    /// What is shown, in order, the edit list applied.
    pub(super) fn shown(&self, movie_timescale: f64) -> Vec<Shown> {
        let ends = self.ends();
        let mut all = Vec::new();
        for segment in self.segments(movie_timescale) {
            let begun = all.len();
            for (sample, end) in ends.iter().enumerate() {
                let media = (self.samples[sample].cts / self.timescale, end / self.timescale);
                if media.1 <= media.0 {
                    continue;
                }
                if segment.rate == 0.0 {
                    if media.0 <= segment.media + EXACT && media.1 > segment.media + EXACT {
                        all.push(Shown { from: segment.start, to: segment.end, sample });
                    }
                    continue;
                }
                let at = |media: f64| segment.start + (media - segment.media) / segment.rate;
                let (from, to) = (at(media.0).max(segment.start), at(media.1).min(segment.end));
                if to > from + EXACT {
                    all.push(Shown { from, to, sample });
                }
            }
            all[begun..].sort_by(|a, b| a.from.total_cmp(&b.from));
        }
        all
    }

    /// Where the frame on screen at `time`, or the sync sample that it needs, begins.
    pub(super) fn frame_at(&self, movie_timescale: f64, time: f64, mode: Mode) -> Option<f64> {
        let time = time + INSTANT;
        let segment = self.segments(movie_timescale).into_iter().find(|s| s.start <= time && time < s.end)?;
        // A video track that stands still, or at another pace, is not what a clip is set to.
        if (segment.rate - 1.0).abs() > EXACT {
            return None;
        }
        let media = time - segment.start + segment.media;
        let ends = self.ends();
        let seconds = |ticks: f64| ticks / self.timescale;
        let shown = |at: f64| segment.start + (at - segment.media).max(0.0);
        let on_screen = || {
            let begun = self.samples.iter().zip(&ends).filter(|(s, _)| seconds(s.cts) <= media);
            begun.filter(|(s, end)| **end > s.cts).map(|(s, _)| seconds(s.cts)).max_by(f64::total_cmp)
        };
        // Where nothing is a sync sample, decoding begins with the first.
        let never = !self.samples.iter().any(|s| s.sync);
        let begins = |(i, s): (usize, &Sample)| s.sync || (never && i == 0);
        let synced =
            self.samples.iter().enumerate().filter(|(i, s)| begins((*i, s)) && seconds(s.cts) <= media);
        let sync = synced.map(|(_, s)| seconds(s.cts)).max_by(f64::total_cmp);
        if mode == Mode::Exact { on_screen() } else { sync.or_else(on_screen) }.map(shown)
    }

    /// Where a clip ends that is asked for until `time`: with a frame that begins there, or else
    /// with a whole tick, so that readers that count in those show what begins before it.
    pub(super) fn end_at(&self, movie_timescale: f64, time: f64) -> f64 {
        let frame = self.frame_at(movie_timescale, time, Mode::Exact);
        if let Some(near) = frame.filter(|at| (at - time).abs() <= INSTANT) {
            return near;
        }
        let at = self.segments(movie_timescale).into_iter().find(|s| s.start <= time && time < s.end);
        let Some(segment) = at.filter(|s| (s.rate - 1.0).abs() < EXACT) else { return time };
        let ticks = ((time - segment.start) * self.timescale - EXACT * self.timescale).ceil();
        (segment.start + ticks / self.timescale).clamp(time, segment.end.max(time))
    }
}
