//! The film that is read.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
            Some((mut pipe, _)) => spool(path, &mut pipe)?,
            None => spool(path, &mut io::stdin().lock())?,
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

/// Copies what a pipe has to a temporary file, which nobody else sees.
fn spool(path: &Path, pipe: &mut impl io::Read) -> Result<(File, Metadata), Failure> {
    let mut file = tempfile::tempfile().map_err(|e| no_room(path, &e))?;
    io::copy(pipe, &mut file).map_err(|e| match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            no_room(path, &e)
        }
        _ => Failure::io("read", path, e),
    })?;
    let metadata = file.metadata().map_err(|e| Failure::io("read", path, e))?;
    Ok((file, metadata))
}

/// What to do where there is no room for a temporary file.
fn no_room(path: &Path, e: &io::Error) -> Failure {
    let folder = std::env::temp_dir();
    let reason = format!(
        "{e}; a film from a pipe is copied to {} first, which needs as much room (TMPDIR names another folder)",
        folder.display()
    );
    Failure::io("read", path, reason)
}
