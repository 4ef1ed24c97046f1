//! Libraries in C that are preloaded into a program, to have its disk behave as disks sometimes do.

use std::fs;
use std::process::Command;

use crate::servers::Builder;
use crate::work_dir;

impl Builder {
    /// With the library that is compiled from `source`.
    #[must_use]
    pub(crate) fn preload(self, name: &str, source: &str) -> Self {
        let [preload, path] = environment(name, source);
        self.env(preload.0, &preload.1).env(path.0, &path.1)
    }
}

/// What has the library that is compiled from `source` preloaded.
pub(crate) fn environment(name: &str, source: &str) -> [(&'static str, String); 2] {
    // By its name: a space in a path would end it.
    [("LD_PRELOAD", format!("{name}.so")), ("LD_LIBRARY_PATH", folder_with(name, source))]
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
