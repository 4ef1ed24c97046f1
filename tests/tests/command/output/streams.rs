//! Pipes, devices and what the shell opened.

use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tests::built;

use super::{Scene, assert_refused};

#[test]
fn pipes_and_devices_are_written_to() {
    let scene = Scene::new();
    let fifo = scene.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let mut running = scene.command("", &[], &fifo).spawn().expect("a program that runs");
    let read = fs::read(&fifo).expect("a pipe");
    assert!(running.wait().expect("an end").success() && read == scene.clip);
    assert!(fs::metadata(&fifo).expect("a pipe").file_type().is_fifo());

    // A node of our own: a fault must not cost the machine its /dev/null. Others may not make one.
    if rustix::process::geteuid().is_root() {
        let null = scene.path("null");
        let node = Command::new("mknod").arg(&null).args(["c", "1", "3"]).status().expect("mknod");
        assert!(node.success());
        // A folder whose file system takes no devices says so when one is opened.
        let is_usable = File::options().write(true).open(&null).is_ok();
        let done = scene.run(&[], &null);
        assert_eq!(done.status.success(), is_usable, "{done:?}");
        assert!(fs::metadata(&null).expect("a device").file_type().is_char_device());
    }
    if rustix::process::geteuid().is_root() {
        let disk = scene.path("disk");
        let node = Command::new("mknod").arg(&disk).args(["b", "240", "0"]).status().expect("mknod");
        assert!(node.success());
        assert_refused(&scene.run(&[], &disk), "it is a disk; --force");
    }
    // As anybody, one that nobody may rename a file over.
    let stdout = scene.run(&[], Path::new("/dev/stdout"));
    assert!(stdout.status.success() && stdout.stdout == scene.clip);
}

#[test]
fn what_the_shell_opened_is_written_to() {
    let scene = Scene::new();
    let out = scene.path("out.mp4");
    fs::write(&out, "kept").expect("a file");
    for (redirection, before) in [(">>", &b"kept"[..]), (">", b"")] {
        let line = format!("exec {redirection} '{}';", out.display());
        let done = scene.command(&line, &[], Path::new("/dev/stdout")).output().expect("a program");
        assert!(done.status.success(), "{done:?}");
        assert!(fs::read(&out).expect("a file") == [before, &scene.clip].concat(), "{redirection}");
    }
}

#[test]
fn a_film_from_a_pipe_is_read_whole_first() {
    let scene = Scene::new();
    let clip = |from: &str| {
        let line = format!("cat \"$2\" | \"$1\" clip --start 3.05 --end 6 {from} -");
        let program = built("H264_MP4SEEK", "mp4seek");
        Command::new("sh").args(["-c", &line, "sh"]).arg(program).arg(&scene.film).output().expect("a shell")
    };
    for from in ["-", "/dev/stdin"] {
        let done = clip(from);
        assert!(done.status.success() && done.stdout.len() == scene.clip.len(), "{from}: {:?}", done.stderr);
    }
}

#[test]
fn a_terminal_gets_a_film_only_when_asked_for() {
    let scene = Scene::new();
    for (options, is_written) in [(&[][..], false), (&["--force"], true)] {
        let command = scene.command("", options, Path::new("-"));
        let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
        let words = words.iter().map(|word| format!("'{}'", word.to_str().expect("UTF-8")));
        // `script` gives it a terminal.
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &words.collect::<Vec<_>>().join(" "), "/dev/null"]).stdin(Stdio::null());
        let done = terminal.output().expect("script, of bsdutils");
        assert_eq!(done.status.success(), is_written, "{options:?}");
        let is_refused = String::from_utf8_lossy(&done.stdout).contains("it is a terminal; --force");
        assert_eq!(is_refused, !is_written, "{options:?}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_named_before_the_copy() {
    let scene = Scene::new();
    assert_refused(&scene.run(&[], &scene.path("nowhere/")), "nowhere/: there is no such folder");
    scene.assert_holds(&[]);
}
