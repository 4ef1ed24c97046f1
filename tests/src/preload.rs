//! Libraries in C that are preloaded into a server, to have its disk behave as disks sometimes do.

use std::fs;
use std::process::Command;

use crate::servers::Builder;
use crate::work_dir;

impl Builder {
    /// With the library that is compiled from `source`.
    #[must_use]
    pub(crate) fn preload(self, name: &str, source: &str) -> Self {
        // By its name: a space in a path would end it.
        self.env("LD_PRELOAD", &format!("{name}.so")).env("LD_LIBRARY_PATH", &folder_with(name, source))
    }
}

fn folder_with(name: &str, source: &str) -> String {
    let dir = work_dir("preload");
    // Each process compiles its own, and puts it in place whole.
    let own = tempfile::tempdir_in(&dir).expect("a directory under target");
    let (code, built) = (own.path().join("code.c"), own.path().join("code.so"));
    fs::write(&code, source).expect("a directory of our own");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O", "-o"]).arg(&built).arg(&code).status();
    assert!(compiled.is_ok_and(|status| status.success()), "cc cannot compile {name}.c");
    fs::rename(built, dir.join(format!("{name}.so"))).expect("a directory of our own");
    dir.to_str().expect("a target directory whose path is UTF-8").into()
}
