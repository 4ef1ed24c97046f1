//! Signals, full disks and readers that go away leave nothing behind.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use tests::bad_disk::with_bad_disk;
use tests::built;

use super::{Scene, assert_refused};

/// A film of a size that takes a while to copy: a box of media, which is a hole, is at its end.
fn big_film(scene: &Scene) -> PathBuf {
    let big = scene.path("big.mp4");
    fs::copy(&scene.film, &big).expect("a copy");
    let file = File::options().write(true).open(&big).expect("a film");
    let len = file.metadata().expect("a film").len();
    let hole: u64 = 2 << 30;
    let mut header = 1u32.to_be_bytes().to_vec();
    header.extend_from_slice(b"mdat");
    header.extend_from_slice(&hole.to_be_bytes());
    std::os::unix::fs::FileExt::write_all_at(&file, &header, len).expect("a film");
    file.set_len(len + hole).expect("a hole");
    big
}

/// A copy of that film which has begun.
fn begun(scene: &Scene, command: &mut Command) -> Child {
    let mut running = command.spawn().expect("a program that runs");
    let holds_temporary = || {
        let names = fs::read_dir(scene.dir.path()).expect("a folder");
        names.flatten().any(|entry| entry.file_name().as_encoded_bytes().starts_with(b".mp4seek"))
    };
    while !holds_temporary() {
        assert!(running.try_wait().expect("a process").is_none(), "it ended early");
        // Short: a signal may come as soon as there is a file.
        sleep(Duration::from_micros(100));
    }
    running
}

#[test]
fn a_signal_leaves_no_file_behind() {
    let scene = Scene::new();
    let (big, out) = (big_film(&scene), scene.path("out.mp4"));
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        // Who started this test may have had some of them ignored.
        let mut faststart = Command::new("env");
        faststart.arg("--default-signal=HUP,INT,TERM").arg(built("H264_MP4SEEK", "mp4seek"));
        let mut running = begun(&scene, faststart.args(["faststart", "--quiet"]).args([&big, &out]));
        rustix::process::kill_process(Pid::from_child(&running), signal).expect("a process of ours");
        let status = running.wait().expect("an end");
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
        scene.assert_holds(&["big.mp4"]);
    }
}

#[test]
fn a_signal_that_is_ignored_stays_so() {
    let scene = Scene::new();
    let (big, out) = (big_film(&scene), scene.path("out.mp4"));
    // As `nohup` has it, and for a job in the background of a script.
    let mut faststart = Command::new("sh");
    faststart.args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"]).arg(built("H264_MP4SEEK", "mp4seek"));
    let mut running = begun(&scene, faststart.args(["faststart", "--quiet"]).args([&big, &out]));
    let pid = Pid::from_child(&running);
    for signal in [Signal::HUP, Signal::INT] {
        rustix::process::kill_process(pid, signal).expect("a process of ours");
        sleep(Duration::from_millis(50));
        assert_eq!(running.try_wait().expect("a process"), None, "{signal:?} ended it");
    }
    rustix::process::kill_process(pid, Signal::TERM).expect("a process of ours");
    assert_eq!(running.wait().expect("an end").signal(), Some(Signal::TERM.as_raw()));
    scene.assert_holds(&["big.mp4"]);
}

#[test]
fn a_standard_error_that_nobody_reads_changes_no_exit_code() {
    for words in ["verify /nowhere.mp4", "clip /nowhere.mp4 -"] {
        let run = format!("\"$1\" {words} 2>&1 >/dev/null; echo $? >&3");
        let line = format!("{{ {{ sleep 0.2; {run}; }} | true; }} 3>&1");
        let program = built("H264_MP4SEEK", "mp4seek");
        let done = Command::new("sh").args(["-c", &line, "sh"]).arg(program).output().expect("a shell");
        assert_eq!(String::from_utf8(done.stdout).expect("UTF-8"), "1\n", "{words}");
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let scene = Scene::new();
    // A node of our own: a fault must not cost the machine its /dev/full.
    let mut full = PathBuf::from("/dev/full");
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        full = scene.path("full");
        let node = Command::new("mknod").arg(&full).args(["c", "1", "7"]).status().expect("mknod");
        assert!(node.success());
    }
    if File::options().write(true).open(&full).is_ok() {
        assert_refused(&scene.run(&[], &full), "No space left");
    }
    if is_root {
        fs::remove_file(full).expect("a node of ours");
    }
    let out = scene.path("out.mp4");
    fs::write(&out, "precious").expect("a file");
    // Blocks of 512 or 1024 bytes, as the shell has them: less than the clip.
    for before in ["ulimit -f 8;", "trap '' XFSZ; ulimit -f 8;"] {
        let done = scene.command(before, &["--force"], &out).output().expect("a program");
        assert_refused(&done, "File too large");
    }
    assert_eq!(fs::read(&out).expect("a file"), b"precious");
    scene.assert_holds(&["out.mp4"]);
}

#[test]
fn a_disk_that_is_full_only_when_all_is_written_loses_nothing() {
    let scene = Scene::new();
    let out = scene.path("out.mp4");
    let write = |path: &Path| {
        let mut command = scene.command("", &["--force"], path);
        let full = [("FULL_FILE", scene.dir.path().to_str().expect("UTF-8"))];
        with_bad_disk(&mut command, &full).output().expect("a program that runs")
    };
    assert_refused(&write(&out), "out.mp4: No space left");
    scene.assert_holds(&[]);
    fs::write(&out, "precious").expect("a file");
    assert_refused(&write(&out), "out.mp4: No space left");
    assert_eq!(fs::read(&out).expect("a file"), b"precious");
    scene.assert_holds(&["out.mp4"]);
    // In place, where the old content is lost, it is said.
    fs::hard_link(&out, scene.path("other.mp4")).expect("a link");
    assert_refused(&write(&out), "out.mp4: No space left");
}

#[test]
fn a_film_that_cannot_be_read_is_named() {
    let scene = Scene::new();
    let out = scene.path("out.mp4");
    let name = scene.film.to_str().expect("UTF-8");
    // In the media, which is first.
    let faults = [("FAIL_FILE", "bframes"), ("FAIL_FROM", "60000"), ("FAIL_TO", "90000")];
    let mut clip = scene.command("", &[], &out);
    let mut package = Command::new(built("H264_MP4SEEK", "mp4seek"));
    package.arg("package").arg(&scene.film).arg(scene.path("package"));
    for command in [&mut clip, &mut package] {
        let done = with_bad_disk(command, &faults).output().expect("a program that runs");
        assert_refused(&done, &format!("cannot read {name}: Input/output error"));
    }
    assert!(!out.exists());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let scene = Scene::new();
    for words in ["clip --start 1 \"$2\" -", "inspect --json \"$2\"", "verify \"$2\"", "man clip"] {
        let line = format!("{{ \"$1\" {words}; echo \"code $?\" >&2; }} | true");
        let program = built("H264_MP4SEEK", "mp4seek");
        let done = Command::new("sh").args(["-c", &line, "sh"]).arg(program).arg(&scene.film).output();
        let error = String::from_utf8(done.expect("a shell").stderr).expect("UTF-8");
        assert_eq!(error, "code 0\n", "{words}");
    }
}

#[test]
fn of_what_is_no_film_little_is_copied() {
    let scene = Scene::new();
    let out = scene.path("out.mp4");
    for endless in ["cat /dev/zero |", "yes |"] {
        // A temporary file may have no more than 512 or 1024 kB.
        let line = format!("ulimit -f 1000; trap '' XFSZ; {endless} \"$1\" clip --end 1 - \"$2\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &line, "sh"]).arg(built("H264_MP4SEEK", "mp4seek")).arg(&out);
        let done = shell.output().expect("a shell");
        assert_eq!(done.status.code(), Some(3), "{done:?}");
    }
    assert!(!out.exists());
}

#[test]
fn a_film_from_a_pipe_that_there_is_no_room_for_leaves_nothing_behind() {
    let scene = Scene::new();
    let (spool, out) = (scene.path("spool"), scene.path("out.mp4"));
    fs::create_dir(&spool).expect("a folder");
    let clip = |before: &str, with: &[&str]| {
        // What is left in the folder is said on standard output.
        let line = format!(
            "{before} {{ cat \"$2\" | \"$1\" clip --start 3.05 --end 6 - \"$3\"; }}; code=$?; ls -A \"$TMPDIR\"; exit $code"
        );
        let (first, rest) = with.split_first().expect("a program");
        let program = built("H264_MP4SEEK", "mp4seek");
        let mut command = Command::new(first);
        command.args(rest).args(["sh", "-c", &line, "sh"]).arg(program).arg(&scene.film).arg(&out);
        command.env("TMPDIR", &spool).output().expect("a shell")
    };
    let assert_no_room = |done: &Output, words: &str| {
        assert_eq!((done.status.code(), &*done.stdout), (Some(1), &b""[..]), "{done:?}");
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        let named =
            error.contains("which needs as much room") && error.contains(spool.to_str().expect("UTF-8"));
        assert!(named && error.contains(words), "{error}");
    };
    // Blocks of 512 or 1024 bytes, as the shell has them: less than the film.
    assert_no_room(&clip("trap '' PIPE; ulimit -f 8;", &["env"]), "File too large");
    // A disk of our own, where one may be mounted.
    let mount = "mount -t tmpfs -o size=64k none \"$TMPDIR\" || exit 99; trap '' PIPE;";
    let done = clip(mount, &["unshare", "--map-root-user", "--mount"]);
    let is_refused = String::from_utf8_lossy(&done.stderr).contains("unshare: ");
    if !is_refused && done.status.code() != Some(99) {
        assert_no_room(&done, "no end within ");
    }
    assert!(fs::metadata(&scene.film).expect("a film").len() > 64 << 10);
    let done = clip("TMPDIR=\"$TMPDIR/nowhere\"; trap '' PIPE;", &["env"]);
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(error.contains("spool/nowhere first") && error.contains("No such file"), "{error}");
    scene.assert_holds(&["spool"]);
}
