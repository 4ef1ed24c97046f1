//! Whether this process is a copy of the one that made something, without asking the kernel each
//! time.
//!
//! A handler counts in each copy how many forks lie between it and the first process. The count is
//! in memory, so whatever a process finds in its own memory was made by itself or by a process that
//! it is a copy of: of the two, only the latter had a lower count.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use once_cell::sync::OnceCell;

static FORKS: AtomicU32 = AtomicU32::new(0);

/// Set once the handler is registered: it stays until this library is unloaded, which takes it back.
static REGISTERED: OnceCell<()> = OnceCell::new();

/// The process that made it, as its copies see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Maker(u32);

impl Maker {
    /// This process.
    ///
    /// # Errors
    /// When copies could not be told from it.
    pub(crate) fn this_process() -> io::Result<Self> {
        REGISTERED.get_or_try_init(|| {
            // SAFETY: the handler does nothing but write to an atomic number, which is allowed in a
            // copy of a process with threads. The C library forgets it with this library.
            match unsafe { libc::pthread_atfork(None, None, Some(count)) } {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        })?;
        Ok(Self::now())
    }

    fn now() -> Self {
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Whether it is this process, and not one that this is a copy of.
    pub(crate) fn is_this_process(self) -> bool {
        self == Self::now()
    }
}

/// Runs in each copy of a process, before `fork` returns there.
unsafe extern "C" fn count() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::Maker;

    /// Which of its makers a copy of this process takes for itself, as its exit status.
    fn seen_by_a_copy(makers: [Maker; 2]) -> i32 {
        // SAFETY: the copy calls nothing that takes a lock, and ends without the destructors.
        unsafe {
            let copy = libc::fork();
            if copy == 0 {
                let own = Maker::this_process().is_ok_and(Maker::is_this_process);
                let inherited = makers.map(Maker::is_this_process);
                libc::_exit(i32::from(own) | i32::from(inherited[0]) << 1 | i32::from(inherited[1]) << 2);
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(copy, &raw mut status, 0), copy);
            assert!(libc::WIFEXITED(status));
            libc::WEXITSTATUS(status)
        }
    }

    #[test]
    fn a_copy_knows_that_it_is_one() -> std::io::Result<()> {
        let (first, second) = (Maker::this_process()?, Maker::this_process()?);
        assert_eq!(seen_by_a_copy([first, second]), 1);
        assert!(first.is_this_process() && second.is_this_process());
        Ok(())
    }
}
