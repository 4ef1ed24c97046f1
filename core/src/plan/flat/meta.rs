//! `meta` boxes (ISO/IEC 14496-12, 8.11.1) that state places in the file.

use crate::boxes::{BoxHeader, FormatError, meta_children_at};
use crate::index::Film;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;

use super::layout::Layout;

impl Layout<'_> {
    /// Appends a `meta` of a clip, in the `moov` or a `trak`. One that states places in the file is
    /// left out.
    pub(super) fn metadata(&self, header: &BoxHeader, out: &mut Assembly) -> Result<(), PlanError> {
        if holds_file_offsets(self.film, header)? {
            out.note(names_places(header));
            return Ok(());
        }
        self.tags(header, out)
    }
}

/// The note about a `meta` that is left out.
pub(super) fn names_places(header: &BoxHeader) -> String {
    format!("left out {} at byte {}: it names places in the file", header.box_type, header.offset)
}

/// Whether a `meta` box states where in the file its items are (`iloc`, 8.11.3).
pub(super) fn holds_file_offsets(film: &Film<'_>, header: &BoxHeader) -> Result<bool, FormatError> {
    let mut reader = film.index.reader(&film.source);
    let mut has_iloc = |from| match reader.children(from, header.end()) {
        Ok(children) => Ok(children.iter().any(|c| &c.box_type.0 == b"iloc")),
        Err(e) if e.is_unread() => Err(e),
        Err(_) => Ok(false),
    };
    let [first, second] = meta_children_at(header);
    Ok(has_iloc(first)? || has_iloc(second)?)
}
