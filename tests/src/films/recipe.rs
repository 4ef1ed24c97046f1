//! How each kind of film is written.

use super::screened::SCREENED;
use super::variants::VARIANTS;

/// How a kind of film is written. Words of arguments are separated by spaces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) extension: &'static str,
    pub(crate) seconds: u32,
    /// Frames a second as a fraction, and the encoder's arguments (x264's where they name none);
    /// `None`: no video.
    pub(crate) video: Option<((u32, u32), &'static str)>,
    /// Irregular times: frame to milliseconds, here and as ffmpeg's expression.
    pub(crate) times: Option<(Times, &'static str)>,
    /// Sampling rate, channels, and what is said to ffmpeg before the input.
    pub(crate) audio: &'static [(u32, u16, &'static str)],
    /// Encoder of all audio tracks.
    pub(crate) audio_codec: &'static str,
    /// Arguments for the file as a whole.
    pub(crate) mux: &'static str,
    pub(crate) sidecar: Sidecar,
    /// A command that makes `{out}` of `{in}`; `{tests}` is this package.
    pub(crate) then: &'static str,
    pub(crate) patch: Patch,
}

/// The time in milliseconds of a frame.
pub(crate) type Times = fn(u32) -> u32;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Sidecar {
    None,
    Subtitles,
    /// Two tracks of them, the second of which says `Zeile` for `line`.
    TwoSubtitles,
    /// A track of them without a cue.
    NoSubtitles,
    Chapters,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Patch {
    None,
    /// For each track its edits: duration, start in what it showed before.
    Edits(&'static [&'static [(f64, Option<f64>)]]),
    /// For all tracks the same edits: duration, start, rate in 16.16 fixed point.
    Rates(&'static [(f64, f64, u32)]),
    /// The second half of the media lies behind this many bytes of nothing.
    Hole(u64),
    Mdat64,
    MdatToEnd,
    ThreeMdats,
    TrackByTrack,
    /// The first track does not say which samples are sync samples.
    NoSyncTable,
    /// The first track says that all samples are sync samples.
    EverySync,
    /// The last sample of the first track lasts no time.
    EndAtOnce,
}

pub(crate) const PLAIN: Recipe = Recipe {
    name: "plain",
    extension: "mp4",
    seconds: 12,
    video: Some(((25, 1), "-bf 3 -g 50")),
    times: None,
    audio: &[(48000, 1, "")],
    audio_codec: AAC,
    mux: "",
    sidecar: Sidecar::None,
    then: "",
    patch: Patch::None,
};

const AAC: &str = "aac -b:a 64k -aac_pns 0";

/// Short films, by name: many codecs, layouts and unusual times.
pub fn variants() -> impl Iterator<Item = &'static str> {
    VARIANTS.iter().map(|variant| variant.name)
}

/// Films to play on screens, by name.
pub fn screened() -> impl Iterator<Item = &'static str> {
    SCREENED.iter().map(|film| film.name)
}

/// Every kind of film, by name.
pub const KINDS: &[&str] = &[
    "bframes",
    "baseline",
    "open_gop",
    "long_gop",
    "ntsc",
    "vfr",
    "slides",
    "late_audio",
    "late_video",
    "edit_inside",
    "edits_several",
    "edit_empty_first",
    "several_audio",
    "subtitles",
    "chapters",
    "moov_first",
    "negative_ctts",
    "huge",
    "hevc",
    "av1",
    "audio_aac",
    "audio_opus",
    "audio_mp3",
    "pcm",
    "mdat64",
    "mdat_to_end",
    "several_mdat",
    "track_by_track",
    "silent",
];

pub(super) fn recipe(name: &'static str) -> Recipe {
    let plain = Recipe { name, ..PLAIN };
    let video = |args| Some(((25, 1), args));
    let audio_only = Recipe { video: None, extension: "m4a", ..plain };
    match name {
        "bframes" => plain,
        "baseline" => Recipe { video: video("-bf 0 -g 25"), ..plain },
        "open_gop" => Recipe { video: video("-bf 3 -g 25 -x264-params open-gop=1"), ..plain },
        "long_gop" => Recipe { seconds: 24, video: video("-bf 2 -g 250"), ..plain },
        "ntsc" => Recipe { video: Some(((30000, 1001), "-bf 2 -g 30")), audio: &[(44100, 2, "")], ..plain },
        "vfr" => Recipe {
            video: video(
                "-bf 2 -g 40 -fps_mode passthrough -enc_time_base:v 1:1000 -video_track_timescale 1000",
            ),
            times: Some((
                |n| n * 40 + 13 * u32::from(n % 3 == 1) + if n >= 100 { 1707 } else { 0 },
                "N*40+13*eq(mod(N,3),1)+1707*gte(N,100)",
            )),
            ..plain
        },
        "slides" => Recipe { seconds: 40, video: Some(((1, 4), "-bf 2 -g 4")), ..plain },
        "late_audio" => Recipe { audio: &[(48000, 1, "-itsoffset 1.513")], ..plain },
        // The video's own times are set back: only files take an offset by themselves.
        "late_video" => Recipe { video: video("-bf 2 -g 50 -vf setpts=PTS+0.72/TB"), ..plain },
        "edit_inside" => Recipe { patch: Patch::Edits(&[&[(8.0, Some(1.6))], &[(8.0, Some(1.6))]]), ..plain },
        "edits_several" => Recipe {
            patch: Patch::Edits(&[
                &[(3.0, Some(1.0)), (4.0, Some(6.4))],
                &[(3.0, Some(1.0)), (4.0, Some(6.4))],
            ]),
            ..plain
        },
        "edit_empty_first" => Recipe {
            patch: Patch::Edits(&[&[(0.52, None), (7.0, Some(2.2))], &[(1.0, None), (6.5, Some(2.68))]]),
            ..plain
        },
        "several_audio" => Recipe { audio: &[(48000, 1, ""), (44100, 2, ""), (32000, 1, "")], ..plain },
        "subtitles" => Recipe { sidecar: Sidecar::Subtitles, ..plain },
        "chapters" => Recipe { sidecar: Sidecar::Chapters, ..plain },
        "moov_first" => Recipe { mux: "-movflags +faststart", ..plain },
        "negative_ctts" => Recipe { mux: "-movflags +negative_cts_offsets", ..plain },
        "huge" => Recipe { patch: Patch::Hole(0x1_2000_0000), ..plain },
        "hevc" => Recipe {
            video: video(
                "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=50:min-keyint=50:bframes=3:pools=1 -tag:v hvc1",
            ),
            ..plain
        },
        "av1" => Recipe {
            seconds: 6,
            video: video("-c:v libsvtav1 -preset 12 -crf 40 -g 50 -svtav1-params lp=1"),
            ..plain
        },
        "audio_aac" => audio_only,
        "audio_opus" => Recipe { extension: "mp4", audio_codec: "libopus -b:a 48k", ..audio_only },
        "audio_mp3" => Recipe { extension: "mp4", audio_codec: "libmp3lame -b:a 64k", ..audio_only },
        "pcm" => Recipe { extension: "mov", audio_codec: "pcm_s16le", ..plain },
        "mdat64" => Recipe { patch: Patch::Mdat64, ..plain },
        "mdat_to_end" => Recipe { patch: Patch::MdatToEnd, ..plain },
        "several_mdat" => Recipe { patch: Patch::ThreeMdats, ..plain },
        "track_by_track" => Recipe { patch: Patch::TrackByTrack, ..plain },
        "silent" => Recipe { audio: &[], ..plain },
        "loud" => Recipe {
            seconds: 90,
            audio: &[(96000, 2, "")],
            extension: "mov",
            audio_codec: "pcm_s16le",
            video: video("-bf 2 -g 50"),
            ..plain
        },
        // Beside `screen_bframes`, rungs of a ladder: their frames are reordered by less.
        "half" => Recipe { seconds: 30, video: video("-bf 0 -g 50 -vf scale=80:48"), ..plain },
        "double" => Recipe { seconds: 30, video: video("-bf 2 -g 50 -vf scale=320:192"), ..plain },
        "demo" => Recipe { seconds: 60, mux: "-movflags +faststart", ..plain },
        _ => {
            let found = VARIANTS.iter().chain(SCREENED).find(|film| film.name == name);
            *found.unwrap_or_else(|| panic!("no film is called {name}"))
        }
    }
}
