//! Sound and text that change their language while a film plays.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use serde_json::Value;

use crate::browsers::{Painted, frames, recorded};
use crate::sight::millis;
use crate::wanted::Wanted;
use test_sound::{median, nearest};

/// How long a step plays, and after how long it changes a language.
pub(crate) const SECONDS: f64 = 4.4;
pub(crate) const AFTER: f64 = 1.2;
/// How long before its end a step has to be at the new language.
pub(crate) const SETTLED: f64 = 1.6;
/// How far a cue may be from where the film has it.
const EXACT: f64 = 0.002;
/// How far the time that is written in a frame may be from when it is shown: half of what it lasts.
const EXACT_FRAME: f64 = 0.020;
/// A cue is shown by a clock of its own: how late it may come, and go.
const LATE: f64 = 0.4;
/// Which time of the film a track is heard at tells the track: others are seconds away.
const NEAR: f64 = 0.5;

/// What a player is asked for amid a film.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Where it begins, as a part of the whole.
    pub(crate) place: f64,
    /// `audio` or `text`, and a language; none is no text.
    pub(crate) change: Option<(&'static str, Option<&'static str>)>,
    /// The track that is heard before and after.
    before: u32,
    after: u32,
    /// What cues say after.
    text: Text,
}

/// What cues say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    /// Whether text is shown is the library's choice; of the film's first track, then.
    Unasked,
    /// There are none.
    Off,
    /// A word, and their number.
    Says(&'static str),
}

impl Text {
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Unasked => Some("line"),
            Self::Off => None,
            Self::Says(word) => Some(word),
        }
    }
}

const fn step(
    name: &'static str,
    place: f64,
    change: (&'static str, Option<&'static str>),
    tracks: (u32, u32),
    text: Text,
) -> Step {
    Step { name, place, change: Some(change), before: tracks.0, after: tracks.1, text }
}

/// Two tracks of sound, and two of text.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "as it begins", place: 0.02, change: None, before: 0, after: 0, text: Text::Unasked },
    step("sound to German", 0.31, ("audio", Some("de")), (0, 1), Text::Unasked),
    step("sound to English", 0.57, ("audio", Some("en")), (1, 0), Text::Unasked),
    step("text to English", 0.12, ("text", Some("en")), (0, 0), Text::Says("line")),
    step("text to German", 0.7, ("text", Some("de")), (0, 0), Text::Says("Zeile")),
    step("sound to German under text", 0.43, ("audio", Some("de")), (0, 1), Text::Says("Zeile")),
    step("text off", 0.22, ("text", None), (1, 1), Text::Off),
];

/// What was seen and heard of a step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switch {
    pub(crate) name: &'static str,
    /// Whether it has played on from the film's start, without a seek.
    pub(crate) is_from_start: bool,
    /// What is wrong about tracks and cues.
    pub(crate) wrong: Vec<String>,
    /// As `Sight::offset`, after the change.
    pub(crate) offset: Option<f64>,
    /// How long after the change the new track is heard first, or the new picture is seen.
    pub(crate) took: Option<f64>,
    /// [`extent`]; only asked of changes of the picture.
    pub(crate) ahead: Option<(f64, f64)>,
    /// What cues said after the change.
    pub(crate) said: Vec<String>,
}

impl Switch {
    /// A step that ends with an error.
    pub(crate) fn broken(name: &'static str, error: String) -> Self {
        Self { name, wrong: vec![error], ..Self::default() }
    }

    /// What is wrong, with what it concerns. `allows` knows how far sound and picture may be apart, and
    /// `drawn` how far a canvas may be ahead of the player.
    pub(crate) fn faults(
        &self,
        drawn: RangeInclusive<f64>,
        allows: impl Fn(f64) -> bool,
    ) -> Vec<(&'static str, String)> {
        let wrong = self.wrong.iter().map(|text| ("switch", format!("{}: {text}", self.name)));
        let apart = self.offset.filter(|offset| !allows(*offset));
        let apart = apart.map(|by| ("A/V after a switch", format!("{}: A/V {}", self.name, millis(by))));
        let is_elsewhere = |(least, most): &(f64, f64)| {
            *least < drawn.start() - EXACT_FRAME || *most > drawn.end() + EXACT_FRAME
        };
        let elsewhere = self.ahead.filter(is_elsewhere).map(|(least, most)| {
            let text = format!("{}: frames {} to {} ahead", self.name, millis(least), millis(most));
            ("switch", text)
        });
        wrong.chain(apart).chain(elsewhere).collect()
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset.map_or("–".into(), millis);
        write!(to, "{}: A/V {offset}", self.name)?;
        if let Some(took) = self.took {
            write!(to, ", is there after {took:.2} s")?;
        }
        if let Some((least, most)) = self.ahead {
            write!(to, ", frames {} to {} ahead", millis(least), millis(most))?;
        }
        write!(to, ", shows {:?}", self.said)
    }
}

/// How far the times that are written in frames are ahead of when the player shows them, beside what
/// the film has of that: least and most.
pub(crate) fn extent(frames: &[Painted], wanted: &Wanted) -> Option<(f64, f64)> {
    let film = wanted.frames.first().map_or(0.0, |first| first.filmed - first.time);
    let ahead = frames.iter().map(|frame| f64::from(frame.stamp.millis) / 1000.0 - frame.media - film);
    ahead.fold(None, |all, by| {
        let (least, most) = all.unwrap_or((by, by));
        Some((by.min(least), by.max(most)))
    })
}

/// When a track was heard, and how far the picture was ahead of it then.
pub(crate) fn heard(played: &Value, wanted: &Wanted, track: u32) -> Option<Vec<(f64, f64)>> {
    let film = wanted.offset?;
    let seen: Vec<_> =
        frames(played).into_iter().map(|(at, stamp)| (at, f64::from(stamp.millis) / 1000.0)).collect();
    let times = recorded(&played["audio"])?.times(track, |clock| nearest(&seen, clock).unwrap_or(0.0) - film);
    let apart = |(clock, time): (f64, f64)| Some((clock, nearest(&seen, clock)? - time - film));
    Some(times.into_iter().filter_map(apart).filter(|(_, by)| by.abs() < NEAR).collect())
}

/// From when a step is changed until it has to be at the new language, by the page's clock.
pub(crate) fn changing(played: &Value) -> Option<Range<f64>> {
    let changed = played["changed"].as_f64()?;
    Some(changed..changed + SECONDS - AFTER - SETTLED)
}

/// What is seen and heard of a step.
pub(crate) fn judge(step: &Step, played: &Value, wanted: &Wanted) -> Switch {
    let mut found = Switch { name: step.name, ..Switch::default() };
    let clock = played["clock"].as_array().map_or(&[][..], Vec::as_slice);
    let time = |pair: Option<&Value>| pair.and_then(|pair| pair[0].as_f64()).unwrap_or(0.0);
    let changed = played["changed"].as_f64().unwrap_or(time(clock.first()));
    let settled = time(clock.last()) - SETTLED;
    if step.change.is_some() && played["changed"].is_null() {
        found.wrong.push("does not play long enough to change".into());
    }
    judge_sound(step, played, wanted, (changed, settled), &mut found);
    judge_text(step, played, wanted, settled, &mut found);
    found
}

fn judge_sound(
    step: &Step,
    played: &Value,
    wanted: &Wanted,
    (changed, settled): (f64, f64),
    found: &mut Switch,
) {
    let tracks = [0, 1].map(|track| heard(played, wanted, track).unwrap_or_default());
    for (number, track) in (0u32..).zip(&tracks) {
        let early = track.iter().any(|(at, _)| *at < changed - NEAR);
        let late = track.iter().any(|(at, _)| *at > settled);
        if early && number != step.before {
            found.wrong.push(format!("track {number} is heard before"));
        }
        if late && number != step.after {
            found.wrong.push(format!("track {number} is heard at the end"));
        }
        if !late && number == step.after {
            found.wrong.push(format!("track {number} is not heard at the end"));
        }
        if number == step.after {
            found.offset = median(track.iter().filter(|(at, _)| *at > settled).map(|(_, by)| *by));
            if step.before != step.after {
                found.took = track.first().map(|(at, _)| at - changed);
            }
        }
    }
}

/// Each cue that is shown is the film's, at its time; and the film's are shown.
fn judge_text(step: &Step, played: &Value, wanted: &Wanted, settled: f64, found: &mut Switch) {
    let ticks = played["texts"].as_array().into_iter().flatten();
    for tick in ticks.filter(|tick| tick[0].as_f64().is_some_and(|at| at > settled)) {
        let Some(at) = tick[1].as_f64() else { continue };
        let shown: Vec<_> = tick[2].as_array().into_iter().flatten().filter_map(cue).collect();
        for (text, from, to) in &shown {
            let is_new = !found.said.contains(text);
            let right = step.text.word().is_some_and(|word| is_of_film(word, text, *from, *to, wanted.start));
            if is_new {
                found.said.push(text.clone());
            }
            if is_new && !right {
                found.wrong.push(format!("shows {text:?} from {from:.3} to {to:.3}"));
            } else if is_new && !(*from - LATE..*to + LATE).contains(&at) {
                found.wrong.push(format!("shows {text:?} at {at:.3}"));
            }
        }
        let Text::Says(word) = step.text else { continue };
        let missing = expected(word, at + wanted.start).filter(|_| shown.is_empty());
        if let Some(text) = missing {
            let text = format!("shows nothing for {text:?}");
            if !found.wrong.contains(&text) {
                found.wrong.push(text);
            }
        }
    }
}

fn cue(cue: &Value) -> Option<(String, f64, f64)> {
    Some((cue[0].as_str()?.to_owned(), cue[1].as_f64()?, cue[2].as_f64()?))
}

/// The cue that is surely on screen at a time of the film: there is one for each two seconds.
fn expected(word: &str, at: f64) -> Option<String> {
    let number = (at / 2.0).floor();
    let into = at - number * 2.0;
    (0.3 + LATE..1.9).contains(&into).then(|| format!("{word} {number}"))
}

/// Whether a cue says what the film does, when the film does. `start` is when the clip begins.
fn is_of_film(word: &str, text: &str, from: f64, to: f64, start: f64) -> bool {
    let number = text.strip_prefix(word).and_then(|rest| rest.trim().parse::<u32>().ok());
    number.is_some_and(|number| {
        let begins = f64::from(number) * 2.0 + 0.3;
        let is = |time: f64, wanted: f64| (time - (wanted - start).max(0.0)).abs() < EXACT;
        is(from, begins) && is(to, begins + 1.6)
    })
}
