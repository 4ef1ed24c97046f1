//! Copies of what may be larger than memory.

use std::io::{self, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Failure;

/// Why a copy ends early.
pub(crate) enum CopyError {
    /// For a reason that has nothing to do with where it is copied to, as where it cannot be read.
    Other(Failure),
    Write(io::Error),
}

impl From<io::Error> for CopyError {
    fn from(e: io::Error) -> Self {
        Self::Write(e)
    }
}

impl CopyError {
    /// That of a copy to `path`.
    pub(crate) fn failure(self, path: &Path) -> Failure {
        match self {
            Self::Other(failure) => failure,
            Self::Write(e) => Failure::io("write", path, e),
        }
    }
}

/// A bar only for copies that take a while, and only where someone looks.
pub(crate) fn progress(len: u64, quiet: bool) -> ProgressBar {
    const LONG: u64 = 64 << 20;
    let target =
        if quiet || len < LONG { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    ProgressBar::with_draw_target(Some(len), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Copies `len` bytes, a window at a time.
pub(crate) fn copy(
    len: u64,
    read: impl Fn(u64, &mut [u8]) -> Result<(), Failure>,
    out: &mut dyn Write,
    bar: &ProgressBar,
) -> Result<(), CopyError> {
    let mut window = vec![0; 1 << 20];
    let mut at = 0;
    while at < len {
        let n = usize::try_from(len - at).unwrap_or(usize::MAX).min(window.len());
        let now = window.get_mut(..n).unwrap_or_default();
        read(at, now).map_err(CopyError::Other)?;
        out.write_all(now)?;
        at += n as u64;
        bar.inc(n as u64);
    }
    Ok(out.flush()?)
}
