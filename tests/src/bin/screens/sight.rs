//! What a player was seen to do with a clip, and what is wrong with it.

use crate::wanted::Wanted;

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
    /// Seconds until there was a picture.
    pub(crate) loaded: Option<f64>,
    /// The picture before play begins.
    pub(crate) still: Option<u32>,
    /// Seconds since the first painted frame, and the frame, as play begins.
    pub(crate) begin: Vec<(f64, u32)>,
    /// What the player says before it plays, and at the end.
    pub(crate) duration: [Option<f64>; 2],
    /// Time in the picture less time in the sound, in seconds, less what the film itself has.
    pub(crate) offset: Option<f64>,
    pub(crate) seeks: Vec<Seek>,
    /// The player's clock when it said that the film has ended.
    pub(crate) ended: Option<f64>,
    pub(crate) last: Option<u32>,
    /// Where a `#t=` led.
    pub(crate) fragment: Option<Seek>,
    /// All frames in order, of a player that gives them out.
    pub(crate) frames: Vec<u32>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Seek {
    pub(crate) to: f64,
    pub(crate) frame: Option<u32>,
    pub(crate) offset: Option<f64>,
    pub(crate) error: Option<String>,
}

/// What a player does with the plain film: its own faults are not the clip's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Own {
    pub(crate) start: f64,
    pub(crate) seeks: f64,
}

impl Own {
    pub(crate) fn of(plain: &Sight) -> Self {
        let seeks = crate::sound::median(plain.seeks.iter().filter_map(|s| s.offset));
        let seeks = seeks.or(plain.offset).unwrap_or(0.0);
        Self { start: plain.offset.unwrap_or(seeks), seeks }
    }
}

/// How far sound and picture may be apart, beside what they are in the plain film.
const APART: f64 = 0.040;
/// How long Firefox may show what only serves decoding.
const HIDDEN: f64 = 0.100;

impl Sight {
    /// What is wrong, one line each.
    pub(crate) fn faults(&self, player: Player, wanted: &Wanted, own: &Own) -> Vec<String> {
        let mut faults: Vec<String> = self.error.iter().map(|e| format!("error: {e}")).collect();
        if self.error.is_some() {
            return faults;
        }
        match player {
            Player::Chromium | Player::Firefox | Player::WebKit => {
                self.browser_faults(player, wanted, own, &mut faults);
            }
            Player::Unedited => self.unedited_faults(wanted, &mut faults),
            _ => self.tool_faults(wanted, own, &mut faults),
        }
        faults
    }

    fn browser_faults(&self, player: Player, wanted: &Wanted, own: &Own, faults: &mut Vec<String>) {
        let first = wanted.frames.first();
        if let Some(first) = first {
            if player != Player::Firefox && first.time < 0.02 && self.still != Some(first.number) {
                faults.push(format!("still {} instead of {}", text(self.still), first.number));
            }
            let right = self.begin.iter().find(|(_, number)| *number >= first.number);
            match right {
                None => faults.push(format!("begins at {}, without {}", self.began(), first.number)),
                Some((after, _)) if *after > HIDDEN => {
                    faults.push(format!("begins at {}, right after {after:.2} s", self.began()));
                }
                Some(_) => {}
            }
            if player != Player::Firefox {
                let began = self.begin.first().map(|(_, number)| *number);
                // The first may have been painted before anybody looked.
                let soon: Vec<_> = wanted.frames.iter().take(4).map(|f| f.number).collect();
                if !began.is_some_and(|number| soon.contains(&number)) {
                    faults.push(format!("begins at {} instead of {}", self.began(), first.number));
                }
            }
        }
        for (what, said) in [("duration", self.duration[0]), ("duration at the end", self.duration[1])] {
            if !said.is_some_and(|said| (said - wanted.duration).abs() < 0.05) {
                let said = said.map_or("none".into(), |said| format!("{said:.3}"));
                faults.push(format!("{what} {said} instead of {:.3}", wanted.duration));
            }
        }
        if let Some(offset) = self.offset.filter(|o| (o - own.start).abs() > APART) {
            faults.push(format!("A/V {} at the start, plain {}", millis(offset), millis(own.start)));
        } else if self.offset.is_none() && wanted.sound {
            faults.push("no A/V at the start".into());
        }
        for seek in self.seeks.iter().chain(&self.fragment) {
            seek.faults(wanted, own, faults);
        }
        if self.ended.is_none() {
            faults.push("does not end".into());
        }
        self.last_fault(wanted, faults);
    }

    fn tool_faults(&self, wanted: &Wanted, own: &Own, faults: &mut Vec<String>) {
        let all: Vec<_> = wanted.frames.iter().map(|f| f.number).collect();
        let missing = all.iter().filter(|n| !self.frames.contains(n)).count();
        let more = self.frames.iter().filter(|n| !all.contains(n)).count();
        if missing > 0 {
            faults.push(format!("{} of {} frames", all.len() - missing, all.len()));
        }
        if more > 0 {
            faults.push(format!("{more} frames too many, from {}", text(self.frames.first().copied())));
        }
        if let Some(offset) = self.offset.filter(|o| (o - own.start).abs() > APART) {
            faults.push(format!("A/V {}, plain {}", millis(offset), millis(own.start)));
        }
        self.last_fault(wanted, faults);
    }

    fn unedited_faults(&self, wanted: &Wanted, faults: &mut Vec<String>) {
        let longer = self.duration[0].unwrap_or(f64::INFINITY) - wanted.duration;
        let depth = wanted.frames.windows(2).map(|w| w[1].time - w[0].time).fold(0.0, f64::max) * 4.0;
        if longer > 0.1 + depth {
            faults.push(format!("longer by {longer:.2} s without the edit list"));
        }
    }

    fn last_fault(&self, wanted: &Wanted, faults: &mut Vec<String>) {
        let last = wanted.frames.last().map(|f| f.number);
        if last.is_some() && self.last != last {
            faults.push(format!("last {} instead of {}", text(self.last), text(last)));
        }
    }

    /// The first frames that were painted.
    pub(crate) fn began(&self) -> String {
        text(self.begin.first().map(|(_, number)| *number))
    }
}

impl Seek {
    fn faults(&self, wanted: &Wanted, own: &Own, faults: &mut Vec<String>) {
        let frame = wanted.at(self.to).map(|f| f.number);
        if let Some(error) = &self.error {
            faults.push(format!("at {:.2}: {error}", self.to));
        } else if frame.is_some() && self.frame != frame {
            faults.push(format!("at {:.2} {} instead of {}", self.to, text(self.frame), text(frame)));
        }
        if let Some(offset) = self.offset.filter(|o| (o - own.seeks).abs() > APART) {
            faults.push(format!("A/V {} at {:.2}, plain {}", millis(offset), self.to, millis(own.seeks)));
        }
    }
}

pub(crate) fn text(number: Option<u32>) -> String {
    number.map_or_else(|| "nothing".into(), |number| number.to_string())
}

pub(crate) fn millis(offset: f64) -> String {
    format!("{:+.0} ms", offset * 1000.0)
}
