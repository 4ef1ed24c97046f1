//! The boxes of the top level of a file.

use crate::boxes::{BoxCounter, BoxHeader, BoxType, FormatError, Reader, read_cut_off_mdat};
use crate::limits;
use crate::source::ReadAt;

use super::other_formats;

/// The boxes of the top level, and the `moov` among them.
///
/// # Errors
/// When there is no `moov`, or one that is too large.
pub(super) fn find_moov<R: ReadAt>(
    reader: &mut Reader<'_, R>,
) -> Result<(Vec<BoxHeader>, BoxHeader), FormatError> {
    let top = top_level(reader);
    // Players take the first one if there are several.
    let found = top.as_ref().ok().and_then(|top| top.iter().find(|b| &b.box_type.0 == b"moov"));
    let Some(&moov) = found else { return Err(no_moov(reader, top.err())) };
    if moov.size > limits::MOOV_OF_CLIP {
        let (size, most) = (moov.size, limits::MOOV_OF_CLIP);
        return Err(moov.error(format!("{size} bytes, more than the {most} we take")));
    }
    Ok((top?, moov))
}

/// Why a file without a `moov` cannot be cut. `error` is what reading its boxes gave.
fn no_moov<R: ReadAt>(reader: &mut Reader<'_, R>, error: Option<FormatError>) -> FormatError {
    if error.as_ref().is_some_and(FormatError::is_unread) || reader.file_len() == 0 {
        return error.unwrap_or(FormatError::Empty);
    }
    match other_formats::media_type(reader) {
        Err(error) => error,
        Ok(Some(kind)) => FormatError::OtherFormat(kind),
        Ok(None) => match error {
            Some(FormatError::Box { box_type, offset: 0, .. })
                if !other_formats::may_begin_with(box_type) =>
            {
                FormatError::NoBoxes
            }
            Some(error) => error,
            None => FormatError::NoMoov,
        },
    }
}

/// The boxes of the top level up to the first fragment, and the `moov` if it comes later. A file
/// may end in bytes that are no box, or in a box that is cut off. Players play such a file as far
/// as it goes.
fn top_level<R: ReadAt>(reader: &mut Reader<'_, R>) -> Result<Vec<BoxHeader>, FormatError> {
    let end = reader.file_len();
    let mut out: Vec<BoxHeader> = Vec::new();
    let mut at = 0;
    let mut fragments = None;
    let mut counter = BoxCounter::default();
    for _ in 0..limits::FRAGMENT_BOXES {
        let header = match reader.header(at, end) {
            Ok(Some(header)) => header,
            Ok(None) => break,
            Err(e) if e.is_unread() => return Err(e),
            Err(e) if out.is_empty() => return Err(e),
            Err(_) => {
                if let Some(cut_off) = read_cut_off_mdat(reader, at)? {
                    out.push(cut_off);
                }
                break;
            }
        };
        if header.box_type == BoxType([0; 4]) {
            break;
        }
        if !counter.takes(header.box_type) {
            return Err(header.error(format!("more than {} boxes in the file", limits::CHILDREN)));
        }
        at = header.end();
        let is_moov = &header.box_type.0 == b"moov";
        if fragments.is_none() || is_moov {
            out.push(header);
        }
        if &header.box_type.0 == b"moof" {
            fragments = Some(header);
        }
        if fragments.is_some() && out.iter().any(|b| &b.box_type.0 == b"moov") {
            break;
        }
    }
    Ok(out)
}
