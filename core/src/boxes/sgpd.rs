//! `sgpd` (8.9.3): the descriptions of a sample grouping.

use super::{BoxHeader, FormatError, Reader, u32_at, write_box};
use crate::limits;
use crate::source::ReadAt;

/// The descriptions of one grouping type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SgpdBox {
    /// `grouping_type`
    pub grouping: [u8; 4],
    /// The descriptions.
    pub entries: GroupEntries,
    /// `default_group_description_index`: the group of samples that no `sbgp` speaks of; 0 for
    /// none.
    pub default: u32,
    /// The descriptions cannot be told apart, or are more than [`limits::DESCRIPTIONS`]. `entries` has
    /// none of them.
    pub is_opaque: bool,
}

/// Group descriptions, each as bytes. `sbgp` counts them from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupEntries {
    bytes: Vec<u8>,
    /// Where each ends in `bytes`.
    ends: Vec<u32>,
}

impl GroupEntries {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The one of this index, counted from 0.
    pub fn get(&self, at: usize) -> Option<&[u8]> {
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.bytes.get(start as usize..*self.ends.get(at)? as usize)
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// Adds one. `false` where the box would get longer than one that is read as a whole.
    pub fn push(&mut self, entry: &[u8]) -> bool {
        let bytes = self.bytes.len() + entry.len();
        let Ok(end) = u32::try_from(bytes) else { return false };
        // Each may have its length before it.
        if HEAD + bytes + 4 * (self.ends.len() + 1) > limits::SMALL_BOX {
            return false;
        }
        self.bytes.extend_from_slice(entry);
        self.ends.push(end);
        true
    }

    /// Memory held besides the struct itself.
    pub fn heap_size(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

/// Bytes before the entries of what is written: version and flags, the type, a length, the count.
const HEAD: usize = 16;

impl SgpdBox {
    /// Reads an `sgpd`.
    ///
    /// # Errors
    /// When it is too short for its count, or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let b = reader.payload(header, 12)?;
        let mut grouping = [0; 4];
        grouping.copy_from_slice(b.get(4..8).unwrap_or_default());
        let version = b.first().copied().unwrap_or(0);
        let mut at = 8;
        let mut word = |is_present: bool| {
            let value = if is_present { u32_at(b, at) } else { 0 };
            at += if is_present { 4 } else { 0 };
            value
        };
        let default_length = word(version >= 1) as usize;
        let default = word(version >= 2);
        let count = word(true) as usize;
        let rest = b.get(at..).unwrap_or_default();
        let length = match version {
            0 if count == 0 => Some(0),
            // Version 0 does not say how long an entry is.
            0 => rest.len().checked_div(count).filter(|length| length * count == rest.len()),
            _ => Some(default_length),
        };
        let entries = length.and_then(|length| separate(rest, count, length, version));
        let is_opaque = entries.is_none();
        Ok(Self { grouping, entries: entries.unwrap_or_default(), default, is_opaque })
    }

    /// `roll_distance` of each description of a `roll` or `prol` (10.1); 0 for one that is too
    /// short.
    pub fn roll_distances(&self) -> impl Iterator<Item = i16> {
        self.entries.iter().map(|entry| entry.first_chunk().map_or(0, |b| i16::from_be_bytes(*b)))
    }

    /// Writes it in version 1, without the default.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_box(out, b"sgpd", |out| {
            out.extend_from_slice(&[1, 0, 0, 0]);
            out.extend_from_slice(&self.grouping);
            let first = self.entries.get(0).map_or(0, <[u8]>::len);
            let is_constant = self.entries.iter().all(|e| e.len() == first);
            let default_length = if is_constant { first } else { 0 };
            out.extend_from_slice(&u32::try_from(default_length).unwrap_or(0).to_be_bytes());
            out.extend_from_slice(&u32::try_from(self.entries.len()).unwrap_or(u32::MAX).to_be_bytes());
            for entry in self.entries.iter() {
                if default_length == 0 {
                    out.extend_from_slice(&u32::try_from(entry.len()).unwrap_or(0).to_be_bytes());
                }
                out.extend_from_slice(entry);
            }
        });
    }
}

/// The entries in `rest`, of this length each, or from version 1 on, where it is 0, each with its own
/// before it. `None` where they cannot be told apart, or are too many.
fn separate(mut rest: &[u8], count: usize, length: usize, version: u8) -> Option<GroupEntries> {
    // More than one entry of no bytes would be as many as anybody claims.
    if count > limits::DESCRIPTIONS || count > rest.len().max(1) {
        return None;
    }
    let mut entries = GroupEntries::default();
    for _ in 0..count {
        let mut length = length;
        if length == 0 && version >= 1 {
            length = u32_at(rest.get(..4)?, 0) as usize;
            rest = rest.get(4..)?;
        }
        let (entry, more) = rest.split_at_checked(length)?;
        if !entries.push(entry) {
            return None;
        }
        rest = more;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn read(file: &[u8]) -> Result<SgpdBox, FormatError> {
        read_box(file.to_vec(), SgpdBox::read)
    }

    fn sgpd(payload: &[u8]) -> Vec<u8> {
        make_box(b"sgpd", payload)
    }

    fn roll(entries: &[&[u8]]) -> SgpdBox {
        let mut out = SgpdBox { grouping: *b"roll", ..SgpdBox::default() };
        assert!(entries.iter().all(|entry| out.entries.push(entry)));
        out
    }

    #[test]
    fn what_is_written_is_read() {
        for described in [roll(&[&[255, 255]]), roll(&[&[1], &[2, 3], &[]]), roll(&[])] {
            let mut file = Vec::new();
            described.write(&mut file);
            assert_eq!(read(&file).unwrap(), described);
        }
    }

    #[test]
    fn other_versions_are_read() {
        // Version 0: lengths by division. Version 2: a default.
        let zero = sgpd(&[&[0; 4], &b"roll"[..], &[0, 0, 0, 2], &[1, 2, 3, 4]].concat());
        assert_eq!(read(&zero).unwrap(), roll(&[&[1, 2], &[3, 4]]));
        // One that takes no bytes.
        let none = sgpd(&[&[0; 4], &b"roll"[..], &[0, 0, 0, 1]].concat());
        assert_eq!(read(&none).unwrap(), roll(&[&[]]));
        let two =
            [&[2, 0, 0, 0], &b"roll"[..], &[0, 0, 0, 2], &[0, 0, 0, 1], &[0, 0, 0, 1], &[1, 2]].concat();
        assert_eq!(read(&sgpd(&two)).unwrap(), SgpdBox { default: 1, ..roll(&[&[1, 2]]) });
    }

    #[test]
    fn a_roll_distance_is_signed() {
        assert!(roll(&[&[255, 254], &[0, 3], &[7]]).roll_distances().eq([-2, 3, 0]));
    }

    #[test]
    fn entries_that_cannot_be_told_apart_are_not_known() {
        let opaque = |version: u8, rest: &[u8]| {
            let read = read(&sgpd(&[&[version, 0, 0, 0], &b"roll"[..], rest].concat())).unwrap();
            assert!(read.is_opaque && read.entries.is_empty());
            (read.grouping, read.default)
        };
        assert_eq!(opaque(0, &[0, 0, 0, 2, 1, 2, 3]), (*b"roll", 0));
        assert_eq!(opaque(1, &[0, 0, 0, 9, 0, 0, 0, 1, 1, 2]), (*b"roll", 0));
        // More than there is room for, of no bytes or with lengths that are cut off.
        assert_eq!(opaque(0, &[0, 0, 0, 2]), (*b"roll", 0));
        assert_eq!(opaque(2, &[0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1]), (*b"roll", 5));
        assert_eq!(opaque(1, &[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]), (*b"roll", 0));
        let many = [&[0, 0, 0, 1, 0, 0, 0x10, 1][..], &[7; 4097]].concat();
        assert_eq!(opaque(1, &many), (*b"roll", 0));
        read(&sgpd(&[0; 8])).unwrap_err();
    }

    #[test]
    fn what_is_put_together_is_no_longer_than_what_is_read() {
        let mut described = roll(&[]);
        let entry = vec![7; 1000];
        while described.entries.push(&entry) {}
        let mut file = Vec::new();
        described.write(&mut file);
        assert!(file.len() - 8 <= limits::SMALL_BOX && described.entries.len() == 1044);
        assert_eq!(read(&file).unwrap(), described);
    }
}
