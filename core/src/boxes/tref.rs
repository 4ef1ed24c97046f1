//! `tref` (8.3.3): references from one track to others.

use super::{BoxHeader, FormatError, Reader, u32_at};
use crate::limits;
use crate::source::ReadAt;

/// The IDs of the tracks that the first reference of a type names: `track_IDs` of its
/// `TrackReferenceTypeBox`.
///
/// # Errors
/// When that box is too large, or the file cannot be read.
pub fn read_track_references<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    tref: &BoxHeader,
    reference_type: &[u8; 4],
) -> Result<Vec<u32>, FormatError> {
    let (children, _) = reader.readable_children(tref.payload(), tref.end())?;
    let found = children.into_iter().find(|b| &b.box_type.0 == reference_type);
    let Some(reference) = found else { return Ok(Vec::new()) };
    let ids = reader.payload(&reference, 0)?;
    Ok(ids.chunks_exact(4).take(limits::TRACKS).map(|id| u32_at(id, 0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::write_box;

    fn references(count: u32) -> Vec<u32> {
        let mut file = Vec::new();
        write_box(&mut file, b"tref", |out| {
            write_box(out, b"sync", |out| out.extend_from_slice(&[0, 0, 0, 9]));
            write_box(out, b"chap", |out| {
                (1..=count).for_each(|id| out.extend_from_slice(&id.to_be_bytes()))
            });
        });
        let len = file.len() as u64;
        let mut reader = Reader::new(&file, len);
        let header = reader.header(0, len).unwrap().unwrap();
        assert_eq!(read_track_references(&mut reader, &header, b"font").unwrap(), [0; 0]);
        read_track_references(&mut reader, &header, b"chap").unwrap()
    }

    #[test]
    fn those_of_the_type_are_read() {
        assert_eq!(references(2), [1, 2]);
        assert_eq!(references(0), [0; 0]);
    }

    #[test]
    fn there_are_no_more_than_a_movie_may_have_tracks() {
        assert_eq!(references(u32::try_from(limits::TRACKS).unwrap() + 1).len(), limits::TRACKS);
    }
}
