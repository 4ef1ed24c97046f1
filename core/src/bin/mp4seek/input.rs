//! The film that is read.

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use mp4seek::Error;
use mp4seek::source::Identity;

use crate::Failure;

/// A film, open and readable at any place.
pub(crate) struct Input {
    /// As the person named it.
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) metadata: Metadata,
}

impl Input {
    /// Opens a film. What can be read only once, `-` and pipes, is copied to a temporary file
    /// first: the metadata may stand at its end.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let fail = |what| move |e: io::Error| Failure::io(what, path, e);
        let opened = if path == Path::new("-") {
            None
        } else {
            let file = File::open(path).map_err(fail("open"))?;
            let metadata = file.metadata().map_err(fail("read"))?;
            if metadata.is_dir() {
                return Err(Failure::io("read", path, "it is a folder"));
            }
            Some((file, metadata))
        };
        let (file, metadata) = match opened {
            Some((file, metadata)) if metadata.is_file() => (file, metadata),
            Some((mut pipe, of_pipe)) => spool(path, &mut pipe, &of_pipe)?,
            None => {
                let pipe = io::stdin().as_fd().try_clone_to_owned().map(File::from);
                let of_pipe = pipe.and_then(|pipe| pipe.metadata()).map_err(fail("read"))?;
                spool(path, &mut io::stdin().lock(), &of_pipe)?
            }
        };
        Ok(Self { path: path.to_owned(), file, metadata })
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity::of(&self.metadata)
    }

    /// Whether this is the same file, by whatever name.
    pub(crate) fn is(&self, there: &Metadata) -> bool {
        (self.metadata.dev(), self.metadata.ino()) == (there.dev(), there.ino())
    }

    /// That it cannot be read any further.
    pub(crate) fn unread(&self, e: &io::Error) -> Failure {
        Failure::io("read", &self.path, e)
    }

    /// What is wrong with this film.
    pub(crate) fn failure(&self, error: &Error) -> Failure {
        let code = match error.status() {
            400 => 2,
            415 => 3,
            416 => 4,
            _ => 1,
        };
        Failure { code, message: format!("{}: {error}", self.path.display()) }
    }
}

/// Bytes of a pipe that show whether it may have a film.
const START: u64 = 64 << 10;

/// A pipe may have no end. One part of so many of the room for temporary files stays free.
const FREE: u64 = 20;

/// Copies what a pipe has to a temporary file, which nobody else sees.
fn spool(path: &Path, pipe: &mut impl io::Read, of_pipe: &Metadata) -> Result<(File, Metadata), Failure> {
    let mut file = tempfile::tempfile().map_err(|e| no_room(path, &e))?;
    let fail = |e: io::Error| match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            no_room(path, &e)
        }
        _ => Failure::io("read", path, e),
    };
    let mut start = Vec::new();
    pipe.by_ref().take(START).read_to_end(&mut start).map_err(fail)?;
    file.write_all(&start).map_err(fail)?;
    // Of what is no film, the start is enough to say what it is.
    if may_be_film(&start) {
        let most = room_beside(&file);
        let copied = io::copy(&mut pipe.by_ref().take(most), &mut file).map_err(fail)?;
        let mut more = Vec::new();
        if copied == most && pipe.take(1).read_to_end(&mut more).map_err(fail)? > 0 {
            return Err(no_room(path, &format!("no end within {copied} bytes")));
        }
    }
    // By its own date it would be a recording that goes on: a pipe has ended, and what the shell
    // opened has a date.
    let of_file = of_pipe.is_file().then(|| of_pipe.modified().ok()).flatten();
    file.set_modified(of_file.unwrap_or(SystemTime::UNIX_EPOCH)).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    Ok((file, metadata))
}

/// Whether a film may begin so: with the type of a box, which is text, or as an FLV.
fn may_be_film(start: &[u8]) -> bool {
    let is_text = |&byte: &u8| byte == b' ' || byte == 0xa9 || byte.is_ascii_graphic();
    start.starts_with(b"FLV") || start.get(4..8).is_none_or(|box_type| box_type.iter().all(is_text))
}

/// How many bytes a temporary file may take.
fn room_beside(file: &File) -> u64 {
    let Ok(folder) = rustix::fs::fstatvfs(file) else { return u64::MAX };
    let free = folder.f_bavail.saturating_mul(folder.f_frsize);
    // Some file systems say nothing of their size.
    if folder.f_blocks == 0 { u64::MAX } else { free - free / FREE }
}

/// What to do where there is no room for a temporary file.
fn no_room(path: &Path, e: &dyn std::fmt::Display) -> Failure {
    let folder = std::env::temp_dir();
    let reason = format!(
        "{e}; a film from a pipe is copied to {} first, which needs as much room (TMPDIR names another folder)",
        folder.display()
    );
    Failure::io("read", path, reason)
}
