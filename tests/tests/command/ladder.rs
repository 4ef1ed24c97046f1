//! What `mp4seek ladder` checks before it writes. (That what it writes plays: `tests/addresses`.)

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use tests::built;
use tests::films::film;

fn ladder(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
    command.current_dir(folder).arg("ladder").args(arguments).output().expect("a program that runs")
}

/// A folder with films of these kinds, and names.
fn folder(films: &[(&'static str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(folder.path().join("below")).expect("a folder");
    for (kind, name) in films {
        fs::copy(film(kind).path, folder.path().join(name)).expect("a copy");
    }
    folder
}

fn assert_refused(done: &Output, code: i32, reasons: &[&str]) {
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(code), "{error}");
    assert_eq!(error.lines().count(), reasons.len(), "{error}");
    for (line, reason) in error.lines().zip(reasons) {
        assert!(line.contains(reason), "{reason:?} is not in {line:?}");
    }
}

#[test]
fn segments_that_begin_at_other_times_are_named() {
    let folder = folder(&[("bframes", "a.mp4"), ("long_gop", "b.mp4"), ("bframes", "c.mp4")]);
    let films = ["a.mp4", "b.mp4", "c.mp4"];
    let refused = ladder(folder.path(), &[&films[..], &["--hls", "l.m3u8"]].concat());
    assert_refused(&refused, 3, &["b.mp4: segment 2 begins at", "nothing is written"]);
    assert!(!folder.path().join("l.m3u8").exists());
    let done = ladder(folder.path(), &[&films[..], &["--misaligned", "--hls", "l.m3u8"]].concat());
    assert!(done.status.success(), "{done:?}");
    let text = fs::read_to_string(folder.path().join("l.m3u8")).expect("a playlist");
    assert_eq!(text.matches("#EXT-X-STREAM-INF").count(), 3, "{text}");
}

#[test]
fn a_ladder_stands_beside_or_above_its_films() {
    let folder = folder(&[("bframes", "below/a 100%.mp4"), ("bframes", "b.mp4"), ("audio_aac", "s.m4a")]);
    let films = ["below/a 100%.mp4", "b.mp4"];
    let both = ["--hls", "l.m3u8", "--dash", "l.mpd"];
    let done = ladder(folder.path(), &[&films[..], &both].concat());
    assert!(done.status.success() && done.stderr.is_empty() && done.stdout.is_empty(), "{done:?}");
    let text = fs::read_to_string(folder.path().join("l.m3u8")).expect("a playlist");
    assert!(text.contains("\nbelow/a%20100%25.mp4/hls/v1.m3u8\n") && text.contains("\nb.mp4/hls/v1.m3u8\n"));
    let text = fs::read_to_string(folder.path().join("l.mpd")).expect("a manifest");
    assert!(text.contains("<BaseURL>below/a%20100%25.mp4/cmaf/v1.mp4</BaseURL>"), "{text}");

    let again = ladder(folder.path(), &[&films[..], &["--dash", "l.mpd"]].concat());
    assert_refused(&again, 1, &["--force writes over it"]);
    let again = ladder(folder.path(), &[&films[..], &["--force", "--dash", "l.mpd"]].concat());
    assert!(again.status.success(), "{again:?}");
    let beside = ladder(folder.path(), &[&films[..], &["--dash", "below/l.mpd"]].concat());
    assert_refused(&beside, 1, &["beside b.mp4 or above it"]);
    let nowhere = ladder(folder.path(), &[&films[..], &["--dash", "none/l.mpd"]].concat());
    assert_refused(&nowhere, 1, &["cannot write to none: No such file"]);
    let sound = ladder(folder.path(), &["b.mp4", "s.m4a", "--dash", "s.mpd"]);
    assert_refused(&sound, 3, &["not every film has video"]);
    let one = ladder(folder.path(), &["b.mp4", "--dash", "s.mpd"]);
    assert_eq!(one.status.code(), Some(2), "{one:?}");
}
