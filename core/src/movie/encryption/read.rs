//! Reads the boxes that speak of encryption.

use crate::boxes::{
    AuxiliaryError, BoxHeader, FormatError, Reader, SaizBox, SampleSizes, SencBox, find_encryption_boxes,
    read_saio, read_senc_flags, read_vector_size, senc_entries_of,
};
use crate::movie::node::Node;
use crate::movie::samples::SampleTable;
use crate::source::ReadAt;

use super::auxiliary::{Auxiliary, AuxiliaryPlace, LocatedAuxiliary};

impl Auxiliary {
    /// Reads what an `stbl` says, and a `senc` there or in the `trak`.
    ///
    /// # Errors
    /// When a box has a shape that we cannot cut, or the file cannot be read.
    pub(crate) fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        stbl: &Node,
        senc: Option<BoxHeader>,
        samples: &SampleTable,
    ) -> Result<Option<Self>, AuxiliaryError> {
        let unsupported = |header| Err(AuxiliaryError::Unsupported(header));
        let boxes: Vec<_> = stbl.children.iter().map(|c| c.header).collect();
        let about = find_encryption_boxes(reader, &boxes)?;
        let (Some(saiz), saio) = about else {
            let Some(senc) = senc else { return about.1.map_or(Ok(None), unsupported) };
            let read = SencBox::read(reader, &senc)?;
            let all = read.filter(|s| s.count >= samples.count);
            return all.map_or_else(|| unsupported(senc), |s| Ok(Some(Self::Senc(s))));
        };
        let SaizBox { kind, default_size, sizes } = SaizBox::read(reader, &saiz)?;
        let len = sizes.bytes(reader.source(), 0..sizes.count())?;
        // Players prefer the `senc` to the `saio`, which some writers count from the wrong place.
        let inside = senc.and_then(|senc| senc_entries_of(&senc, len));
        let place = match (inside, saio) {
            (Some(offset), _) => AuxiliaryPlace::Range(offset),
            (None, None) => return unsupported(saiz),
            (None, Some(saio)) => match read_place(reader, &saio, samples, &sizes)? {
                Some(place) => place,
                None => return unsupported(saio),
            },
        };
        if matches!(place, AuxiliaryPlace::Range(offset) if !reader.holds(offset, len)) {
            return unsupported(saio.unwrap_or(saiz));
        }
        let senc = senc.map(|senc| read_senc_flags(reader, &senc)).transpose()?;
        let vector = match boxes.iter().find(|h| &h.box_type.0 == b"stsd") {
            Some(stsd) => read_vector_size(reader, stsd)?,
            None => 0,
        };
        Ok(Some(Self::Located(LocatedAuxiliary {
            saiz,
            saio,
            kind,
            default_size,
            sizes,
            place,
            senc,
            vector,
        })))
    }
}

/// Where a `saio` locates the information; `None` when that does not fit the chunks, or the file.
fn read_place<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    saio: &BoxHeader,
    samples: &SampleTable,
    sizes: &SampleSizes,
) -> Result<Option<AuxiliaryPlace>, FormatError> {
    let offsets = read_saio(reader, saio)?;
    if offsets.count() == 0 {
        return Ok(None);
    }
    let source = reader.source();
    let mut places = offsets.reader(source, 512);
    if offsets.count() == 1 {
        return Ok(Some(AuxiliaryPlace::Range(places.get(0)?)));
    }
    let mut left = samples.count.min(sizes.count());
    let mut sizes = sizes.reader(source, 0..left);
    let (mut lowest, mut highest) = (u64::MAX, 0);
    let mut first = None;
    let mut next = None;
    let mut is_one_range = true;
    let mut chunk = 0;
    for run in samples.stsc.pieces_from(source, 0)? {
        let run = run?;
        for _ in 0..run.count {
            if chunk == offsets.count() {
                return Ok(None);
            }
            let offset = places.get(chunk)?;
            let count = run.samples_per_chunk().min(left);
            let len = sizes.sum(count)?;
            left -= count;
            chunk += 1;
            if len == 0 {
                continue;
            }
            if !reader.holds(offset, len) {
                return Ok(None);
            }
            first.get_or_insert(offset);
            is_one_range &= next.is_none_or(|next| next == offset);
            next = Some(offset + len);
            (lowest, highest) = (lowest.min(offset), highest.max(offset + len));
        }
    }
    if chunk != offsets.count() {
        return Ok(None);
    }
    let one = first.filter(|_| is_one_range).map(AuxiliaryPlace::Range);
    Ok(Some(one.unwrap_or(AuxiliaryPlace::Chunks { offsets, bounds: lowest..highest })))
}
