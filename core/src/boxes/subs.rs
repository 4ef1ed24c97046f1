//! `subs` (8.7.7): the parts of samples.

use super::{u16_at, u32_at, write_box};
use crate::numbers::SampleNumber;

/// The entries of a `subs`, in order.
pub struct SubsEntries<'a> {
    rest: &'a [u8],
    left: u32,
    part_size: usize,
    /// The sample of the entry before, as the box counts it.
    one_based: u32,
}

/// An entry of a `subs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubsEntry<'a> {
    /// The sample; `None` in a malformed box, where it is the one before the first.
    pub sample: Option<SampleNumber>,
    /// `subsample_count` and the parts, as they stand in the file.
    pub parts: &'a [u8],
}

impl<'a> SubsEntries<'a> {
    /// Reads the payload of a `subs`: version and flags, and its entries. `None` when it is too
    /// short for a count.
    pub fn of(payload: &'a [u8]) -> Option<([u8; 4], Self)> {
        let head: [u8; 4] = payload.get(..4)?.try_into().ok()?;
        let left = u32_at(payload.get(4..8)?, 0);
        let part_size = if head.first() == Some(&1) { 10 } else { 8 };
        Some((head, Self { rest: payload.get(8..)?, left, part_size, one_based: 0 }))
    }
}

impl<'a> Iterator for SubsEntries<'a> {
    /// `None` for an entry that does not fit; it is the last.
    type Item = Option<SubsEntry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let parts = usize::from(u16_at(self.rest, 4));
        let Some((entry, rest)) = self.rest.split_at_checked(6 + parts * self.part_size) else {
            self.left = 0;
            return Some(None);
        };
        self.rest = rest;
        // sample_delta counts from the entry before.
        self.one_based = self.one_based.saturating_add(u32_at(entry, 0));
        let parts = entry.get(4..).unwrap_or_default();
        Some(Some(SubsEntry { sample: SampleNumber::from_one_based(self.one_based), parts }))
    }
}

/// Puts a `subs` together.
#[derive(Debug, Clone)]
pub struct SubsWriter {
    /// Version and flags.
    head: [u8; 4],
    /// The sample of the last entry, as the box counts it; 0 before the first.
    one_based: u32,
    count: u32,
    entries: Vec<u8>,
}

impl SubsWriter {
    /// A box with this version and these flags, without entries.
    pub fn new(head: [u8; 4]) -> Self {
        Self { head, one_based: 0, count: 0, entries: Vec::new() }
    }

    /// Version and flags.
    pub fn head(&self) -> [u8; 4] {
        self.head
    }

    /// Bytes of the entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends an entry (`subsample_count` and the parts) for a later sample than those before it.
    pub fn push(&mut self, sample: SampleNumber, parts: &[u8]) {
        // 8.7.7.3: `sample_delta` counts from the sample of the entry before.
        let delta = sample.one_based().saturating_sub(self.one_based);
        self.entries.extend_from_slice(&delta.to_be_bytes());
        self.entries.extend_from_slice(parts);
        self.one_based = sample.one_based();
        self.count += 1;
    }

    /// Writes the box.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_box(out, b"subs", |out| {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(&self.count.to_be_bytes());
            out.extend_from_slice(&self.entries);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let entries = [
            SubsEntry { sample: Some(SampleNumber(1)), parts: &[0, 1, 1, 2, 3, 4, 5, 6, 7, 8] },
            SubsEntry { sample: Some(SampleNumber(8)), parts: &[0, 0] },
        ];
        let mut writer = SubsWriter::new([0, 0, 0, 5]);
        entries.iter().for_each(|entry| writer.push(entry.sample.unwrap(), entry.parts));
        let mut out = Vec::new();
        writer.write(&mut out);
        let (head, read) = SubsEntries::of(&out[8..]).unwrap();
        assert_eq!(head, [0, 0, 0, 5]);
        assert_eq!(read.collect::<Vec<_>>(), entries.map(Some));
    }

    #[test]
    fn numbers_add_up_and_parts_are_bytes() {
        let payload = [
            &[0u8, 0, 0, 0, 0, 0, 0, 3][..],
            &[0, 0, 0, 2, 0, 1],
            &[7; 8],
            &[0, 0, 0, 3, 0, 0],
            &[0, 0, 0, 1, 0, 1, 9],
        ]
        .concat();
        let (head, entries) = SubsEntries::of(&payload).unwrap();
        assert_eq!(head, [0; 4]);
        let entries: Vec<_> = entries.collect();
        let first = [&[0u8, 1][..], &[7; 8]].concat();
        assert_eq!(entries[0], Some(SubsEntry { sample: Some(SampleNumber(1)), parts: &first }));
        assert_eq!(entries[1], Some(SubsEntry { sample: Some(SampleNumber(4)), parts: &[0, 0] }));
        assert_eq!(entries[2..], [None]);
        assert!(SubsEntries::of(&[0; 7]).is_none());
    }
}
