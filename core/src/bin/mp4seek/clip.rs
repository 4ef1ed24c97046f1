//! `mp4seek clip` and `mp4seek faststart`

use std::io::{self, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mp4seek::source::ReadAt;
use mp4seek::{Answer, Seeker, Settings};

use crate::Failure;
use crate::input::Input;
use crate::output::Output;

/// Writes what a server would answer to `query`.
pub(crate) fn run(
    input: &Path,
    output: &Path,
    query: &str,
    settings: &Settings,
    force: bool,
    quiet: bool,
) -> Result<(), Failure> {
    let film = Input::open(input)?;
    let identity = film.identity();
    let answer = Seeker::default().answer(&film.file, &identity, query.as_bytes(), settings);
    let answer = answer.map_err(|e| film.failure(&e))?;
    let len = match &answer {
        Answer::Plain(_) => identity.size,
        Answer::Film(clip) => clip.len(),
    };
    let read = |offset: u64, out: &mut [u8]| match &answer {
        Answer::Plain(_) => film.file.read_exact_at(out, offset),
        Answer::Film(clip) => clip.read_at(&film.file, offset, out),
    };
    let bar = progress(len, quiet);
    Output::open(output, &film, force)?.write(|out| copy(len, read, out, &bar))?;
    bar.finish_and_clear();
    Ok(())
}

/// A bar only for copies that take a while, and only where someone looks.
fn progress(len: u64, quiet: bool) -> ProgressBar {
    const LONG: u64 = 64 << 20;
    let target =
        if quiet || len < LONG { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    ProgressBar::with_draw_target(Some(len), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn copy(
    len: u64,
    read: impl Fn(u64, &mut [u8]) -> io::Result<()>,
    out: &mut dyn Write,
    bar: &ProgressBar,
) -> io::Result<()> {
    let mut window = vec![0; 1 << 20];
    let mut at = 0;
    while at < len {
        let n = usize::try_from(len - at).unwrap_or(usize::MAX).min(window.len());
        let now = window.get_mut(..n).unwrap_or_default();
        read(at, now)?;
        out.write_all(now)?;
        at += n as u64;
        bar.set_position(at);
    }
    out.flush()
}
