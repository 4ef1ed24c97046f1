//! One at a time, where building an index takes much memory.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::boxes::FormatError;
use crate::limits;
use crate::source::ReadAt;

/// Held while an index is built that needs much memory. Such indexes are built one at a time in a
/// process: a few of them at once would take all memory there is.
#[derive(Debug, Default)]
pub(crate) struct MemoryPermit(Option<MutexGuard<'static, ()>>);

static PERMIT: Mutex<()> = Mutex::new(());

impl MemoryPermit {
    /// Waits for the permit, if so many samples and bytes of auxiliary information need it.
    ///
    /// # Errors
    /// `WouldBlock` for a source that may not wait.
    pub(crate) fn take<R: ReadAt>(
        &mut self,
        source: &R,
        samples: u64,
        auxiliary: u64,
    ) -> Result<(), FormatError> {
        let needed =
            samples.saturating_mul(limits::MEMORY_OF_SAMPLE).saturating_add(auxiliary.saturating_mul(2));
        if self.0.is_none() && needed > limits::MEMORY_AT_ONCE {
            if !source.may_wait() {
                return Err(FormatError::Io { offset: 0, source: io::ErrorKind::WouldBlock.into() });
            }
            // It guards nothing that could be left half done.
            self.0 = Some(PERMIT.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }
}
