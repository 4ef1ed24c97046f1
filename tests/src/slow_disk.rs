//! A disk that is slow for some files, for a server that this library is preloaded into.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::servers::Builder;
use crate::work_dir;

/// What the names of slow files hold.
pub const SLOW: &str = "slow";

impl Builder {
    /// With a disk that takes `each` for every read of a file whose name holds [`SLOW`], and of which nothing
    /// is ever in memory. Sending with `sendfile` is as fast as ever.
    #[must_use]
    pub fn slow_disk(self, each: Duration) -> Self {
        let library = library();
        let dir =
            library.parent().and_then(|dir| dir.to_str()).expect("a target directory whose path is UTF-8");
        // By its name: a space in a path would end it.
        self.env("LD_PRELOAD", "slow_disk.so")
            .env("LD_LIBRARY_PATH", dir)
            .env("SLOW_FILE", SLOW)
            .env("SLOW_MS", &each.as_millis().to_string())
    }
}

/// Longer than any test waits.
pub const FOR_EVER: Duration = Duration::from_secs(3000);

fn library() -> PathBuf {
    let (source, dir) = (include_str!("slow_disk.c"), work_dir("slow-disk"));
    // Made by each process for itself, and put in place whole.
    let own = tempfile::tempdir_in(&dir).expect("a directory under target");
    let (code, made) = (own.path().join("slow_disk.c"), own.path().join("slow_disk.so"));
    fs::write(&code, source).expect("a directory of our own");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O", "-o"]).arg(&made).arg(&code).status();
    assert!(compiled.is_ok_and(|status| status.success()), "cc cannot compile slow_disk.c");
    let library = dir.join("slow_disk.so");
    fs::rename(made, &library).expect("a directory of our own");
    library
}
