//! A disk that fails, changes between two looks, or is on a network, for a program that this library is
//! preloaded into.

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use crate::preload::environment;
use crate::servers::Builder;

/// Has a program find a disk with these faults, as `bad_disk.c` names them.
pub fn with_bad_disk<'c>(command: &'c mut Command, faults: &[(&str, &str)]) -> &'c mut Command {
    let library = environment("bad_disk", include_str!("bad_disk.c"));
    command.envs(library).envs(faults.iter().copied())
}

impl Builder {
    /// With a disk that cannot read these bytes of the files whose name holds `name`.
    #[must_use]
    pub fn failing_disk(self, name: &str, bytes: &Range<u64>) -> Self {
        self.preload("bad_disk", include_str!("bad_disk.c"))
            .env("FAIL_FILE", name)
            .env("FAIL_FROM", &bytes.start.to_string())
            .env("FAIL_TO", &bytes.end.to_string())
    }

    /// With a disk where what has `name` in its name looks like a regular file to those who look by
    /// name. It is as if something else took the place of a film right before it is opened.
    #[must_use]
    pub fn stale_names(self, name: &str) -> Self {
        self.preload("bad_disk", include_str!("bad_disk.c")).env("STALE_FILE", name)
    }

    /// With a moment in which a file cannot be opened: the first time that a process opens one whose
    /// path holds `name`.
    #[must_use]
    pub fn unopened_once(self, name: &str) -> Self {
        self.preload("bad_disk", include_str!("bad_disk.c")).env("OPEN_FILE", name)
    }

    /// Has a byte written to `log` each time that a file whose path holds `name` is opened.
    #[must_use]
    pub fn log_opens(self, name: &str, log: &Path) -> Self {
        self.preload("bad_disk", include_str!("bad_disk.c"))
            .env("OPEN_FILE", name)
            .env("OPENS_LOG", log.to_str().expect("a target directory whose path is UTF-8"))
    }

    /// With a file system on a network, which remembers what the file that has `name` in its name
    /// was when it was first looked at, and tells only those who say so what it is now.
    #[must_use]
    pub fn network_disk(self, name: &str) -> Self {
        self.preload("bad_disk", include_str!("bad_disk.c")).env("NETWORK_FILE", name)
    }
}
