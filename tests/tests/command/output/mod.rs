//! What `mp4seek clip` writes to: nothing is lost, and what is no file stays what it is.

mod failures;
mod kept;
mod streams;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use tests::built;
use tests::films::film;
use tests::probe::clip;

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

    /// As [`Self::new`], beside what is built: `/tmp` may lie in memory, where files have fewer
    /// attributes.
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
