//! What the bytes are generated from.

use crate::boxes::FormatError;
use crate::index::{Auxiliary, Index, SampleTable, ToldAuxiliary};
use crate::plan::Plan;
use crate::source::ReadAt;

/// A plan, and the file that it is about.
pub(super) struct Generator<'a, R: ReadAt> {
    pub(super) index: &'a Index,
    pub(super) plan: &'a Plan,
    pub(super) source: &'a R,
}

/// The sample auxiliary information that `saiz` and `saio` locate.
pub(super) fn located(samples: &SampleTable) -> Result<&ToldAuxiliary, FormatError> {
    match &samples.auxiliary {
        Some(Auxiliary::Told(located)) => Ok(located),
        _ => Err(FormatError::changed()),
    }
}
