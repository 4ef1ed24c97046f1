//! Adaptation sets and their representations.

use crate::describe::{AudioDescription, TrackDescription, VideoDescription, VideoRange};
use crate::packaging::address::mime_type;
use crate::packaging::choice::{Member, has_role, window_of};
use crate::packaging::ladder::{Offered, difference, with_sound};
use crate::packaging::links::Links;
use crate::packaging::protection::{base64, uuid};
use crate::packaging::rates::Rates;
use crate::packaging::{Form, Rendition};
use crate::request::TrackKind;

use super::segments::{write_base, write_template};
use super::xml::{Attribute, Xml};

const ROLES: &str = "urn:mpeg:dash:role:2011";

/// The values of that scheme that say what a track is for (ISO/IEC 23009-1, 5.8.5.5). `main` and
/// `alternate` are not among them, because they depend on the other tracks.
const KNOWN_ROLES: [&str; 14] = [
    "caption",
    "subtitle",
    "supplementary",
    "commentary",
    "dub",
    "description",
    "sign",
    "metadata",
    "enhanced-audio-intelligibility",
    "emergency",
    "forced-subtitle",
    "easyreader",
    "karaoke",
    "transcription",
];

/// Bits a second of text that is one resource, whose size is not known here. They must be given,
/// and no player chooses text by them.
const TEXT_BANDWIDTH: u64 = 1000;

/// Writes the adaptation sets of a presentation.
pub(super) struct Writer<'w> {
    pub(super) xml: &'w mut Xml,
    pub(super) form: Form,
    /// The number of the set that was written last.
    pub(super) id: u32,
}

/// A representation of a set.
#[derive(Clone)]
struct Represented<'p> {
    id: String,
    links: &'p Links,
    rendition: &'p Rendition,
}

impl<'p> Represented<'p> {
    /// The only one of its set.
    fn alone(links: &'p Links, rendition: &'p Rendition) -> [Self; 1] {
        [Self { id: rendition.name.clone(), links, rendition }]
    }
}

impl Writer<'_> {
    /// The sets of a movie, or of several with the same pictures.
    pub(super) fn write(&mut self, films: &[Offered<'_>]) {
        let videos = films.iter().zip(1..).filter_map(|((links, choice), n)| {
            let rendition = choice.video?;
            let name = &rendition.name;
            let id = if films.len() == 1 { name.clone() } else { format!("{n}-{name}") };
            Some(Represented { id, links, rendition })
        });
        let mut videos: Vec<_> = videos.collect();
        while let Some(first) = videos.first().cloned() {
            let (of_set, others): (Vec<_>, Vec<_>) =
                videos.into_iter().partition(|video| is_switched_to(first.rendition, video.rendition));
            self.set(&of_set, TrackKind::Video, None, true);
            videos = others;
        }
        let Some((links, choice)) = with_sound(films) else { return };
        for (member, is_main) in choice.sound() {
            self.set(&Represented::alone(links, member.rendition), TrackKind::Audio, Some(member), is_main);
        }
        for member in &choice.text.members {
            self.set(
                &Represented::alone(links, member.rendition),
                TrackKind::Text,
                Some(member),
                member.is_default,
            );
        }
    }

    /// The set of a track, in one or more movies. The order of its children is that of the schema.
    fn set(&mut self, all: &[Represented], kind: TrackKind, member: Option<&Member>, is_main: bool) {
        let Some(rendition) = all.first().map(|represented| represented.rendition) else { return };
        self.id += 1;
        let mut attributes = vec![
            ("id", Some(self.id.to_string())),
            ("contentType", Some(content_type(kind).to_owned())),
            ("lang", member.and_then(|member| member.language).map(str::to_owned)),
            ("mimeType", Some(self.mime_type(rendition, kind).to_owned())),
            // Players begin with the set of the highest priority; 1 is that of all others.
            ("selectionPriority", (is_main && kind == TrackKind::Audio).then(|| "2".to_owned())),
        ];
        attributes.extend(self.alignment(all, kind));
        self.xml.open("AdaptationSet", &attributes);
        if rendition.track.is_encrypted {
            self.content_protection(&rendition.track);
        }
        if let Some(value) = rendition.track.video.as_ref().and_then(transfer) {
            self.descriptor("SupplementalProperty", "urn:mpeg:mpegB:cicp:TransferCharacteristics", value);
        }
        if let Some(member) = member {
            self.xml.text("Label", &member.label);
        }
        for purpose in purposes(&rendition.track) {
            self.descriptor("Accessibility", "urn:tva:metadata:cs:AudioPurposeCS:2007", purpose);
        }
        for role in roles(&rendition.track, kind, is_main) {
            self.descriptor("Role", ROLES, role);
        }
        all.iter().for_each(|represented| self.representation(represented));
        self.xml.close();
    }

    fn mime_type(&self, rendition: &Rendition, kind: TrackKind) -> &'static str {
        if rendition.is_webvtt() { "text/vtt" } else { mime_type(kind) }
    }

    /// What the set says of its segments, where it has any: all representations of it agree in their
    /// boundaries, and each segment begins with a point of random access of no higher type than this.
    /// Where that is not so, nothing is said.
    fn alignment(&self, all: &[Represented], kind: TrackKind) -> Vec<Attribute> {
        let tracks = || all.iter().map(|represented| represented.rendition);
        if tracks().any(|rendition| rendition.segments.is_empty()) {
            return Vec::new();
        }
        let is_independent = tracks().flat_map(|track| &track.segments).all(|segment| segment.is_independent);
        let is_aligned = all.iter().all(|other| {
            all.first().is_some_and(|first| difference(first.rendition, other.rendition).is_none())
        });
        // Pictures may be decoded in another order than they are presented in (type 2).
        let sap_type = if kind == TrackKind::Video { "2" } else { "1" };
        let sap_type = is_independent.then(|| sap_type.to_owned());
        let yes = is_aligned.then(|| "true".to_owned());
        match self.form {
            Form::Ranges => vec![("subsegmentAlignment", yes), ("subsegmentStartsWithSAP", sap_type)],
            Form::Segments => vec![("segmentAlignment", yes), ("startWithSAP", sap_type)],
        }
    }

    fn representation(&mut self, Represented { id, links, rendition }: &Represented) {
        let track = &rendition.track;
        let bandwidth = match rendition.is_webvtt() {
            true => TEXT_BANDWIDTH,
            false => Rates::of(rendition).peak(window_of(rendition)).max(1),
        };
        let mut attributes = vec![
            ("id", Some(id.clone())),
            ("bandwidth", Some(bandwidth.to_string())),
            ("codecs", track.codec.clone().filter(|_| !rendition.is_webvtt())),
        ];
        let supplemental = track.video.as_ref().and_then(|video| video.supplemental.as_ref());
        attributes.push(("scte214:supplementalCodecs", supplemental.map(|it| it.codec.clone())));
        attributes.push(("scte214:supplementalProfiles", supplemental.map(|it| it.brand.to_owned())));
        attributes.extend(track.video.iter().flat_map(pictures));
        let rate = track.audio.as_ref().map(|audio| audio.sampling_rate).filter(|&rate| rate > 0);
        attributes.push(("audioSamplingRate", rate.map(|rate| rate.to_string())));
        self.xml.open("Representation", &attributes);
        if let Some((scheme, value)) = track.audio.as_ref().and_then(channels) {
            self.descriptor("AudioChannelConfiguration", scheme, &value.to_string());
        }
        if rendition.is_webvtt() {
            self.xml.text("BaseURL", &links.text(&rendition.name));
        } else {
            match self.form {
                Form::Ranges => write_base(self.xml, rendition, links),
                Form::Segments => write_template(self.xml, rendition, links),
            }
        }
        self.xml.close();
    }

    /// That the track is encrypted, with which key (5.8.5.2), and what each system that gives out
    /// keys is told (ISO/IEC 23001-7, 11.2).
    fn content_protection(&mut self, track: &TrackDescription) {
        let protection = track.protection.as_ref();
        let scheme = protection.and_then(|protection| protection.scheme);
        let key_id = protection.and_then(|protection| protection.key_id);
        self.xml.empty(
            "ContentProtection",
            &[
                ("schemeIdUri", Some("urn:mpeg:dash:mp4protection:2011".to_owned())),
                ("value", scheme.map(|scheme| scheme.to_string())),
                ("cenc:default_KID", key_id.map(uuid)),
            ],
        );
        let systems = protection.map_or(&[][..], |protection| &protection.systems);
        for (n, system) in systems.iter().enumerate() {
            let id = system.system_id;
            if systems.iter().take(n).any(|before| before.system_id == id) {
                continue;
            }
            let scheme = format!("urn:uuid:{}", uuid(id));
            self.xml.open("ContentProtection", &[("schemeIdUri", Some(scheme))]);
            for pssh in systems.iter().filter(|other| other.system_id == id) {
                self.xml.text("cenc:pssh", &base64(&pssh.whole));
            }
            self.xml.close();
        }
    }

    fn descriptor(&mut self, name: &'static str, scheme: &str, value: &str) {
        let attributes = [("schemeIdUri", Some(scheme.to_owned())), ("value", Some(value.to_owned()))];
        self.xml.empty(name, &attributes);
    }
}

/// Whether a player may go from one track to the other while it plays: their coding is the same but
/// for profile and level, and so are their dynamic range and their encryption.
fn is_switched_to(one: &Rendition, other: &Rendition) -> bool {
    let coding = |track: &TrackDescription| {
        track.codec.as_deref().and_then(|c| c.split('.').next().map(str::to_owned))
    };
    let range = |track: &TrackDescription| track.video.as_ref().map(|video| video.range);
    coding(&one.track) == coding(&other.track)
        && range(&one.track) == range(&other.track)
        && one.track.protection == other.track.protection
}

fn content_type(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
        TrackKind::Text => "text",
    }
}

/// What a track is for.
fn roles(track: &TrackDescription, kind: TrackKind, is_main: bool) -> Vec<&'static str> {
    let mut roles = vec![if is_main { "main" } else { "alternate" }];
    roles.extend(KNOWN_ROLES.iter().filter(|role| has_role(track, role)));
    if track.is_forced && !roles.contains(&"forced-subtitle") {
        roles.push("forced-subtitle");
    }
    let is_subtitle = |role: &&str| ["caption", "subtitle", "forced-subtitle"].contains(role);
    if kind == TrackKind::Text && !roles.iter().any(is_subtitle) {
        roles.push("subtitle");
    }
    roles
}

/// Whom it helps, as numbers of ETSI TS 102 822-3-1's AudioPurposeCS: 1 who sees little, 2 who
/// hears little.
fn purposes(track: &TrackDescription) -> impl Iterator<Item = &'static str> {
    let all = [("description", "1"), ("caption", "2"), ("enhanced-audio-intelligibility", "2")];
    all.into_iter().filter(|(role, _)| has_role(track, role)).map(|(_, purpose)| purpose)
}

/// The channels of a track: a scheme and a value. Up to six, the numbers of ISO/IEC 23003-3 are
/// those of the channels. For seven and eight, those of ISO/IEC 23091-3 (6.1 and 7.1) are clear. More
/// channels have no usual order.
fn channels(audio: &AudioDescription) -> Option<(&'static str, u16)> {
    let cicp = "urn:mpeg:mpegB:cicp:ChannelConfiguration";
    match audio.channels {
        n @ 1..=6 => Some(("urn:mpeg:dash:23003:3:audio_channel_configuration:2011", n)),
        7 => Some((cicp, 11)),
        8 => Some((cicp, 12)),
        _ => None,
    }
}

/// How light is coded, as a number of ISO/IEC 23091-2, where it is not as in all older films. It is
/// said as a supplemental property: a player that does not know an essential one plays nothing.
fn transfer(video: &VideoDescription) -> Option<&'static str> {
    match video.range {
        VideoRange::Sdr => None,
        VideoRange::Pq => Some("16"),
        VideoRange::Hlg => Some("18"),
    }
}

/// Size and rate of pictures. The size counts samples, and `sar` says of what shape these are.
fn pictures(video: &VideoDescription) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    let ((width, height), sar) = grid(video);
    if width > 0 && height > 0 {
        attributes.push(("width", Some(width.to_string())));
        attributes.push(("height", Some(height.to_string())));
        attributes.push(("sar", sar.map(|(x, y)| format!("{x}:{y}"))));
    }
    let rate = video.frame_rate.filter(|&(frames, seconds)| frames > 0 && seconds > 0);
    let rate = rate.map(|(frames, seconds)| match reduced(frames, seconds) {
        (frames, 1) => frames.to_string(),
        (frames, seconds) => format!("{frames}/{seconds}"),
    });
    attributes.push(("frameRate", rate));
    attributes
}

/// Width and height in samples, as presented: a picture that the track's matrix turns by a quarter
/// is as wide as it was coded high. It is the way around in which samples are more like squares.
fn grid(video: &VideoDescription) -> ((u64, u64), Option<(u64, u64)>) {
    let (width, height) = (u64::from(video.coded.0), u64::from(video.coded.1));
    let presented = (u64::from(video.presented.0), u64::from(video.presented.1));
    if [width, height, presented.0, presented.1].contains(&0) {
        return ((width, height), None);
    }
    // The width of a sample to its height.
    let shape = |(width, height): (u64, u64)| (presented.0 * height, presented.1 * width);
    // How many times longer its longer side is, as a fraction: longer, shorter.
    let sides = |(x, y): (u64, u64)| (u128::from(x.max(y)), u128::from(x.min(y)));
    let (upright, turned) = (sides(shape((width, height))), sides(shape((height, width))));
    let size = if turned.0 * upright.1 < upright.0 * turned.1 { (height, width) } else { (width, height) };
    let (x, y) = shape(size);
    (size, Some(reduced(x, y)))
}

/// A fraction in its lowest terms.
fn reduced(numerator: u64, denominator: u64) -> (u64, u64) {
    let (mut a, mut b) = (numerator, denominator);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (numerator / a.max(1), denominator / a.max(1))
}
