//! Tags that count samples of the whole film, which a clip must not have.
//!
//! iTunes writes how many samples of audio are priming and padding, and how many the film has, into
//! a freeform tag named `iTunSMPB`. Players take it for more than the edit list: of a clip they would
//! play priming that its edit list hides. The edit list of the clip says it all.

use crate::boxes::{BoxHeader, BoxType, FormatError, Reader};
use crate::source::ReadAt;

use super::Assembly;

/// Names of the tags that are left out.
const COUNTS_SAMPLES: [&[u8]; 1] = [b"iTunSMPB"];

/// Longest tag that is looked into.
const LONGEST: u64 = 4096;

/// A `meta` box without tags that count samples; `None` where it has none, or is no list of tags.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn without_counts<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    meta: &BoxHeader,
) -> Result<Option<Assembly>, FormatError> {
    // The meta box of ISO/IEC 14496-12 (8.11.1) has a version and flags, QuickTime's has not.
    for from in [meta.payload() + 4, meta.payload()] {
        let children = readable(reader.children(from, meta.end()))?;
        let Some(ilst) = children.iter().find(|b| &b.box_type.0 == b"ilst") else { continue };
        let items = readable(reader.children(ilst.payload(), ilst.end()))?;
        let mut kept = Assembly::default();
        let mut is_changed = false;
        for item in &items {
            if counts_samples(reader, item)? {
                is_changed = true;
            } else {
                kept.copy(item);
            }
        }
        if !is_changed {
            return Ok(None);
        }
        let mut content = Assembly::default();
        content.source(meta.payload(), from - meta.payload());
        for child in &children {
            if child == ilst {
                content.wrap(BoxType(*b"ilst"), std::mem::take(&mut kept))?;
            } else {
                content.copy(child);
            }
        }
        let mut out = Assembly::default();
        out.wrap(BoxType(*b"meta"), content)?;
        return Ok(Some(out));
    }
    Ok(None)
}

/// Whether an item of an `ilst` is a freeform tag of such a name.
fn counts_samples<R: ReadAt>(reader: &mut Reader<'_, R>, item: &BoxHeader) -> Result<bool, FormatError> {
    if &item.box_type.0 != b"----" || item.size > LONGEST {
        return Ok(false);
    }
    for part in readable(reader.children(item.payload(), item.end()))? {
        if &part.box_type.0 == b"name" {
            let name = reader.payload(&part, 0)?.get(4..).unwrap_or_default();
            return Ok(COUNTS_SAMPLES.contains(&name));
        }
    }
    Ok(false)
}

/// The boxes; none where there is something else, which is copied as it is.
fn readable(read: Result<Vec<BoxHeader>, FormatError>) -> Result<Vec<BoxHeader>, FormatError> {
    match read {
        Err(e @ FormatError::Io { .. }) => Err(e),
        read => Ok(read.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use crate::boxes::write_box;
    use crate::testing::{Film, TrackSpec, clip};

    fn freeform(name: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_box(&mut out, b"----", |out| {
            write_box(out, b"mean", |out| out.extend_from_slice(b"\0\0\0\0com.apple.iTunes"));
            write_box(out, b"name", |out| out.extend_from_slice(&[b"\0\0\0\0", name].concat()));
            write_box(out, b"data", |out| out.extend_from_slice(b"\0\0\0\x01\0\0\0\0 00000840"));
        });
        out
    }

    fn film(tags: &[Vec<u8>]) -> Vec<u8> {
        let mut udta = Vec::new();
        write_box(&mut udta, b"udta", |out| {
            write_box(out, b"meta", |out| {
                out.extend_from_slice(&[0; 4]);
                write_box(out, b"hdlr", |out| {
                    out.extend_from_slice(b"\0\0\0\0\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0")
                });
                write_box(out, b"ilst", |out| out.extend_from_slice(&tags.concat()));
            });
        });
        Film { more: vec![udta], ..Film::of(vec![TrackSpec::audio(200)]) }.build()
    }

    fn holds(clip: &[u8], what: &[u8]) -> bool {
        clip.windows(what.len()).any(|w| w == what)
    }

    #[test]
    fn a_clip_has_no_counts_of_the_whole_film() {
        let film = film(&[freeform(b"iTunNORM"), freeform(b"iTunSMPB")]);
        let cut = clip(&film, "start=1&end=2").unwrap();
        assert!(holds(&film, b"iTunSMPB") && !holds(&cut, b"iTunSMPB"));
        assert!(holds(&cut, b"iTunNORM") && holds(&cut, b"mdirappl"));
    }

    #[test]
    fn other_tags_are_as_they_were() {
        let other = freeform(b"iTunNORM");
        let film = film(std::slice::from_ref(&other));
        assert!(holds(&clip(&film, "start=1&end=2").unwrap(), &other));
    }
}
