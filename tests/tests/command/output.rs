//! What `mp4seek clip` writes to: nothing is lost, and what is no file stays what it is.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use tests::built;
use tests::films::film;
use tests::probe::clip;

/// Who owns what the tests of missing rights need, where they run as root.
const NOBODY: u32 = 65534;

/// A folder, a film, and what the clip of it must be.
struct Scene {
    dir: TempDir,
    film: PathBuf,
    clip: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let film = film("bframes").path.clone();
        let clip = clip(&film, "start=3.05&end=6").expect("a clip");
        Self { dir: tempfile::tempdir().expect("a temporary directory"), film, clip }
    }

    /// As [`Self::new`], beside what is built: `/tmp` may lie in memory, where files have fewer attributes.
    fn in_target() -> Self {
        let dir = tempfile::tempdir_in(tests::work_dir("command")).expect("a directory");
        Self { dir, ..Self::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `mp4seek clip`, by way of `sh` where `before` is to be done first.
    fn command(&self, before: &str, options: &[&str], output: &Path) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{before} exec \"$@\""), "sh"])
            .arg(built("H264_MP4SEEK", "mp4seek"))
            .args(["clip", "--start", "3.05", "--end", "6"])
            .args(options)
            .arg(&self.film)
            .arg(output)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, options: &[&str], output: &Path) -> Output {
        self.command("", options, output).output().expect("a program that runs")
    }

    /// Nothing but these files is in the folder.
    fn assert_holds(&self, names: &[&str]) {
        let mut found: Vec<_> = fs::read_dir(self.dir.path())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        found.sort_unstable();
        assert_eq!(found, names);
    }
}

fn assert_refused(done: &Output, words: &str) {
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(error.contains(words) && error.lines().count() == 1, "{error}");
}

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
    // Its owner reads and writes, user 1234 reads, nobody else does anything: tag, permissions, number.
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
        let made = Command::new("mknod").arg(&null).args(["c", "1", "3"]).status().expect("mknod");
        assert!(made.success());
        // A folder whose file system takes no devices says so when one is opened.
        let is_usable = File::options().write(true).open(&null).is_ok();
        let done = scene.run(&[], &null);
        assert_eq!(done.status.success(), is_usable, "{done:?}");
        assert!(fs::metadata(&null).expect("a device").file_type().is_char_device());
    }
    if rustix::process::geteuid().is_root() {
        let disk = scene.path("disk");
        let made = Command::new("mknod").arg(&disk).args(["b", "240", "0"]).status().expect("mknod");
        assert!(made.success());
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
fn a_signal_leaves_no_file_behind() {
    let scene = Scene::new();
    let big = scene.path("big.mp4");
    let out = scene.path("out.mp4");
    fs::copy(&scene.film, &big).expect("a copy");
    let file = File::options().write(true).open(&big).expect("a film");
    // A hole of a size that takes a while to copy: a box of media at the end of the film.
    let len = file.metadata().expect("a film").len();
    let hole: u64 = 64 << 30;
    let mut header = 1u32.to_be_bytes().to_vec();
    header.extend_from_slice(b"mdat");
    header.extend_from_slice(&hole.to_be_bytes());
    std::os::unix::fs::FileExt::write_all_at(&file, &header, len).expect("a film");
    file.set_len(len + hole).expect("a hole");
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM, rustix::process::Signal::HUP]
    {
        let mut running = Command::new(built("H264_MP4SEEK", "mp4seek"))
            .args(["faststart", "--quiet"])
            .args([&big, &out])
            .spawn()
            .expect("a program that runs");
        let holds_temporary = || {
            let names = fs::read_dir(scene.dir.path()).expect("a folder");
            names.flatten().any(|entry| entry.file_name().as_encoded_bytes().starts_with(b".mp4seek"))
        };
        while !holds_temporary() {
            assert!(running.try_wait().expect("a process").is_none(), "it ended early");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let pid = rustix::process::Pid::from_child(&running);
        // The handler is set right after the file was made.
        std::thread::sleep(std::time::Duration::from_millis(50));
        rustix::process::kill_process(pid, signal).expect("a process of ours");
        assert!(!running.wait().expect("an end").success());
        scene.assert_holds(&["big.mp4"]);
    }
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
        let made = Command::new("mknod").arg(&full).args(["c", "1", "7"]).status().expect("mknod");
        assert!(made.success());
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
    let done = scene.command("trap '' XFSZ; ulimit -f 8;", &["--force"], &out).output().expect("a program");
    assert_refused(&done, "File too large");
    assert_eq!(fs::read(&out).expect("a file"), b"precious");
    scene.assert_holds(&["out.mp4"]);
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
    assert_no_room(&clip("trap '' XFSZ PIPE; ulimit -f 8;", &["env"]), "File too large");
    // A disk of our own, where one may be mounted.
    let mount = "mount -t tmpfs -o size=64k none \"$TMPDIR\" || exit 99; trap '' PIPE;";
    let done = clip(mount, &["unshare", "--map-root-user", "--mount"]);
    let is_refused = String::from_utf8_lossy(&done.stderr).contains("unshare: ");
    if !is_refused && done.status.code() != Some(99) {
        assert_no_room(&done, "No space left");
    }
    assert!(fs::metadata(&scene.film).expect("a film").len() > 64 << 10);
    scene.assert_holds(&["spool"]);
}
