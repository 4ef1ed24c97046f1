//! What the bytes are generated from.

use crate::boxes::FormatError;
use crate::index::{Auxiliary, Film, LocatedAuxiliary, SampleTable};
use crate::plan::Plan;

/// A plan, and the file that it is about.
pub(super) struct Generator<'a> {
    pub(super) film: &'a Film<'a>,
    pub(super) plan: &'a Plan,
}

/// The sample auxiliary information that `saiz` and `saio` locate.
pub(super) fn located(samples: &SampleTable) -> Result<&LocatedAuxiliary, FormatError> {
    match &samples.auxiliary {
        Some(Auxiliary::Located(located)) => Ok(located),
        _ => Err(FormatError::Changed),
    }
}
