//! The systems that give out keys.

use crate::boxes::{FormatError, PsshBox};
use crate::index::Film;
use crate::limits;

/// What the movie says to systems that may give out a key: all but what is about other keys.
pub(super) fn systems(film: &Film<'_>, key_id: Option<[u8; 16]>) -> Result<Vec<PsshBox>, FormatError> {
    let mut reader = film.index.reader(&film.source);
    let mut left = limits::PSSH;
    let mut found = Vec::new();
    let boxes = film.index.moov.children.iter().map(|node| &node.header);
    for header in boxes.filter(|header| &header.box_type.0 == b"pssh") {
        let Some(less) = left.checked_sub(header.size) else { continue };
        left = less;
        let is_about =
            |pssh: &PsshBox| key_id.is_none_or(|id| pssh.key_ids.is_empty() || pssh.key_ids.contains(&id));
        found.extend(PsshBox::read(&mut reader, header)?.filter(is_about));
    }
    Ok(found)
}
