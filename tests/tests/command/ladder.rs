//! What `mp4seek ladder` checks before it writes. (That what it writes plays: `tests/addresses`.)

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

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
    for films in [["b.mp4", "s.m4a"], ["s.m4a", "b.mp4"]] {
        let sound = ladder(folder.path(), &[&films[..], &["--dash", "s.mpd"]].concat());
        assert_refused(&sound, 3, &["s.m4a: it has no video"]);
    }
    let one = ladder(folder.path(), &["b.mp4", "--dash", "s.mpd"]);
    assert_eq!(one.status.code(), Some(2), "{one:?}");
}

#[test]
fn a_film_that_may_still_be_recorded_is_in_a_playlist_alone() {
    let folder = folder(&[("frag_skip_trailer", "a.mp4"), ("frag_skip_trailer", "b.mp4")]);
    // Only the second was written to just now.
    let a = fs::File::options().append(true).open(folder.path().join("a.mp4")).expect("a copy");
    a.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a file of ours");
    let write = |options: &[&str]| {
        ladder(folder.path(), &[&["a.mp4", "b.mp4", "--segment-duration", "1"], options].concat())
    };
    let why = "b.mp4: a manifest over several films cannot grow, and it may still be recorded";
    assert_refused(&write(&["--hls", "l.m3u8", "--dash", "l.mpd"]), 3, &[why]);
    assert!(!folder.path().join("l.m3u8").exists());
    let done = write(&["--hls", "l.m3u8"]);
    assert_refused(&done, 0, &["b.mp4: the playlist has the tracks that it has so far: it may still be"]);
    let text = fs::read_to_string(folder.path().join("l.m3u8")).expect("a playlist");
    assert_eq!(text.matches("#EXT-X-STREAM-INF").count(), 2, "{text}");
}

#[test]
fn films_are_linked_to_by_their_names() {
    let folder = folder(&[("bframes", "a.mp4")]);
    let name = OsStr::from_bytes(b"\xe9t\xe9.mp4");
    fs::copy(film("bframes").path, folder.path().join(name)).expect("a copy");
    let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
    command.current_dir(&folder).args(["ladder", "a.mp4"]).arg(name).args(["--hls", "-"]);
    let done = command.output().expect("a program that runs");
    let text = String::from_utf8(done.stdout).expect("UTF-8");
    assert!(done.status.success() && text.contains("\n%E9t%E9.mp4/hls/v1.m3u8\n"), "{text}");
    assert_refused(
        &ladder(folder.path(), &["a.mp4", "-", "--hls", "l.m3u8"]),
        2,
        &["standard input has no name"],
    );
}

#[test]
fn a_film_is_never_written_over() {
    let folder = folder(&[("bframes", "a.mp4"), ("bframes", "b.mp4"), ("bframes", "c.mp4")]);
    fs::hard_link(folder.path().join("b.mp4"), folder.path().join("b.m3u8")).expect("a link");
    fs::write(folder.path().join("notes.txt"), "<p>notes</p>").expect("a file");
    let before = fs::read(film("bframes").path).expect("a film");
    let other = "it is neither a playlist nor a manifest";
    for option in ["--hls", "--dash"] {
        for (arguments, reason) in [
            // The value of the option was forgotten.
            (&["--force", option, "a.mp4", "b.mp4", "c.mp4"][..], other),
            (&["a.mp4", "b.mp4", option, "a.mp4", "--force"], "it is one of the films"),
            (&["a.mp4", "b.mp4", option, "b.m3u8", "--force"], "it is one of the films"),
            (&["a.mp4", "b.mp4", option, "notes.txt", "--force"], other),
        ] {
            assert_refused(&ladder(folder.path(), arguments), 1, &[reason]);
        }
    }
    // Nothing is written where one of the two is refused.
    let both = ladder(folder.path(), &["a.mp4", "b.mp4", "--hls", "l.m3u8", "--dash", "c.mp4", "--force"]);
    assert_refused(&both, 1, &[other]);
    assert!(!folder.path().join("l.m3u8").exists());
    for name in ["a.mp4", "b.mp4", "c.mp4"] {
        assert!(fs::read(folder.path().join(name)).expect("a film") == before, "{name}");
    }
    assert_eq!(fs::read(folder.path().join("notes.txt")).expect("a file"), b"<p>notes</p>");
}

#[test]
fn a_ladder_is_written_like_a_clip() {
    let folder = folder(&[("bframes", "a.mp4"), ("bframes", "b.mp4")]);
    let path = |name: &str| folder.path().join(name);
    let write = |options: &[&str]| ladder(folder.path(), &[&["a.mp4", "b.mp4"], options].concat());
    let wanted = write(&["--hls", "-"]);
    assert!(wanted.status.success() && wanted.stdout.starts_with(b"#EXTM3U"), "{wanted:?}");
    assert!(!path("-").exists());

    // A file keeps its mode, and a link stays one.
    fs::write(path("l.m3u8"), "#EXTM3U old").expect("a file");
    fs::set_permissions(path("l.m3u8"), Permissions::from_mode(0o640)).expect("a file of ours");
    symlink("l.m3u8", path("link")).expect("a link");
    assert!(write(&["--hls", "link", "--force"]).status.success());
    assert!(fs::symlink_metadata(path("link")).expect("a link").is_symlink());
    assert_eq!(fs::read(path("l.m3u8")).expect("a playlist"), wanted.stdout);
    assert_eq!(fs::metadata(path("l.m3u8")).expect("a file").permissions().mode() & 0o777, 0o640);
    symlink("nothing", path("dangling")).expect("a link");
    assert_refused(&write(&["--hls", "dangling"]), 1, &["it is a symbolic link to a file that is not there"]);

    assert!(Command::new("mkfifo").arg(path("fifo")).status().expect("mkfifo").success());
    // One that is replaced has a reader wait for ever.
    let mut reader = Command::new("timeout");
    let reader = reader.args(["10", "cat", "fifo"]).current_dir(&folder).stdout(Stdio::piped()).spawn();
    let done = write(&["--hls", "fifo", "--force"]);
    assert!(done.status.success(), "{done:?}");
    let is_pipe = fs::symlink_metadata(path("fifo")).expect("a pipe").file_type().is_fifo();
    let read = reader.and_then(std::process::Child::wait_with_output).expect("a reader");
    assert!(is_pipe && read.stdout == wanted.stdout, "the pipe was replaced");
}

#[test]
fn what_is_there_stays_where_the_other_cannot_be_written() {
    let folder = folder(&[("bframes", "a.mp4"), ("bframes", "b.mp4")]);
    let path = |name: &str| folder.path().join(name);
    // Of two names: it is written in place.
    fs::write(path("l.m3u8"), "#EXTM3U old").expect("a file");
    fs::hard_link(path("l.m3u8"), path("other")).expect("a link");
    symlink("nothing", path("l.mpd")).expect("a link");
    let both = ["a.mp4", "b.mp4", "--hls", "l.m3u8", "--dash", "l.mpd", "--force"];
    assert_refused(&ladder(folder.path(), &both), 1, &["it is a symbolic link to a file that is not there"]);
    assert_eq!(fs::read(path("l.m3u8")).expect("a playlist"), b"#EXTM3U old");
    fs::remove_file(path("l.mpd")).expect("a link of ours");
    assert!(ladder(folder.path(), &both).status.success());
    let text = fs::read_to_string(path("other")).expect("a playlist");
    assert!(text.contains("#EXT-X-STREAM-INF") && !text.contains("old"), "{text}");
}

#[test]
fn a_playlist_and_a_manifest_are_two_files() {
    let folder = folder(&[("bframes", "a.mp4"), ("bframes", "b.mp4")]);
    symlink("l.mpd", folder.path().join("link")).expect("a link");
    for force in [&[][..], &["--force"]] {
        for (hls, dash) in [("x", "x"), ("x", "./x"), ("-", "-"), ("below/../x", "x")] {
            let both =
                ladder(folder.path(), &[&["a.mp4", "b.mp4", "--hls", hls, "--dash", dash], force].concat());
            assert_refused(&both, 2, &["cannot both be"]);
            assert!(!folder.path().join("x").exists());
        }
    }
    fs::write(folder.path().join("l.mpd"), "<?xml?><MPD>").expect("a file");
    let both = ladder(folder.path(), &["a.mp4", "b.mp4", "--hls", "link", "--dash", "l.mpd", "--force"]);
    assert_refused(&both, 2, &["cannot both be"]);
}
