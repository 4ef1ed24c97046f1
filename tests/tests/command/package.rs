//! What `mp4seek package` does with folders, options and failures. (What it writes:
//! `tests/addresses`.)

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use tests::bad_disk::with_bad_disk;
use tests::built;
use tests::films::film;

fn package(options: &[&str], film: &Path, folder: &Path) -> Output {
    let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
    command.arg("package").args(options).arg(film).arg(folder).output().expect("a program that runs")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// The files below a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = vec![folder.to_owned()];
    while let Some(inner) = next.pop() {
        for entry in fs::read_dir(inner).expect("a folder").flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => next.push(path),
                false => found.push(path.strip_prefix(folder).expect("below").display().to_string()),
            }
        }
    }
    found.sort();
    found
}

fn assert_refused(done: &Output, code: i32, reason: &str) {
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(code), "{error}");
    assert!(error.lines().count() == 1 && error.contains(reason), "{reason:?} is not in {error:?}");
}

#[test]
fn only_what_is_wanted_is_written() {
    let film = film("subtitles");
    let media = ["cmaf/a1.mp4", "cmaf/v1.mp4"];
    let hls = ["hls/a1.m3u8", "hls/master.m3u8", "hls/t1.m3u8", "hls/v1-iframes.m3u8", "hls/v1.m3u8"];
    let (dash, text) = (["dash/manifest.mpd"], ["cmaf/t1.vtt"]);
    for (options, mut wanted) in [
        (&["--packaging", "hls"][..], [&media[..], &hls, &text].concat()),
        (&["--packaging", "dash"], [&media[..], &dash, &text].concat()),
        (&["--packaging", "dash,hls"], [&media[..], &dash, &hls, &text].concat()),
        (&["--packaging", "dash", "--tracks", "video"], [&media[1..], &dash].concat()),
    ] {
        wanted.sort_unstable();
        let dir = folder();
        // The folders above it are created, too.
        let out = dir.path().join("a/b");
        let done = package(options, &film.path, &out);
        assert!(done.status.success() && done.stderr.is_empty() && done.stdout.is_empty(), "{done:?}");
        assert_eq!(files(&out), wanted, "{options:?}");
    }
}

#[test]
fn a_folder_with_something_in_it_is_kept_unless_asked() {
    let (film, dir) = (film("bframes"), folder());
    let written = |options: &[&str]| package(options, &film.path, dir.path());
    fs::write(dir.path().join("index.html"), "a page").expect("a file");
    assert_refused(&written(&[]), 1, "it is not empty; --force");
    assert_eq!(files(dir.path()), ["index.html"]);
    let files_form = ["--force", "--segments", "files", "--segment-duration", "2"];
    assert!(written(&files_form).status.success());
    let first = files(dir.path());
    assert!(first.contains(&"cmaf/v1/4.m4s".to_owned()), "{first:?}");
    fs::write(dir.path().join("cmaf/v1/notes.txt"), "a note").expect("a file");
    fs::write(dir.path().join("hls/poster.jpg"), "a picture").expect("a file");
    // What only the first had is removed, and what is no part of a package stays.
    assert!(written(&["--force", "--packaging", "dash"]).status.success());
    let wanted = ["cmaf/a1.mp4", "cmaf/v1.mp4", "cmaf/v1/notes.txt", "dash/manifest.mpd", "hls/poster.jpg"];
    assert_eq!(files(dir.path()), [&wanted[..], &["index.html"]].concat());
    assert!(!dir.path().join("cmaf/a1").exists(), "an empty folder is left");
    // Only files are removed.
    fs::create_dir(dir.path().join("cmaf/a9.mp4")).expect("a folder");
    let again = written(&["--force", "--packaging", "dash"]);
    assert!(again.status.success() && dir.path().join("cmaf/a9.mp4").is_dir(), "{again:?}");
    // An empty folder is as good as none.
    let empty = folder();
    assert!(package(&[], &film.path, empty.path()).status.success());
}

#[test]
fn a_film_is_never_written_over_nor_removed() {
    let dir = folder();
    fs::create_dir(dir.path().join("cmaf")).expect("a folder");
    for name in ["cmaf/v1.mp4", "cmaf/a7.mp4"] {
        let path = dir.path().join(name);
        fs::copy(film("bframes").path, &path).expect("a copy");
        assert_refused(&package(&["--force"], &path, dir.path()), 1, "it is the film itself");
        assert_eq!(files(dir.path()), [name]);
        fs::remove_file(path).expect("a file");
    }
}

#[test]
fn failures_say_what_to_do_and_write_nothing() {
    let (good, dir) = (film("bframes"), folder());
    let out = dir.path().join("out");
    let text = dir.path().join("text.mp4");
    fs::write(&text, "not a film").expect("a file");
    let cases: [(&[&str], &Path, i32, &str); 10] = [
        (&[], &text, 3, "not an MP4"),
        (
            &["--tracks", "text"],
            &film("chapters").path,
            3,
            "it has no track that players of HLS and DASH can play",
        ),
        (
            &["--tracks", "text", "--packaging", "hls"],
            &film("subtitles").path,
            3,
            "it has text alone, which HLS has not; --packaging dash",
        ),
        (&["--tracks", "v7"], &good.path, 2, "none of the tracks"),
        (&["--start", "99"], &good.path, 4, "past the end"),
        (&["--start", "x"], &good.path, 2, "start"),
        (&["--segment-duration", "0"], &good.path, 2, "1 to 60"),
        (&["--segment-duration", "61"], &good.path, 2, "1 to 60"),
        (&["--segments", "both"], &good.path, 2, "ranges, files"),
        (&["--packaging", "mss"], &good.path, 2, "hls, dash"),
    ];
    for (options, film, code, reason) in cases {
        let done = package(options, film, &out);
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{options:?} {error}");
        assert!(error.contains(reason), "{options:?}: {reason:?} is not in {error:?}");
        assert!(!out.exists(), "{options:?}");
    }
    assert_refused(&package(&[], &good.path, &text), 1, "it is no folder");
}

#[test]
fn a_track_that_no_playlist_can_name_is_left_out() {
    let dir = folder();
    let mut film = fs::read(film("bframes").path).expect("a film");
    let at = film.windows(4).position(|name| name == b"mp4a").expect("a sample entry");
    film[at..at + 4].copy_from_slice(b"\xa9\"\n\0");
    let path = dir.path().join("film.mp4");
    fs::write(&path, film).expect("a file");
    let done = package(&[], &path, &dir.path().join("out"));
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && error.contains("film.mp4: track a1 is left out"), "{error}");
    let found = files(&dir.path().join("out"));
    assert!(!found.iter().any(|file| file.contains("a1")) && found.contains(&"cmaf/v1.mp4".to_owned()));
}

/// A film whose sound has two sample descriptions, both in use.
fn of_two_descriptions() -> Vec<u8> {
    let mut film = fs::read(film("bframes").path).expect("a film");
    // The sound is the last track, and all metadata comes last: nothing else moves.
    let at = |film: &[u8], name: &[u8]| film.windows(4).rposition(|found| found == name).expect("a box") - 4;
    let number = |film: &[u8], at: usize| u32::from_be_bytes(film[at..at + 4].try_into().expect("4 bytes"));
    let write = |film: &mut [u8], at: usize, n: u32| film[at..at + 4].copy_from_slice(&n.to_be_bytes());
    let entry = at(&film, b"mp4a");
    let len = number(&film, entry);
    for name in [b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"] {
        let at = at(&film, name);
        let size = number(&film, at) + len;
        write(&mut film, at, size);
    }
    let (stsd, stsc) = (at(&film, b"stsd"), at(&film, b"stsc"));
    write(&mut film, stsd + 12, 2);
    // The description of its first chunks.
    write(&mut film, stsc + 24, 2);
    let copy = film[entry..entry + len as usize].to_vec();
    film.splice(entry..entry, copy);
    film
}

#[test]
fn a_track_that_segments_cannot_hold_is_named() {
    let dir = folder();
    let path = dir.path().join("a.mp4");
    fs::write(&path, of_two_descriptions()).expect("a film");
    let said =
        "track a1 is left out: cannot be sent in fragments: samples with different sample descriptions";
    let done = package(&[], &path, &dir.path().join("out"));
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && error.lines().count() == 1 && error.contains(said), "{error}");
    let mut ladder = Command::new(built("H264_MP4SEEK", "mp4seek"));
    ladder.arg("ladder").args([&path, &path]).arg("--hls").arg(dir.path().join("l.m3u8"));
    let done = ladder.output().expect("a program that runs");
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && error.lines().count() == 2 && error.contains(said), "{error}");
}

#[test]
fn text_alone_is_packaged_for_dash() {
    let dir = folder();
    let done = package(&["--tracks", "text"], &film("subtitles").path, dir.path());
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && error.contains("HLS is left out: it has no text alone"), "{error}");
    assert_eq!(files(dir.path()), ["cmaf/t1.vtt", "dash/manifest.mpd"]);
}

#[test]
fn a_recording_is_packaged_again_and_again() {
    let recording = fs::read(film("frag_base_moof").path).expect("a film in fragments");
    let dir = folder();
    let (path, out) = (dir.path().join("live.mp4"), dir.path().join("out"));
    let (mut playlist, mut segments) = (String::new(), Vec::new());
    for part in [50, 80, 100] {
        fs::write(&path, &recording[..recording.len() * part / 100]).expect("a file");
        let done = package(&["--force", "--segment-duration", "1"], &path, &out);
        assert!(done.status.success(), "{done:?}");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let growing = "live.mp4: what is not complete of it is left out: it may still be recorded";
        assert_eq!(said.contains(growing), part < 100, "{said}");
        let form = "segments are files of their own, and the manifest is dash/manifest-template.mpd";
        assert_eq!((said.contains(form), said.lines().count()), (true, if part < 100 { 2 } else { 1 }));
        let text = fs::read_to_string(out.join("hls/v1.m3u8")).expect("a playlist");
        assert!(text.contains(":EVENT\n") && text.starts_with(&playlist), "{playlist}\n{text}");
        assert_eq!(text.contains("#EXT-X-ENDLIST"), part == 100, "{text}");
        let links = text.lines().filter(|line| !line.starts_with('#'));
        let found: Vec<_> = links.map(|link| fs::read(out.join("hls").join(link)).expect(link)).collect();
        assert!(found.starts_with(&segments) && found.len() > segments.len(), "{part}: {text}");
        let target = |track: &str| {
            let text = fs::read_to_string(out.join(format!("hls/{track}.m3u8"))).expect("a playlist");
            text.lines().find(|line| line.starts_with("#EXT-X-TARGETDURATION")).map(str::to_owned)
        };
        assert_eq!(target("v1"), target("a1"), "{part}");
        (playlist, segments) = (text.replace("#EXT-X-ENDLIST\n", ""), found);
    }
}

#[test]
fn what_a_recording_lacks_is_said_with_the_reason() {
    let dir = folder();
    let (path, out) = (dir.path().join("live.mp4"), dir.path().join("out"));
    let begin = |kind, part: usize| {
        let film = fs::read(film(kind).path).expect("a film in fragments");
        fs::write(&path, &film[..film.len() * part / 100]).expect("a file");
    };
    begin("frag_base_moof", 20);
    let done = package(&[], &path, &out);
    assert_refused(&done, 3, "live.mp4: too little of it is there yet, and it may still be recorded");
    begin("frag_subtitles", 80);
    let done = package(&["--segment-duration", "1", "--packaging", "hls"], &path, &out);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let text = "track t1 is left out: HLS has no such text of a film that may still be recorded";
    assert!(done.status.success() && said.contains(text), "{said}");
    assert!(said.contains("files of their own\n"), "{said}");
}

#[test]
fn a_film_from_a_pipe_has_ended() {
    let dir = folder();
    // Nothing in it says how long it lasts, or that it has ended.
    let film = film("frag_skip_trailer").path;
    let wanted = dir.path().join("wanted");
    assert!(package(&["--segment-duration", "1"], &film, &wanted).status.success());
    let fresh = dir.path().join("fresh.mp4");
    fs::copy(&film, &fresh).expect("a copy");
    for (line, film, is_whole) in [
        ("cat \"$2\" | \"$1\" package --segment-duration 1 - \"$3\"", &film, true),
        ("cat \"$2\" | \"$1\" package --segment-duration 1 /dev/stdin \"$3\"", &film, true),
        ("\"$1\" package --segment-duration 1 - \"$3\" <\"$2\"", &film, true),
        ("\"$1\" package --segment-duration 1 - \"$3\" <\"$2\"", &fresh, false),
    ] {
        let out = dir.path().join("out");
        let mut shell = Command::new("sh");
        shell.args(["-c", line, "sh"]).arg(built("H264_MP4SEEK", "mp4seek")).args([film, &out]);
        let done = shell.output().expect("a shell");
        assert!(done.status.success(), "{done:?}");
        assert_eq!(files(&out) == files(&wanted), is_whole, "{line}: {done:?}");
        fs::remove_dir_all(out).expect("a folder of ours");
    }
}

#[test]
fn a_full_disk_leaves_no_unfinished_file() {
    let dir = folder();
    let out = dir.path().join("out");
    // Blocks of 512 or 1024 bytes, as the shell has them: less than the media.
    let done = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"])
        .arg(built("H264_MP4SEEK", "mp4seek"))
        .arg("package")
        .arg(film("bframes").path)
        .arg(&out)
        .output()
        .expect("a program that runs");
    assert_refused(&done, 1, "File too large");
    assert_eq!(files(&out), Vec::<String>::new());
}

/// A package that turns out not to fit on the disk when its media is written.
fn package_on_full_disk(film: &Path, folder: &Path) {
    let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
    command.args(["package", "--force"]).arg(film).arg(folder);
    let done = with_bad_disk(&mut command, &[("FULL_FILE", folder.to_str().expect("UTF-8"))]).output();
    assert_refused(&done.expect("a program that runs"), 1, "No space left");
}

#[test]
fn a_disk_that_is_full_only_when_all_is_written_gets_no_playlists() {
    let dir = folder();
    let out = dir.path().join("out");
    package_on_full_disk(&film("bframes").path, &out);
    assert_eq!(files(&out), ["cmaf/a1.mp4", "cmaf/v1.mp4"]);
}

#[test]
fn a_film_that_cannot_be_read_leaves_the_package_of_it_as_it_is() {
    let dir = folder();
    let (film, other, out) = (film("bframes").path, film("long_gop").path, dir.path().join("out"));
    assert!(package(&[], &film, &out).status.success());
    let all = files(&out);
    // Nor does another film that cannot be read.
    for film in [film, other] {
        let len = film.metadata().expect("a film").len();
        let name = film.file_name().and_then(|name| name.to_str()).expect("a film");
        let [from, to] = [len / 4, len * 3 / 4].map(|at| at.to_string());
        let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
        command.args(["package", "--force"]).arg(&film).arg(&out);
        let faults = [("FAIL_FILE", name), ("FAIL_FROM", &*from), ("FAIL_TO", &*to)];
        let done = with_bad_disk(&mut command, &faults).output().expect("a program that runs");
        assert_refused(&done, 1, "cannot read");
        assert_eq!(files(&out), all, "{name}");
    }
}

#[test]
fn playlists_are_never_those_of_another_film() {
    let dir = folder();
    let out = dir.path().join("out");
    assert!(package(&[], &film("bframes").path, &out).status.success());
    let all = files(&out);
    let written = || fs::metadata(out.join("cmaf/v1.mp4")).expect("media").ino();
    let first = written();
    // The same film changes nothing.
    package_on_full_disk(&film("bframes").path, &out);
    assert_eq!((files(&out), written()), (all.clone(), first));
    package_on_full_disk(&film("long_gop").path, &out);
    assert_eq!(files(&out), ["cmaf/a1.mp4", "cmaf/v1.mp4"]);
    assert!(package(&["--force"], &film("long_gop").path, &out).status.success());
    assert_eq!(files(&out), all);
}
