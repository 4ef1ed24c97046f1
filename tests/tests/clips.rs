//! Every kind of film, cut everywhere, in both modes: decoded and compared with
//! the film it was cut from.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::io::Write;

use mp4seek::request::Mode;
use tests::films::{self, Film, film};
use tests::probe::{Cut, Source, clip};

/// One test per kind of film, so that they run side by side.
macro_rules! kinds {
    ($($kind:ident: $cuts:expr),+ $(,)?) => {
        $(#[test] fn $kind() { sweep(stringify!($kind), &$cuts) })+

        #[test]
        fn no_kind_is_left_out() {
            let mut swept = vec![$(stringify!($kind)),+];
            let mut all = films::KINDS.to_vec();
            swept.sort_unstable();
            all.sort_unstable();
            assert_eq!(swept, all);
        }
    };
}

/// Where a film of twelve seconds at 25 frames a second is cut.
const CUTS: &[(Option<f64>, Option<f64>)] = &[
    (None, None),
    (None, Some(4.3)),
    (Some(7.123_456), None),
    (Some(3.05), Some(7.0)),
    (Some(2.0), Some(4.0)),
    (Some(2.52), Some(2.76)),
    (Some(3.04), Some(3.08)),
    (Some(1.999), Some(2.001)),
    (Some(10.97), None),
    (Some(0.01), Some(11.5)),
];

const SHORT: &[(Option<f64>, Option<f64>)] = &[
    (None, Some(2.5)),
    (Some(3.05), Some(5.0)),
    (Some(2.2), None),
    (Some(3.04), Some(3.08)),
    (Some(5.5), None),
];

const INSIDE_EDITS: &[(Option<f64>, Option<f64>)] = &[
    (None, None),
    (None, Some(2.3)),
    (Some(0.3), Some(1.7)),
    (Some(1.0), Some(4.5)),
    (Some(2.5), Some(3.5)),
    (Some(3.0), None),
    (Some(2.96), Some(3.04)),
    (Some(4.123), Some(6.2)),
    (Some(6.0), None),
];

const SOUND: &[(Option<f64>, Option<f64>)] = &[
    (None, Some(4.3)),
    (Some(7.123_456), None),
    (Some(3.05), Some(7.0)),
    (Some(2.52), Some(2.76)),
    (Some(1.95), Some(2.05)),
    (Some(10.97), None),
];

kinds! {
    bframes: CUTS,
    baseline: CUTS,
    open_gop: CUTS,
    long_gop: CUTS,
    ntsc: CUTS,
    vfr: CUTS,
    late_audio: [SHORT, &[(Some(0.5), Some(1.0)), (Some(1.5), Some(2.0)), (Some(1.4), Some(1.6))]].concat(),
    late_video: [SHORT, &[(Some(0.3), Some(2.0)), (Some(0.3), Some(0.6)), (Some(0.72), Some(2.0))]].concat(),
    edit_inside: INSIDE_EDITS,
    edits_several: INSIDE_EDITS,
    edit_empty_first: [INSIDE_EDITS, &[(Some(0.52), Some(2.0)), (Some(0.9), Some(1.1))]].concat(),
    several_audio: SHORT,
    subtitles: CUTS,
    chapters: CUTS,
    moov_first: SHORT,
    // Of a single frame whose offset is negative, libavformat gets the time wrong.
    negative_ctts: CUTS.iter().copied().filter(|cut| *cut != (Some(3.04), Some(3.08))).collect::<Vec<_>>(),
    huge: SHORT,
    hevc: CUTS,
    av1: SHORT,
    audio_aac: SOUND,
    audio_opus: SOUND,
    audio_mp3: SOUND,
    pcm: SHORT,
    mdat64: SHORT,
    mdat_to_end: SHORT,
    several_mdat: SHORT,
    track_by_track: SHORT,
    silent: SHORT,
}

fn sweep(kind: &'static str, cuts: &[(Option<f64>, Option<f64>)]) {
    let film = film(kind);
    let source = Source::of(&film).expect("a film that can be decoded");
    let faults = faults(&film, &source, cuts);
    assert!(faults.is_empty(), "{} wrong clips\n{}", faults.len(), faults.join("\n"));
}

/// What is wrong with each clip that is wrong.
fn faults(film: &Film, source: &Source, cuts: &[(Option<f64>, Option<f64>)]) -> Vec<String> {
    let mut all = Vec::new();
    for &(start, end) in cuts {
        for mode in [Mode::Exact, Mode::Keyframe] {
            let cut = Cut { start, end, mode };
            let faults = match clip(&film.path, &cut.query()) {
                Ok(bytes) => {
                    let mut file = tempfile::NamedTempFile::new().expect("a temporary directory");
                    file.write_all(&bytes).expect("room in the temporary directory");
                    source.faults(file.path(), &cut)
                }
                Err(e) if e == "the plain file" && start.is_none() && end.is_none() => Vec::new(),
                Err(e) => vec![e],
            };
            if !faults.is_empty() {
                all.push(format!("{}?{}\n    {}", film.name, cut.query(), faults.join("\n    ")));
            }
        }
    }
    all
}

/// Films of a corpus that ffmpeg cannot be asked about, by the end of their names.
const NOT_FOR_FFMPEG: &[(&str, &str)] = &[
    ("3GP_sample.3gp", "an empty stss says that nothing is a sync sample; ffmpeg looks into the pictures"),
    ("4301.mov", "its video is disabled, so nothing is snapped to a frame; ffmpeg snaps"),
    ("QuicktimeVR.mov", "its video is disabled, so nothing is snapped to a frame; ffmpeg snaps"),
    ("Periode_1_trailer.mov", "ffmpeg's SVQ3 decoder gives out a frame too few after a seek"),
    ("quicktime_sample.mov", "ffmpeg's QDM2 decoder gives other sound after a seek"),
    ("voy86201.mov", "ffmpeg's QDM2 decoder gives other sound after a seek"),
    ("karma.mp4", "942 packets of no duration at time 0: nothing says when they are shown"),
    ("amrwb.3gp", "ffmpeg's AMR-WB decoder takes long to find its state"),
    ("sample_with_color_info.mp4", "of four offsets libavformat forgets the last two"),
    ("toothsome-dts.mp4", "libavformat counts the samples to skip in ticks, which are not samples here"),
    ("3GPP2.3g2", "ffmpeg decodes one of the five AMR frames in a packet"),
    ("test.m4p", "encrypted sound: what ffmpeg makes of it is noise"),
    ("short-cenc.mp4", "encrypted: what ffmpeg makes of it is noise"),
    (
        "modh264strea__vid.mp4",
        "its header counts no empty edit, and ffmpeg hides what is past the header's end",
    ),
    ("no-tags.m4a", "its first sample is shown with the second; libavformat drops the edit's first"),
];

/// The films of `H264_CORPUS`; without it there is nothing to cut here.
#[test]
fn corpus() {
    let mut wrong = Vec::new();
    for film in films::corpus() {
        if let Some((_, why)) = NOT_FOR_FFMPEG.iter().find(|(name, _)| film.name.ends_with(name)) {
            println!("{} is left out: {why}", film.name);
            continue;
        }
        let source = match Source::of(&film) {
            Ok(source) => source,
            Err(e) => {
                println!("{} is left out, ffmpeg does not read it: {e}", film.name);
                continue;
            }
        };
        // In whole milliseconds, as people ask.
        let at = |part: f64| Some((source.reading.duration * part * 1000.0).round() / 1000.0);
        let cuts = [(None, at(0.3)), (at(0.3), at(0.7)), (at(0.6), None)];
        wrong.extend(faults(&film, &source, &cuts));
    }
    assert!(wrong.is_empty(), "{} wrong clips\n{}", wrong.len(), wrong.join("\n"));
}
