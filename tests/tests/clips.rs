//! Every kind of film, cut everywhere, in both modes: decoded and compared with
//! the film it was cut from. (Many more of them, on both servers and by more judges:
//! `make conformance`.)

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
    // libavformat gives out nothing of sound that lies within a packet.
    slides: [CUTS, &[(Some(16.5), Some(18.9)), (Some(18.9), None), (Some(4.5), Some(21.0))]]
        .concat()
        .into_iter()
        .filter(|cut| *cut != (Some(1.999), Some(2.001)))
        .collect::<Vec<_>>(),
    late_audio: [SHORT, &[(Some(0.5), Some(1.0)), (Some(1.5), Some(2.0)), (Some(1.4), Some(1.6))]].concat(),
    late_video: [SHORT, &[(Some(0.3), Some(2.0)), (Some(0.3), Some(0.6)), (Some(0.72), Some(2.0))]].concat(),
    edit_inside: INSIDE_EDITS,
    edits_several: INSIDE_EDITS,
    edit_empty_first: [INSIDE_EDITS, &[(Some(0.52), Some(2.0)), (Some(0.9), Some(1.1))]].concat(),
    several_audio: SHORT,
    subtitles: CUTS,
    chapters: CUTS,
    moov_first: SHORT,
    // libavformat gets the time of a single frame wrong if its offset is negative.
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
    let of_itself = source.faults(&film.path, &Cut { start: None, end: None, mode: Mode::Exact });
    assert!(of_itself.is_empty(), "the film: {of_itself:#?}");
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
