//! Sample auxiliary information: what a decrypter needs.

use std::ops::Range;

use crate::boxes::{BoxHeader, BoxType, FormatError, SampleSizes, SencBox};
use crate::index::{Auxiliary, AuxiliaryPlace, SampleTable, ToldAuxiliary, Track};
use crate::limits;
use crate::plan::assembly::{Assembly, Piece};
use crate::plan::flat::layout::Layout;
use crate::plan::part::{Content, Entries, EntryKind};
use crate::seek::{SampleRange, TrackClip};
use crate::source::ReadAt;

impl Layout<'_> {
    /// `saiz`, `saio` and `senc`: what a decrypter needs of the samples that are left.
    pub(super) fn auxiliary<R: ReadAt>(
        &self,
        source: &R,
        track: usize,
        samples: &SampleTable,
        held: &TrackClip,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let Some(Auxiliary::Told(told)) = &samples.auxiliary else { return Ok(()) };
        let (mut all, mut count) = (0, 0);
        for SampleRange { samples, place, .. } in &held.ranges {
            all += told.bytes(source, samples)?;
            count = count.max(if told.covered(samples) > 0 { place + told.covered(samples) } else { 0 });
        }
        if all == 0 {
            // The clip lies in the clear part of the film.
            return Ok(());
        }
        let clear = self.clear_entries(source, samples, told, held)?;
        let mut sizes = Assembly::default();
        let mut data = Assembly::default();
        data.parts.push((0, Piece::Mark(track)));
        for SampleRange { samples, .. } in &held.ranges {
            let covered = samples.start..samples.start + told.covered(samples);
            let mut next = covered.start;
            for (sample, entry) in clear.iter().filter(|(sample, _)| covered.contains(sample)) {
                Self::entries_of(source, track, told, next..*sample, (&mut sizes, &mut data))?;
                sizes.bytes(&[u8::try_from(entry.len()).unwrap_or(u8::MAX)]);
                data.bytes(entry);
                next = sample + 1;
            }
            Self::entries_of(source, track, told, next..covered.end, (&mut sizes, &mut data))?;
        }
        let (flag, kind) = kind_of(told);
        let mut saiz = Assembly::default();
        saiz.bytes(&[0, 0, 0, flag]);
        saiz.bytes(kind);
        saiz.bytes(&[told.default_size]);
        saiz.bytes(&count.to_be_bytes());
        saiz.append(sizes);
        out.wrap(BoxType(*b"saiz"), saiz)?;
        saio(told, 1, (8, Piece::PlaceOfMark(track)), out)?;
        if !clear.is_empty() {
            // A senc has no entries for samples that are not encrypted.
            return out.wrap(BoxType(*b"free"), data);
        }
        let mut senc = Assembly::default();
        senc.bytes(&told.senc);
        senc.bytes(&held.sample_count().to_be_bytes());
        senc.append(data);
        out.wrap(BoxType(*b"senc"), senc)
    }

    /// Entries for the samples of a clip that have none, as they are not encrypted: libavformat takes each sample to have one as long as
    /// an initialisation vector at least, and gives up a film that has shorter ones.
    fn clear_entries<R: ReadAt>(
        &self,
        source: &R,
        samples: &SampleTable,
        told: &ToldAuxiliary,
        held: &TrackClip,
    ) -> Result<Vec<(u32, Vec<u8>)>, FormatError> {
        let mut entries = Vec::new();
        for range in held.ranges.iter().map(|r| &r.samples) {
            for sample in told.clear(source, range)? {
                let size = samples.sizes.bytes(source, sample..sample + 1)?;
                match told.clear_entry(size).filter(|_| entries.len() < limits::CLEAR_SAMPLES) {
                    Some(entry) => entries.push((sample, entry)),
                    None => return Ok(Vec::new()),
                }
            }
        }
        Ok(entries)
    }

    /// The film's own entries for some samples, and their lengths.
    fn entries_of<R: ReadAt>(
        source: &R,
        track: usize,
        told: &ToldAuxiliary,
        samples: Range<u32>,
        (sizes, data): (&mut Assembly, &mut Assembly),
    ) -> Result<(), FormatError> {
        if samples.is_empty() {
            return Ok(());
        }
        if let SampleSizes::Table { table, .. } = &told.sizes {
            sizes.source(table.entry_offset(samples.start), (samples.end - samples.start).into());
        }
        let len = told.bytes(source, &samples)?;
        match &told.place {
            AuxiliaryPlace::Stretch(start) => {
                data.source(start.saturating_add(told.sizes.bytes(source, 0..samples.start)?), len);
            }
            AuxiliaryPlace::Chunks { .. } => {
                let too_much = |_| FormatError::Film("over 4 GiB of auxiliary information".into());
                let len = u32::try_from(len).map_err(too_much)?;
                data.entries(len, Entries { track, entry_size: 1, kind: EntryKind::Auxiliary(samples) });
            }
        }
        Ok(())
    }

    /// The `saio` of the whole film.
    pub(in crate::plan::flat) fn moved_saio(
        &self,
        track: usize,
        samples: &SampleTable,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let Some(Auxiliary::Told(told)) = &samples.auxiliary else { return Ok(()) };
        match &told.place {
            AuxiliaryPlace::Stretch(offset) => saio(told, 1, (8, Piece::PlaceOf(*offset)), out),
            AuxiliaryPlace::Chunks { offsets, .. } => {
                let entries = Entries { track, entry_size: 8, kind: EntryKind::AuxiliaryOffsets };
                let count = offsets.count();
                saio(told, count, (u64::from(count) * 8, Piece::Content(Content::Entries(entries))), out)
            }
        }
    }

    /// A `senc` of which no `saiz` speaks.
    pub(in crate::plan::flat) fn senc<R: ReadAt>(
        &self,
        source: &R,
        header: &BoxHeader,
        of: &Track,
        held: &TrackClip,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        // Where one does, a senc comes with the saiz.
        let Some(Auxiliary::Untold(senc)) = &of.samples.auxiliary else { return Ok(()) };
        if senc.header != *header || held.ranges.is_empty() {
            return Ok(());
        }
        let SencBox { data, .. } = *senc;
        let mut content = Assembly::default();
        content.source(header.payload(), data - 4 - header.payload());
        content.bytes(&held.sample_count().to_be_bytes());
        let mut reader = self.index.reader(source);
        for range in held.ranges.iter().map(|r| &r.samples) {
            let start = senc.place_of(&mut reader, range.start)?;
            let end = senc.place_of(&mut reader, range.end)?;
            content.source(start, end.saturating_sub(start));
        }
        out.wrap(header.box_type, content)
    }
}

fn kind_of(told: &ToldAuxiliary) -> (u8, &[u8]) {
    (u8::from(told.kind.is_some()), told.kind.as_ref().map_or(&[], |kind| kind))
}

/// A `saio` of offsets of 8 bytes.
fn saio(
    told: &ToldAuxiliary,
    count: u32,
    offsets: (u64, Piece),
    out: &mut Assembly,
) -> Result<(), FormatError> {
    let (flag, kind) = kind_of(told);
    let mut saio = Assembly::default();
    saio.bytes(&[1, 0, 0, flag]);
    saio.bytes(kind);
    saio.bytes(&count.to_be_bytes());
    saio.parts.push(offsets);
    out.wrap(BoxType(*b"saio"), saio)
}
