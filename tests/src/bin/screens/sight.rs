//! What a player was seen to do with a clip, and what is wrong with it.

use std::ops::RangeInclusive;

use crate::switching::Switch;
use crate::wanted::Wanted;
use test_sound::median;

/// Who plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Player {
    Chromium,
    Firefox,
    WebKit,
    GStreamer,
    Mpv,
    Vlc,
    Ffmpeg,
    /// ffmpeg, which does not look at edit lists.
    Unedited,
}

pub(crate) const PLAYERS: &[Player] = &[
    Player::Chromium,
    Player::Firefox,
    Player::WebKit,
    Player::GStreamer,
    Player::Mpv,
    Player::Vlc,
    Player::Ffmpeg,
    Player::Unedited,
];

impl Player {
    /// What people call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
            Self::WebKit => "WebKitGTK",
            Self::GStreamer => "GStreamer",
            Self::Mpv => "mpv",
            Self::Vlc => "VLC",
            Self::Ffmpeg => "ffmpeg",
            Self::Unedited => "ffmpeg, no edit list",
        }
    }

    /// What a browser's video is ahead of its audio in any film, in seconds, as it is seen and
    /// heard here: frames are painted when the screen is, and audio waits in buffers.
    fn usual_offset(self) -> f64 {
        match self {
            Self::Chromium => 0.022,
            Self::Firefox => -0.022,
            Self::WebKit => -0.028,
            _ => 0.0,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::WebKit => "webkit",
            Self::GStreamer => "gstreamer",
            Self::Mpv => "mpv",
            Self::Vlc => "vlc",
            Self::Ffmpeg => "ffmpeg",
            Self::Unedited => "unedited",
        }
    }
}

/// What was seen and heard. Frames are numbers of the film's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sight {
    /// Why it does not play, or stopped to.
    pub(crate) error: Option<String>,
    /// Seconds until there was a frame.
    pub(crate) loaded: Option<f64>,
    /// The frame before play begins.
    pub(crate) still: Option<u32>,
    /// Seconds since the first painted frame, and the frame, as play begins.
    pub(crate) begin: Vec<(f64, u32)>,
    /// What the player says before it plays, and at the end.
    pub(crate) duration: [Option<f64>; 2],
    /// Time in the frame less time in the audio, in seconds, less what the film itself has.
    pub(crate) offset: Option<f64>,
    pub(crate) seeks: Vec<Seek>,
    /// The player's clock when it said that the film has ended.
    pub(crate) ended: Option<f64>,
    pub(crate) last: Option<u32>,
    /// The frame that was on screen when it began to play to the end.
    pub(crate) before_last: Option<u32>,
    /// Where a `#t=` led.
    pub(crate) fragment: Option<Seek>,
    /// All frames in order, of a player that gives them out.
    pub(crate) frames: Vec<u32>,
    /// How often the player waited for data while it played.
    pub(crate) stalls: usize,
    /// For each source buffer its type, and from when to when it had media in the end.
    pub(crate) buffered: Vec<(String, Vec<(f64, f64)>)>,
    /// What was seen and heard while languages changed.
    pub(crate) switches: Vec<Switch>,
    /// What a library recovered from.
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Seek {
    pub(crate) to: f64,
    pub(crate) frame: Option<u32>,
    /// Whether it was played then, to hear it.
    pub(crate) is_listened_to: bool,
    pub(crate) offset: Option<f64>,
    pub(crate) error: Option<String>,
}

/// Something that is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// What of the clip it concerns.
    pub(crate) about: &'static str,
    pub(crate) text: String,
}

/// What a player does with the plain film: its own faults are not the clip's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Own {
    /// As [`Sight::offset`]: what it has there, and in films that have nothing unusual.
    offset: f64,
    usual: f64,
    /// The same at the start of the film. Where the first packet of audio lasts longer than what is
    /// in it (as libavformat writes fragments), audio and video are apart until it is over.
    at_start: Option<f64>,
    /// Whether its audio is heard there, and after seeks.
    is_heard: bool,
    is_heard_after_seeks: bool,
    /// Frames that it loses.
    missing: usize,
    /// Whether it does not play it at all.
    fails: bool,
}

impl Own {
    pub(crate) fn of(player: Player, plain: &Sight, wanted: &Wanted) -> Self {
        let offsets = plain.seeks.iter().map(|s| s.offset).chain([plain.offset]);
        Self {
            offset: median(offsets.flatten()).unwrap_or(player.usual_offset()),
            usual: player.usual_offset(),
            at_start: plain.offset,
            is_heard: plain.offset.is_some(),
            is_heard_after_seeks: plain.seeks.iter().any(|seek| seek.offset.is_some()),
            missing: plain.missing(wanted),
            fails: plain.error.is_some(),
        }
    }

    /// Whether a clip is in sync as far as the player can be.
    fn allows(&self, offset: f64) -> bool {
        [self.offset, self.usual].iter().any(|own| (offset - own).abs() <= APART)
    }

    /// The same of its beginning.
    fn allows_at_start(&self, wanted: &Wanted, offset: f64) -> bool {
        let same = self.at_start.filter(|_| wanted.start.abs() < 1e-6);
        self.allows(offset) || same.is_some_and(|own| (offset - own).abs() <= APART)
    }

    /// Whether the plain film has such a fault, too.
    pub(crate) fn has(&self, fault: &Fault) -> bool {
        self.fails && fault.about == "error"
    }
}

/// How far audio and video may be apart, beside what they are in the plain film.
const APART: f64 = 0.040;
/// How long a player that looks at no edit list may show what only serves decoding, beside frames
/// that are reordered.
const HIDDEN: f64 = 0.100;
/// How long the beginning is looked at, less what a frame needs to be seen.
const LOOKED_AT: f64 = 2.0;
/// How long it plays after a seek.
pub(crate) const PLAYED: f64 = 0.9;
/// How many frames are reordered at most.
const REORDERED: f64 = 4.0;
/// How early a player that looks at no edit list may be after a seek: of hidden frames the last is
/// a frame before the first that is shown, as GStreamer and WebKit need it.
const EARLY: f64 = 0.055;
/// How long a frame lasts at most here (in `vfr`), for one that is only just on screen.
const FRAME: f64 = 0.053;
/// Frames that VLC drops now and then while it records.
const DROPPED: i64 = 8;
/// Frames that GStreamer loses at the end: over HTTP, `qtdemux` ends all tracks as soon as the
/// decode time of a sample in any of them reaches the duration of the movie.
const CUT_OFF: i64 = 3;
/// Frames decoded after the end of the edit that players without edit lists show at last.
const LATE: i64 = 6;
/// How far a duration may be from the one asked for.
const LENGTH: f64 = 0.050;
/// How far what is drawn on a canvas may be from the frame that a player tells of: on a slow machine
/// it is the next one by then, and in Firefox one to three before.
const DRAWN: f64 = 0.040;
const DRAWN_BEFORE: f64 = 0.120;
/// The longest gap in what a player has between segments.
const GAP: f64 = 0.001;
/// How long a segment lasts at least, except the last.
const SEGMENT: f64 = 1.0;

impl Sight {
    /// What is wrong.
    pub(crate) fn faults(&self, player: Player, wanted: &Wanted, own: &Own) -> Vec<Fault> {
        if let Some(error) = &self.error {
            return vec![Fault { about: "error", text: error.clone() }];
        }
        let mut found = Faults(Vec::new());
        match player {
            Player::Chromium | Player::Firefox | Player::WebKit => {
                self.browser_faults(player, wanted, own, &mut found);
            }
            Player::GStreamer | Player::Ffmpeg => self.exact_faults(player, wanted, own, &mut found),
            Player::Mpv | Player::Vlc => self.unedited_faults(player, wanted, own, &mut found),
            Player::Unedited => self.length_fault(wanted, &mut found),
        }
        found.0
    }

    fn browser_faults(&self, player: Player, wanted: &Wanted, own: &Own, found: &mut Faults) {
        if let Some(first) = wanted.frames.first().filter(|first| first.time < LOOKED_AT) {
            if player != Player::Firefox && first.time < 0.02 && self.still != Some(first.number) {
                found.add("still", format!("still {} instead of {}", text(self.still), first.number));
            }
            let hidden = self.begin.iter().filter(|(_, number)| *number < first.number);
            let hidden_for = hidden.map(|(after, _)| *after).fold(0.0, f64::max);
            let shown = self.begin.iter().find(|(_, number)| *number >= first.number);
            // The very first may have been painted before anybody looked. Firefox decodes hundreds of
            // hidden frames while its clock runs: on a slow machine some of the first are over then.
            let early = if player == Player::Firefox { 10 } else { 5 };
            let soon = wanted.frames.iter().take(early).any(|f| shown.is_some_and(|(_, n)| f.number == *n));
            if !soon || hidden_for > if player == Player::Firefox { HIDDEN } else { 0.0 } {
                let began = text(self.begin.first().map(|(_, number)| *number));
                let right = shown.map_or("never".into(), |(after, n)| format!("{n} after {after:.2} s"));
                found.add("begin", format!("begins at {began}, {right}, instead of {}", first.number));
            }
        }
        // What comes to no end says no duration there.
        let at_end = self.ended.map(|_| ("duration at the end", self.duration[1]));
        for (what, said) in [("duration", self.duration[0])].into_iter().chain(at_end) {
            let longer = if player == Player::Firefox { EARLY + 0.02 } else { 0.0 };
            if !said.is_some_and(|said| (-LENGTH..LENGTH + longer).contains(&(said - wanted.duration))) {
                let said = said.map_or("none".into(), |said| format!("{said:.2}"));
                found.add(what, format!("{what} {said} instead of {:.2}", wanted.duration));
            }
        }
        if let Some(offset) = self.offset.filter(|o| !own.allows_at_start(wanted, *o)) {
            found.add(
                "A/V at the start",
                format!("A/V {} at the start, plain {}", millis(offset), millis(own.offset)),
            );
        } else if self.offset.is_none()
            && wanted.has_audio
            && wanted.offset.is_none_or(|offset| offset.abs() < LOOKED_AT)
            && wanted.frames.first().is_none_or(|f| f.time < LOOKED_AT)
        {
            found.add("A/V at the start", "no audio in the first seconds".into());
        }
        // Firefox looks at no edit list: it counts what is hidden, too.
        let early = if player == Player::Firefox { EARLY } else { 0.0 };
        for seek in &self.seeks {
            seek.faults("seek", early, wanted, own, found);
        }
        // One alone may be too short to tell.
        let mut sounding = self.seeks.iter().filter(|seek| seek.is_to_be_heard(wanted)).peekable();
        if own.is_heard_after_seeks && sounding.peek().is_some() && sounding.all(|seek| seek.offset.is_none())
        {
            found.add("A/V after a seek", "no audio after any seek".into());
        }
        if let Some(seek) = &self.fragment {
            seek.faults("#t=", early, wanted, own, found);
        }
        let before = if player == Player::Firefox { DRAWN_BEFORE } else { DRAWN };
        let faults = |switch: &Switch| {
            switch.faults(-before..=DRAWN, |offset| match switch.is_from_start {
                true => own.allows_at_start(wanted, offset),
                false => own.allows(offset),
            })
        };
        for (about, text) in self.switches.iter().flat_map(faults) {
            found.add(about, text);
        }
        let late = if player == Player::Firefox { LATE } else { 0 };
        if self.ended.is_none() {
            found.add("end", "does not end".into());
        } else {
            self.last_fault(wanted, 0..=late, found);
        }
        self.buffer_faults(found);
    }

    fn buffer_faults(&self, found: &mut Faults) {
        if self.stalls > 0 {
            found.add("stall", format!("waits for data {} times", self.stalls));
        }
        if let Some(hole) = self.warnings.iter().find(|said| said.contains("Hole")) {
            found.add("gap", format!("recovers from {hole}"));
        }
        for (of, ranges) in &self.buffered {
            for pair in ranges.windows(2) {
                let gap = pair[1].0 - pair[0].1;
                // What was not asked for yet is longer.
                if gap > GAP && gap < SEGMENT {
                    found.add("gap", format!("a gap of {gap:.4} s at {:.3} in {of}", pair[0].1));
                }
            }
        }
    }

    /// For players that show just what they are to show.
    fn exact_faults(&self, player: Player, wanted: &Wanted, own: &Own, found: &mut Faults) {
        let cut_off = if player == Player::GStreamer { CUT_OFF } else { 0 };
        self.frame_faults(wanted, cut_off, found);
        let more = self.frames.iter().filter(|n| !wanted.frames.iter().any(|f| f.number == **n)).count();
        if more > 0 {
            found.add("more", format!("{more} frames too many, from {}", text(self.frames.first().copied())));
        }
        self.tool_offset_fault(wanted, own, found);
        self.last_fault(wanted, -cut_off..=0, found);
    }

    /// For players that show what is hidden, too.
    fn unedited_faults(&self, player: Player, wanted: &Wanted, own: &Own, found: &mut Faults) {
        let dropped = if player == Player::Vlc { DROPPED } else { 0 };
        self.frame_faults(wanted, i64::try_from(own.missing).unwrap_or(0) + dropped, found);
        self.length_fault(wanted, found);
        self.tool_offset_fault(wanted, own, found);
        let early = if player == Player::Vlc { DROPPED } else { 0 };
        self.last_fault(wanted, -early..=LATE, found);
    }

    fn tool_offset_fault(&self, wanted: &Wanted, own: &Own, found: &mut Faults) {
        if let Some(offset) = self.offset.filter(|o| !own.allows(*o)) {
            found.add("A/V", format!("A/V {}, plain {}", millis(offset), millis(own.offset)));
        } else if self.offset.is_none() && own.is_heard && wanted.sounds_for(0.0, wanted.duration) > LOOKED_AT
        {
            found.add("A/V", "no audio".into());
        }
    }

    fn frame_faults(&self, wanted: &Wanted, lost: i64, found: &mut Faults) {
        let (all, missing) = (wanted.frames.len(), self.missing(wanted));
        if i64::try_from(missing).unwrap_or(i64::MAX) > lost {
            found.add("frames", format!("{} of {all} frames", all - missing));
        }
    }

    fn missing(&self, wanted: &Wanted) -> usize {
        wanted.frames.iter().filter(|f| !self.frames.contains(&f.number)).count()
    }

    fn length_fault(&self, wanted: &Wanted, found: &mut Faults) {
        let (Some(first), Some(last)) = (wanted.frames.first(), wanted.frames.last()) else { return };
        let Some(length) = self.duration[0] else { return };
        let frame = wanted.frames.windows(2).map(|w| w[1].time - w[0].time).fold(0.0, f64::max);
        let longer = length - frame - (last.time - first.time);
        if longer > HIDDEN + frame * REORDERED {
            found.add("length", format!("longer by {longer:.2} s"));
        }
    }

    /// `off` says how much earlier or later than the last frame the player may end.
    fn last_fault(&self, wanted: &Wanted, off: RangeInclusive<i64>, found: &mut Faults) {
        let last = wanted.frames.last().map(|f| f.number);
        let apart = self.last.zip(last).map(|(seen, last)| i64::from(seen) - i64::from(last));
        if last.is_none() || apart.is_some_and(|apart| off.contains(&apart)) {
            return;
        }
        // A frame may have been painted before it stood still.
        let stands = self.before_last.zip(self.last).is_some_and(|(at, last)| (at..=at + 1).contains(&last));
        let why = if stands { ", paints nothing to the end" } else { "" };
        found.add("last", format!("last {} instead of {}{why}", text(self.last), text(last)));
    }
}

impl Seek {
    /// Whether there is enough to hear behind it.
    fn is_to_be_heard(&self, wanted: &Wanted) -> bool {
        self.is_listened_to
            && self.error.is_none()
            && wanted.sounds_for(self.to, self.to + PLAYED) > PLAYED - 0.01
    }

    /// `early` says how far before the frame the player may be.
    fn faults(&self, about: &'static str, early: f64, wanted: &Wanted, own: &Own, found: &mut Faults) {
        let frame = wanted.at(self.to).map(|f| f.number);
        let near = wanted.frames.iter().filter(|f| f.time <= self.to);
        let before = near.filter(|f| f.time > self.to - early - FRAME).any(|f| Some(f.number) == self.frame);
        let right = self.frame == frame || (early > 0.0 && before);
        if let Some(error) = &self.error {
            found.add(about, format!("{about} {:.2}: {error}", self.to));
        } else if frame.is_some() && !right {
            found.add(
                about,
                format!("{about} {:.2}: {} instead of {}", self.to, text(self.frame), text(frame)),
            );
        }
        if let Some(offset) = self.offset.filter(|o| !own.allows(*o)) {
            let text =
                format!("A/V {} after {about} {:.2}, plain {}", millis(offset), self.to, millis(own.offset));
            found.add("A/V after a seek", text);
        }
    }
}

struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, about: &'static str, text: String) {
        self.0.push(Fault { about, text });
    }
}

pub(crate) fn text(number: Option<u32>) -> String {
    number.map_or_else(|| "nothing".into(), |number| number.to_string())
}

pub(crate) fn millis(offset: f64) -> String {
    format!("{:+.0} ms", offset * 1000.0)
}

#[cfg(test)]
mod tests;
