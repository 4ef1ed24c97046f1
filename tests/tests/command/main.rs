//! `mp4seek` as a script uses it.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod description;
mod ladder;
mod output;
mod package;
mod sign;
mod text;

use std::path::Path;
use std::process::{Command, Output};

use mp4seek::request::Mode;
use serde_json::Value;
use tests::built;
use tests::films::film;
use tests::probe::{Cut, Source, clip};

fn mp4seek(args: &[&str], input: &Path) -> Output {
    let (command, options) = args.split_first().expect("a command");
    // The film comes before where the clip goes, which is last.
    let at = options.len() - usize::from(*command == "clip");
    Command::new(built("H264_MP4SEEK", "mp4seek"))
        .arg(command)
        .args(&options[..at])
        .arg(input)
        .args(&options[at..])
        .output()
        .expect("a program that runs")
}

#[test]
fn a_clip_is_the_one_a_server_sends() {
    for kind in ["bframes", "edits_several", "audio_aac"] {
        let film = film(kind);
        let dir = tempfile::tempdir().expect("a temporary directory");
        let out = dir.path().join("clip.mp4");
        let wanted = clip(&film.path, "start=3.05&end=6").expect("a clip");
        let times = ["clip", "--quiet", "--start", "3.05", "--end", "6"];
        let done = mp4seek(&[&times[..], &[out.to_str().expect("a UTF-8 path")]].concat(), &film.path);
        assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
        assert!(std::fs::read(out).expect("a clip") == wanted, "{kind}");
        let piped = mp4seek(&[&times[..], &["-"]].concat(), &film.path);
        assert!(piped.status.success() && piped.stdout == wanted, "{kind}");
        let scenes = ["clip", "--quiet", "--clip", "5-6", "--clip", "-0:02.5", "-"];
        let joined = mp4seek(&scenes, &film.path);
        let wanted = clip(&film.path, "clip=5-6&clip=-2.5").expect("a clip");
        assert!(joined.status.success() && joined.stdout == wanted, "{kind}");
    }
}

#[test]
fn both_modes_and_all_spellings_are_taken() {
    let film = film("bframes");
    let source = Source::of(&film).expect("a film");
    let done =
        mp4seek(&["clip", "--start", "0:03.05", "--end", "0:00:06", "--mode", "keyframe", "-"], &film.path);
    let cut = Cut { start: Some(3.05), end: Some(6.0), mode: Mode::Keyframe };
    source.assert_shows("mp4seek clip", &done.stdout, &cut);
}

#[test]
fn failures_have_codes_and_one_line() {
    let film = film("bframes");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let text = dir.path().join("text.mp4");
    std::fs::write(&text, "not a film").expect("a temporary directory");
    let out = dir.path().join("out.mp4");
    let out = out.to_str().expect("a UTF-8 path");
    let cases: [(&[&str], &Path, i32); 8] = [
        (&["clip", "--start", "-1", out], &film.path, 2),
        (&["clip", "--start", "x", out], &film.path, 2),
        (&["clip", "--start", "5", "--end", "4", out], &film.path, 2),
        (&["clip", "--start", "99", out], &film.path, 4),
        (&["clip", "--start", "1", out], &text, 3),
        (&["clip", "--start", "1", out], &dir.path().join("none.mp4"), 1),
        (&["clip", "--start", "1", "/nowhere/out.mp4"], &film.path, 1),
        (&["inspect"], &text, 3),
    ];
    for (args, input, code) in cases {
        let done = mp4seek(args, input);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {done:?}");
        assert_eq!(String::from_utf8_lossy(&done.stderr).lines().count(), 1, "{args:?}: {done:?}");
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        let named = [input.to_str().expect("a UTF-8 path"), "/nowhere/out.mp4"];
        assert!(named.iter().any(|name| error.contains(name)), "{args:?}: {error}");
        assert!(!Path::new(out).exists(), "{args:?} leaves a file");
    }
}

#[test]
fn inspect_tells_what_ffprobe_reads() {
    for kind in ["bframes", "open_gop", "several_audio", "late_video", "edit_inside"] {
        let film = film(kind);
        let reading = tests::probe::Reading::of(&film.path);
        let done = mp4seek(&["inspect", "--json", "--start", "3.05", "--end", "6"], &film.path);
        let json: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        let tracks = json["tracks"].as_array().expect("tracks");
        assert_eq!(tracks.len(), reading.streams.len(), "{kind}");
        let sync: Vec<f64> =
            tracks[0]["sync_points"].as_array().expect("times").iter().filter_map(Value::as_f64).collect();
        let keys: Vec<f64> =
            reading.streams[0].packets.iter().filter(|p| p.key && p.shown).map(|p| p.time).collect();
        let missing = keys.iter().find(|key| !sync.iter().any(|at| (at - *key).abs() < 1e-6));
        assert_eq!(missing, None, "{kind}: {sync:?}");
        let bytes = clip(&film.path, "start=3.05&end=6").expect("a clip").len();
        assert_eq!(json["clip"]["bytes"].as_u64(), Some(bytes as u64), "{kind}");
        let done =
            mp4seek(&["inspect", "--json", "--start", "3.05", "--end", "6", "--format", "fmp4"], &film.path);
        let json: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        let clip = clip(&film.path, "start=3.05&end=6&format=fmp4").expect("a clip");
        assert_eq!(json["clip"]["bytes"].as_u64(), Some(clip.len() as u64), "{kind}");
        let media = clip.windows(4).position(|name| name == b"moof").expect("a fragment") as u64 - 4;
        assert_eq!(json["clip"]["metadata_bytes"].as_u64(), Some(media), "{kind}");
        let text = mp4seek(&["inspect"], &film.path);
        assert!(text.status.success() && String::from_utf8_lossy(&text.stdout).contains("moov"), "{kind}");
    }
}

#[test]
fn inspect_names_no_place_outside_of_the_file() {
    fn places(boxes: &Value, found: &mut Vec<(String, Option<u64>)>) {
        for b in boxes.as_array().into_iter().flatten() {
            found.push((b["type"].as_str().unwrap_or_default().to_owned(), b["offset"].as_u64()));
            places(&b["boxes"], found);
        }
    }
    let film = film("frag_cmaf");
    let done = mp4seek(&["inspect", "--json"], &film.path);
    let json: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let mut found = Vec::new();
    places(&json["boxes"], &mut found);
    let len = film.path.metadata().expect("a film").len();
    assert!(found.iter().all(|(_, offset)| offset.is_none_or(|at| at < len)), "{found:?}");
    assert!(
        found.contains(&("moov".to_owned(), Some(28))) && found.contains(&("stts".to_owned(), None)),
        "{found:?}"
    );
}

#[test]
fn inspect_says_what_is_left_out() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/fuzz/seeds/film");
    let reports = |name: &str| {
        let done = mp4seek(&["inspect", "--start", "0.3"], &seeds.join(name));
        String::from_utf8_lossy(&done.stdout)
            .matches("left out what is damaged: moof box at byte 3171")
            .count()
    };
    assert_eq!((reports("damaged.mp4"), reports("sidx.mp4")), (1, 0));
}

#[test]
fn verify_says_what_a_server_would_do() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let text = dir.path().join("text.mp4");
    std::fs::write(&text, "not a film").expect("a temporary directory");
    let good = film("bframes");
    let done = mp4seek(&["verify"], &good.path);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stdout).contains(".mp4: can be cut\n"), "{done:?}");

    let done = mp4seek(&["verify", "--json", good.path.to_str().expect("UTF-8")], &text);
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    let json: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!((&json[0]["can_be_cut"], &json[1]["can_be_cut"]), (&true.into(), &false.into()));
    assert!(json[1]["refusal"].as_str().is_some_and(|why| why.contains("not an MP4")), "{json}");

    let unsaid = mp4seek(&["verify"], &film("no_sync_mpeg2").path);
    let unsaid = String::from_utf8_lossy(&unsaid.stdout).into_owned();
    assert!(unsaid.contains("the pictures say where decoding can begin"), "{unsaid}");

    let done = mp4seek(&["verify"], &dir.path().join("none.mp4"));
    assert_eq!(done.status.code(), Some(1), "{done:?}");
}

#[test]
fn verify_cuts_in_the_middle_of_what_is_presented() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("film.mp4");
    let mut bytes = std::fs::read(film("bframes").path).expect("a film");
    let edits: Vec<_> = (4..bytes.len()).filter(|&at| bytes[..at].ends_with(b"elst")).collect();
    assert_eq!(edits.len(), 2, "an edit list in each track");
    for at in edits {
        // Two of twelve seconds, behind the version and the count.
        bytes[at + 8..at + 12].copy_from_slice(&2000u32.to_be_bytes());
    }
    std::fs::write(&path, &bytes).expect("a file");
    let done = mp4seek(&["verify"], &path);
    assert!(done.status.success(), "{done:?}");

    let bytes = std::fs::read(film("frag_cmaf").path).expect("a film");
    let media = bytes.windows(4).position(|name| name == b"moof").expect("a fragment") - 4;
    std::fs::write(&path, &bytes[..media]).expect("a file");
    let done = mp4seek(&["verify"], &path);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.code() == Some(3) && said.contains("no track of it presents anything"), "{said}");
}

#[test]
fn faststart_is_what_a_server_sends_without_times() {
    let film = film("bframes");
    let done = Command::new(built("H264_MP4SEEK", "mp4seek"))
        .arg("faststart")
        .arg(&film.path)
        .arg("-")
        .output()
        .expect("a program that runs");
    assert!(done.status.success(), "{done:?}");
    assert!(done.stdout == clip(&film.path, "").expect("a film"));
}

#[test]
fn what_is_no_film_is_not_copied() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (text, short) = (dir.path().join("text.mp4"), dir.path().join("short.mp4"));
    std::fs::write(&text, "not a film").expect("a file");
    let whole = std::fs::read(film("bframes").path).expect("a film");
    std::fs::write(&short, &whole[..whole.len() / 2]).expect("a file");
    for file in [&text, &short] {
        for command in
            [&["faststart"][..], &["clip"], &["clip", "--format", "fmp4"], &["clip", "--start", "0"]]
        {
            let mut run = Command::new(built("H264_MP4SEEK", "mp4seek"));
            let done = run.args(command).arg(file).arg(dir.path().join("out.mp4")).output();
            let done = done.expect("a program that runs");
            let error = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(done.status.code() == Some(3) && error.lines().count() == 1, "{command:?}: {done:?}");
            assert!(error.contains("not an MP4"), "{command:?}: {error}");
            assert!(!dir.path().join("out.mp4").exists(), "{command:?} leaves a file");
        }
    }
}

#[test]
fn an_flv_is_not_cut_by_bytes() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("film.flv");
    let flv = [&b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..], &[7; 999]].concat();
    std::fs::write(&path, &flv).expect("a file");
    for options in [&["--start", "50"][..], &["--clip", "6-7"], &["--tracks", "audio"], &["--format", "fmp4"]]
    {
        let done = mp4seek(&[&["clip"], options, &["-"]].concat(), &path);
        assert!(done.status.code() == Some(3) && done.stdout.is_empty(), "{options:?}: {done:?}");
        assert!(String::from_utf8_lossy(&done.stderr).contains("film.flv: an FLV"), "{options:?}: {done:?}");
    }
    let done = mp4seek(&["clip", "-"], &path);
    assert!(done.status.success() && done.stdout == flv, "{done:?}");
}

#[test]
fn a_film_whose_metadata_cannot_move_is_copied_and_said_to_be() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("film.mp4");
    let mut bytes = std::fs::read(film("bframes").path).expect("a film");
    // Of a track that cannot be read nobody knows what to move.
    for (name, other) in [(b"soun", b"text"), (b"stsz", b"free")] {
        let at = bytes.windows(4).rposition(|found| found == name).expect("a box of the last track");
        bytes[at..at + 4].copy_from_slice(other);
    }
    std::fs::write(&path, &bytes).expect("a file");
    let mut run = Command::new(built("H264_MP4SEEK", "mp4seek"));
    let done = run.arg("faststart").arg(&path).arg("-").output().expect("a program that runs");
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(error.contains("film.mp4: copied as it is: a track that cannot be read"), "{error}");
    assert!(done.status.success() && done.stdout == bytes);
}

#[test]
fn manual_pages_and_completions_name_the_commands() {
    let run = |args: &[&str]| {
        let done = Command::new(built("H264_MP4SEEK", "mp4seek")).args(args).output();
        let done = done.expect("a program that runs");
        (done.status.code(), String::from_utf8(done.stdout).expect("UTF-8"))
    };
    for shell in ["bash", "zsh", "fish"] {
        let (code, script) = run(&["completions", shell]);
        assert!(code == Some(0) && script.contains("faststart"), "{shell}: {script}");
    }
    for (args, words) in [(&["man"][..], "mp4seek"), (&["man", "clip"], "force")] {
        let (code, page) = run(args);
        assert!(code == Some(0) && page.contains(".TH") && page.contains(words), "{args:?}: {page}");
    }
    assert_eq!(run(&["man", "nothing"]).0, Some(2));
}

#[test]
fn exit_codes_are_the_same_in_help_and_on_the_page() {
    let done = Command::new(built("H264_MP4SEEK", "mp4seek")).arg("--help").output();
    let help = String::from_utf8(done.expect("a program that runs").stdout).expect("UTF-8");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/command-line.md");
    let page = std::fs::read_to_string(path).expect("a page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let codes: Vec<_> = rows.filter(|(code, _)| code.parse::<u8>().is_ok()).collect();
    assert_eq!(codes.len(), 5);
    for (code, when) in codes {
        let sentence = words(&format!("{code} {when}")).replace('`', "");
        assert!(words(&help).contains(&sentence), "{sentence} is not in {help}");
    }
}

/// The commands of a page, with the film that they are run on: of twelve seconds, not of minutes.
fn documented_commands(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(path).expect("a page");
    let in_blocks = text.lines().filter(|line| line.starts_with("mp4seek "));
    let in_words = text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("mp4seek "));
    // The name of a command alone is none.
    let in_words = in_words.filter(|code| *code != "mp4seek sign");
    let commands = in_blocks.chain(in_words);
    commands.map(|line| line.replace("61.5", "1.5").replace("1:30", "9")).collect()
}

/// What the command prints that the page on signed links has for keys.
fn documented_key() -> Vec<u8> {
    let text = tests::pages::page("limits.md").replace("\n", " ");
    let command =
        text.split('`').find(|code| code.starts_with("openssl rand ")).expect("a command").to_owned();
    let done = Command::new("sh").args(["-ec", &command]).output().expect("a shell");
    assert!(done.status.success() && done.stdout.len() > 16, "{command}: {done:?}");
    done.stdout
}

#[test]
fn the_commands_of_the_pages_run() {
    let program = built("H264_MP4SEEK", "mp4seek");
    for (page, at_least) in [("command-line.md", 8), ("streaming.md", 2), ("limits.md", 1)] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in ["film.mp4", "film-1080.mp4", "film-720.mp4"] {
            std::fs::copy(film("subtitles").path, dir.path().join(name)).expect("a copy");
        }
        std::fs::write(dir.path().join("keys"), documented_key()).expect("a file");
        let commands = documented_commands(page);
        assert!(commands.len() >= at_least, "{page}: {commands:#?}");
        for command in &commands {
            let command = command.replace("/etc/h264-streaming.keys", "keys");
            let line = format!("run=\"$1\"; mp4seek() {{ \"$run\" \"$@\"; }}; {command}");
            let mut shell = Command::new("sh");
            shell.args(["-ec", &line, "sh"]).arg(&program).current_dir(&dir);
            let done = shell.output().expect("a shell");
            assert!(done.status.success(), "{page}: {command}: {}", String::from_utf8_lossy(&done.stderr));
        }
    }
}
