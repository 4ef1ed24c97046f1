//! What a presentation offers to a viewer: pictures, and sound and text to choose from.

use std::collections::BTreeSet;

use isolang::Language;

use crate::describe::TrackDescription;
use crate::limits;
use crate::request::TrackKind;

use super::rates::segment_micros;
use super::{Presentation, Rendition};

/// What people call a track is cut after so many characters: it is shown in a menu.
const LONGEST_LABEL: usize = 200;

/// The tracks of a presentation that players can present.
pub(super) struct Choice<'p> {
    /// The pictures: the first enabled video track, or the first. Further ones may be other angles,
    /// which a player would take for other qualities of the same.
    pub(super) video: Option<&'p Rendition>,
    /// The sound, by coding: a player may decode one but not another. The coding of the track that
    /// is played by default comes first.
    pub(super) audio: Vec<Group<'p>>,
    /// The text.
    pub(super) text: Group<'p>,
}

/// Tracks from which a viewer chooses one.
pub(super) struct Group<'p> {
    /// Its name among groups of this kind of track.
    pub(super) id: String,
    /// Its tracks, in the order of the file. A track of sound may be in several groups.
    pub(super) members: Vec<Member<'p>>,
}

/// A track of a group.
pub(super) struct Member<'p> {
    /// The track.
    pub(super) rendition: &'p Rendition,
    /// What people call it: unique in its group, one line, never empty.
    pub(super) label: String,
    /// Its language.
    pub(super) language: Option<&'p str>,
    /// Whether it is played unless the viewer or the player chooses.
    pub(super) is_default: bool,
    /// Whether a player may choose it by the viewer's preferences: no other such track has its
    /// language and purpose, and it is no commentary.
    pub(super) is_autoselect: bool,
}

impl<'p> Choice<'p> {
    pub(super) fn new(presentation: &'p Presentation) -> Self {
        let of_kind = |kind| {
            let tracks = presentation.renditions.iter();
            tracks.filter(move |r| r.track.kind == Some(kind) && r.is_known())
        };
        let video = || of_kind(TrackKind::Video);
        let audio: Vec<_> = of_kind(TrackKind::Audio).collect();
        let text = labelled(of_kind(TrackKind::Text));
        let default = enabled(&text).map(str::to_owned);
        Self {
            video: video().find(|r| r.track.is_enabled).or_else(|| video().next()),
            audio: audio_groups(&audio),
            text: Group::new("text", text, default.as_deref()),
        }
    }

    /// Those of them that HLS can present.
    pub(super) fn in_hls(presentation: &'p Presentation) -> Self {
        let mut choice = Self::new(presentation);
        if presentation.is_growing {
            // A playlist of one WebVTT segment cannot grow.
            choice.text.members.retain(|member| !member.rendition.is_webvtt());
        }
        choice
    }

    /// All tracks, each once.
    pub(super) fn tracks(&self) -> impl Iterator<Item = &'p Rendition> {
        let sound = self.sound().map(|(member, _)| member.rendition);
        let text = self.text.members.iter().map(|member| member.rendition);
        self.video.into_iter().chain(sound).chain(text)
    }

    /// All tracks that have segments.
    pub(super) fn segmented(&self) -> impl Iterator<Item = &'p Rendition> {
        let members = self.audio.iter().chain([&self.text]).flat_map(|group| &group.members);
        let tracks = self.video.into_iter().chain(members.map(|member| member.rendition));
        tracks.filter(|rendition| !rendition.segments.is_empty())
    }

    /// All tracks of sound, each once, with whether all others are its alternatives.
    pub(super) fn sound(&self) -> impl Iterator<Item = (&Member<'p>, bool)> {
        self.audio.iter().zip(0..).flat_map(|(group, place)| {
            let own = group.members.iter().filter(|m| coding(&m.rendition.track) == group.id);
            own.map(move |member| (member, member.is_default && place == 0))
        })
    }

    /// The longest that a segment lasts, rounded to whole seconds (RFC 8216bis, 4.4.3.1). It is the
    /// same for all tracks, as 6.2.4 there demands, also where a presentation holds only one of them.
    /// Only text may have longer segments, over its pauses: see [`target_of`].
    pub(super) fn target_duration(&self) -> u64 {
        let longest = self.segmented().filter(|track| !is_text(track)).map(longest).max().unwrap_or(1);
        self.segmented().map(|track| track.spacing.target).fold(longest, u64::max).max(1)
    }
}

/// In how many seconds a track has its peak: the usual time between two segments. By that of what lasts
/// through a long pause, be it text or sound, no peak of the pictures would be one.
pub(super) fn window_of(rendition: &Rendition) -> u64 {
    let usual = rendition.spacing.target.max(1);
    if is_text(rendition) { usual.max(longest(rendition)) } else { usual }
}

/// The target duration of a track, where that of the presentation is `target`.
pub(super) fn target_of(rendition: &Rendition, target: u64) -> u64 {
    if is_text(rendition) { target.max(longest(rendition)) } else { target }
}

fn is_text(rendition: &Rendition) -> bool {
    rendition.track.kind == Some(TrackKind::Text)
}

/// The longest that a segment of a track lasts, rounded to whole seconds.
fn longest(track: &Rendition) -> u64 {
    let durations = track.segments.iter().map(|segment| segment_micros(segment, track.timescale));
    durations.max().map_or(1, |micros| micros.saturating_add(500_000) / 1_000_000)
}

/// The group of AAC. All players decode it.
const AAC: &str = "aac";

fn audio_groups<'p>(tracks: &[&'p Rendition]) -> Vec<Group<'p>> {
    let first = tracks.iter().find(|r| r.track.is_enabled).or(tracks.first());
    let mut codings = Vec::new();
    for coding in first.into_iter().chain(tracks).map(|r| coding(&r.track)) {
        if !codings.contains(&coding) {
            codings.push(coding);
        }
    }
    // What is in the groups of others is in one of its own.
    let last = codings.len().min(limits::CODINGS_OF_SOUND).saturating_sub(1);
    if codings.iter().position(|coding| *coding == AAC).is_some_and(|at| at > last) {
        codings.insert(last, AAC);
    }
    codings.truncate(limits::CODINGS_OF_SOUND);
    let of = |id: &str| labelled(tracks.iter().copied().filter(|r| coding(&r.track) == id));
    let default = first.and_then(|first| {
        let labelled = of(coding(&first.track)).into_iter();
        labelled.filter(|(r, _)| std::ptr::eq(*r, *first)).map(|(_, label)| label).next()
    });
    let group = |id: &str| {
        let mut members = of(id);
        // RFC 8216bis, 4.4.6.1.1 demands that groups have the same members. So what AAC has and
        // this coding has not is in its group, too. The reverse would keep the group of AAC from
        // players that decode nothing else.
        for (rendition, label) in if id == AAC { Vec::new() } else { of(AAC) } {
            if !members.iter().any(|(_, other)| *other == label) {
                members.push((rendition, label));
            }
        }
        members.sort_by_key(|(member, _)| tracks.iter().position(|r| std::ptr::eq(*r, *member)));
        let is_there = |label: &&str| members.iter().any(|(_, other)| other == label);
        let default = default.as_deref().filter(is_there).or_else(|| enabled(&members));
        let default = default.or(members.first().map(|(_, label)| label.as_str())).map(str::to_owned);
        Group::new(id, members, default.as_deref())
    };
    codings.into_iter().map(group).collect()
}

/// What decoders are chosen by. Each decoder of AAC decodes its common object types.
fn coding(track: &TrackDescription) -> &str {
    match track.codec.as_deref().unwrap_or_default() {
        "mp4a.40.2" | "mp4a.40.02" | "mp4a.40.5" | "mp4a.40.05" | "mp4a.40.29" => AAC,
        other => other,
    }
}

/// Tracks, each with its label.
type Labelled<'p> = Vec<(&'p Rendition, String)>;

/// Gives each track a label of its own.
fn labelled<'p>(tracks: impl Iterator<Item = &'p Rendition>) -> Labelled<'p> {
    let mut taken = BTreeSet::new();
    tracks.map(|r| (r, unique(&label(&r.track, language(&r.track)), &mut taken))).collect()
}

/// The label of the first enabled track.
fn enabled<'l>(tracks: &'l Labelled) -> Option<&'l str> {
    tracks.iter().find(|(r, _)| r.track.is_enabled).map(|(_, label)| label.as_str())
}

/// The language of a track, if that is written as a tag of BCP 47 is.
fn language(track: &TrackDescription) -> Option<&str> {
    track.language.as_deref().filter(|tag| is_language_tag(tag))
}

impl<'p> Group<'p> {
    /// The track with the label `default` is the one that is played by default.
    fn new(id: &str, tracks: Labelled<'p>, default: Option<&str>) -> Self {
        let purpose = |r: &'p Rendition| (language(&r.track), r.track.is_forced, characteristics(&r.track));
        let is_default = |label: &str| default == Some(label);
        let of_default = tracks.iter().find(|(_, label)| is_default(label));
        let mut purposes: BTreeSet<_> = of_default.map(|(r, _)| purpose(r)).into_iter().collect();
        let member = |(rendition, label): (&'p Rendition, String)| {
            let is_default = is_default(&label);
            let is_new = purposes.insert(purpose(rendition));
            let is_autoselect = is_default || is_new && !has_role(&rendition.track, "commentary");
            Member { rendition, label, language: language(&rendition.track), is_default, is_autoselect }
        };
        Self { id: id.to_owned(), members: tracks.into_iter().map(member).collect() }
    }
}

/// What a track is for, in the words of HLS.
pub(super) fn characteristics(track: &TrackDescription) -> Vec<&'static str> {
    let all = [
        ("caption", "public.accessibility.transcribes-spoken-dialog"),
        ("caption", "public.accessibility.describes-music-and-sound"),
        ("description", "public.accessibility.describes-video"),
        ("enhanced-audio-intelligibility", "public.accessibility.enhances-speech-intelligibility"),
        ("easyreader", "public.easy-to-read"),
    ];
    all.into_iter().filter(|(role, _)| has_role(track, role)).map(|(_, uti)| uti).collect()
}

/// Whether a track has this role.
pub(super) fn has_role(track: &TrackDescription, role: &str) -> bool {
    track.roles.iter().any(|other| other == role)
}

/// Whether a tag is of the form of BCP 47: words of letters and digits.
fn is_language_tag(tag: &str) -> bool {
    let is_word =
        |word: &str| (1..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric());
    tag.len() <= LONGEST_LABEL && tag.split('-').all(is_word)
}

/// What the movie calls a track, or its language and what it is for.
fn label(track: &TrackDescription, language: Option<&str>) -> String {
    if let Some(name) = track.name.as_deref().map(one_line).filter(|name| !name.is_empty()) {
        return name;
    }
    let kind = match track.kind {
        Some(TrackKind::Video) => "Video",
        Some(TrackKind::Audio) => "Audio",
        _ => "Text",
    };
    let purposes = [
        (has_role(track, "commentary"), "commentary"),
        (has_role(track, "description"), "described"),
        (has_role(track, "caption"), "captions"),
        (track.is_forced, "forced"),
    ];
    let words: Vec<_> = purposes.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    let subject = language.map_or_else(|| kind.to_owned(), language_name);
    if words.is_empty() { subject } else { format!("{subject} ({})", words.join(", ")) }
}

/// The English name of a language, with what its tag says beyond it: `Portuguese, BR`.
fn language_name(tag: &str) -> String {
    let (language, rest) = tag.split_once('-').map_or((tag, None), |(language, rest)| (language, Some(rest)));
    let lower = language.to_ascii_lowercase();
    let Some(known) = Language::from_639_1(&lower).or_else(|| Language::from_639_3(&lower)) else {
        return tag.to_owned();
    };
    rest.map_or_else(|| known.to_name().to_owned(), |rest| format!("{}, {rest}", known.to_name()))
}

/// A text as one line: no control characters, one space between words, not too long.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(LONGEST_LABEL).collect()
}

/// Counts labels that are equal.
fn unique(label: &str, taken: &mut BTreeSet<String>) -> String {
    let counted = (2..).map(|n| format!("{label} {n}"));
    let free = std::iter::once(label.to_owned()).chain(counted).find(|label| !taken.contains(label));
    let label = free.unwrap_or_default();
    taken.insert(label.clone());
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packaging::testing::{audio, presentation, rich, text, video};

    /// The members of a group: track, label, whether it is the default, whether players may choose it.
    fn members<'g>(group: &'g Group<'_>) -> Vec<(&'g str, &'g str, bool, bool)> {
        let all = group.members.iter();
        all.map(|m| (m.rendition.name.as_str(), m.label.as_str(), m.is_default, m.is_autoselect)).collect()
    }

    #[test]
    fn sound_is_grouped_by_coding() {
        let rich = rich();
        let choice = Choice::new(&rich);
        assert_eq!(choice.video.unwrap().name, "v1");
        let ids: Vec<_> = choice.audio.iter().map(|group| group.id.as_str()).collect();
        assert_eq!(ids, ["aac", "ac-3"]);
        let aac = [
            ("a1", "English", true, true),
            ("a3", "The \"director\" & Zoë", false, false),
            ("a4", "Audio", false, true),
        ];
        assert_eq!(members(&choice.audio[0]), aac);
        // The group of another coding has what only AAC has, too.
        let ac3 = [
            ("a1", "English", true, true),
            ("a2", "German", false, true),
            ("a3", "The \"director\" & Zoë", false, false),
            ("a4", "Audio", false, true),
        ];
        assert_eq!(members(&choice.audio[1]), ac3);
        let sound: Vec<_> =
            choice.sound().map(|(member, is_main)| (&*member.rendition.name, is_main)).collect();
        assert_eq!(sound, [("a1", true), ("a3", false), ("a4", false), ("a2", false)]);
        let text = [
            ("t1", "Portuguese, BR", false, true),
            ("t2", "English (captions)", false, true),
            ("t3", "English (forced)", false, true),
        ];
        assert_eq!(members(&choice.text), text);
        assert_eq!(choice.segmented().count(), 8);
    }

    #[test]
    fn the_coding_of_the_first_enabled_track_comes_first() {
        let mut first = audio("a1", "ac-3", Some("en"));
        first.track.is_enabled = false;
        let film = presentation(vec![video(), first, audio("a2", "mp4a.40.2", Some("en"))]);
        let ids: Vec<_> = Choice::new(&film).audio.into_iter().map(|group| group.id).collect();
        assert_eq!(ids, ["aac", "ac-3"]);
    }

    #[test]
    fn one_track_of_a_language_and_purpose_is_chosen_by_players() {
        // The second is the default: the first, which nothing else tells from it, is not chosen.
        let mut tracks = ["a1", "a2", "a3"].map(|name| audio(name, "mp4a.40.2", Some("en")));
        tracks[0].track.is_enabled = false;
        // Of a role that HLS has no word for.
        tracks[2].track.roles = vec!["dub".to_owned()];
        let film = presentation(tracks.to_vec());
        let choice = Choice::new(&film);
        let expected = [
            ("a1", "English", false, false),
            ("a2", "English 2", true, true),
            ("a3", "English 3", false, false),
        ];
        assert_eq!(members(&choice.audio[0]), expected);
    }

    #[test]
    fn the_same_sound_is_the_default_in_each_coding() {
        let mut first = audio("a1", "ac-3", Some("en"));
        first.track.is_enabled = false;
        let others = [audio("a2", "mp4a.40.2", Some("en")), audio("a3", "ac-3", Some("de"))];
        let film = presentation([vec![first], others.to_vec()].concat());
        let choice = Choice::new(&film);
        assert_eq!(members(&choice.audio[0]), [("a2", "English", true, true)]);
        let expected = [("a1", "English", true, true), ("a3", "German", false, true)];
        assert_eq!(members(&choice.audio[1]), expected);
        // Of all tracks, one is the main one.
        let sound: Vec<_> =
            choice.sound().map(|(member, is_main)| (&*member.rendition.name, is_main)).collect();
        assert_eq!(sound, [("a2", true), ("a1", false), ("a3", false)]);
    }

    #[test]
    fn labels_are_unique_and_one_line() {
        let named = |name: &str, n: usize| {
            let mut track = text(&format!("t{n}"), "en");
            track.track.name = Some(name.to_owned());
            track
        };
        let names = ["A\nB", "A B", " A\u{2028}\tB\u{7}", "A B 2", "\n", &"x".repeat(1000)];
        let film = presentation(names.iter().zip(1..).map(|(name, n)| named(name, n)).collect());
        let choice = Choice::new(&film);
        let labels: Vec<_> = choice.text.members.iter().map(|m| m.label.as_str()).collect();
        assert_eq!(labels, ["A B", "A B 2", "A B 3", "A B 2 2", "English", &"x".repeat(200)]);
        // Only the first of those that nothing else tells apart is chosen by a player.
        let chosen: Vec<_> = choice.text.members.iter().map(|m| m.is_autoselect).collect();
        assert_eq!(chosen, [true, false, false, false, false, false]);
    }

    #[test]
    fn a_language_is_a_tag() {
        for (tag, language, label) in [
            ("de", Some("de"), "German"),
            ("deu", Some("deu"), "German"),
            ("EN-us", Some("EN-us"), "English, us"),
            ("qaa", Some("qaa"), "qaa"),
            ("en\"", None, "Text"),
            ("", None, "Text"),
            ("en_US", None, "Text"),
            ("en-", None, "Text"),
        ] {
            let film = presentation(vec![text("t1", tag)]);
            let choice = Choice::new(&film);
            assert_eq!((choice.text.members[0].language, &*choice.text.members[0].label), (language, label));
        }
    }

    #[test]
    fn what_no_player_can_present_is_left_out() {
        let mut pcm = audio("a1", "mp4a.40.2", None);
        pcm.track.codec = None;
        let mut pcm_of_quicktime = pcm.clone();
        pcm_of_quicktime.track.codec = Some("sowt".to_owned());
        let mut data = audio("a2", "mp4a.40.2", None);
        data.track.kind = None;
        let mut empty = audio("a3", "mp4a.40.2", None);
        empty.segments.clear();
        let mut hidden = video();
        hidden.track.is_enabled = false;
        let mut second = video();
        second.name = "v2".to_owned();
        let film = presentation(vec![hidden.clone(), second, pcm, pcm_of_quicktime, data, empty]);
        let choice = Choice::new(&film);
        assert_eq!(choice.video.unwrap().name, "v2");
        assert!(choice.audio.is_empty());
        assert_eq!(Choice::new(&presentation(vec![hidden])).video.unwrap().name, "v1");
    }
}
