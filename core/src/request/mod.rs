//! The query string of a request: which part of the movie is asked for.

mod canonical;
mod delivery;
mod options;
mod parameters;
mod query;
mod restrictions;
mod scenes;
mod settings;
mod signed_link;
mod time;
mod tracks;

pub use delivery::{Canonical, Form, Format, Packaging, SegmentDuration};
pub use options::{
    DEFAULT_EXTENSIONS, Mode, has_default_extension, has_extension, is_extension, parse_seconds, parse_size,
};
pub use parameters::{LONGEST_NAME, Name, Parameter, Parameters, ParametersError};
pub use query::{has_foreign, is_same_query};
pub use restrictions::{Refused, Restriction, Restrictions, Window};
pub use scenes::Scene;
pub use settings::Settings;
pub use signed_link::{Keys, KeysError, LinkError, SignError};
pub use time::Time;
pub use tracks::{TrackKind, TrackSelector};

use crate::limits;

use query::Values;
use restrictions::Named;
use scenes::are_meant;
use time::digits;

/// The part of a movie that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClipRequest {
    /// Where the clip begins.
    pub start: Time,
    /// Where it ends; `None` for the end of the movie.
    pub end: Option<Time>,
    /// The scenes that follow the one from `start` to `end`, in the order in which they are
    /// presented.
    pub more: Vec<Scene>,
    /// How it begins, and each of its scenes.
    pub mode: Mode,
    /// Which tracks; empty for all.
    pub tracks: Vec<TrackSelector>,
    /// The language of sound and text, as a BCP 47 tag.
    pub lang: Option<String>,
    /// Whether the query names any part or tracks at all.
    pub is_cut: bool,
    /// How the answer is laid out.
    pub format: Format,
    /// What of the movie may be seen. The longest clip is known only where the end of the movie is.
    pub allowed: Allowed,
    /// Whether all of a movie is laid out, too, where the file itself would do.
    pub lays_out_whole: bool,
}

/// What of the movie may be seen, beyond the times of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Allowed {
    /// No frame before this is shown.
    pub from: Time,
    /// The longest clip; `None` for any length.
    pub longest: Option<Time>,
}

/// What a query asks for.
///
/// | parameter | value |
/// |---|---|
/// | `start`, `end` | times, relative to `vbegin` |
/// | `vbegin`, `vend` | times: the range of the film that `start` and `end` count in |
/// | `t` | `a,b` or `,b` as in W3C media fragments, with or without `npt:`; or a time in the movie |
/// | `clip` | `10-20`, `10-` or `-20`: a scene; several are joined in their order |
/// | `scene` | the number of a scene: of the scenes that are named only this one; those that go on are one |
/// | `mode` | `keyframe` or `exact` |
/// | `tracks` | `v1-a2`, `audio`, `video`, `text`, or track numbers: only these |
/// | `lang` | a BCP 47 tag: of audio and text only this language, where the movie has it |
/// | `format` | `flat`, `fmp4` or `auto`: how the answer is laid out |
/// | `poster` | a time: a picture of the movie instead of a part of it |
///
/// A link may carry parameters of the same names that mean something to somebody else. So a value
/// of `t`, `clip`, `mode`, `tracks` or `lang` that is not of this form is ignored, unless one of the
/// other four or a scene shows that a clip is wanted. An empty value is no value, and of a repeated parameter the
/// last value counts, but each value of `clip` is a scene. A `format` that is not of this form is always ignored: the clip is the one that
/// was meant. So is a `poster` that is no time. `t` and `start` are one parameter in this respect, as are `t` and `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The clip.
    pub request: ClipRequest,
    /// What is asked for instead, or what is wrong, where the start lies past the end of the movie.
    /// A number in `t` may be a time, but also a version or a date; only the movie tells.
    pub otherwise: Option<Result<ClipRequest, RequestError>>,
    /// Why the clip is refused, unless its start lies past the end of the movie.
    pub refused: Option<Restriction>,
    /// Whether a picture is asked for: the first one of this clip.
    pub is_poster: bool,
    /// Whether the query is signed: another one would have another signature.
    pub is_signed: bool,
    /// Why the clip is refused, where it is one scene of several that is shorter than a clip may be.
    /// What a manifest of all of them links to is of such a scene, too.
    pub short_scene: Option<Restriction>,
}

/// Why a query cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A value is not of the form its parameter takes.
    #[error("{parameter}={value}: {expected}")]
    Value {
        /// The name of the parameter.
        parameter: Name,
        /// Its value, made printable.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The clip has no length.
    #[error("the clip ends ({end}) at or before its start ({start})")]
    Backwards {
        /// The parameter that says where the clip begins.
        start: Name,
        /// The parameter that says where it ends.
        end: Name,
    },
    /// Scenes stand beside another time.
    #[error("{clip} names scenes, and {other} a time; only one of them can say what the clip is")]
    Scenes {
        /// The parameter of the scenes.
        clip: Name,
        /// The other parameter.
        other: Name,
    },
    /// There are more scenes than a clip may have.
    #[error("{clip} names more than {most} scenes")]
    TooManyScenes {
        /// The parameter of the scenes.
        clip: Name,
        /// How many there may be.
        most: usize,
    },
    /// All links of a playlist or manifest carry the query on.
    #[error("the query is too long for a playlist: it would be in {links} links, with {bytes} bytes each")]
    LongQuery {
        /// Its length, as links have it.
        bytes: usize,
        /// The links of a track.
        links: usize,
    },
    /// The scenes hold more edits than a track may have.
    #[error("the scenes hold more than {most} edits of one track")]
    TooManyEdits {
        /// How many there may be.
        most: usize,
    },
    /// `tracks` names none that the movie has.
    #[error("the film has none of the tracks that are asked for")]
    NoSuchTrack,
    /// `start` lies at or past `vend`.
    #[error("{start} is at or past the end of what {vbegin} and {vend} name")]
    PastEnd {
        /// The parameter that says where the clip begins.
        start: Name,
        /// The parameter that says where its range begins.
        vbegin: Name,
        /// The parameter that says where its range ends.
        vend: Name,
    },
    /// The configuration does not allow it.
    #[error(transparent)]
    Restricted(#[from] Restriction),
}

const SCENE: &str = "not a scene; 10-20, 10- or -20 in seconds or h:mm:ss are";
const SECONDS: &str = "not a time; seconds (61.5) or h:mm:ss (0:01:01.5) are";

impl Asked {
    /// Reads a query string (without its `?`, percent-encoded as it came).
    ///
    /// # Errors
    /// When a value cannot be read, or the clip would have no length.
    pub fn parse(query: &[u8], settings: &Settings) -> Result<Self, RequestError> {
        let query = Query { values: Values::read(query, &settings.parameters, settings.is_strict), settings };
        let is_signed = query.values.get(Parameter::Sig).is_some();
        if let Some(request) = query.poster()? {
            let (otherwise, refused, short_scene) = (None, None, None);
            return Ok(Self { request, otherwise, refused, is_poster: true, is_signed, short_scene });
        }
        let times = [Parameter::Start, Parameter::End, Parameter::Vbegin, Parameter::Vend];
        let wants_clip = settings.is_strict
            || times.iter().any(|&p| query.values.get(p).is_some())
            || query.values.clips().iter().any(|value| are_meant(value));
        let t = query.read(Parameter::T, wants_clip, FRAGMENT, Fragment::parse)?;
        let request = query.request(t, wants_clip);
        let otherwise = match t {
            Some(Fragment::Time(_)) if query.t_is_last(Parameter::Start) => Some(if wants_clip {
                let value = query.values.get(Parameter::T).unwrap_or_default();
                Err(bad(query.name(Parameter::T), value, "not a time before the end of the film"))
            } else {
                query.request(None, wants_clip)
            }),
            _ => None,
        };
        let (request, otherwise, refused) = match (request, otherwise) {
            // What lies behind the window is for visitors behind the end of the movie.
            (Err(RequestError::Restricted(Restriction::Behind(_))), Some(Ok(request))) => {
                (request, None, None)
            }
            // Whether it names a time, only the movie tells.
            (Err(RequestError::Restricted(refused @ Restriction::Refused(_))), Some(Ok(otherwise))) => {
                let restrictions = Restrictions { refused: Refused::default(), ..settings.restrictions };
                let settings = Settings { restrictions, ..*settings };
                let request = Query { settings: &settings, ..query.clone() }.request(t, wants_clip);
                match request {
                    Err(RequestError::Restricted(Restriction::Behind(_))) => (otherwise, None, None),
                    request => (request?, Some(Ok(otherwise)), Some(refused)),
                }
            }
            (request, otherwise) => (request?, otherwise, None),
        };
        let (request, short_scene) = query.scene_of(request)?;
        Ok(Self { request, otherwise, refused, is_poster: false, is_signed, short_scene })
    }

    /// Whether a query asks for something else than the file of any movie. One that cannot be read
    /// does.
    pub fn wants_clip(query: &[u8], settings: &Settings) -> bool {
        !Self::parse(query, settings).is_ok_and(|asked| asked.request.is_plain())
    }
}

/// A query while it is read.
#[derive(Clone)]
struct Query<'q> {
    values: Values<'q>,
    settings: &'q Settings,
}

impl Query<'_> {
    fn request(&self, t: Option<Fragment>, wants_clip: bool) -> Result<ClipRequest, RequestError> {
        use Parameter::{End, Lang, Mode, Start, Tracks, Vbegin, Vend};
        let time = |p| self.read(p, true, SECONDS, Time::parse);
        let (mut start, mut end, vbegin, vend) = (time(Start)?, time(End)?, time(Vbegin)?, time(Vend)?);
        if let Some(from) = t.and_then(Fragment::start).filter(|_| self.t_is_last(Start)) {
            start = Some(from);
        }
        if let Some(to) = t.and_then(Fragment::end).filter(|_| self.t_is_last(End)) {
            end = Some(to);
        }
        let mut scenes = self.scenes(wants_clip)?.into_iter();
        if let Some(first) = scenes.next() {
            let others = [Start, End, Vbegin, Vend, Parameter::T];
            if let Some(&other) = others.iter().find(|&&other| self.values.get(other).is_some()) {
                let [clip, other] = [Parameter::Clip, other].map(|p| self.name(p));
                return Err(RequestError::Scenes { clip, other });
            }
            (start, end) = (Some(first.start), first.end);
        }
        let more: Vec<_> = scenes.collect();
        let mode = self.read(Mode, wants_clip, "keyframe or exact is allowed", |v| v.parse().ok())?;
        let tracks = self.read(Tracks, wants_clip, TRACKS, TrackSelector::parse_list)?;
        let lang = self.read(Lang, wants_clip, "not a language tag; en or pt-BR are", language_tag)?;

        let is_open_seek = start.or(vbegin).is_some() && end.or(vend).is_none() && more.is_empty();
        let format = self.format(is_open_seek)?;
        let has_time = start.or(end).or(vbegin).or(vend).is_some();
        let is_cut = has_time || tracks.is_some() || lang.is_some();
        let backwards =
            |start, end| Err(RequestError::Backwards { start: self.name(start), end: self.name(end) });
        if vend.is_some_and(|vend| vend <= vbegin.unwrap_or_default()) {
            return backwards(Vbegin, Vend);
        }
        if end.is_some_and(|end| end <= start.unwrap_or_default()) {
            return backwards(Start, End);
        }
        let (base, named_start) = (vbegin.unwrap_or_default(), start);
        let start = base.plus(start.unwrap_or_default());
        let end = [end.map(|end| base.plus(end)), vend].into_iter().flatten().min();
        // All times are the same beyond the longest time there is.
        if end.is_some_and(|end| start >= end) {
            let [start, vbegin, vend] = [Start, Vbegin, Vend].map(|p| self.name(p));
            return Err(RequestError::PastEnd { start, vbegin, vend });
        }
        let restrictions = &self.settings.restrictions;
        let has_start = named_start.or(vbegin).is_some();
        let start_named = has_start.then_some(start);
        let is_joined = !more.is_empty();
        let named = Named { start: start_named, end, mode, is_joined, ..self.named(&tracks, &lang)? };
        let (start, end) = restrictions.apply(named)?;
        let more = restrictions.apply_to_scenes((start, named.end), more)?;
        let from = restrictions.window.map_or(Time::default(), |window| window.start);
        let allowed = Allowed { from, longest: restrictions.longest };
        let (mode, tracks) = (mode.unwrap_or(self.settings.mode), tracks.unwrap_or_default());
        let is_cut = is_cut || restrictions.window.is_some();
        let lays_out_whole = self.settings.lays_out_whole;
        Ok(ClipRequest { start, end, more, mode, tracks, lang, is_cut, format, allowed, lays_out_whole })
    }

    /// The scenes that are named. Where one goes on at the time at which the one before ends, they are
    /// one: what the film shows at that time may have begun before it, and would come twice. Values
    /// that do not name any are an error where they `must` be ours, and none elsewhere.
    fn scenes(&self, must: bool) -> Result<Vec<Scene>, RequestError> {
        let mut found: Vec<Scene> = Vec::new();
        let values = self.values.clips().iter().filter(|_| must);
        for value in values.flat_map(|value| scenes::scenes(value)) {
            let clip = self.name(Parameter::Clip);
            let scene = std::str::from_utf8(value).ok().and_then(Scene::parse);
            let scene = scene.ok_or_else(|| bad(clip, value, SCENE))?;
            if scene.is_backwards() {
                return Err(bad(clip, value, "the scene ends at or before its start"));
            }
            if let Some(last) = found.last_mut().filter(|last| last.end == Some(scene.start)) {
                last.end = scene.end;
                continue;
            }
            if found.len() == limits::SCENES {
                return Err(RequestError::TooManyScenes { clip, most: limits::SCENES });
            }
            found.push(scene);
        }
        Ok(found)
    }

    /// The scene of a request that the query asks for, with why it is no clip by itself, or all of the
    /// request.
    fn scene_of(&self, request: ClipRequest) -> Result<(ClipRequest, Option<Restriction>), RequestError> {
        let Some(value) = self.values.get(Parameter::Scene).filter(|_| !request.more.is_empty()) else {
            return Ok((request, None));
        };
        let number = std::str::from_utf8(value).ok().and_then(digits).and_then(|n| usize::try_from(n).ok());
        let expected = "not the number of one of the scenes";
        let scene = number.and_then(|number| request.scene(number));
        let scene = scene.ok_or_else(|| bad(self.name(Parameter::Scene), value, expected))?;
        // The end of the window is not one that was named.
        let named = self.scenes(true)?.into_iter().nth(number.unwrap_or_default().saturating_sub(1));
        let end = named.and_then(|named| named.end);
        let short = self.settings.restrictions.check_shortest(scene.start, end).err();
        Ok((scene, short))
    }

    /// The clip of pictures alone that begins with the key frame of a poster, if one is asked for.
    fn poster(&self) -> Result<Option<ClipRequest>, RequestError> {
        let at = self.read(Parameter::Poster, self.settings.is_strict, SECONDS, Time::parse)?;
        let Some(at) = at else { return Ok(None) };
        let tracks = self.read(Parameter::Tracks, true, TRACKS, TrackSelector::parse_list)?;
        let restrictions = &self.settings.restrictions;
        let named = Named { start: Some(at), tracks: tracks.is_some(), ..Named::default() };
        let (start, end) = restrictions.apply(named)?;
        let from = restrictions.window.map_or(Time::default(), |window| window.start);
        Ok(Some(ClipRequest {
            start,
            end,
            more: Vec::new(),
            mode: Mode::Keyframe,
            tracks: tracks.unwrap_or_else(|| POSTER_TRACKS.to_vec()),
            lang: None,
            is_cut: true,
            format: Format::Flat,
            allowed: Allowed { from, longest: restrictions.longest },
            lays_out_whole: false,
        }))
    }

    /// The format that the query names. The configuration's is for seeks without an end, which are
    /// those of players.
    fn format(&self, is_open_seek: bool) -> Result<Format, RequestError> {
        Ok(self.named_format()?.unwrap_or(if is_open_seek { self.settings.format } else { Format::Flat }))
    }

    fn named_format(&self) -> Result<Option<Format>, RequestError> {
        let (must, expected) = (self.settings.is_strict, "flat, fmp4 or auto is allowed");
        self.read(Parameter::Format, must, expected, |v| v.parse().ok())
    }

    /// What the query names besides times and a mode.
    fn named(
        &self,
        tracks: &Option<Vec<TrackSelector>>,
        lang: &Option<String>,
    ) -> Result<Named, RequestError> {
        let format = self.named_format()?;
        Ok(Named {
            tracks: tracks.is_some() || lang.is_some(),
            flat: format == Some(Format::Flat),
            fragmented: format.is_some_and(|format| format != Format::Flat),
            ..Named::default()
        })
    }

    /// The value of a parameter. One that `parse` cannot read is an error where it `must` be ours,
    /// and none elsewhere.
    fn read<T>(
        &self,
        parameter: Parameter,
        must: bool,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, RequestError> {
        let Some(value) = self.values.get(parameter) else { return Ok(None) };
        match std::str::from_utf8(value).ok().and_then(parse) {
            None if must => Err(bad(self.name(parameter), value, expected)),
            parsed => Ok(parsed),
        }
    }

    /// Whether `t` stands behind a parameter that means the same.
    fn t_is_last(&self, other: Parameter) -> bool {
        self.values.place(Parameter::T) > self.values.place(other)
    }

    fn name(&self, parameter: Parameter) -> Name {
        self.settings.parameters.name(parameter)
    }
}

/// The tracks that a poster may be of, unless the query names others.
const POSTER_TRACKS: [TrackSelector; 1] = [TrackSelector::Kind(TrackKind::Video)];

const TRACKS: &str = "not tracks; v1-a2, audio, video, text or track numbers are";
const FRAGMENT: &str = "not a time range; a,b or a or ,b in seconds or h:mm:ss are";

/// The value of `t`: Media Fragments URI 1.0, section 4.2.1.
#[derive(Debug, Clone, Copy)]
enum Fragment {
    /// A lone number: a time, if the movie is that long.
    Time(Time),
    /// What nobody writes by chance.
    Range(Option<Time>, Option<Time>),
}

impl Fragment {
    fn parse(text: &str) -> Option<Self> {
        let range = text.strip_prefix("npt:");
        match range.unwrap_or(text).split_once(',') {
            Some(("", to)) => Some(Self::Range(None, Some(Time::parse(to)?))),
            Some((from, to)) => Some(Self::Range(Some(Time::parse(from)?), Some(Time::parse(to)?))),
            None if range.is_some() => Some(Self::Range(Some(Time::parse(range?)?), None)),
            None => Some(Self::Time(Time::parse(text)?)),
        }
    }

    fn start(self) -> Option<Time> {
        match self {
            Self::Time(time) => Some(time),
            Self::Range(start, _) => start,
        }
    }

    fn end(self) -> Option<Time> {
        match self {
            Self::Time(_) => None,
            Self::Range(_, end) => end,
        }
    }
}

impl ClipRequest {
    /// Whether nothing is asked for but the film. (What `auto` stands for is a matter of seeks.)
    pub fn is_plain(&self) -> bool {
        !self.is_cut && self.format != Format::Fragmented && self.allowed.longest.is_none()
    }

    /// The scenes, in the order in which they are presented.
    pub fn scenes(&self) -> impl Iterator<Item = Scene> + '_ {
        [Scene { start: self.start, end: self.end }].into_iter().chain(self.more.iter().copied())
    }

    /// What asks for one of the scenes alone. They are numbered from 1.
    pub fn scene(&self, number: usize) -> Option<Self> {
        let Scene { start, end } = self.scenes().nth(number.checked_sub(1)?)?;
        Some(Self { start, end, more: Vec::new(), ..self.clone() })
    }

    /// Bytes it takes besides its own size.
    pub fn heap_size(&self) -> usize {
        self.tracks.capacity() * size_of::<TrackSelector>()
            + self.more.capacity() * size_of::<Scene>()
            + self.lang.as_ref().map_or(0, String::capacity)
    }
}

/// A BCP 47 tag in lower case: letters, then letters and digits, in parts of one to eight.
fn language_tag(text: &str) -> Option<String> {
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_tag =
        text.split('-').all(is_part) && !text.split('-').next()?.contains(|c: char| c.is_ascii_digit());
    is_tag.then(|| text.to_ascii_lowercase())
}

/// The `start` of a query for an FLV, which counts bytes; `None` when there is none.
///
/// # Errors
/// When it is not a whole number, or the configuration does not allow it.
pub fn flv_start(query: &[u8], settings: &Settings) -> Result<Option<u64>, RequestError> {
    let query = Query { values: Values::read(query, &settings.parameters, settings.is_strict), settings };
    let is_named = query.values.get(Parameter::Start).is_some();
    settings.restrictions.check_flv(is_named)?;
    query.read(Parameter::Start, true, "not a whole number of bytes, which an FLV takes", digits)
}

fn bad(parameter: Name, value: &[u8], expected: &'static str) -> RequestError {
    // It goes into a log line: no control characters, and not more than a line's worth.
    let value = value.get(..value.len().min(64)).unwrap_or_default().escape_ascii().to_string();
    RequestError::Value { parameter, value, expected }
}

#[cfg(test)]
mod tests;
