//! Presentations by hand, for tests.

use crate::boxes::PsshBox;
use crate::describe::{AudioDescription, TrackDescription, VideoDescription, VideoRange};
use crate::plan::Spacing;
use crate::request::TrackKind;
use crate::testing::{make_box, read_box};

use super::{Form, Presentation, Rendition, Segment};

/// Where the media of a track begins in its file, behind 900 bytes of `ftyp` and `moov` and 100 of
/// `sidx`.
const MEDIA: u64 = 1000;

/// Segments of these ticks and bytes, one after the other, each beginning with a key frame of a
/// tenth of its bytes.
pub(super) fn segments(list: &[(u64, u64)]) -> Vec<Segment> {
    let (mut start, mut at) = (0, MEDIA);
    let segment = |&(duration, bytes): &(u64, u64)| {
        let first_sample_end = at + bytes / 10;
        let segment =
            Segment { start, duration, bytes: at..at + bytes, first_sample_end, is_independent: true };
        (start, at) = (start + duration, at + bytes);
        segment
    };
    list.iter().map(segment).collect()
}

fn track(kind: TrackKind, codec: Option<&str>) -> TrackDescription {
    TrackDescription {
        track: 0,
        kind: Some(kind),
        codec: codec.map(str::to_owned),
        language: None,
        name: None,
        is_enabled: true,
        alternate_group: 0,
        is_forced: false,
        roles: Vec::new(),
        video: None,
        audio: None,
        is_encrypted: false,
        protection: None,
    }
}

fn rendition(name: &str, track: TrackDescription, timescale: u32, segments: Vec<Segment>) -> Rendition {
    let (name, spacing) = (name.to_owned(), Spacing { target: 6, first: 6 });
    Rendition { name, track, timescale, init: 0..900, index: 900..MEDIA, spacing, segments }
}

/// Four segments of H.264: 6.006 s each, and a last one of 2.002 s.
pub(super) fn video() -> Rendition {
    let video = VideoDescription {
        coded: (1920, 1080),
        presented: (1920, 1080),
        frame_rate: Some((30_000, 1001)),
        range: VideoRange::Sdr,
        supplemental: None,
    };
    let track = TrackDescription { video: Some(video), ..track(TrackKind::Video, Some("avc1.640028")) };
    let list = [(180_180, 2_000_000), (180_180, 3_000_000), (180_180, 1_000_000), (60_060, 500_000)];
    rendition("v1", track, 30_000, segments(&list))
}

/// Four segments of audio in 48 kHz, about as long.
pub(super) fn audio(name: &str, codec: &str, language: Option<&str>) -> Rendition {
    let audio = AudioDescription { channels: 2, sampling_rate: 48_000 };
    let track = TrackDescription {
        audio: Some(audio),
        language: language.map(str::to_owned),
        ..track(TrackKind::Audio, Some(codec))
    };
    let list = [(288_768, 96_000), (287_744, 97_000), (288_768, 95_000), (95_872, 32_000)];
    rendition(name, track, 48_000, segments(&list))
}

/// Text that is sent as WebVTT.
pub(super) fn text(name: &str, language: &str) -> Rendition {
    let track = TrackDescription {
        language: Some(language.to_owned()),
        is_enabled: false,
        ..track(TrackKind::Text, None)
    };
    rendition(name, track, 1000, Vec::new())
}

pub(super) fn presentation(renditions: Vec<Rendition>) -> Presentation {
    Presentation {
        renditions,
        refused: Vec::new(),
        duration: 20.02,
        query: String::new(),
        form: Form::Ranges,
        has_chapters: false,
        is_growing: false,
        event_target: None,
    }
}

/// What most movies are: pictures and sound.
pub(super) fn plain() -> Presentation {
    presentation(vec![video(), audio("a1", "mp4a.40.2", Some("en"))])
}

/// Pictures, four tracks of sound in three languages and two codings, and three of text.
pub(super) fn rich() -> Presentation {
    let mut commentary = audio("a3", "mp4a.40.5", Some("en"));
    commentary.track.name = Some("The \"director\"\r\n& Zoë".to_owned());
    commentary.track.roles = vec!["commentary".to_owned()];
    let mut surround = audio("a2", "ac-3", Some("de"));
    surround.track.audio = Some(AudioDescription { channels: 6, sampling_rate: 48_000 });
    surround.track.is_enabled = false;
    let mut captions = text("t2", "en");
    captions.track.roles = vec!["caption".to_owned()];
    let mut forced = text("t3", "en");
    forced.track.is_forced = true;
    presentation(vec![
        video(),
        audio("a1", "mp4a.40.2", Some("en")),
        surround,
        text("t1", "pt-BR"),
        commentary,
        captions,
        audio("a4", "mp4a.40.2", None),
        forced,
    ])
}

/// Presentations of all kinds, by name.
pub(super) fn all() -> Vec<(&'static str, Presentation)> {
    let mut open_gop = plain();
    for segment in &mut open_gop.renditions[0].segments {
        segment.is_independent = false;
    }
    let mut one_segment = plain();
    for rendition in &mut one_segment.renditions {
        rendition.segments.truncate(1);
    }
    one_segment.duration = 6.016;
    let mut short = plain();
    short.renditions.truncate(1);
    short.renditions[0].segments = segments(&[(1001, 7000)]);
    short.duration = 1001.0 / 30_000.0;
    let languages = vec![
        audio("a1", "mp4a.40.2", Some("en")),
        audio("a2", "mp4a.40.2", Some("de")),
        audio("a3", "Opus", Some("de")),
    ];
    let mut asked = rich();
    asked.query = "start=3&end=0:01:02&tracks=v1-a2&x=\"'<$>".to_owned();
    let mut fragmented_text = text("t1", "fr");
    fragmented_text.track.codec = Some("stpp.ttml.im1t".to_owned());
    // With a pause of a minute.
    fragmented_text.segments = segments(&[(6006, 400), (66_000, 900), (8008, 10)]);
    let of_no_player = |name, codec: &str| {
        let mut text = fragmented_text.clone();
        (text.name, text.track.codec) = (String::from(name), Some(codec.to_owned()));
        text
    };
    let unknown = vec![video(), of_no_player("t1", "c608"), of_no_player("t2", "mp4s")];
    let in_files = |presentation| Presentation { form: Form::Segments, ..presentation };
    let growing = |presentation| Presentation { is_growing: true, ..presentation };
    vec![
        ("plain", plain()),
        ("plain, in files", in_files(plain())),
        ("rich", rich()),
        ("rich, in files", in_files(rich())),
        ("a clip", asked.clone()),
        ("a clip, in files", in_files(asked)),
        ("sound", presentation(vec![audio("a1", "mp4a.40.2", None)])),
        ("sound in two languages and codings", presentation(languages)),
        ("pictures", presentation(vec![video()])),
        ("open GOP", open_gop),
        ("one segment", one_segment),
        ("one frame", short),
        ("text in fragments", presentation(vec![video(), fragmented_text])),
        ("text that no player knows", presentation(unknown)),
        ("growing", growing(rich())),
        ("growing, in files", growing(in_files(plain()))),
    ]
}

/// What a system whose ID is of these bytes is told of a film.
pub(super) fn pssh(system: u8) -> PsshBox {
    pssh_of([system; 16])
}

/// The same for any system.
pub(super) fn pssh_of(system_id: [u8; 16]) -> PsshBox {
    let pssh = make_box(b"pssh", [&[0; 4][..], &system_id, &[0, 0, 0, 2, 5, 6]].concat());
    read_box(pssh, PsshBox::read).unwrap().unwrap()
}
