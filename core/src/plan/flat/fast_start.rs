//! Lays out the whole movie with its metadata first.

use crate::boxes::{BoxHeader, ChunkOffsets, FormatError, Order};
use crate::extents::ExtentList;
use crate::index::{Auxiliary, AuxiliaryPlace, Film, Index, Node, SampleTable, Track};
use crate::numbers::ChunkNumber;
use crate::offsets::FileOffset;
use crate::plan::assembly::Assembly;
use crate::plan::error::{NotMovable, PlanError};
use crate::plan::part::Plan;
use crate::plan::slice::ChunkRange;

use super::chunks::TrackChunks;
use super::layout::Layout;
use super::meta::holds_file_offsets;

/// Lays out the whole movie with its metadata first.
///
/// # Errors
/// [`PlanError::NotMovable`] when that would take more than moving boxes; another when the file
/// cannot be read.
pub fn plan_fast_start(film: &Film<'_>) -> Result<Plan, PlanError> {
    let index = film.index;
    let mut traks = index.moov.children.iter().filter(|n| &n.header.box_type.0 == b"trak");
    if let Some(unread) = traks.find(|n| n.track.is_none()) {
        return Err(NotMovable::UnreadTrack(unread.header.offset).into());
    }
    let mut assembly = Assembly::default();
    let list = top_level(film, &mut assembly)?;
    check_movable(film, &list)?;
    let extents = list.into();
    let layout = Layout {
        film,
        clip: None,
        left_out: without_samples(index),
        chunks: whole_chunks(film)?,
        extents: &extents,
        media_header_len: 0,
    };
    let assembly = layout.solve(assembly)?;
    Ok(assembly.into_plan(extents, "whole".into())?)
}

/// Appends the boxes that stand before the first `mdat`. The others, from that on, are sent after
/// the `moov`, as the media is. Padding is left out.
fn top_level(film: &Film<'_>, out: &mut Assembly) -> Result<ExtentList, PlanError> {
    let index = film.index;
    let first_media = index.top.iter().position(|b| &b.box_type.0 == b"mdat").unwrap_or(0);
    let mut after = Vec::new();
    for (n, header) in index.top.iter().enumerate().filter(|(_, h)| **h != index.outer_moov) {
        match &header.box_type.0 {
            b"free" | b"skip" | b"wide" | b"moov" => {}
            b"meta" if holds_file_offsets(film, header)? => {
                return Err(NotMovable::ItemLocations(header.box_type).into());
            }
            _ if n < first_media => out.copy(header),
            _ => after.push(FileOffset(header.offset)..FileOffset(header.end())),
        }
    }
    Ok(ExtentList::of(after))
}

/// Refuses a movie with file offsets in boxes that we cannot change.
fn check_movable(film: &Film<'_>, media: &ExtentList) -> Result<(), PlanError> {
    let index = film.index;
    if let Some(meta) = find_meta_with_offsets(film, &index.moov)? {
        return Err(NotMovable::ItemLocations(meta.box_type).into());
    }
    if index.tracks.iter().any(|t| t.external.is_some()) {
        return Err(NotMovable::ExternalMedia.into());
    }
    for node in &index.moov.children {
        let track = node.track.and_then(|n| index.tracks.get(n));
        let is_moved =
            |saio: &BoxHeader| track.is_some_and(|t| is_auxiliary_sent(saio, &t.samples, index, media));
        if !every(node, b"saio", &is_moved) {
            return Err(NotMovable::AuxiliaryElsewhere.into());
        }
    }
    if !all_chunks_inside(film, media)? {
        return Err(NotMovable::SamplesOutside.into());
    }
    Ok(())
}

/// The tracks without samples. They are left out, unless no track has samples.
fn without_samples(index: &Index) -> Vec<bool> {
    let is_empty = |track: &Track| track.samples.count == 0;
    let stay = index.tracks.iter().all(is_empty);
    index.tracks.iter().map(|track| !stay && is_empty(track)).collect()
}

/// Whether this `saio` is the one about encryption, and locates information in the media that is
/// sent, or in the `moov`, which is sent as well. Then the answer's `saio` can state the new place.
fn is_auxiliary_sent(saio: &BoxHeader, samples: &SampleTable, index: &Index, media: &ExtentList) -> bool {
    let Some(auxiliary) = &samples.auxiliary else { return false };
    let Auxiliary::Located(located) = auxiliary else { return false };
    match &located.place {
        _ if !auxiliary.is_located_by(saio) => false,
        AuxiliaryPlace::Range(offset) => {
            (index.moov.header.payload()..index.moov.header.end()).contains(offset)
                || media.holding(FileOffset(*offset)).is_some()
        }
        AuxiliaryPlace::Chunks { bounds, .. } => {
            media.holding(FileOffset(bounds.start)).is_some_and(|e| FileOffset(bounds.end) <= e.end())
        }
    }
}

/// All chunks of each track.
fn whole_chunks(film: &Film<'_>) -> Result<Vec<Option<TrackChunks>>, FormatError> {
    let of_track = |offsets: &ChunkOffsets| {
        let chunks = ChunkNumber::FIRST..ChunkNumber(offsets.count());
        let all = ChunkRange { chunks, first_offset: None };
        let order = offsets.order(&film.source)?;
        Ok(order.map(|o| TrackChunks { ranges: vec![all], highest: FileOffset(o.highest) }))
    };
    film.index.tracks.iter().map(|t| of_track(&t.samples.offsets)).collect()
}

/// Whether every chunk begins in the media that is sent, so that its offset has a counterpart
/// there.
fn all_chunks_inside(film: &Film<'_>, media: &ExtentList) -> Result<bool, FormatError> {
    let Film { index, source } = film;
    for track in &index.tracks {
        let offsets = &track.samples.offsets;
        let Some(Order { lowest, highest, .. }) = offsets.order(source)? else { continue };
        let holds_both = media.iter().any(|e| {
            let range = e.offset..e.end();
            range.contains(&FileOffset(lowest)) && range.contains(&FileOffset(highest))
        });
        if holds_both {
            continue;
        }
        let mut reader = offsets.reader(source, 1024);
        for chunk in 0..offsets.count() {
            if media.position_of(FileOffset(reader.get(chunk)?)).is_none() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A `meta` of the movie or of a track that states where in the file its items are.
fn find_meta_with_offsets(film: &Film<'_>, node: &Node) -> Result<Option<BoxHeader>, FormatError> {
    for child in &node.children {
        if &child.header.box_type.0 == b"meta" && holds_file_offsets(film, &child.header)? {
            return Ok(Some(child.header));
        }
        if child.track.is_some() {
            if let Some(found) = find_meta_with_offsets(film, child)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// Whether `check` holds for every box of a type in a box, at any depth that the index has.
fn every(node: &Node, box_type: &[u8; 4], check: &dyn Fn(&BoxHeader) -> bool) -> bool {
    (&node.header.box_type.0 != box_type || check(&node.header))
        && node.children.iter().all(|c| every(c, box_type, check))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Film, TrackSpec, full_box, identity, make_box};
    use crate::{Answer, Seeker, Settings};

    /// Why the server sends the file as it is.
    fn reason(film: Vec<u8>) -> String {
        let identity = identity(&film);
        match Seeker::default().answer(&film, &identity, b"", &Settings::default()).unwrap() {
            Answer::Plain(Some(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn film(change: impl FnOnce(&mut Film)) -> Vec<u8> {
        let mut film = Film::of(vec![TrackSpec::video(20, 5), TrackSpec::audio(20)]);
        change(&mut film);
        film.build()
    }

    /// Where the content of the last box of this type begins.
    fn content_of(film: &[u8], box_type: &[u8; 4]) -> usize {
        film.windows(4).rposition(|window| window == box_type).unwrap() + 4
    }

    #[test]
    fn a_movie_that_takes_more_than_moving_boxes_stays_as_it_is() {
        let iloc = make_box(b"iloc", [0; 8]);
        let meta = || make_box(b"meta", [&[0; 4][..], &iloc].concat());
        let items = "a meta box with item locations";
        assert_eq!(reason([film(|_| {}), meta()].concat()), items);
        assert_eq!(reason(film(|film| film.more.push(meta()))), items);
        assert_eq!(reason(film(|film| film.tracks[1].in_trak.push(meta()))), items);
        // QuickTime's has no version.
        assert_eq!(reason(film(|film| film.more.push(make_box(b"meta", &iloc)))), items);

        let alias = make_box(b"alis", [0; 10]);
        let dref = make_box(b"dref", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &alias].concat());
        let elsewhere = film(|film| film.tracks[0].in_minf.push(make_box(b"dinf", &dref)));
        assert_eq!(reason(elsewhere), "media in another file");

        let saio = full_box(b"saio", 0, [1, 9]);
        let unknown = film(|film| film.tracks[0].more.push(saio));
        assert_eq!(reason(unknown), "sample auxiliary information at places that we cannot move (saio)");

        // The first chunk begins in the `ftyp`.
        let mut outside = film(|_| {});
        let stco = content_of(&outside, b"stco");
        outside[stco + 8..stco + 12].copy_from_slice(&12_u32.to_be_bytes());
        assert_eq!(reason(outside), "samples that lie in no media box");

        // There is another track of this kind, so that the movie can be cut.
        let mut unread = film(|film| film.tracks.push(TrackSpec::audio(20)));
        let stsz = content_of(&unread, b"stsz");
        unread[stsz - 4..stsz].copy_from_slice(b"free");
        let trak = content_of(&unread, b"trak") - 8;
        assert_eq!(reason(unread), format!("a track that cannot be read, at byte {trak}"));
    }
}
