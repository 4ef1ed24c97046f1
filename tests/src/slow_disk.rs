//! A disk that is slow for some files, for a server that this library is preloaded into.

use std::path::Path;
use std::time::Duration;

use crate::servers::Builder;

/// What the names of slow files hold.
pub const SLOW: &str = "slow";

/// What the names of files hold that the disk does not go on with.
pub const STUCK: &str = "stuck";

impl Builder {
    /// With a disk that takes `each` for every read of a file whose name holds [`SLOW`], and of
    /// which nothing is ever in memory. Sending with `sendfile` is as fast as ever.
    #[must_use]
    pub fn slow_disk(self, each: Duration) -> Self {
        self.preload("slow_disk", include_str!("slow_disk.c"))
            .env("SLOW_FILE", SLOW)
            .env("SLOW_MS", &each.as_millis().to_string())
    }

    /// With a disk that gives nothing of such a file as long as there is a file at `latch`.
    #[must_use]
    pub fn disk_behind(self, latch: &Path) -> Self {
        let latch = latch.to_str().expect("a target directory whose path is UTF-8");
        self.slow_disk(Duration::ZERO).env("SLOW_UNTIL_GONE", latch)
    }

    /// With a disk that gives nothing of such a file whose name holds [`STUCK`], too, as long as there
    /// is a file at `latch`.
    #[must_use]
    pub fn disk_stuck_behind(self, latch: &Path) -> Self {
        self.disk_behind(latch).env("SLOW_STUCK", STUCK)
    }
}

/// Longer than any test waits.
pub const FOR_EVER: Duration = Duration::from_secs(3000);
