//! `sgpd` (8.9.3): the descriptions of a sample grouping.

use super::{BoxHeader, FormatError, Reader, u32_at, write_box};
use crate::limits;
use crate::source::ReadAt;

/// The descriptions of one grouping type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SgpdBox {
    /// `grouping_type`
    pub grouping: [u8; 4],
    /// The descriptions, each as bytes. `sbgp` counts them from 1.
    pub entries: Vec<Vec<u8>>,
    /// `default_group_description_index`: the group of samples that no `sbgp` speaks of; 0 for
    /// none.
    pub default: u32,
}

impl SgpdBox {
    /// Reads an `sgpd`; `None` when its entries cannot be separated, or are more than
    /// [`limits::DESCRIPTIONS`].
    ///
    /// # Errors
    /// When it is too short for its count, or cannot be read.
    pub fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
    ) -> Result<Option<Self>, FormatError> {
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
        let mut rest = b.get(at..).unwrap_or_default();
        if count > limits::DESCRIPTIONS {
            return Ok(None);
        }
        let default_length = match version {
            // Version 0 does not say how long an entry is.
            0 if count > 0 && rest.len() % count == 0 => rest.len() / count,
            0 => return Ok(None),
            _ => default_length,
        };
        let mut entries = Vec::new();
        for _ in 0..count {
            let len = if default_length == 0 && version >= 1 {
                let len = u32_at(rest, 0) as usize;
                rest = rest.get(4..).unwrap_or_default();
                len
            } else {
                default_length
            };
            let Some((entry, more)) = rest.split_at_checked(len) else { return Ok(None) };
            entries.push(entry.to_vec());
            rest = more;
        }
        Ok(Some(Self { grouping, entries, default }))
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
            let first = self.entries.first().map_or(0, Vec::len);
            let is_constant = self.entries.iter().all(|e| e.len() == first);
            let default_length = if is_constant { first } else { 0 };
            out.extend_from_slice(&u32::try_from(default_length).unwrap_or(0).to_be_bytes());
            out.extend_from_slice(&u32::try_from(self.entries.len()).unwrap_or(u32::MAX).to_be_bytes());
            for entry in &self.entries {
                if default_length == 0 {
                    out.extend_from_slice(&u32::try_from(entry.len()).unwrap_or(0).to_be_bytes());
                }
                out.extend_from_slice(entry);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn read(file: &[u8]) -> Result<Option<SgpdBox>, FormatError> {
        read_box(file.to_vec(), SgpdBox::read)
    }

    fn sgpd(payload: &[u8]) -> Vec<u8> {
        make_box(b"sgpd", payload)
    }

    fn roll(entries: &[&[u8]]) -> SgpdBox {
        let entries = entries.iter().map(|e| e.to_vec()).collect();
        SgpdBox { grouping: *b"roll", entries, default: 0 }
    }

    #[test]
    fn what_is_written_is_read() {
        for described in [roll(&[&[255, 255]]), roll(&[&[1], &[2, 3], &[]]), roll(&[])] {
            let mut file = Vec::new();
            described.write(&mut file);
            assert_eq!(read(&file).unwrap(), Some(described));
        }
    }

    #[test]
    fn other_versions_are_read() {
        // Version 0: lengths by division. Version 2: a default.
        let zero = sgpd(&[&[0; 4], &b"roll"[..], &[0, 0, 0, 2], &[1, 2, 3, 4]].concat());
        assert_eq!(read(&zero).unwrap(), Some(roll(&[&[1, 2], &[3, 4]])));
        let two =
            [&[2, 0, 0, 0], &b"roll"[..], &[0, 0, 0, 2], &[0, 0, 0, 1], &[0, 0, 0, 1], &[1, 2]].concat();
        assert_eq!(read(&sgpd(&two)).unwrap(), Some(SgpdBox { default: 1, ..roll(&[&[1, 2]]) }));
    }

    #[test]
    fn a_roll_distance_is_signed() {
        assert!(roll(&[&[255, 254], &[0, 3], &[7]]).roll_distances().eq([-2, 3, 0]));
    }

    #[test]
    fn entries_that_cannot_be_told_apart_are_none() {
        let odd = sgpd(&[&[0; 4], &b"roll"[..], &[0, 0, 0, 2], &[1, 2, 3]].concat());
        assert_eq!(read(&odd).unwrap(), None);
        let long = sgpd(&[&[1, 0, 0, 0], &b"roll"[..], &[0, 0, 0, 9], &[0, 0, 0, 1], &[1, 2]].concat());
        assert_eq!(read(&long).unwrap(), None);
        read(&sgpd(&[0; 8])).unwrap_err();
    }
}
