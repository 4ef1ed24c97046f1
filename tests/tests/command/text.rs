//! What `mp4seek text` writes, beside what FFmpeg does.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use test_boxes::{Film, TrackSpec, make_box};
use tests::films::film;

use crate::mp4seek;

/// A cue: when it begins and ends, in milliseconds, and its lines.
type Cue = (u64, u64, String);

/// The cues of a WebVTT file. The hours of a time may be left out.
fn cues(vtt: &str) -> Vec<Cue> {
    assert!(vtt.starts_with("WEBVTT\n"), "{vtt}");
    let millis = |time: &str| {
        let digits = time.split([':', '.']).map(|digits| digits.parse::<u64>().expect("a number"));
        let digits: Vec<_> = digits.collect();
        let (millis, rest) = digits.split_last().expect("milliseconds");
        rest.iter().fold(0, |sum, number| sum * 60 + number) * 1000 + millis
    };
    let blocks = vtt.split("\n\n").skip(1).map(str::trim_end).filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let (times, text) = block.split_once('\n').expect("a line of times");
            let (from, to) = times.split_once(" --> ").expect("two times");
            (millis(from), millis(to), text.to_owned())
        })
        .collect()
}

/// What `mp4seek text` writes.
fn text(options: &[&str], film: &Path) -> String {
    let done = mp4seek(&[&["text"], options].concat(), film);
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    String::from_utf8(done.stdout).expect("UTF-8")
}

/// The first subtitles of a film, as FFmpeg converts them.
fn by_ffmpeg(film: &Path) -> Vec<Cue> {
    let mut ffmpeg = Command::new("ffmpeg");
    let done = ffmpeg.args(["-v", "error", "-nostdin", "-i"]).arg(film);
    let done = done.args(["-map", "0:s:0", "-f", "webvtt", "-"]).output();
    let done = done.expect("ffmpeg: install the distribution's package");
    assert!(done.status.success(), "{done:?}");
    cues(&String::from_utf8(done.stdout).expect("UTF-8"))
}

#[test]
fn subtitles_are_those_that_ffmpeg_finds() {
    // From fragments, FFmpeg takes no durations of text.
    for kind in ["subtitles", "subtitles_mov"] {
        let film = film(kind);
        let expected = by_ffmpeg(&film.path);
        assert!(expected.len() > 1, "{kind}: {expected:?}");
        assert_eq!(cues(&text(&[], &film.path)), expected, "{kind}");
        assert_eq!(cues(&text(&["--track", "t1"], &film.path)), expected, "{kind}");
        // The clip begins and ends in a cue.
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clip = dir.path().join("clip.mp4");
        let times = ["--start", "1", "--end", "3.2"];
        let done =
            mp4seek(&[&["clip"], &times[..], &[clip.to_str().expect("a UTF-8 path")]].concat(), &film.path);
        assert!(done.status.success(), "{done:?}");
        assert_eq!(cues(&text(&times, &film.path)), by_ffmpeg(&clip), "{kind}");
    }
}

/// When the chapters of a film begin, and their titles, as ffprobe lists them.
fn chapters_by_ffprobe(film: &Path) -> Vec<(u64, String)> {
    let words = ["-v", "error", "-show_chapters", "-of", "json", "-i"];
    let done = Command::new("ffprobe").args(words).arg(film).output();
    let done = done.expect("ffprobe: install the distribution's package");
    let json: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let chapters = json["chapters"].as_array().expect("chapters").iter();
    let time = |text: &Value| {
        let seconds = text.as_str().expect("a time").parse::<f64>().expect("a number");
        format!("{:.0}", seconds * 1000.0).parse::<u64>().expect("a whole number")
    };
    let title = |chapter: &Value| chapter["tags"]["title"].as_str().expect("a title").to_owned();
    chapters.map(|chapter| (time(&chapter["start_time"]), title(chapter))).collect()
}

#[test]
fn chapters_are_those_that_ffprobe_finds() {
    for kind in ["chapters", "chapters_no_chpl"] {
        let film = film(kind);
        let found = cues(&text(&["--chapters"], &film.path));
        let starts: Vec<_> = found.iter().map(|(from, _, title)| (*from, title.clone())).collect();
        assert!(!starts.is_empty(), "{kind}");
        assert_eq!(starts, chapters_by_ffprobe(&film.path), "{kind}");
        // One lasts until the next.
        assert!(found.windows(2).all(|two| two[0].1 == two[1].0), "{kind}: {found:?}");
    }
    let cut = cues(&text(&["--chapters", "--start", "4", "--end", "7"], &film("chapters").path));
    let expected = [(0, 2000, "chapter 1".to_owned()), (2000, 3000, "chapter 2".to_owned())];
    assert_eq!(cut, expected);
}

#[test]
fn ffprobe_finds_the_chapters_of_a_clip_in_either_form() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clip = dir.path().join("clip.mp4");
    let path = clip.to_str().expect("a UTF-8 path");
    for format in ["flat", "fmp4"] {
        let words = ["clip", "--force", "--start", "4", "--end", "11", "--format", format, path];
        let done = mp4seek(&words, &film("chapters").path);
        assert!(done.status.success(), "{done:?}");
        let expected = [(0, "chapter 1"), (2000, "chapter 2"), (5000, "chapter 3")];
        assert_eq!(
            chapters_by_ffprobe(&clip),
            expected.map(|(from, title)| (from, title.to_owned())),
            "{format}"
        );
    }
}

#[test]
fn subtitles_come_before_chapters() {
    let references = make_box(b"tref", make_box(b"chap", [0, 0, 0, 2]));
    let video = TrackSpec { in_trak: vec![references], ..TrackSpec::video(10, 5) };
    let track = |coding: &[u8; 4], sample: &[u8]| {
        TrackSpec::text(coding, make_box(coding, [0; 8]), &[(1000, sample.to_vec())])
    };
    let (chapters, subtitles) = (track(b"text", b"\0\x07chapter"), track(b"tx3g", b"\0\x04line"));
    let both = Film::of(vec![video.clone(), chapters.clone(), subtitles]).build();
    let alone = Film::of(vec![video, chapters]).build();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("film.mp4");
    for (film, options, expected) in [
        (&both, &[][..], "line"),
        (&both, &["--track", "t1"], "chapter"),
        (&both, &["--track", "3"], "line"),
        (&both, &["--chapters"], "chapter"),
        (&alone, &[], "chapter"),
    ] {
        std::fs::write(&path, film).expect("a temporary directory");
        assert_eq!(cues(&text(options, &path)), [(0, 1000, expected.to_owned())], "{options:?}");
    }
}

#[test]
fn a_film_without_such_text_says_so() {
    let (plain, ttml) = (film("bframes"), film("subtitles_ttml"));
    for (options, path, code, words) in [
        (&[][..], &plain.path, 3, "it has no text that WebVTT can show"),
        (&["--track", "t1"], &plain.path, 3, "it has no text track t1"),
        (&["--chapters"], &plain.path, 3, "it has no chapters"),
        (&["--track", "t1"], &ttml.path, 3, "WebVTT cannot show the text of stpp"),
        (&["--start", "x"], &film("subtitles").path, 2, "start"),
        (&["--start", "9999"], &film("subtitles").path, 4, "past the end"),
        (&["--chapters", "--track", "t1"], &plain.path, 2, "cannot be used with"),
    ] {
        let done = mp4seek(&[&["text"], options].concat(), path);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.code() == Some(code) && said.contains(words), "{options:?}: {done:?}");
        assert!(done.stdout.is_empty(), "{options:?}");
    }
}
