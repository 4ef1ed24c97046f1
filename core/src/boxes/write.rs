//! What boxes begin with, as we write them: size and type (4.2.2), and what a table has before its
//! entries.

use std::ops::Range;

use super::BoxType;

/// Version 0 and no flags of a full box (4.2.2).
pub(super) const PLAIN: [u8; 4] = [0; 4];

/// Bytes of size and type of a box whose size has 32 bits.
pub const BOX_HEAD_SIZE: usize = 8;

/// Size and type of a box with so many bytes of content. `None` where the size takes 64 bits.
pub fn box_head(box_type: BoxType, content_len: u64) -> Option<[u8; BOX_HEAD_SIZE]> {
    let size = u32::try_from(content_len.checked_add(BOX_HEAD_SIZE as u64)?).ok()?;
    let mut out = [0; BOX_HEAD_SIZE];
    for (out, byte) in out.iter_mut().zip(size.to_be_bytes().into_iter().chain(box_type.0)) {
        *out = byte;
    }
    Some(out)
}

/// As [`box_head`], with a size of 64 bits where 32 are not enough.
pub fn long_box_head(box_type: BoxType, content_len: u64) -> Vec<u8> {
    match box_head(box_type, content_len) {
        Some(head) => head.to_vec(),
        None => [&LARGE_SIZE[..], &box_type.0, &content_len.saturating_add(16).to_be_bytes()].concat(),
    }
}

/// The size field of a box whose size has 64 bits, after the type (4.2.2).
pub(super) const LARGE_SIZE: [u8; 4] = [0, 0, 0, 1];

/// Appends a box to `out`: size, type, then what `payload` writes.
pub(super) fn write_box(out: &mut Vec<u8>, box_type: &[u8; 4], payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(box_type);
    payload(out);
    let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    put_word(out, start, size);
}

/// What a table has before its entries, and how long an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableHead {
    /// The type of the box.
    pub box_type: BoxType,
    /// Bytes of an entry; 1 where entries differ in length.
    pub entry_size: u8,
    /// Version, flags and all fields before the entries, except their number.
    fields: Fields,
    /// Whether the number of entries follows the fields.
    has_count: bool,
}

impl TableHead {
    /// That of a table that has its `entry_count` just before the entries.
    pub(super) fn counted(box_type: &[u8; 4], fields: impl AsRef<[u8]>, entry_size: u8) -> Self {
        let fields = Fields::of(fields.as_ref());
        Self { box_type: BoxType(*box_type), entry_size, fields, has_count: true }
    }

    /// That of a table without a number of entries, or with one that is among the fields.
    pub(super) fn uncounted(box_type: &[u8; 4], fields: impl AsRef<[u8]>, entry_size: u8) -> Self {
        Self { has_count: false, ..Self::counted(box_type, fields, entry_size) }
    }

    /// Version, flags and all fields before the entries, except their number.
    pub fn fields(&self) -> &[u8] {
        self.fields.bytes()
    }

    /// Bytes of the number of entries: 0 where the table has no such field.
    pub fn count_size(&self) -> usize {
        if self.has_count { 4 } else { 0 }
    }

    /// The number of entries, which take `entries_len` bytes. `None` where there are more than a
    /// table can have.
    pub fn entry_count(&self, entries_len: u64) -> Option<[u8; 4]> {
        let count = u32::try_from(entries_len / u64::from(self.entry_size.max(1)));
        count.ok().or((!self.has_count).then_some(0)).map(u32::to_be_bytes)
    }

    /// Where in the box its entries begin.
    pub fn entries_at(&self) -> usize {
        BOX_HEAD_SIZE + self.fields().len() + self.count_size()
    }

    /// Appends the box to `out`. What `write` appends are its entries. Returns where they are.
    pub fn write(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = out.len() + self.entries_at();
        write_box(out, &self.box_type.0, |out| {
            out.extend_from_slice(self.fields());
            if self.has_count {
                out.extend_from_slice(&[0; 4]);
            }
            write(out);
            if self.has_count {
                let count = (out.len() - start) / usize::from(self.entry_size.max(1));
                put_word(out, start - 4, u32::try_from(count).unwrap_or(u32::MAX));
            }
        });
        start..out.len()
    }
}

/// A few bytes, which need no memory of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fields {
    bytes: [u8; MOST_FIELDS],
    len: usize,
}

/// Bytes of the fields of a `saiz`, which has most.
const MOST_FIELDS: usize = 17;

impl Fields {
    fn of(bytes: &[u8]) -> Self {
        debug_assert!(bytes.len() <= MOST_FIELDS, "a table with more fields");
        let mut this = Self { bytes: [0; MOST_FIELDS], len: bytes.len().min(MOST_FIELDS) };
        for (to, from) in this.bytes.iter_mut().zip(bytes) {
            *to = *from;
        }
        this
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

fn put_word(out: &mut [u8], at: usize, value: u32) {
    if let Some(to) = out.get_mut(at..at + 4) {
        to.copy_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::Reader;

    #[test]
    fn a_size_takes_64_bits_where_it_must() {
        let most = u64::from(u32::MAX) - 8;
        for (len, header_len) in [(0, 8), (most, 8), (most + 1, 16)] {
            let head = long_box_head(BoxType(*b"free"), len);
            assert_eq!(box_head(BoxType(*b"free"), len).is_some(), header_len == 8);
            // Of the content there are as many bytes as are read at once.
            let file = [&head[..], &[0; 16]].concat();
            let mut reader = Reader::new(&file, u64::MAX);
            reader.read_ahead(16);
            let header = reader.header(0, u64::MAX).unwrap().unwrap();
            assert_eq!((header.header_len, header.payload_len()), (header_len, len));
        }
        assert_eq!(box_head(BoxType(*b"free"), u64::MAX), None);
    }

    #[test]
    fn the_entries_of_a_table_are_counted() {
        let counted = TableHead::counted(b"stsz", [0, 0, 0, 1, 9], 2);
        let uncounted = TableHead::uncounted(b"sdtp", PLAIN, 1);
        for (head, count) in [(counted, &[0, 0, 0, 2][..]), (uncounted, &[])] {
            let mut out = vec![7];
            let entries = head.write(&mut out, |out| out.extend_from_slice(&[1, 2, 3, 4]));
            assert_eq!(out[entries.clone()], [1, 2, 3, 4]);
            assert_eq!((entries.start, entries.end), (1 + head.entries_at(), out.len()));
            let before = [head.fields(), &head.entry_count(4).unwrap()[..head.count_size()]].concat();
            assert!(before.ends_with(count));
            assert_eq!(out[9..entries.start], before);
            assert_eq!(out[1..9], box_head(head.box_type, before.len() as u64 + 4).unwrap());
        }
    }

    #[test]
    fn no_table_has_more_entries_than_a_count_holds() {
        let counted = TableHead::counted(b"stss", PLAIN, 4);
        assert_eq!(counted.entry_count(4 * u64::from(u32::MAX)), Some([255; 4]));
        assert_eq!(counted.entry_count(4 * (u64::from(u32::MAX) + 1)), None);
        // One that has no such field may have more.
        let uncounted = TableHead::uncounted(b"saiz", PLAIN, 1);
        assert_eq!((uncounted.count_size(), uncounted.entry_count(1 << 40)), (0, Some([0; 4])));
    }
}
