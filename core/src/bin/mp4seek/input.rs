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
            Some((mut pipe, _)) => spool(&mut pipe).map_err(spooling(path))?,
            None => spool(&mut io::stdin().lock()).map_err(spooling(path))?,
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

/// What to do where a pipe cannot be copied.
fn spooling(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    move |e| match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            let folder = std::env::temp_dir();
            let reason = format!(
                "{e}; a film from a pipe is copied to {} first, which needs as much room (TMPDIR names another folder)",
                folder.display()
            );
            Failure::io("read", path, reason)
        }
        _ => Failure::io("read", path, e),
    }
}

/// Copies what a pipe has to a temporary file, which nobody else sees.
fn spool(pipe: &mut impl io::Read) -> io::Result<(File, Metadata)> {
    let mut file = tempfile::tempfile()?;
    io::copy(pipe, &mut file)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}
