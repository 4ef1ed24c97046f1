//! What a decrypter needs of each sample: `saiz`, `saio` and `senc`.

use std::ops::Range;

use crate::boxes::{BoxHeader, FormatError, SampleSizes, SencBox, saio_head, saiz_head, senc_head};
use crate::index::{Auxiliary, AuxiliaryPlace, LocatedAuxiliary, SampleTable};
use crate::limits;
use crate::numbers::{Numbers, SampleNumber};
use crate::offsets::FileOffset;
use crate::plan::assembly::{Assembly, Piece};
use crate::plan::error::PlanError;
use crate::plan::flat::track_cut::TrackCut;
use crate::plan::part::{Content, Entries, EntryKind};
use crate::seek::SampleRange;

/// A clear sample, and its entry.
type ClearEntry = (SampleNumber, Vec<u8>);

/// Appends the `saiz` (ISO/IEC 14496-12, 8.7.8), the `saio` (8.7.9), and the `senc` (ISO/IEC
/// 23001-7, 7.2) that they locate. A `free` holds the entries instead of a `senc` where nothing shows
/// its flags, where entries of clear samples are generated, and where samples have none: a `senc` has one
/// for each of its samples. A clip without encrypted samples gets none of these boxes.
pub(super) fn cut_auxiliary(cut: &TrackCut<'_>, out: &mut Assembly) -> Result<(), PlanError> {
    let Some(Auxiliary::Located(located)) = &cut.samples().auxiliary else { return Ok(()) };
    if located_bytes(cut, located)? == 0 {
        // All samples of the clip are clear.
        return Ok(());
    }
    let clear = clear_entries(cut, located)?;
    located_auxiliary(cut, located, covered(cut, located), clear, out)
}

/// Appends the same for samples of one fragment. Samples that are not encrypted get entries even
/// where they are all that the fragment has: without any, players refuse an encrypted track. A
/// `senc` that no `saiz` locates gets one, and a `saio`: some players look only at these.
pub(in crate::plan::flat) fn fragment_auxiliary(
    cut: &TrackCut<'_>,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    match &cut.samples().auxiliary {
        Some(Auxiliary::Located(located)) => {
            let clear = clear_entries(cut, located)?;
            let bytes = located_bytes(cut, located)?;
            if bytes == 0 && clear.as_ref().is_none_or(Vec::is_empty) {
                return Ok(());
            }
            located_auxiliary(cut, located, covered(cut, located), clear, out)
        }
        Some(Auxiliary::Senc(senc)) => {
            senc_sizes(cut, senc, out)?;
            cut_senc(cut, &senc.header, out)
        }
        None => Ok(()),
    }
}

/// Appends the `saiz` and the `saio` for a `senc` that has none, if a `saiz` can say its lengths.
fn senc_sizes(cut: &TrackCut<'_>, senc: &SencBox, out: &mut Assembly) -> Result<(), PlanError> {
    let (default_size, lengths) = match senc.constant_length() {
        Some(length) => {
            let is_covered = cut.ranges().iter().any(|range| range.samples.start.0 < senc.count);
            (if is_covered { length } else { 0 }, Vec::new())
        }
        None => match listed_lengths(cut, senc)? {
            Some(lengths) => constant_or_listed(lengths),
            None => return Ok(()),
        },
    };
    if default_size == 0 && lengths.iter().all(|&len| len == 0) {
        return Ok(());
    }
    out.table(&saiz_head(None, default_size, cut.clip.sample_count()), |out| {
        out.bytes(&lengths);
        Ok(())
    })?;
    saio(None, 1, Piece::PlaceOfMark(cut.number), out)
}

/// The lengths of the entries of a clip; `None` when a `saiz` cannot say them.
fn listed_lengths(cut: &TrackCut<'_>, senc: &SencBox) -> Result<Option<Vec<u8>>, FormatError> {
    let mut reader = cut.reader();
    let mut lengths = Vec::new();
    for SampleRange { samples, .. } in cut.ranges() {
        match senc.lengths_of(&mut reader, samples)? {
            Some(more) => lengths.extend(more),
            None => return Ok(None),
        }
    }
    Ok(Some(lengths))
}

/// The length that all have, or 0 and a list.
fn constant_or_listed(lengths: Vec<u8>) -> (u8, Vec<u8>) {
    match lengths.first() {
        Some(&first) if first > 0 && lengths.iter().all(|&len| len == first) => (first, Vec::new()),
        _ => (0, lengths),
    }
}

/// Bytes of the entries of a clip.
fn located_bytes(cut: &TrackCut<'_>, located: &LocatedAuxiliary) -> Result<u64, FormatError> {
    let mut bytes = 0;
    for SampleRange { samples, .. } in cut.ranges() {
        bytes += located.bytes(&cut.film.source, samples)?;
    }
    Ok(bytes)
}

/// Samples of the clip up to the last that has an entry.
fn covered(cut: &TrackCut<'_>, located: &LocatedAuxiliary) -> u32 {
    let covered = |SampleRange { samples, place, .. }: &SampleRange| match located.covered(samples) {
        0 => 0,
        covered => (*place + covered).0,
    };
    cut.ranges().iter().map(covered).max().unwrap_or(0)
}

/// Appends the `saiz` for the first `count` samples, the `saio`, and what they locate. `clear` are
/// entries for clear samples; `None` where there are such samples without entries.
fn located_auxiliary(
    cut: &TrackCut<'_>,
    located: &LocatedAuxiliary,
    count: u32,
    clear: Option<Vec<ClearEntry>>,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let entries = clear.as_deref().unwrap_or_default();
    let (sizes, data) = sizes_and_data(cut, located, SampleNumber(count), entries)?;
    out.table(&saiz_head(located.kind, located.default_size, count), |out| {
        out.append(sizes);
        Ok(())
    })?;
    saio(located.kind, 1, Piece::PlaceOfMark(cut.number), out)?;
    let all_are_covered = cut.ranges().iter().all(|r| located.covered(&r.samples) == r.samples.count());
    let has_own_entries = all_are_covered && clear.is_some_and(|clear| clear.is_empty());
    let flags = match has_own_entries {
        true => located.senc_flags(&cut.film.source, cut.ranges().iter().map(|r| r.samples.clone()))?,
        false => None,
    };
    out.table(&senc_head(flags, cut.clip.sample_count()), |out| {
        out.append(data);
        Ok(())
    })
}

/// Entries for clear samples, which have none in the source; `None` where they cannot have any.
///
/// libavformat expects an entry for each sample that is at least as long as an initialisation
/// vector. It refuses a file with shorter ones.
fn clear_entries(
    cut: &TrackCut<'_>,
    located: &LocatedAuxiliary,
) -> Result<Option<Vec<ClearEntry>>, FormatError> {
    let mut entries = Vec::new();
    for range in cut.ranges().iter().map(|r| &r.samples) {
        let Some(clear) = located.clear(&cut.film.source, range)? else { return Ok(None) };
        for sample in clear {
            let size = cut.samples().bytes(&cut.film.source, sample..sample.next())?;
            match located.clear_entry(size).filter(|_| entries.len() < limits::CLEAR_SAMPLES) {
                Some(entry) => entries.push((sample, entry)),
                None => return Ok(None),
            }
        }
    }
    // A sample may be in several scenes.
    entries.sort_unstable_by_key(|(sample, _)| *sample);
    entries.dedup_by_key(|(sample, _)| *sample);
    Ok(Some(entries))
}

/// The lengths of the entries of a clip, and the entries. All are the source's own, except those of
/// `clear` samples. Those of samples from `until` on are left out.
fn sizes_and_data(
    cut: &TrackCut<'_>,
    located: &LocatedAuxiliary,
    until: SampleNumber,
    clear: &[ClearEntry],
) -> Result<(Assembly, Assembly), PlanError> {
    let mut sizes = Assembly::default();
    let mut data = Assembly::default();
    data.mark(cut.number);
    for SampleRange { samples, place, .. } in cut.ranges() {
        let covered = samples.start..samples.start + located.covered(samples);
        let mut next = covered.start;
        for (sample, entry) in clear.iter().filter(|(sample, _)| covered.contains(sample)) {
            source_entries(cut, located, next..*sample, &mut sizes, &mut data)?;
            sizes.bytes(&[u8::try_from(entry.len()).unwrap_or(u8::MAX)]);
            data.bytes(entry);
            next = sample.next();
        }
        source_entries(cut, located, next..covered.end, &mut sizes, &mut data)?;
        let missing = samples.end - covered.end;
        if missing > 0 && *place + samples.count() <= until {
            // Samples that have entries follow.
            let is_listed = matches!(located.sizes, SampleSizes::Table { .. });
            if !is_listed || missing as usize > limits::CLEAR_SAMPLES {
                return Err(PlanError::SparseAuxiliary);
            }
            sizes.bytes(&vec![0; missing as usize]);
        }
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
        AuxiliaryPlace::Range(offset) => saio(located.kind, 1, Piece::PlaceOf(FileOffset(*offset)), out),
        AuxiliaryPlace::Chunks { offsets, .. } => {
            let kind = EntryKind::AuxiliaryOffsets;
            let entries = Entries { track, entry_size: saio_head(located.kind).entry_size, kind };
            saio(located.kind, offsets.count(), Piece::Content(Content::Entries(entries)), out)
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
        out.mark(cut.number);
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
fn saio(kind: Option<[u8; 8]>, count: u32, offsets: Piece, out: &mut Assembly) -> Result<(), PlanError> {
    let head = saio_head(kind);
    let len = u64::from(count) * u64::from(head.entry_size);
    out.table(&head, |out| {
        out.piece(len, offsets);
        Ok(())
    })
}
