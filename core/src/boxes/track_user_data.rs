//! `udta` (8.10.1) of a track: what it is called, and what it is for.

use super::{BoxHeader, FormatError, Reader, u16_at};
use crate::limits::{NAME, PURPOSES};
use crate::source::ReadAt;

/// What the user data of a track say to people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackUserData {
    /// QuickTime's `name`, or `©nam`.
    pub name: Option<String>,
    /// The scheme and the value of each `kind` (8.10.4).
    pub kinds: Vec<(String, String)>,
    /// Apple's `tagc`: media characteristics.
    pub characteristics: Vec<String>,
}

impl TrackUserData {
    /// Reads an `udta`, as far as it can be read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, udta: &BoxHeader) -> Result<Self, FormatError> {
        let mut this = Self::default();
        let mut named = None;
        for child in reader.readable_children(udta.payload(), udta.end())?.0 {
            if !matches!(&child.box_type.0, b"name" | b"\xa9nam" | b"kind" | b"tagc") {
                continue;
            }
            let len = usize::try_from(child.payload_len()).unwrap_or(NAME).min(NAME);
            let b = reader.bytes(child.payload(), len)?;
            match &child.box_type.0 {
                // Some writers have version and flags before it.
                b"name" => this.name = Some(text(b.strip_prefix(&[0; 4]).unwrap_or(b))),
                b"\xa9nam" => named = named.or_else(|| international_text(b)),
                b"kind" if this.kinds.len() < PURPOSES => {
                    let mut strings = b.get(4..).unwrap_or_default().split(|&b| b == 0);
                    let mut next = || text(strings.next().unwrap_or_default());
                    this.kinds.push((next(), next()));
                }
                b"tagc" if this.characteristics.len() < PURPOSES => this.characteristics.push(text(b)),
                _ => {}
            }
        }
        this.name = this.name.filter(|name| !name.is_empty()).or(named);
        Ok(this)
    }
}

/// Text up to a zero or the end.
fn text(b: &[u8]) -> String {
    String::from_utf8_lossy(b.split(|&b| b == 0).next().unwrap_or_default()).into_owned()
}

/// QuickTime File Format, "User data text strings": the first of them has a length and a language.
fn international_text(b: &[u8]) -> Option<String> {
    let len = usize::from(u16_at(b, 0));
    let rest = b.get(4..)?;
    Some(text(rest.get(..len).unwrap_or(rest))).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn read(boxes: &[Vec<u8>]) -> TrackUserData {
        read_box(make_box(b"udta", boxes.concat()), TrackUserData::read).unwrap()
    }

    #[test]
    fn names_are_read_in_each_form() {
        let name = |boxes: &[Vec<u8>]| read(boxes).name;
        assert_eq!(name(&[make_box(b"name", b"Director")]).as_deref(), Some("Director"));
        assert_eq!(name(&[make_box(b"name", b"\0\0\0\0Director\0")]).as_deref(), Some("Director"));
        let international = make_box(b"\xa9nam", b"\0\x08\x15\xc7Directorx");
        assert_eq!(name(std::slice::from_ref(&international)).as_deref(), Some("Director"));
        assert_eq!(name(&[international, make_box(b"name", b"Cast")]).as_deref(), Some("Cast"));
        assert_eq!(name(&[make_box(b"name", b""), make_box(b"\xa9nam", b"\0\x08")]), None);
        assert_eq!(name(&[make_box(b"name", [b'x'; 9000])]).map(|name| name.len()), Some(NAME));
    }

    #[test]
    fn purposes_are_read() {
        let kind = make_box(b"kind", b"\0\0\0\0urn:mpeg:dash:role:2011\0commentary\0");
        let tag = make_box(b"tagc", b"public.easy-to-read");
        let data = read(&[kind, tag]);
        assert_eq!(data.kinds, [("urn:mpeg:dash:role:2011".to_owned(), "commentary".to_owned())]);
        assert_eq!(data.characteristics, ["public.easy-to-read"]);
        let short = read(&[make_box(b"kind", b"\0\0"), make_box(b"kind", b"\0\0\0\0x")]);
        assert_eq!(short.kinds, [(String::new(), String::new()), ("x".to_owned(), String::new())]);
    }

    #[test]
    fn no_more_purposes_are_kept_than_the_limit() {
        let many = read(&vec![make_box(b"tagc", b"x"); PURPOSES + 1]);
        assert_eq!(many.characteristics.len(), PURPOSES);
        let many = read(&vec![make_box(b"kind", b"\0\0\0\0x"); PURPOSES + 1]);
        assert_eq!(many.kinds.len(), PURPOSES);
    }
}
