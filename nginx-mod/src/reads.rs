//! The file behind a request, as the worker's own thread reads it.

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::FromRawFd;

/// The file that what is generated is read from.
pub(crate) enum OpenFile {
    /// The server's, which closes it.
    Lent(ManuallyDrop<File>),
    /// Opened once more.
    Own(File),
}

impl OpenFile {
    /// The server opens what `directio` names for reads of whole sectors only, which ours are not:
    /// the same file is opened once more for them, without the name, which may be another's by now.
    ///
    /// # Errors
    /// When it cannot be opened once more.
    ///
    /// # Safety
    /// The server keeps it open until the request ends, and closes it.
    pub(crate) unsafe fn new(fd: c_int, is_directio: bool) -> io::Result<Self> {
        if is_directio {
            return File::open(format!("/proc/self/fd/{fd}")).map(Self::Own);
        }
        // SAFETY: by the caller's promise.
        Ok(Self::Lent(ManuallyDrop::new(unsafe { File::from_raw_fd(fd) })))
    }
}

impl Deref for OpenFile {
    type Target = File;

    fn deref(&self) -> &File {
        match self {
            Self::Lent(file) => file,
            Self::Own(file) => file,
        }
    }
}
