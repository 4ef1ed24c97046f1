//! What a decrypter needs of each sample: `saiz`, `saio` and `senc`.

use std::ops::Range;

use crate::boxes::{BoxHeader, BoxType, FormatError, SampleSizes, saio_head, saiz_head, senc_head};
use crate::index::{Auxiliary, AuxiliaryPlace, LocatedAuxiliary, SampleTable};
use crate::limits;
use crate::numbers::{Numbers, SampleNumber};
use crate::offsets::FileOffset;
use crate::plan::assembly::{Assembly, Piece};
use crate::plan::error::PlanError;
use crate::plan::flat::track_cut::TrackCut;
use crate::plan::part::{Content, Entries, EntryKind};
use crate::seek::SampleRange;

/// Appends the `saiz` (ISO/IEC 14496-12, 8.7.8), the `saio` (8.7.9), and the `senc` (ISO/IEC
/// 23001-7, 7.2) that they locate. Where entries of clear samples are generated, a `free` holds all
/// entries instead of a `senc`. A clip without encrypted samples gets none of these boxes.
pub(super) fn cut_auxiliary(cut: &TrackCut<'_>, out: &mut Assembly) -> Result<(), PlanError> {
    let Some(Auxiliary::Located(located)) = &cut.samples().auxiliary else { return Ok(()) };
    let mut len = 0;
    // Samples of the clip up to the last that has an entry.
    let mut count = 0;
    for SampleRange { samples, place, .. } in cut.ranges() {
        len += located.bytes(&cut.film.source, samples)?;
        let covered = located.covered(samples);
        count = count.max(if covered > 0 { (*place + covered).0 } else { 0 });
    }
    if len == 0 {
        // All samples of the clip are clear.
        return Ok(());
    }
    let clear = clear_entries(cut, located)?;
    let (sizes, data) = sizes_and_data(cut, located, &clear)?;
    out.table(&saiz_head(located.kind, located.default_size, count), |out| {
        out.append(sizes);
        Ok(())
    })?;
    saio(located, 1, Piece::PlaceOfMark(cut.number), out)?;
    if !clear.is_empty() {
        // A senc has no entries for samples that are not encrypted.
        return out.wrap(BoxType(*b"free"), |out| {
            out.append(data);
            Ok(())
        });
    }
    out.table(&senc_head(located.senc, cut.clip.sample_count()), |out| {
        out.append(data);
        Ok(())
    })
}

/// Entries for clear samples, which have none in the source.
///
/// libavformat expects an entry for each sample that is at least as long as an initialisation
/// vector. It refuses a file with shorter ones.
fn clear_entries(
    cut: &TrackCut<'_>,
    located: &LocatedAuxiliary,
) -> Result<Vec<(SampleNumber, Vec<u8>)>, FormatError> {
    let mut entries = Vec::new();
    for range in cut.ranges().iter().map(|r| &r.samples) {
        for sample in located.clear(&cut.film.source, range)? {
            let size = cut.samples().bytes(&cut.film.source, sample..sample.next())?;
            match located.clear_entry(size).filter(|_| entries.len() < limits::CLEAR_SAMPLES) {
                Some(entry) => entries.push((sample, entry)),
                None => return Ok(Vec::new()),
            }
        }
    }
    Ok(entries)
}

/// The lengths of the entries of a clip, and the entries. All are the source's own, except those of
/// `clear` samples.
fn sizes_and_data(
    cut: &TrackCut<'_>,
    located: &LocatedAuxiliary,
    clear: &[(SampleNumber, Vec<u8>)],
) -> Result<(Assembly, Assembly), PlanError> {
    let mut sizes = Assembly::default();
    let mut data = Assembly::default();
    data.mark(cut.number);
    for SampleRange { samples, .. } in cut.ranges() {
        let covered = samples.start..samples.start + located.covered(samples);
        let mut next = covered.start;
        for (sample, entry) in clear.iter().filter(|(sample, _)| covered.contains(sample)) {
            source_entries(cut, located, next..*sample, &mut sizes, &mut data)?;
            sizes.bytes(&[u8::try_from(entry.len()).unwrap_or(u8::MAX)]);
            data.bytes(entry);
            next = sample.next();
        }
        source_entries(cut, located, next..covered.end, &mut sizes, &mut data)?;
    }
    Ok((sizes, data))
}

/// The source's own entries for some samples, and their lengths.
fn source_entries(
    cut: &TrackCut<'_>,
    located: &LocatedAuxiliary,
    samples: Range<SampleNumber>,
    sizes: &mut Assembly,
    data: &mut Assembly,
) -> Result<(), PlanError> {
    if samples.is_empty() {
        return Ok(());
    }
    if let SampleSizes::Table { table, .. } = &located.sizes {
        sizes.source(FileOffset(table.entry_offset(samples.start.0)), samples.count().into());
    }
    let len = located.bytes(&cut.film.source, &samples)?;
    match &located.place {
        AuxiliaryPlace::Range(start) => {
            let before = located.sizes.bytes(&cut.film.source, 0..samples.start.0)?;
            data.source(FileOffset(*start) + before, len);
        }
        AuxiliaryPlace::Chunks { .. } => {
            let len = u32::try_from(len).map_err(|_| PlanError::LargeAuxiliary)?;
            data.entries(len, cut.entries(1, EntryKind::Auxiliary(samples)));
        }
    }
    Ok(())
}

/// Appends the `saio` of the whole movie.
pub(super) fn moved_saio(track: usize, samples: &SampleTable, out: &mut Assembly) -> Result<(), PlanError> {
    let Some(Auxiliary::Located(located)) = &samples.auxiliary else { return Ok(()) };
    match &located.place {
        AuxiliaryPlace::Range(offset) => saio(located, 1, Piece::PlaceOf(FileOffset(*offset)), out),
        AuxiliaryPlace::Chunks { offsets, .. } => {
            let kind = EntryKind::AuxiliaryOffsets;
            let entries = Entries { track, entry_size: saio_head(located.kind).entry_size, kind };
            saio(located, offsets.count(), Piece::Content(Content::Entries(entries)), out)
        }
    }
}

/// Appends a `senc` that no `saiz` locates. One that a `saiz` locates comes with that.
pub(in crate::plan::flat) fn cut_senc(
    cut: &TrackCut<'_>,
    header: &BoxHeader,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let Some(Auxiliary::Senc(senc)) = &cut.samples().auxiliary else { return Ok(()) };
    if senc.header != *header || cut.ranges().is_empty() {
        return Ok(());
    }
    let (same, count) = senc.head_for(cut.clip.sample_count());
    out.wrap(header.box_type, |out| {
        out.source(FileOffset(same.start), same.end - same.start);
        out.bytes(&count);
        let mut reader = cut.reader();
        for range in cut.ranges().iter().map(|r| &r.samples) {
            let start = senc.place_of(&mut reader, range.start)?;
            let end = senc.place_of(&mut reader, range.end)?;
            out.source(FileOffset(start), end.saturating_sub(start));
        }
        Ok(())
    })
}

/// Appends a `saio` of so many offsets.
fn saio(located: &LocatedAuxiliary, count: u32, offsets: Piece, out: &mut Assembly) -> Result<(), PlanError> {
    let head = saio_head(located.kind);
    let len = u64::from(count) * u64::from(head.entry_size);
    out.table(&head, |out| {
        out.piece(len, offsets);
        Ok(())
    })
}
