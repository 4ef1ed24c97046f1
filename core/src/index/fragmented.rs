//! Completes an index from the movie fragments.

use std::ops::Range;

use crate::boxes::{FormatError, Reader, read_grouping_type};
use crate::fragments::synthetic::{FilmSource, Synthetic};
use crate::fragments::{Fragments, TableLayout, TrackFragments, is_replaced};
use crate::movie::{Auxiliary, Node, Track, read_descriptions, read_samples};
use crate::source::{GENERATED, ReadAt};
use crate::time::MediaTime;

use super::build::Index;

impl Index {
    /// Replaces the tables of the `moov` by those of the fragments.
    pub(super) fn take_fragments<R: ReadAt>(
        &mut self,
        file: &R,
        fragments: Fragments,
    ) -> Result<(), FormatError> {
        let Fragments { tracks: mut fragments, batches, .. } = fragments;
        let mut layout = TableLayout::of(std::mem::take(&mut self.generated).into_bytes());
        let mut spans = Vec::new();
        for (n, track) in fragments.iter_mut().enumerate() {
            let start = layout.bytes.len() as u64;
            track.write(n, &mut layout);
            spans.push(GENERATED + start..GENERATED + layout.bytes.len() as u64);
        }
        let generated = Synthetic::of(std::mem::take(&mut layout.bytes));
        let origin = Origin::of(&self.tracks, &fragments);
        let source = FilmSource::new(file, self.file_len, &generated);
        let mut reader = Reader::with_generated(&source, self.file_len, generated.len());
        for node in &mut self.moov.children {
            let Some(n) = node.track else { continue };
            let trak = node.header;
            if let (Some(track), Some(fragment), Some(span)) =
                (self.tracks.get_mut(n), fragments.get(n), spans.get(n))
            {
                let stbl =
                    node.descend(&[b"mdia", b"minf", b"stbl"]).ok_or_else(|| trak.error("no stbl in it"))?;
                replace_tables(&mut reader, stbl, fragment, span)?;
                read_tables(&mut reader, stbl, track, fragment, &origin)?;
                track.samples.chunk_sizes = fragment.chunk_sizes(batches.len(), &self.limits);
                if track.mdhd.timescale == 0 && track.samples.count > 0 {
                    return Err(node.header.error("a track with a timescale of 0"));
                }
                self.notes.extend(fragment.notes.iter().cloned());
            }
        }
        layout.bytes = generated.into_bytes();
        self.generated = Synthetic::regenerated(self.file_len, batches, fragments, &layout, &self.limits)?;
        Ok(())
    }
}

/// Replaces the boxes of an `stbl` by those in `span`.
fn replace_tables<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    stbl: &mut Node,
    fragment: &TrackFragments,
    span: &Range<u64>,
) -> Result<(), FormatError> {
    let mut kept = Vec::new();
    for child in std::mem::take(&mut stbl.children) {
        let header = &child.header;
        let is_replaced = is_replaced(header.box_type)
            || (&header.box_type.0 == b"sgpd"
                && read_grouping_type(reader, header)?.is_some_and(|grouping| fragment.describes(grouping)));
        if !is_replaced {
            kept.push(child);
        }
    }
    let generated = reader.children(span.start, span.end)?;
    let generated = generated.into_iter().map(|header| Node { header, children: Vec::new(), track: None });
    kept.extend(generated);
    stbl.children = kept;
    Ok(())
}

/// Reads the tables of an `stbl` that were generated from fragments.
fn read_tables<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    stbl: &Node,
    track: &mut Track,
    fragment: &TrackFragments,
    origin: &Origin,
) -> Result<(), FormatError> {
    let base = origin.since(fragment.first_decode_time().unwrap_or_default(), track.mdhd.timescale);
    let descriptions = read_descriptions(reader, stbl)?;
    let packet = None;
    track.samples = read_samples(reader, stbl, &descriptions, packet, base)?;
    track.samples.know_kind(track.handler, &track.entry, reader.file_len());
    // What takes a pass over a whole table is computed while the table is in memory.
    track.samples.sizes.bytes(reader.source(), 0..track.samples.count)?;
    track.samples.offsets.order(reader.source())?;
    track.unsliced = fragment.unsliced;
    let senc = stbl.children.iter().map(|c| c.header).find(|h| &h.box_type.0 == b"senc");
    match Auxiliary::read(reader, stbl, senc, &track.samples) {
        Ok(auxiliary) => track.samples.auxiliary = auxiliary,
        Err(e) => {
            let unsupported = e.unsupported()?;
            track.unsliced = track.unsliced.or(Some(unsupported));
        }
    }
    Ok(())
}

/// The decode time at which the presentation of a fragmented file begins. Recordings of live
/// streams count from when the stream began.
struct Origin {
    time: MediaTime,
    /// That of the track whose time it is.
    timescale: u32,
}

impl Origin {
    fn of(tracks: &[Track], fragments: &[TrackFragments]) -> Self {
        let firsts = tracks.iter().zip(fragments).filter_map(|(track, fragment)| {
            Some(Self { time: fragment.first_decode_time()?, timescale: track.mdhd.timescale.max(1) })
        });
        firsts
            .min_by(|a, b| a.time.compare(a.timescale, b.time, b.timescale))
            .unwrap_or(Self { time: MediaTime(0), timescale: 1 })
    }

    /// The time from the origin to a decode time of a track with this timescale. The origin is
    /// rounded towards 0.
    fn since(&self, time: MediaTime, timescale: u32) -> MediaTime {
        time.since(self.time, self.timescale, timescale)
    }
}
