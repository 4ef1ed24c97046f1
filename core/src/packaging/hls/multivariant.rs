//! The multivariant playlist (RFC 8216bis, 4.4.6).

use std::collections::{BTreeMap, BTreeSet};

use crate::describe::{VideoDescription, VideoRange};
use crate::packaging::choice::{Choice, Group, Member, characteristics, window_of};
use crate::packaging::ladder::{Offered, with_sound};
use crate::packaging::links::Links;
use crate::packaging::rates::Rates;
use crate::packaging::{Presentation, Rendition, Rung};
use crate::request::TrackKind;

use super::VERSION;
use super::attributes::Attributes;
use super::keys::session_keys;

/// The playlist that names the others: a variant for each coding of sound, all tracks of sound and
/// text, and the key frames.
pub fn multivariant(presentation: &Presentation) -> String {
    write(&[(Links::new(&presentation.query), Choice::in_hls(presentation))], presentation.is_event())
}

/// The playlist of several renditions of the same pictures, each in a movie of its own: a variant for
/// each of them. Sound and text are those of the first movie that has sound.
pub fn ladder(rungs: &[Rung]) -> String {
    let films: Vec<_> = rungs.iter().map(|rung| (rung.links(), Choice::in_hls(rung.presentation))).collect();
    write(&films, rungs.iter().any(|rung| rung.presentation.is_event()))
}

fn write(films: &[Offered<'_>], is_event: bool) -> String {
    let Some((links, sound)) = with_sound(films) else { return String::new() };
    let writer = |links, video| Writer { links, video, choice: sound };
    let of_sound = writer(links, sound.video);
    let mut known = KnownRates::default();
    let texts = known.most_of(&sound.text);
    let groups: Vec<_> = sound.audio.iter().map(|group| known.most_of(group)).collect();
    let videos = films.iter().filter_map(|(_, choice)| choice.video);
    let segmented = || videos.clone().chain(sound.segmented().filter(|r| !is_video(r)));
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n");
    // Of a recording nobody knows what the next segment will be.
    if !is_event && segmented().flat_map(|rendition| &rendition.segments).all(|s| s.is_independent) {
        text += "#EXT-X-INDEPENDENT-SEGMENTS\n";
    }
    text += &session_keys(segmented().map(|rendition| &rendition.track));
    for group in sound.audio.iter().filter(|group| of_sound.is_named(group)) {
        group.members.iter().for_each(|member| text += &of_sound.audio(group, member));
    }
    sound.text.members.iter().for_each(|member| text += &of_sound.subtitles(member));
    for (links, choice) in films {
        let writer = writer(links, choice.video);
        let rates = choice.video.map_or(BitRates::default(), |video| known.of(video)).and(texts);
        if sound.audio.is_empty() {
            text += &writer.variant(None, rates);
        }
        for (group, of_group) in sound.audio.iter().zip(&groups) {
            text += &writer.variant(Some(group), rates.and(*of_group));
        }
    }
    for (links, choice) in films {
        if let Some(video) = choice.video {
            text += &writer(links, Some(video)).iframes(video);
        }
    }
    text
}

fn is_video(rendition: &Rendition) -> bool {
    rendition.track.kind == Some(TrackKind::Video)
}

/// Bits a second.
#[derive(Clone, Copy, Default)]
struct BitRates {
    peak: u64,
    average: u64,
}

impl BitRates {
    /// The most that one of two tracks may take.
    fn max(self, other: Self) -> Self {
        Self { peak: self.peak.max(other.peak), average: self.average.max(other.average) }
    }

    /// Those of two kinds of tracks that are played together.
    fn and(self, other: Self) -> Self {
        Self {
            peak: self.peak.saturating_add(other.peak),
            average: self.average.saturating_add(other.average),
        }
    }
}

/// The bit rates of renditions. Each has thousands of segments, which are added up once, in however
/// many groups and variants it is.
#[derive(Default)]
struct KnownRates {
    known: BTreeMap<*const Rendition, BitRates>,
}

impl KnownRates {
    fn of(&mut self, rendition: &Rendition) -> BitRates {
        *self.known.entry(std::ptr::from_ref(rendition)).or_insert_with(|| {
            let rates = Rates::of(rendition);
            BitRates { peak: rates.peak(window_of(rendition)), average: rates.average() }
        })
    }

    /// The most that a track of a group may take.
    fn most_of(&mut self, group: &Group) -> BitRates {
        let segmented = group.members.iter().map(|m| m.rendition).filter(|r| !r.segments.is_empty());
        segmented.fold(BitRates::default(), |most, rendition| most.max(self.of(rendition)))
    }
}

struct Writer<'p> {
    links: &'p Links,
    /// The pictures of a variant.
    video: Option<&'p Rendition>,
    /// What there is to choose from besides.
    choice: &'p Choice<'p>,
}

impl Writer<'_> {
    /// Whether a group of sound is a group of `EXT-X-MEDIA` tags. A movie of one track of sound and
    /// nothing else is a variant by itself.
    fn is_named(&self, group: &Group) -> bool {
        self.video.is_some() || group.members.len() > 1
    }

    fn audio(&self, group: &Group, member: &Member) -> String {
        let audio = member.rendition.track.audio.as_ref();
        self.rendition("AUDIO", group, member)
            .some(audio.filter(|audio| audio.channels > 0), |list, audio| {
                list.quoted("CHANNELS", &audio.channels.to_string())
            })
            .quoted("URI", &self.links.playlist(&member.rendition.name))
            .line()
    }

    fn subtitles(&self, member: &Member) -> String {
        let is_forced = member.rendition.track.is_forced;
        self.rendition("SUBTITLES", &self.choice.text, member)
            .some(is_forced.then_some("YES"), |list, yes| list.plain("FORCED", yes))
            .quoted("URI", &self.links.playlist(&member.rendition.name))
            .line()
    }

    /// What sound and text have in common (4.4.6.1).
    fn rendition(&self, kind: &str, group: &Group, member: &Member) -> Attributes {
        let yes_or_no = |is| if is { "YES" } else { "NO" };
        let characteristics = characteristics(&member.rendition.track);
        Attributes::of("EXT-X-MEDIA")
            .plain("TYPE", kind)
            .quoted("GROUP-ID", &group.id)
            .quoted("NAME", &member.label)
            .some(member.language, |list, language| list.quoted("LANGUAGE", language))
            .plain("DEFAULT", yes_or_no(member.is_default))
            .plain("AUTOSELECT", yes_or_no(member.is_autoselect))
            .some((!characteristics.is_empty()).then_some(characteristics), |list, all| {
                list.quoted("CHARACTERISTICS", &all.join(","))
            })
    }

    /// A variant (4.4.6.2): the pictures, if there are any, with sound of one coding.
    fn variant(&self, audio: Option<&Group>, rates: BitRates) -> String {
        let members = || audio.into_iter().flat_map(|group| &group.members);
        let default = members().find(|member| member.is_default).map(|member| member.rendition);
        let Some(first) = self.video.or(default) else { return String::new() };
        let text = || self.choice.text.members.iter().filter(|m| !m.rendition.segments.is_empty());
        let tracks = self.video.into_iter().chain(members().chain(text()).map(|m| m.rendition));
        Attributes::of("EXT-X-STREAM-INF")
            .plain("BANDWIDTH", rates.peak)
            .plain("AVERAGE-BANDWIDTH", rates.average)
            .quoted("CODECS", &codecs(tracks))
            .some(self.video.and_then(supplemental), |list, codec| list.quoted("SUPPLEMENTAL-CODECS", &codec))
            .some(self.video.and_then(|r| r.track.video.as_ref()), |list, video| {
                pictures(list.some(frame_rate(video), |list, rate| list.plain("FRAME-RATE", rate)), video)
            })
            .some(audio.filter(|group| self.is_named(group)), |list, group| list.quoted("AUDIO", &group.id))
            .some(self.choice.text.members.first(), |list, _| list.quoted("SUBTITLES", &self.choice.text.id))
            .line()
            + &self.links.playlist(&first.name)
            + "\n"
    }

    /// The variant of key frames (4.4.6.3).
    fn iframes(&self, rendition: &Rendition) -> String {
        let rates = Rates::of_key_frames(rendition);
        Attributes::of("EXT-X-I-FRAME-STREAM-INF")
            .plain("BANDWIDTH", rates.peak(window_of(rendition)))
            .plain("AVERAGE-BANDWIDTH", rates.average())
            .quoted("CODECS", &codecs(std::iter::once(rendition)))
            .some(supplemental(rendition), |list, codec| list.quoted("SUPPLEMENTAL-CODECS", &codec))
            .some(rendition.track.video.as_ref(), pictures)
            .quoted("URI", &self.links.iframes(&rendition.name))
            .line()
    }
}

/// All codings of these tracks, each once.
fn codecs<'p>(tracks: impl Iterator<Item = &'p Rendition>) -> String {
    let mut seen = BTreeSet::new();
    let codecs = tracks.filter_map(|rendition| rendition.track.codec.as_deref()).map(name_in_hls);
    codecs.filter(|codec| seen.insert(*codec)).collect::<Vec<_>>().join(",")
}

/// What players of Dolby Vision take the pictures for, and which other players have them, too.
fn supplemental(video: &Rendition) -> Option<String> {
    let supplemental = video.track.video.as_ref()?.supplemental.as_ref()?;
    Some(format!("{}/{}", supplemental.codec, supplemental.brand))
}

/// What a coding is called in HLS. There MP3 has the name that Apple gave it, and hls.js asks the
/// browser for another.
fn name_in_hls(codec: &str) -> &str {
    if codec == "mp3" { "mp4a.40.34" } else { codec }
}

/// What variants and key frames say of pictures.
fn pictures(list: Attributes, video: &VideoDescription) -> Attributes {
    let (width, height) = video.presented;
    let range = match video.range {
        VideoRange::Sdr => "SDR",
        VideoRange::Hlg => "HLG",
        VideoRange::Pq => "PQ",
    };
    list.some((width > 0 && height > 0).then_some(()), |list, ()| {
        list.plain("RESOLUTION", format_args!("{width}x{height}"))
    })
    .plain("VIDEO-RANGE", range)
}

/// Frames per second, rounded to three decimals.
fn frame_rate(video: &VideoDescription) -> Option<String> {
    let (frames, seconds) = video.frame_rate.filter(|&(frames, seconds)| frames > 0 && seconds > 0)?;
    let thousandths = (u128::from(frames) * 1000 + u128::from(seconds / 2)) / u128::from(seconds);
    (thousandths > 0).then(|| format!("{}.{:03}", thousandths / 1000, thousandths % 1000))
}
