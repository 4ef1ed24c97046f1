//! What a publisher allows of movies: which part, how long clips are, and what a query may name.

use std::fmt::{self, Display, Formatter};

use super::{Mode, Scene, Time};

/// What the configuration allows of movies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restrictions {
    /// The part that may be seen; `None` for all.
    pub window: Option<Window>,
    /// The longest clip; `None` for any length.
    pub longest: Option<Time>,
    /// The shortest clip; `None` for any length.
    pub shortest: Option<Time>,
    /// What a query may not name.
    pub refused: Refused,
}

/// A part of a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Where it begins.
    pub start: Time,
    /// Where it ends; `None` for the end of the movie.
    pub end: Option<Time>,
}

/// What a query may not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused(u8);

/// The words for what can be refused.
const WORDS: [&str; 6] = ["times", "tracks", "exact", "keyframe", "flat", "fmp4"];

/// What a query asks for that the configuration does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Restriction {
    /// Some of the clip lies outside of the window.
    #[error("of this film only {0} may be seen")]
    Outside(Window),
    /// All of the clip lies behind the window.
    #[error("of this film only {0} may be seen")]
    Behind(Window),
    /// The clip is too long.
    #[error("a clip of this film has at most {} seconds", .0.in_seconds())]
    Long(Time),
    /// The clip is too short.
    #[error("a clip of this film has at least {} seconds", .0.in_seconds())]
    Short(Time),
    /// What may be seen of the clip has no key frame to begin with.
    #[error(
        "of this film only what comes after {} seconds may be seen, and no key frame is shown in this part of it",
        .0.in_seconds()
    )]
    NoKeyFrame(Time),
    /// The configuration refuses what the query names.
    #[error("{0} may not be asked for here")]
    Refused(&'static str),
    /// Parts of an FLV are counted in bytes.
    #[error("of this film only a part may be seen, and no part of an FLV is known by its time")]
    Flv,
    /// How long such a part lasts is not known.
    #[error("a clip of this film has at most {} seconds, and no part of an FLV is known by its time", .0.in_seconds())]
    LongFlv(Time),
}

impl Display for Window {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.end {
            Some(end) => write!(f, "{} to {} seconds", self.start.in_seconds(), end.in_seconds()),
            None => write!(f, "what comes after {} seconds", self.start.in_seconds()),
        }
    }
}

impl Window {
    /// Reads the value of a directive: `10-60`, `-60`, or `10-`, with times as a query has them.
    pub fn from_directive(value: &[u8]) -> Option<Self> {
        let (start, end) = std::str::from_utf8(value).ok()?.split_once('-')?;
        if start.is_empty() && end.is_empty() {
            return None;
        }
        let time = |text: &str| if text.is_empty() { Some(None) } else { Time::parse(text).map(Some) };
        let (start, end) = (time(start)?.unwrap_or_default(), time(end)?);
        end.is_none_or(|end| start < end).then_some(Self { start, end })
    }
}

impl Refused {
    /// Reads the words of a directive, in any case: one or more of the words for what can be refused,
    /// or `none` alone. No words at all mean none, too.
    pub fn from_directive<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let (mut refused, mut is_none, mut count) = (Self::default(), false, 0);
        for word in words {
            count += 1;
            match WORDS.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(word)) {
                Some(place) => refused.0 |= 1 << place,
                None if word.eq_ignore_ascii_case(b"none") => is_none = true,
                None => return None,
            }
        }
        (!is_none || count == 1).then_some(refused)
    }

    fn check(self, is_named: bool, word: &'static str) -> Result<(), Restriction> {
        let is_refused = WORDS.iter().position(|&known| known == word).is_some_and(|n| self.0 & 1 << n != 0);
        if is_named && is_refused { Err(Restriction::Refused(word)) } else { Ok(()) }
    }
}

/// What a query names.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Named {
    /// When the clip begins, if the query says so.
    pub(super) start: Option<Time>,
    /// When the clip ends, if the query says so.
    pub(super) end: Option<Time>,
    pub(super) mode: Option<Mode>,
    /// Whether it names tracks or a language.
    pub(super) tracks: bool,
    pub(super) flat: bool,
    /// Whether it names a format that is, or may be, fragmented.
    pub(super) fragmented: bool,
    /// Whether it is one of several scenes.
    pub(super) is_joined: bool,
}

/// Nanoseconds from one time to another.
fn length(start: Time, end: Time) -> u64 {
    end.nanos().saturating_sub(start.nanos())
}

impl Restrictions {
    /// Whether they restrict anything.
    pub fn are_any(&self) -> bool {
        *self != Self::default()
    }

    /// Whether some part of a movie is refused to those who ask for all of it.
    pub fn hide_parts(&self) -> bool {
        self.window.is_some() || self.longest.is_some()
    }

    /// The times of the clip, within the window: what a query does not name is the window's.
    pub(super) fn apply(&self, named: Named) -> Result<(Time, Option<Time>), Restriction> {
        self.check_words(named)?;
        let start = named.start.unwrap_or(self.window.map_or(Time::default(), |window| window.start));
        let end = named.end.or(self.window.and_then(|window| window.end));
        if let Some(window) = self.window {
            if window.end.is_some_and(|end| start >= end) {
                return Err(Restriction::Behind(window));
            }
            let ends_late = window.end.is_some_and(|last| end.is_none_or(|end| end > last));
            if start < window.start || ends_late || end.is_some_and(|end| end <= start) {
                return Err(Restriction::Outside(window));
            }
        }
        if !named.is_joined {
            self.check_shortest(start, named.end)?;
        }
        Ok((start, end))
    }

    /// Whether a clip is long enough, whose end is known if the query says it.
    pub(super) fn check_shortest(&self, start: Time, end: Option<Time>) -> Result<(), Restriction> {
        match (self.shortest, end) {
            (Some(shortest), Some(end)) if length(start, end) < shortest.nanos() => {
                Err(Restriction::Short(shortest))
            }
            _ => Ok(()),
        }
    }

    /// The scenes that follow the `first`, whose end is known if the query says it, within the window.
    pub(super) fn apply_to_scenes(
        &self,
        first: (Time, Option<Time>),
        more: Vec<Scene>,
    ) -> Result<Vec<Scene>, Restriction> {
        if more.is_empty() {
            return Ok(more);
        }
        let all = [first].into_iter().chain(more.iter().map(|scene| (scene.start, scene.end)));
        let lengths = all.map(|(start, end)| Some(length(start, end?)));
        // The length of a scene to the end of the movie is not known.
        let total = lengths.sum::<Option<u64>>();
        if let Some(shortest) = self.shortest.filter(|s| total.is_some_and(|total| total < s.nanos())) {
            return Err(Restriction::Short(shortest));
        }
        let within = more.into_iter().map(|Scene { start, end }| {
            let named = Named { start: Some(start), end, is_joined: true, ..Named::default() };
            self.apply(named).map(|(start, end)| Scene { start, end })
        });
        within.collect()
    }

    fn check_words(&self, named: Named) -> Result<(), Restriction> {
        let has_times = named.start.is_some() || named.end.is_some();
        self.refused.check(has_times, "times")?;
        self.refused.check(named.tracks, "tracks")?;
        self.refused.check(named.mode == Some(Mode::Exact), "exact")?;
        self.refused.check(named.mode == Some(Mode::Keyframe), "keyframe")?;
        self.refused.check(named.flat, "flat")?;
        self.refused.check(named.fragmented, "fmp4")
    }

    /// Whether an FLV may be sent, from a byte on or as a whole.
    pub(crate) fn check_flv(&self, has_start: bool) -> Result<(), Restriction> {
        if self.window.is_some() {
            return Err(Restriction::Flv);
        }
        if let Some(longest) = self.longest {
            return Err(Restriction::LongFlv(longest));
        }
        self.refused.check(has_start, "times")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Asked, RequestError, Settings};
    use crate::testing::{Film, TrackSpec, identity};
    use crate::{Answer, Seeker};

    fn time(seconds: u64) -> Time {
        Time::parse(&seconds.to_string()).unwrap()
    }

    fn window(text: &str) -> Option<Window> {
        Window::from_directive(text.as_bytes())
    }

    /// When the clip begins and ends, or why there is none.
    fn ask(restrictions: Restrictions, query: &str) -> Result<(Time, Option<Time>), RequestError> {
        let settings = Settings { restrictions, ..Settings::default() };
        let asked = Asked::parse(query.as_bytes(), &settings)?;
        asked.refused.map_or(Ok((asked.request.start, asked.request.end)), |refused| Err(refused.into()))
    }

    #[test]
    fn a_window_is_two_times() {
        let of = |start, end: Option<u64>| Some(Window { start: time(start), end: end.map(time) });
        assert_eq!(window("10-60"), of(10, Some(60)));
        assert_eq!(window("-1:30"), of(0, Some(90)));
        assert_eq!(window("10-"), of(10, None));
        for wrong in ["", "-", "60", "60-10", "10-10", "a-b", "1-2-3", "-5-10", "10 - 60"] {
            assert_eq!(window(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_not_named_is_the_windows() {
        let restrictions = Restrictions { window: window("10-60"), ..Restrictions::default() };
        let within = |start, end| Ok((time(start), Some(time(end))));
        for (query, expected) in [
            ("", within(10, 60)),
            ("start=20", within(20, 60)),
            ("end=20", within(10, 20)),
            ("start=10&end=60", within(10, 60)),
            ("vbegin=10&vend=30&start=5", within(15, 30)),
            ("t=20", within(20, 60)),
            // A number behind the window is no time of the film.
            ("t=1700000000", within(10, 60)),
            ("tracks=video", within(10, 60)),
        ] {
            assert_eq!(ask(restrictions, query), expected, "{query}");
        }
        for query in
            ["start=9", "end=61", "start=20&end=61", "start=60", "end=10", "t=5", "t=20,70", "start=0"]
        {
            let refused = ask(restrictions, query).unwrap_err();
            assert!(refused.to_string().ends_with("only 10 to 60 seconds may be seen"), "{query}: {refused}");
        }
        let open = Restrictions { window: window("10-"), ..Restrictions::default() };
        assert_eq!(ask(open, ""), Ok((time(10), None)));
        assert!(ask(open, "start=9.999").is_err());
    }

    #[test]
    fn a_clip_that_is_named_may_be_too_short() {
        let restrictions = Restrictions { shortest: Some(time(5)), ..Restrictions::default() };
        for query in ["start=1&end=6", "start=1", "end=5", "t=1,6", ""] {
            assert!(ask(restrictions, query).is_ok(), "{query}");
        }
        for query in ["start=1&end=5.9", "end=4", "t=1,2", "vbegin=1&vend=3"] {
            assert!(ask(restrictions, query).unwrap_err().to_string().contains("at least 5 sec"), "{query}");
        }
    }

    #[test]
    fn each_scene_is_within_the_window_and_all_are_as_long_as_a_clip() {
        let window = Restrictions { window: window("10-60"), ..Restrictions::default() };
        assert!(ask(window, "clip=10-20&clip=50-60&clip=10-20").is_ok());
        assert!(ask(window, "clip=50-&clip=20-").is_ok());
        for query in
            ["clip=10-20&clip=9-12", "clip=10-20&clip=55-61", "clip=-20&clip=30-40", "clip=10-20,60-"]
        {
            let refused = ask(window, query).unwrap_err();
            assert!(refused.to_string().ends_with("only 10 to 60 seconds may be seen"), "{query}: {refused}");
        }
        let shortest = Restrictions { shortest: Some(time(5)), ..Restrictions::default() };
        assert!(ask(shortest, "clip=1-2&clip=3-7").is_ok() && ask(shortest, "clip=1-2&clip=3-").is_ok());
        assert!(ask(shortest, "clip=1-2&clip=3-6.9").is_err() && ask(shortest, "clip=1-2").is_err());
        let refused = Refused::from_directive([&b"times"[..]]).unwrap();
        assert!(ask(Restrictions { refused, ..Restrictions::default() }, "clip=1-2&clip=3-9").is_err());
        let longest = Restrictions { longest: Some(time(5)), ..Restrictions::default() };
        assert!(answer(longest, "clip=1-3&clip=1-4").is_ok());
        assert_eq!(answer(longest, "clip=1-3&clip=1-4.1").unwrap_err(), 403);
        assert_eq!(answer(longest, "clip=1-3&clip=6-").unwrap_err(), 403);
        assert!(answer(longest, "clip=1-3&clip=7-").is_ok());
    }

    /// The status of a request for a movie of ten seconds with a key frame each second, and when the
    /// clip begins and ends.
    fn answer(restrictions: Restrictions, query: &str) -> Result<(String, String), u16> {
        let film = Film::of(vec![TrackSpec::video(100, 10)]).build();
        let settings = Settings { restrictions, ..Settings::default() };
        match Seeker::default().answer(&film, &identity(&film), query.as_bytes(), &settings) {
            Ok(Answer::Film(clip)) => {
                let line = clip.explanation().unwrap().to_string();
                let found = line.split("; ").find_map(|part| part.strip_prefix("found "));
                let (start, end) = found.and_then(|found| found.split_once(" to ")).unwrap_or(("whole", ""));
                Ok((start.to_owned(), end.to_owned()))
            }
            Ok(Answer::Plain(_)) => Err(0),
            Err(error) => Err(error.status()),
        }
    }

    #[test]
    fn one_scene_alone_is_no_shorter_than_a_clip() {
        let shortest = Restrictions { shortest: Some(time(3)), ..Restrictions::default() };
        for (query, wanted) in [
            ("clip=0-4,5-6&scene=1", Ok(("0".to_owned(), "4".to_owned()))),
            ("clip=0-4,5-6&scene=2", Err(403)),
            ("clip=5-6,0-&scene=1", Err(403)),
            ("clip=5-6&clip=0-3&scene=2&mode=keyframe", Ok(("0".to_owned(), "3".to_owned()))),
            ("clip=5-6&clip=0-3&scene=1&format=fmp4", Err(403)),
            ("clip=5-6&clip=0-3&scene=1&tracks=video", Err(403)),
            // Of what has no end, nobody said how long it is.
            ("clip=5-6,8-&scene=2", Ok(("8".to_owned(), "10".to_owned()))),
        ] {
            assert_eq!(answer(shortest, query), wanted, "{query}");
        }
        let within = Restrictions { window: window("2-9"), ..shortest };
        assert_eq!(answer(within, "clip=3-4,7-&scene=2"), Ok(("7".to_owned(), "9".to_owned())));
        assert_eq!(answer(within, "clip=3-4,7-9&scene=2"), Err(403));
    }

    #[test]
    fn a_clip_is_no_longer_than_allowed() {
        let longest = |seconds| Restrictions { longest: Some(time(seconds)), ..Restrictions::default() };
        for query in ["start=2&end=6", "start=6", "start=7&end=99", "t=2,6", "start=2&end=6&format=fmp4"] {
            assert!(answer(longest(4), query).is_ok(), "{query}");
        }
        for query in ["", "start=2&end=6.001", "start=5.5", "end=5", "mode=exact", "tracks=video", "x=y"] {
            assert_eq!(answer(longest(4), query), Err(403), "{query}");
        }
        assert_eq!(answer(longest(10), "").unwrap().0, "whole");
        assert_eq!(answer(longest(4), "start=11"), Err(416));
    }

    #[test]
    fn no_frame_before_the_window_is_shown() {
        let within = |text| Restrictions { window: window(text), ..Restrictions::default() };
        let found = |text, query| answer(within(text), query).map(|(start, end)| format!("{start}-{end}"));
        assert_eq!(found("2.5-6", "mode=keyframe").unwrap(), "3-6");
        assert_eq!(found("2.5-6", "start=2.7&mode=keyframe").unwrap(), "3-6");
        assert_eq!(found("2.5-6", "start=4.7&mode=keyframe").unwrap(), "4-6");
        assert_eq!(found("2.5-6", "").unwrap(), "2.5-6");
        // A window may begin as much late as players round.
        assert_eq!(found("3.000001-6", "mode=keyframe").unwrap(), "3-6");
        // No key frame is within it, or within the clip.
        assert_eq!(found("2.5-2.8", "mode=keyframe").unwrap_err(), 403);
        assert_eq!(found("2.5-6", "start=2.6&end=2.9&mode=keyframe").unwrap_err(), 403);
        assert_eq!(found("2.5-2.8", "").unwrap(), "2.5-2.8");
        assert_eq!(found("-6", "mode=keyframe").unwrap(), "0-6");
        assert_eq!(found("11-12", "").unwrap_err(), 416);
        assert_eq!(found("2.5-6", "start=2.4").unwrap_err(), 403);
    }

    #[test]
    fn what_cannot_be_cut_is_not_sent_whole() {
        let status = |file: &[u8], restrictions, query: &str| {
            let (file, settings) = (file.to_vec(), Settings { restrictions, ..Settings::default() });
            let answer = Seeker::default().answer(&file, &identity(&file), query.as_bytes(), &settings);
            answer.map_or_else(|error| error.status(), |_| 200)
        };
        let (text, flv) = (b"This is not a film. ".repeat(9), [b"FLV\x01".to_vec(), vec![0; 99]].concat());
        let hiding = [
            Restrictions { window: window("-6"), ..Restrictions::default() },
            Restrictions { longest: Some(time(6)), ..Restrictions::default() },
        ];
        for restrictions in hiding {
            assert_eq!(status(&text, restrictions, ""), 415);
            assert_eq!(status(&flv, restrictions, ""), 403);
            assert_eq!(status(&flv, restrictions, "start=20"), 403);
            let of_length =
                restrictions.check_flv(false).unwrap_err().to_string().contains("at most 6 seconds");
            assert_eq!(of_length, restrictions.longest.is_some());
        }
        let times = Restrictions {
            refused: Refused::from_directive([&b"times"[..]]).unwrap(),
            ..Restrictions::default()
        };
        assert_eq!((status(&flv, times, ""), status(&flv, times, "start=20")), (200, 403));
        assert_eq!(status(&text, times, ""), 200);
    }

    #[test]
    fn what_is_no_time_of_the_film_is_not_refused_as_one() {
        let refused = Refused::from_directive([&b"times"[..]]).unwrap();
        let restrictions = Restrictions { refused, ..Restrictions::default() };
        for (query, status) in [("t=5", 403), ("t=npt:5", 403), ("t=99,100", 403), ("start=99", 403)] {
            assert_eq!(answer(restrictions, query), Err(status), "{query}");
        }
        let whole = answer(restrictions, "");
        for query in ["t=10", "t=1700000000000", "t=x"] {
            assert_eq!(answer(restrictions, query), whole, "{query}");
        }
        let within = Restrictions { window: window("2-9"), ..restrictions };
        assert_eq!(answer(within, "t=1700000000000"), answer(within, ""));
        assert_eq!(answer(within, "t=5"), Err(403));
    }

    #[test]
    fn words_are_refused() {
        let refused = |words: &str| Refused::from_directive(words.split(' ').map(str::as_bytes));
        for (words, bad, good) in [
            ("times", "start=1", "mode=exact"),
            ("times", "t=1", "tracks=video"),
            ("Tracks", "lang=en", "start=1"),
            ("exact", "start=1&mode=exact", "start=1&mode=keyframe"),
            ("keyframe", "mode=keyframe", "start=1"),
            ("fmp4 exact", "format=auto", "format=flat"),
            ("flat", "format=flat", "format=fmp4"),
        ] {
            let restrictions = Restrictions { refused: refused(words).unwrap(), ..Restrictions::default() };
            assert!(
                ask(restrictions, bad).unwrap_err().to_string().contains("may not be asked for"),
                "{bad}"
            );
            assert!(ask(restrictions, good).is_ok() && ask(restrictions, "").is_ok(), "{good}");
        }
        assert_eq!(refused("none"), Some(Refused::default()));
        for wrong in ["start", "times,exact", "times none", "", "mode"] {
            assert_eq!(refused(wrong), None, "{wrong}");
        }
    }
}
