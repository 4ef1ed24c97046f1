//! Where a clip is written to. Nothing that was there is lost without being asked for, and what was
//! something else than a file (a device, a pipe, a link) stays that.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{OFlags, XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use tempfile::NamedTempFile;

use crate::Failure;
use crate::copy::CopyError;
use crate::input::Input;

/// Where a clip is written to.
pub(crate) enum Output {
    Stdout,
    /// A device, a pipe, or a file that has to stay the same one: written to as it is.
    InPlace(PathBuf, File),
    /// A file that gets its name when it is complete.
    Renamed(PathBuf, NamedTempFile, OnExisting),
}

/// What becomes of a file of that name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnExisting {
    Replace,
    Keep,
}

impl Output {
    /// Opens `path` for what is made of `films`. An existing file is overwritten with `force`, or if
    /// the person at the terminal says so.
    pub(crate) fn open(path: &Path, films: &[Input], force: bool) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let fail = |e: io::Error| Failure::io("write", path, e);
        if is_descriptor(path) {
            // Opened by the shell, as the person wanted it; a file is appended to if that says so.
            let file = OpenOptions::new().append(true).open(path).map_err(fail)?;
            return Ok(Self::InPlace(path.to_owned(), file));
        }
        match fs::metadata(path) {
            Ok(there) if there.is_file() => Self::over(path, &there, films, force),
            Ok(there) if there.is_dir() => Err(Failure::io("write", path, "it is a folder")),
            Ok(there) => {
                if there.file_type().is_block_device() && !force {
                    return Err(Failure::io("write", path, "it is a disk; --force writes over it"));
                }
                let file = OpenOptions::new().write(true).open(path).map_err(fail)?;
                Ok(Self::InPlace(path.to_owned(), file))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_ok() => {
                Err(Failure::io("write", path, "it is a symbolic link to a file that is not there"))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound && path.as_os_str().as_bytes().ends_with(b"/") => {
                Err(Failure::io("write", path, "there is no such folder"))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let file = beside(path).map_err(fail)?;
                Ok(Self::Renamed(path.to_owned(), file, OnExisting::Keep))
            }
            Err(e) => Err(fail(e)),
        }
    }

    /// Over a file that is there.
    fn over(path: &Path, there: &Metadata, films: &[Input], force: bool) -> Result<Self, Failure> {
        let fail = |e: io::Error| Failure::io("write", path, e);
        if !force && !may_overwrite(path).map_err(fail)? {
            return Err(Failure::io("write", path, "it is there already; --force writes over it"));
        }
        // Whoever may not write to a file may not replace it either, whatever the folder allows.
        let file = OpenOptions::new().write(true).open(path).map_err(fail)?;
        // Through symbolic links.
        let path = &fs::canonicalize(path).map_err(fail)?;
        if there.nlink() == 1 {
            if let Some(new) = beside(path).ok().and_then(|new| like(new, there, &file).ok()) {
                return Ok(Self::Renamed(path.clone(), new, OnExisting::Replace));
            }
        }
        // It has other names, another owner, attributes that may not be set, or a folder that takes
        // no new files.
        if films.iter().any(|film| film.is(there)) {
            let reason = "it is the film itself, and can only be written in place";
            return Err(Failure::io("write", path, reason));
        }
        Ok(Self::InPlace(path.clone(), file))
    }

    /// Has `copy` write the clip, and gives the file its name.
    pub(crate) fn write(
        self,
        copy: impl FnOnce(&mut dyn Write) -> Result<(), CopyError>,
    ) -> Result<(), Failure> {
        let (path, written) = match self {
            Self::Stdout => (PathBuf::from("standard output"), copy(&mut io::stdout().lock())),
            Self::InPlace(path, mut file) => {
                let written = empty(&file).map_err(CopyError::Write);
                let written = written.and_then(|()| copy(&mut file)).and_then(|()| Ok(sync(&file)?));
                (path, written)
            }
            Self::Renamed(path, mut file, on_existing) => {
                let written = copy(file.as_file_mut())
                    .and_then(|()| Ok(sync(file.as_file())?))
                    .and_then(|()| Ok(give_name(file, &path, on_existing)?));
                (path, written)
            }
        };
        match written {
            // A reader such as `head` has seen enough.
            Err(CopyError::Write(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|e| e.failure(&path)),
        }
    }
}

/// Whether a path names what the process has open already.
fn is_descriptor(path: &Path) -> bool {
    let is_named = ["/dev/stdout", "/dev/stderr"].iter().any(|name| path == Path::new(name));
    is_named || path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd")
}

/// Has `copy` write a file, which gets its name when it is complete. A file or a link of that name
/// is replaced. [`FileSystem::sync`] has it on the disk, with others.
pub(crate) fn write_whole(
    path: &Path,
    copy: impl FnOnce(&mut dyn Write) -> Result<(), CopyError>,
) -> Result<(), Failure> {
    let write = || {
        let mut file = beside(path)?;
        copy(file.as_file_mut())?;
        Ok(give_name(file, path, OnExisting::Replace)?)
    };
    write().map_err(|e: CopyError| e.failure(path))
}

/// The file system of a folder, for many files at once.
pub(crate) struct FileSystem<'p>(&'p Path, File);

impl<'p> FileSystem<'p> {
    /// To be opened before anything is written: what goes wrong from now on is told to who has it
    /// open.
    pub(crate) fn of(folder: &'p Path) -> Result<Self, Failure> {
        Ok(Self(folder, File::open(folder).map_err(|e| Failure::io("open", folder, e))?))
    }

    /// Has all that was written on the disk.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        rustix::fs::syncfs(&self.1).map_err(|e| Failure::io("write to", self.0, e))
    }
}

/// Empties a file that is to be written over from its start. What the shell opened is appended to.
fn empty(file: &File) -> io::Result<()> {
    let is_appended_to = rustix::fs::fcntl_getfl(file)?.contains(OFlags::APPEND);
    if file.metadata()?.is_file() && !is_appended_to { file.set_len(0) } else { Ok(()) }
}

/// Has what was written on the disk. A file system may find out only then that it has no room for
/// it, or that the disk is broken.
fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        // A pipe, or a device that keeps nothing.
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// Gives a file that is complete its name.
fn give_name(file: NamedTempFile, path: &Path, on_existing: OnExisting) -> io::Result<()> {
    let nameless = file.path().to_owned();
    let named = match on_existing {
        OnExisting::Replace => file.persist(path),
        OnExisting::Keep => file.persist_noclobber(path).or_else(|e| match e.error.kind() {
            // Not every file system can do that at once: some mounts of object stores, for one.
            io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
                if is_free(path) =>
            {
                e.file.persist(path)
            }
            _ => Err(e),
        }),
    };
    // Kept for a signal until here, and gone by now either way.
    unfinished().retain(|path| *path != nameless);
    named.map(drop).map_err(|e| e.error)
}

fn is_free(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
}

/// The folder that a file of this path is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file in the folder of `path`, with the mode that the umask leaves.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mode = Permissions::from_mode(0o666);
    // Held until the file is among them: a signal in between waits for that.
    let mut unfinished = unfinished();
    let file = tempfile::Builder::new().prefix(".mp4seek").permissions(mode).tempfile_in(folder_of(path))?;
    unfinished.push(file.path().to_owned());
    Ok(file)
}

/// Gives a new file the owner, the mode and the attributes of the one that it will replace.
fn like(file: NamedTempFile, there: &Metadata, old: &File) -> io::Result<NamedTempFile> {
    let own = file.as_file().metadata()?;
    if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
        fchown(file.as_file(), Some(there.uid()), Some(there.gid()))?;
    }
    file.as_file().set_permissions(Permissions::from_mode(there.mode() & 0o7777))?;
    copy_attributes(old, file.as_file())?;
    Ok(file)
}

/// Gives a new file the extended attributes of another, of which its access control list is one,
/// and no others.
fn copy_attributes(old: &File, new: &File) -> io::Result<()> {
    let (wanted, own) = (attributes(old)?, attributes(new)?);
    for (name, _) in own.iter().filter(|(name, _)| !wanted.iter().any(|(wanted, _)| wanted == name)) {
        fremovexattr(new, name.as_slice())?;
    }
    for (name, value) in wanted.iter().filter(|attribute| !own.contains(attribute)) {
        fsetxattr(new, name.as_slice(), value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Most bytes of all names, and of one value, that Linux has.
const MOST_BYTES: usize = 1 << 16;

/// The extended attributes of a file: names and values.
fn attributes(file: &File) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut names = vec![0; MOST_BYTES];
    let len = match flistxattr(file, &mut names[..]) {
        Ok(len) => len,
        // The file system has none.
        Err(Errno::NOTSUP) => 0,
        Err(e) => return Err(e.into()),
    };
    names.truncate(len);
    let names = names.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; MOST_BYTES];
        let len = fgetxattr(file, name, &mut value[..])?;
        value.truncate(len);
        Ok((name.to_vec(), value))
    };
    names.map(value).collect()
}

/// The files that have no name yet, which are removed where a signal ends the process.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has no signal leave an unfinished file behind. Called before there may be one.
pub(crate) fn watch_for_signals() {
    let ignored = ignored_signals();
    let ends = |signal: &i32| ignored >> (signal - 1) & 1 == 0;
    let signals = [SIGHUP, SIGINT, SIGTERM, SIGXFSZ].into_iter().filter(ends);
    // Without it, they end the process as they would have.
    let Ok(mut signals) = Signals::new(signals) else { return };
    std::thread::spawn(move || {
        // Where a file gets too large, it is enough that the write fails.
        for signal in signals.forever().filter(|&signal| signal != SIGXFSZ) {
            // Nothing gets its name from now on.
            let files = unfinished();
            for path in &*files {
                let _ = fs::remove_file(path);
            }
            // So that a shell sees which signal it was.
            let _ = emulate_default_handler(signal);
        }
    });
}

/// The signals that whoever started the process wants ignored (`nohup`, a job in the background of
/// a script), a bit each.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}

/// Asks, where there is somebody to answer.
fn may_overwrite(path: &Path) -> io::Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    eprint!("mp4seek: overwrite {}? [y/N] ", path.display());
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
