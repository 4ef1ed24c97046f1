//! Completes an index from the movie fragments.

use crate::boxes::{BoxHeader, FormatError, Reader};
use crate::fragments::synthetic::{FilmSource, Synthetic};
use crate::fragments::{Fragments, TableLayout, TrackFragments, is_replaced};
use crate::movie::{Auxiliary, Node, Track, read_descriptions, read_samples};
use crate::source::{GENERATED, ReadAt};

use super::build::Index;

impl Index {
    /// Puts the tables of the fragments in the place of the `moov`'s.
    pub(super) fn take_fragments<R: ReadAt>(
        &mut self,
        file: &R,
        fragments: Fragments,
    ) -> Result<(), FormatError> {
        let Fragments { tracks: mut fragments, batches, .. } = fragments;
        let mut layout = TableLayout::of(std::mem::take(&mut self.made).into_bytes());
        let mut places = Vec::new();
        for (n, track) in fragments.iter_mut().enumerate() {
            let start = layout.bytes.len() as u64;
            track.write(n, &mut layout);
            places.push(GENERATED + start..GENERATED + layout.bytes.len() as u64);
        }
        let made = Synthetic::of(std::mem::take(&mut layout.bytes));
        let origin = Origin::of(&self.tracks, &fragments);
        let source = FilmSource::new(file, &made);
        let mut reader = Reader::with_generated(&source, self.file_len, made.len());
        for node in &mut self.moov.children {
            let Some(n) = node.track else { continue };
            let (Some(track), Some(fragment), Some(place)) =
                (self.tracks.get_mut(n), fragments.get(n), places.get(n))
            else {
                continue;
            };
            let stbl = node
                .descend(&[b"mdia", b"minf", b"stbl"])
                .ok_or_else(|| FormatError::Film("no stbl".into()))?;
            let is_described =
                |header: &BoxHeader, reader: &mut Reader<'_, _>| -> Result<bool, FormatError> {
                    if &header.box_type.0 != b"sgpd" || header.payload_len() < 8 {
                        return Ok(false);
                    }
                    let grouping = reader.bytes(header.payload() + 4, 4)?;
                    Ok(fragment.describes([grouping[0], grouping[1], grouping[2], grouping[3]]))
                };
            let mut kept = Vec::new();
            for child in std::mem::take(&mut stbl.children) {
                if !is_replaced(child.header.box_type) && !is_described(&child.header, &mut reader)? {
                    kept.push(child);
                }
            }
            stbl.children = kept;
            let made = reader.children(place.start, place.end)?;
            stbl.children.extend(made.into_iter().map(|header| Node {
                header,
                children: Vec::new(),
                track: None,
            }));
            let base = origin.from(fragment.first().unwrap_or(0), track.mdhd.timescale);
            let descriptions = read_descriptions(&mut reader, stbl)?;
            let packet = None;
            track.samples = read_samples(&mut reader, stbl, &descriptions, packet, base)?;
            track.samples.know_kind(track.handler, &track.entry, self.file_len);
            // What takes a pass over all of a table is found out while it is in memory.
            track.samples.sizes.bytes(reader.source(), 0..track.samples.count)?;
            track.samples.offsets.order(reader.source())?;
            track.samples.chunk_sizes = fragment.chunk_sizes(batches.len());
            track.unsliced = fragment.unsliced;
            let senc = stbl.children.iter().map(|c| c.header).find(|h| &h.box_type.0 == b"senc");
            match Auxiliary::read(&mut reader, stbl, senc, &track.samples)? {
                Ok(auxiliary) => track.samples.auxiliary = auxiliary,
                Err(unknown) => track.unsliced = track.unsliced.or(Some(unknown)),
            }
            if track.mdhd.timescale == 0 && track.samples.count > 0 {
                return Err(node.header.error("a track with a timescale of 0"));
            }
            self.notes.extend(fragment.notes.iter().cloned());
        }
        layout.bytes = made.into_bytes();
        self.made = Synthetic::anew(self.file_len, batches, fragments, &layout);
        #[cfg(test)]
        crate::fragments::synthetic::tests::assert_made_anew(file, &self.made, &layout.bytes);
        Ok(())
    }
}

/// When the presentation of a fragmented film begins: recordings of live streams count from when
/// the stream began.
struct Origin {
    ticks: i64,
    timescale: u32,
}

impl Origin {
    fn of(tracks: &[Track], fragments: &[TrackFragments]) -> Self {
        let firsts = tracks.iter().zip(fragments).filter_map(|(track, fragment)| {
            Some(Self { ticks: fragment.first()?, timescale: track.mdhd.timescale.max(1) })
        });
        let earlier = |a: &Self, b: &Self| {
            (i128::from(a.ticks) * i128::from(b.timescale))
                .cmp(&(i128::from(b.ticks) * i128::from(a.timescale)))
        };
        firsts.min_by(earlier).unwrap_or(Self { ticks: 0, timescale: 1 })
    }

    /// A decode time, counted from the origin.
    fn from(&self, ticks: i64, timescale: u32) -> i64 {
        let origin = i128::from(self.ticks) * i128::from(timescale) / i128::from(self.timescale);
        i64::try_from(i128::from(ticks) - origin).unwrap_or(0)
    }
}
