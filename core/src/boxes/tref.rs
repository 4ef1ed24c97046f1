//! `tref` (8.3.3): references from one track to others.

use super::{BoxHeader, FormatError, Reader, u32_at, write_box};
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

/// The references in a `tref`, written without those to tracks that are not kept. What is left
/// without any reference is left out, and so is what is over the limit.
///
/// # Errors
/// When a box in it does not fit, is too large, or cannot be read.
pub fn without_references<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    tref: &BoxHeader,
    is_kept: impl Fn(u32) -> bool,
) -> Result<Vec<u8>, FormatError> {
    let mut out = Vec::new();
    let mut room = limits::REFERENCES;
    for reference in reader.children(tref.payload(), tref.end())? {
        if room == 0 {
            break;
        }
        let ids = reader.payload(&reference, 0)?.chunks_exact(4).take(room);
        room -= ids.len();
        let kept: Vec<_> = ids.map(|id| u32_at(id, 0)).filter(|&id| is_kept(id)).collect();
        if !kept.is_empty() {
            write_box(&mut out, &reference.box_type.0, |out| {
                kept.iter().for_each(|id| out.extend_from_slice(&id.to_be_bytes()));
            });
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

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
    fn references_of_the_type_are_read() {
        assert_eq!(references(2), [1, 2]);
        assert_eq!(references(0), [0; 0]);
    }

    #[test]
    fn references_that_are_kept_are_written_as_they_were() {
        let chap = make_box(b"chap", [0, 0, 0, 1, 0, 0, 0, 2]);
        let sync = make_box(b"sync", [0, 0, 0, 9]);
        let kept = |is_kept: fn(u32) -> bool| {
            let tref = make_box(b"tref", [chap.clone(), sync.clone()].concat());
            read_box(tref, |reader, header| without_references(reader, header, is_kept)).unwrap()
        };
        assert_eq!(kept(|_| true), [chap.clone(), sync.clone()].concat());
        assert_eq!(kept(|id| id == 2), make_box(b"chap", [0, 0, 0, 2]));
        assert!(kept(|_| false).is_empty());
    }

    #[test]
    fn no_more_references_of_a_track_are_kept_than_there_may_be() {
        let ids = |count: usize| [0, 0, 0, 1].repeat(count);
        let kept = |counts: &[usize]| {
            let references: Vec<_> = counts.iter().map(|&count| make_box(b"chap", ids(count))).collect();
            let tref = make_box(b"tref", references.concat());
            read_box(tref, |reader, header| without_references(reader, header, |_| true)).unwrap()
        };
        let most = limits::REFERENCES;
        assert_eq!(kept(&[most + 1]), make_box(b"chap", ids(most)));
        let both = [make_box(b"chap", ids(most - 1)), make_box(b"chap", ids(1))].concat();
        assert_eq!(kept(&[most - 1, 0, 1, 1]), both);
        assert_eq!(kept(&[most - 1, 2]), both);
    }

    #[test]
    fn there_are_no_more_than_a_movie_may_have_tracks() {
        assert_eq!(references(u32::try_from(limits::TRACKS).unwrap() + 1).len(), limits::TRACKS);
    }
}
