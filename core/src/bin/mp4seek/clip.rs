//! `mp4seek clip`

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mp4seek::source::{Identity, ReadAt};
use mp4seek::{Answer, Seeker};

use crate::{Failure, Stretch};

pub(crate) fn run(input: &Path, output: &Path, stretch: &Stretch, quiet: bool) -> Result<(), Failure> {
    let film = File::open(input).map_err(|e| Failure::io("open", input, e))?;
    let identity = Identity::of(&film.metadata().map_err(|e| Failure::io("read", input, e))?);
    let answer = Seeker::default().answer(&film, &identity, stretch.query().as_bytes(), &stretch.settings());
    let answer = answer.map_err(|e| Failure::of(&e))?;
    let len = match &answer {
        Answer::Plain(_) => identity.size,
        Answer::Film(clip) => clip.len(),
    };
    let read = |offset: u64, out: &mut [u8]| match &answer {
        Answer::Plain(_) => film.read_exact_at(out, offset),
        Answer::Film(clip) => clip.read_at(&film, offset, out),
    };
    let bar = progress(len, quiet);
    if output == Path::new("-") {
        copy(len, read, &mut io::stdout().lock(), &bar).map_err(|e| Failure::io("write", output, e))?;
    } else {
        // Beside the target, then renamed onto it: nothing half-written is ever seen under
        // its name, and a film may be replaced by a clip of itself.
        let folder = output.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let fail = |e: io::Error| Failure::io("write", output, e);
        let mut file = tempfile::Builder::new().prefix(".mp4seek").tempfile_in(folder).map_err(fail)?;
        copy(len, read, file.as_file_mut(), &bar).map_err(fail)?;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(permissions).map_err(fail)?;
        file.persist(output).map_err(|e| fail(e.error))?;
    }
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
    out: &mut impl Write,
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
