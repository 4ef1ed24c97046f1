//! `mp4seek clip` and `mp4seek faststart`

use std::io::{self, IsTerminal};
use std::path::Path;
use std::slice;

use mp4seek::source::ReadAt;
use mp4seek::{Answer, Seeker, Settings};

use crate::Failure;
use crate::copy::{copy, progress};
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
    if output == Path::new("-") && io::stdout().is_terminal() && !force {
        let reason = "it is a terminal; --force writes to it";
        return Err(Failure::io("write", Path::new("standard output"), reason));
    }
    let film = Input::open(input)?;
    let identity = film.identity();
    let mut start = [0; 4];
    // For servers, `start` of an FLV is a byte.
    if !query.is_empty() && film.file.read_exact_at(&mut start, 0).is_ok() && &start == b"FLV\x01" {
        let message = format!("{}: an FLV, which can only be copied as a whole", input.display());
        return Err(Failure { code: 3, message });
    }
    let seeker = Seeker::default();
    let ask = |query: &str| {
        let answer = seeker.answer(&film.file, &identity, query.as_bytes(), settings);
        answer.map_err(|e| film.failure(&e))
    };
    let answer = ask(query)?;
    if let Answer::Plain(Some(reason)) = &answer {
        // Without times, a server sends what it cannot read. With them, it says so.
        if query.is_empty() || query.starts_with("format=") {
            ask(&format!("start=0&{query}"))?;
        }
        crate::complain(&format!("{}: copied as it is: {reason}", input.display()));
    }
    let len = match &answer {
        Answer::Plain(_) => identity.size,
        Answer::Film(clip) => clip.len(),
    };
    let read = |offset: u64, out: &mut [u8]| {
        let read = match &answer {
            Answer::Plain(_) => film.file.read_exact_at(out, offset),
            Answer::Film(clip) => clip.read_at(&film.file, offset, out),
        };
        read.map_err(|e| film.unread(&e))
    };
    let bar = progress(len, quiet);
    Output::open(output, slice::from_ref(&film), force)?.write(|out| copy(len, read, out, &bar))?;
    bar.finish_and_clear();
    Ok(())
}
