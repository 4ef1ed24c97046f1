//! `saiz` (8.7.8) and `saio` (8.7.9): lengths and places of sample auxiliary information.

use super::error::AuxiliaryError;
use super::write::TableHead;
use super::{BoxHeader, ChunkOffsets, FormatError, Reader, SampleSizes, Table, TableReader, u32_at};
use crate::source::ReadAt;

/// Bit 0 of the flags (8.7.8.2, 8.7.9.2): `aux_info_type` and `aux_info_type_parameter` are
/// present.
const AUX_INFO_TYPE_PRESENT: u8 = 1;

/// Entries of a `saiz` that are read at first.
const READ_FIRST: u32 = 512;

/// A `saiz`, but for its entries, which stay in the file.
#[derive(Debug)]
pub struct SaizBox {
    /// `aux_info_type` and its parameter, where the box says them.
    pub kind: Option<[u8; 8]>,
    /// `default_sample_info_size`: the length for all samples; 0 when each has its own.
    pub default_size: u8,
    /// The lengths; of samples past the last, none.
    pub sizes: SampleSizes,
}

impl SaizBox {
    /// Reads what stands before the entries.
    ///
    /// # Errors
    /// When the box is too short for its entries, or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let head = usize::try_from(header.payload_len()).unwrap_or(17).min(17);
        let b = reader.bytes(header.payload(), head)?;
        let kind = kind_in(b);
        let at = if has_kind(b) { 12 } else { 4 };
        let default_size = b.get(at).copied();
        let count = b.get(at + 1..at + 5).map(|b| u32_at(b, 0));
        let (Some(default_size), Some(count)) = (default_size, count) else {
            // 8.7.8.2: `default_sample_info_size` and `sample_count`.
            return Err(header.error("too short for a sample count"));
        };
        if default_size > 0 {
            let bytes = u32::from(default_size);
            let sizes = SampleSizes::Constant { count, stored: bytes, samples: 1, bytes };
            return Ok(Self { kind, default_size, sizes });
        }
        let table = Table { offset: header.payload() + at as u64 + 5, count, entry_size: SAIZ_ENTRY_SIZE };
        if at as u64 + 5 + table.bytes() > header.payload_len() {
            // 8.7.8.3: one `sample_info_size` for each of the samples that are counted.
            return Err(header.error(format!("{count} sizes do not fit in its {} bytes", header.size)));
        }
        Ok(Self { kind, default_size, sizes: SampleSizes::of_table(table, 8, count) })
    }

    /// Appends the lengths for the first samples to `out`: for as many as the box speaks of, and no
    /// more than `samples`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_lengths<R: ReadAt>(
        &self,
        source: &R,
        samples: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let count = self.sizes.count().min(samples);
        match &self.sizes {
            SampleSizes::Constant { .. } => out.resize(out.len() + count as usize, self.default_size),
            SampleSizes::Table { table, .. } => {
                let mut entries = TableReader::new(source, *table, READ_FIRST);
                for n in 0..count {
                    out.extend_from_slice(entries.entry(n)?);
                }
            }
        }
        Ok(())
    }
}

/// What a `saiz` of so many samples has before its entries. It has none where `default_size` is not
/// 0, which is then the length for all samples.
pub fn saiz_head(kind: Option<[u8; 8]>, default_size: u8, sample_count: u32) -> TableHead {
    let fields = [&head(0, kind)[..], &[default_size], &sample_count.to_be_bytes()].concat();
    TableHead::uncounted(b"saiz", fields, SAIZ_ENTRY_SIZE)
}

/// What a `saio` of version 1, whose offsets have 64 bits, has before its entries.
pub fn saio_head(kind: Option<[u8; 8]>) -> TableHead {
    TableHead::counted(b"saio", head(1, kind), 8)
}

/// An entry of a `saio` of version 1: an offset.
pub fn saio_entry(offset: u64) -> [u8; 8] {
    offset.to_be_bytes()
}

/// Bytes of an entry of a `saiz`.
const SAIZ_ENTRY_SIZE: u8 = 1;

/// Version, flags, and the type if there is one.
fn head(version: u8, kind: Option<[u8; 8]>) -> Vec<u8> {
    match kind {
        Some(kind) => [&[version, 0, 0, AUX_INFO_TYPE_PRESENT][..], &kind].concat(),
        None => vec![version, 0, 0, 0],
    }
}

/// Reads the offsets of a `saio`.
///
/// # Errors
/// When the box is too short for its entries, or cannot be read.
pub fn read_saio<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<ChunkOffsets, FormatError> {
    if header.payload_len() < 4 {
        // 4.2.2: version and flags of a full box.
        return Err(header.error("too short for its flags"));
    }
    let b = reader.bytes(header.payload(), 4)?;
    let entry_size = if b.first() == Some(&0) { 4 } else { 8 };
    let skip = if has_kind(b) { 8 } else { 0 };
    Ok(ChunkOffsets::of_table(Table::read(reader, header, skip, entry_size)?))
}

/// Reads the `aux_info_type` and its parameter of a `saiz` or `saio`, where it has them.
///
/// # Errors
/// When the file cannot be read.
pub fn read_aux_info_type<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<Option<[u8; 8]>, FormatError> {
    let head = usize::try_from(header.payload_len()).unwrap_or(12).min(12);
    Ok(kind_in(reader.bytes(header.payload(), head)?))
}

/// A `saiz` and a `saio`, where they are there.
type Pair = (Option<BoxHeader>, Option<BoxHeader>);

/// The `saiz` and the `saio` that speak of encryption; there may be others beside them.
///
/// # Errors
/// When there is one too many, or the file cannot be read.
pub(crate) fn find_encryption_boxes<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    boxes: &[BoxHeader],
) -> Result<Pair, AuxiliaryError> {
    let mut found = [None, None];
    for (slot, box_type) in found.iter_mut().zip([b"saiz", b"saio"]) {
        for header in boxes.iter().filter(|h| &h.box_type.0 == box_type) {
            let kind = read_aux_info_type(reader, header)?;
            if kind.is_some_and(|kind| !SCHEMES.iter().any(|scheme| kind.starts_with(scheme))) {
                continue;
            }
            if slot.replace(*header).is_some() {
                return Err(AuxiliaryError::Unsupported(*header));
            }
        }
    }
    Ok((found[0], found[1]))
}

/// Schemes of encryption, by which auxiliary information about it is known.
const SCHEMES: [&[u8]; 5] = [b"cenc", b"cbc1", b"cens", b"cbcs", b"piff"];

fn has_kind(b: &[u8]) -> bool {
    u32_at(b, 0) & u32::from(AUX_INFO_TYPE_PRESENT) != 0
}

fn kind_in(b: &[u8]) -> Option<[u8; 8]> {
    has_kind(b).then(|| b.get(4..12)?.try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn with<T>(
        box_type: &[u8; 4],
        payload: &[&[u8]],
        read: impl FnOnce(&mut Reader<'_, Vec<u8>>, &BoxHeader) -> T,
    ) -> T {
        read_box(make_box(box_type, payload.concat()), read)
    }

    type Read = (Option<[u8; 8]>, u8, u32, u64);

    fn read_saiz(reader: &mut Reader<'_, Vec<u8>>, header: &BoxHeader) -> Result<Read, FormatError> {
        let read = SaizBox::read(reader, header)?;
        let count = read.sizes.count();
        Ok((read.kind, read.default_size, count, read.sizes.bytes(reader.source(), 0..count)?))
    }

    fn saiz(payload: &[&[u8]]) -> Result<Read, FormatError> {
        with(b"saiz", payload, read_saiz)
    }

    #[test]
    fn lengths_are_one_or_many() {
        assert_eq!(saiz(&[&[0; 4], &[8], &[0, 0, 0, 3]]).unwrap(), (None, 8, 3, 24));
        let kind = *b"cenc\0\0\0\0";
        let each = saiz(&[&[0, 0, 0, 1], &kind, &[0], &[0, 0, 0, 2], &[5, 6]]).unwrap();
        assert_eq!(each, (Some(kind), 0, 2, 11));
        assert!(saiz(&[&[0; 4], &[0], &[0, 0, 0, 3], &[1, 2]]).unwrap_err().to_string().contains("3 sizes"));
        saiz(&[&[0; 4], &[0], &[0, 0]]).unwrap_err();
    }

    #[test]
    fn what_is_written_is_read() {
        for kind in [None, Some(*b"cenc\0\0\0\x01")] {
            let mut each = Vec::new();
            saiz_head(kind, 0, 2).write(&mut each, |out| out.extend_from_slice(&[5, 6]));
            assert_eq!(read_box(each, read_saiz).unwrap(), (kind, 0, 2, 11));
            let mut alike = Vec::new();
            saiz_head(kind, 9, 2).write(&mut alike, |_| ());
            assert_eq!(read_box(alike, read_saiz).unwrap(), (kind, 9, 2, 18));
            let mut saio = Vec::new();
            let offsets = [7, 1 << 40];
            saio_head(kind).write(&mut saio, |out| out.extend_from_slice(&offsets.map(saio_entry).concat()));
            let read = read_box(saio.clone(), read_saio).unwrap();
            assert_eq!(read.count(), 2);
            assert_eq!([0, 1].map(|n| read.get(&saio, n).unwrap()), offsets);
            assert_eq!(read_box(saio, read_aux_info_type).unwrap(), kind);
        }
    }

    #[test]
    fn the_lengths_of_the_first_samples_are_read() {
        for (default_size, entries, three) in [(0, &[5, 6][..], [1, 5, 6]), (8, &[], [1, 8, 8])] {
            let mut file = Vec::new();
            saiz_head(None, default_size, 2).write(&mut file, |out| out.extend_from_slice(entries));
            let saiz = read_box(file.clone(), SaizBox::read).unwrap();
            for samples in [0, 1, 2, 3] {
                let mut lengths = vec![1];
                saiz.read_lengths(&file, samples, &mut lengths).unwrap();
                assert_eq!(lengths, three[..=samples.min(2) as usize]);
            }
        }
    }

    #[test]
    fn offsets_are_narrow_or_wide() {
        let first = |payload: &[&[u8]]| {
            with(b"saio", payload, |reader, header| read_saio(reader, header)?.get(reader.source(), 0))
        };
        assert_eq!(first(&[&[0; 4], &[0, 0, 0, 1], &[0, 0, 1, 0]]).unwrap(), 256);
        let kind = *b"cenc\0\0\0\0";
        let wide = first(&[&[1, 0, 0, 1], &kind, &[0, 0, 0, 1], &[0, 0, 0, 1, 0, 0, 0, 0]]).unwrap();
        assert_eq!(wide, 1 << 32);
        first(&[&[0; 2]]).unwrap_err();
        let named = with(b"saio", &[&[0, 0, 0, 1], &kind], read_aux_info_type).unwrap();
        assert_eq!(named, Some(kind));
    }
}
