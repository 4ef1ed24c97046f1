//! What was there before: overwritten when asked for, its attributes, links and content kept.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tests::bad_disk::with_bad_disk;
use tests::built;

use super::{Scene, assert_refused};

/// Who owns what the tests of missing rights need, where they run as root.
const NOBODY: u32 = 65534;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").mode() & 0o7777
}

#[test]
fn a_file_that_is_there_is_overwritten_only_when_asked_for() {
    let scene = Scene::new();
    let out = scene.path("out.mp4");
    fs::write(&out, "precious").expect("a file");
    assert_refused(&scene.run(&[], &out), "out.mp4: it is there already; --force");
    assert_eq!(fs::read(&out).expect("a file"), b"precious");
    assert!(scene.run(&["--force"], &out).status.success());
    assert!(fs::read(&out).expect("a file") == scene.clip);
    scene.assert_holds(&["out.mp4"]);
}

#[test]
fn a_file_system_without_links_takes_new_files_too() {
    let scene = Scene::new();
    let out = scene.path("out.mp4");
    let mut command = scene.command("", &[], &out);
    let done = with_bad_disk(&mut command, &[("NO_LINKS", "1")]).output().expect("a program that runs");
    assert!(done.status.success(), "{done:?}");
    assert!(fs::read(&out).expect("a file") == scene.clip);
    scene.assert_holds(&["out.mp4"]);
}

#[test]
fn the_person_at_a_terminal_is_asked() {
    let scene = Scene::new();
    let out = scene.path("out.mp4");
    for (answer, is_overwritten) in [("n\n", false), ("\n", false), ("y\n", true)] {
        fs::write(&out, "precious").expect("a file");
        let command = scene.command("", &[], &out);
        let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
        let words = words.iter().map(|word| format!("'{}'", word.to_str().expect("UTF-8")));
        // `script` gives it a terminal.
        let mut terminal = Command::new("script")
            .args(["-qec", &words.collect::<Vec<_>>().join(" "), "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of bsdutils");
        let mut shown = [0; 1];
        let mut screen = terminal.stdout.take().expect("an output");
        // What is typed before the question is asked could be lost.
        let mut seen = Vec::new();
        while !seen.ends_with(b"[y/N] ") && screen.read(&mut shown).expect("a terminal") == 1 {
            seen.push(shown[0]);
        }
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert!(seen.contains("overwrite") && seen.contains("out.mp4"), "{seen}");
        terminal.stdin.take().expect("an input").write_all(answer.as_bytes()).expect("a terminal");
        let status = terminal.wait().expect("an end");
        assert_eq!(status.success(), is_overwritten, "{answer:?}");
        assert_eq!(fs::read(&out).expect("a file") == scene.clip, is_overwritten, "{answer:?}");
    }
}

#[test]
fn a_new_file_has_the_mode_of_the_umask_and_an_old_one_keeps_its_own() {
    let scene = Scene::new();
    for (umask, expected) in [("077", 0o600), ("022", 0o644), ("002", 0o664)] {
        let out = scene.path(umask);
        let done = scene.command(&format!("umask {umask};"), &[], &out).output().expect("a program");
        assert!(done.status.success(), "{done:?}");
        assert_eq!(mode(&out), expected, "umask {umask}");
    }
    let out = scene.path("out.mp4");
    fs::write(&out, "old").expect("a file");
    fs::set_permissions(&out, Permissions::from_mode(0o640)).expect("a file of ours");
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(&out, Some(NOBODY), Some(NOBODY)).expect("root may");
    }
    let before = fs::metadata(&out).expect("a file");
    assert!(scene.run(&["--force"], &out).status.success());
    let after = fs::metadata(&out).expect("a file");
    assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
    assert!(fs::read(&out).expect("a file") == scene.clip);
}

#[test]
fn an_old_file_keeps_its_attributes_and_access_control_list() {
    use rustix::fs::{XattrFlags, getxattr, listxattr, setxattr};
    // Its owner reads and writes, user 1234 reads, nobody else does anything: tag, permissions,
    // number.
    let entries: [(u16, u16, u32); 5] = [(1, 6, !0), (2, 4, 1234), (4, 0, !0), (0x10, 4, !0), (0x20, 0, !0)];
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, number) in entries {
        list.extend([tag.to_le_bytes(), permissions.to_le_bytes()].concat());
        list.extend(number.to_le_bytes());
    }
    let scene = Scene::in_target();
    let out = scene.path("out.mp4");
    fs::write(&out, "old").expect("a file");
    let attributes = [("user.title", &b"mine"[..]), ("system.posix_acl_access", &list)];
    let set: Vec<_> = attributes
        .into_iter()
        .filter(|(name, value)| match setxattr(&out, *name, value, XattrFlags::empty()) {
            Ok(()) => true,
            Err(e) => {
                assert_eq!(e, rustix::io::Errno::NOTSUP, "{name}");
                false
            }
        })
        .collect();
    assert!(!set.is_empty(), "the file system of the target directory has no extended attributes");
    let before = fs::metadata(&out).expect("a file");
    assert!(scene.run(&["--force"], &out).status.success());
    assert!(fs::read(&out).expect("a file") == scene.clip);
    let after = fs::metadata(&out).expect("a file");
    assert_ne!(before.ino(), after.ino(), "it was written in place");
    assert_eq!(before.mode(), after.mode());
    for (name, value) in set {
        let mut found = [0; 256];
        let len = getxattr(&out, name, &mut found[..]).expect(name);
        assert_eq!(&found[..len], value, "{name}");
    }
    // One that the folder would give is none of the old file's.
    let plain = scene.path("plain.mp4");
    fs::write(&plain, "old").expect("a file");
    if setxattr(scene.dir.path(), "system.posix_acl_default", &list, XattrFlags::empty()).is_ok() {
        assert!(scene.run(&["--force"], &plain).status.success());
        let mut names = [0; 4096];
        let len = listxattr(&plain, &mut names[..]).expect("a list");
        let names = String::from_utf8_lossy(&names[..len]).into_owned();
        assert!(!names.contains("posix_acl"), "{names}");
    }
}

#[test]
fn links_stay_links() {
    let scene = Scene::new();
    let (file, soft, hard) = (scene.path("file"), scene.path("soft"), scene.path("hard"));
    fs::write(&file, "old").expect("a file");
    symlink("file", &soft).expect("a link");
    assert!(scene.run(&["--force"], &soft).status.success());
    assert!(fs::symlink_metadata(&soft).expect("a link").is_symlink());
    assert!(fs::read(&file).expect("a file") == scene.clip);

    fs::write(&file, "old").expect("a file");
    fs::hard_link(&file, &hard).expect("a link");
    assert!(scene.run(&["--force"], &hard).status.success());
    assert!(fs::read(&file).expect("a file") == scene.clip, "both names are of one file");
    assert_eq!(fs::metadata(&file).expect("a file").nlink(), 2);

    let nowhere = scene.path("nowhere");
    symlink("not/there", &nowhere).expect("a link");
    assert_refused(&scene.run(&["--force"], &nowhere), "a symbolic link to a file that is not there");
    scene.assert_holds(&["file", "hard", "nowhere", "soft"]);
}

#[test]
fn what_may_not_be_written_is_not_replaced() {
    let scene = Scene::new();
    let out = scene.path("out.mp4");
    fs::write(&out, "precious").expect("a file");
    fs::set_permissions(&out, Permissions::from_mode(0o444)).expect("a file of ours");
    fs::set_permissions(scene.dir.path(), Permissions::from_mode(0o777)).expect("a folder of ours");
    // Somebody else gets both where he can read them.
    let (program, input) = (scene.path("mp4seek"), scene.path("film.mp4"));
    fs::copy(built("H264_MP4SEEK", "mp4seek"), &program).expect("a copy");
    fs::copy(&scene.film, &input).expect("a copy");
    fs::set_permissions(&input, Permissions::from_mode(0o444)).expect("a file of ours");
    let mut command = Command::new(program);
    command.args(["clip", "--force", "--start", "3"]).arg(input).arg(&out);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let done = command.output().expect("a program that runs");
    assert_refused(&done, "out.mp4: Permission denied");
    assert_eq!(fs::read(&out).expect("a file"), b"precious");
}

#[test]
fn a_film_can_become_a_clip_of_itself() {
    let scene = Scene::new();
    let (out, other) = (scene.path("out.mp4"), scene.path("other.mp4"));
    fs::copy(&scene.film, &out).expect("a copy");
    let itself = |options: &[&str]| {
        let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
        command.args(["clip", "--start", "3.05", "--end", "6"]).args(options).arg(&out).arg(&out);
        command.stdin(Stdio::null()).output().expect("a program that runs")
    };
    assert_refused(&itself(&[]), "--force");
    fs::hard_link(&out, &other).expect("a link");
    assert_refused(&itself(&["--force"]), "it is the film itself");
    assert!(fs::read(&out).expect("a film") == fs::read(&scene.film).expect("a film"));
    fs::remove_file(other).expect("a link");
    assert!(itself(&["--force"]).status.success());
    assert!(fs::read(&out).expect("a clip").len() == scene.clip.len());
}
