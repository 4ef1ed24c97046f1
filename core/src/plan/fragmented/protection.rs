//! What a decrypter needs of the samples of an encrypted track (ISO/IEC 23001-7, 7): the auxiliary
//! information of each sample, and the groups of samples that name their keys.
//!
//! Each `traf` has that of its samples. The descriptions of the keys (`sgpd`) are in the `moov`, as
//! the source has them, so that the groups of a fragment keep their indices (ISO/IEC 14496-12,
//! 8.9.4).

use std::ops::Range;

use crate::boxes::{BoxHeader, BoxType, FormatError, read_grouping_type};
use crate::index::{Film, Node};
use crate::numbers::SampleNumber;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::flat::fragment_protection;
use crate::seek::{SampleRange, TrackClip};
use crate::time::{ClipTime, MediaTime};

/// The grouping whose descriptions name keys (ISO/IEC 23001-7, 6).
const KEYS: [u8; 4] = *b"seig";

/// How the samples of a track are protected.
#[derive(Debug, Clone)]
pub(super) struct Protection {
    /// The index of the track in the film.
    number: usize,
    /// The `sbgp` that says which key a sample has, where that is not the same for all.
    keys: Option<BoxHeader>,
}

impl Protection {
    /// That of a track; `None` where its fragments need nothing besides their samples.
    pub(super) fn of(film: &Film<'_>, number: usize) -> Result<Option<Self>, PlanError> {
        let Some(track) = film.index.tracks.get(number) else { return Ok(None) };
        let boxes = sample_table(film, number).map_or(&[][..], |stbl| &stbl.children);
        if of_keys(film, boxes, b"csgp")?.next().is_some() {
            return Err(PlanError::Unfragmentable("keys in compact sample groups (csgp)"));
        }
        let mut keys = of_keys(film, boxes, b"sbgp")?;
        let first = keys.next().copied();
        if keys.next().is_some() {
            return Err(PlanError::Unfragmentable("several groupings of samples by key"));
        }
        let is_needed = first.is_some() || track.samples.auxiliary.is_some();
        Ok(is_needed.then_some(Self { number, keys: first }))
    }

    /// The boxes of a `traf` with these samples of the clip.
    pub(super) fn boxes(
        &self,
        film: &Film<'_>,
        clip: &TrackClip,
        samples: &Range<SampleNumber>,
    ) -> Result<Assembly, PlanError> {
        let mut out = Assembly::default();
        if !samples.is_empty() {
            fragment_protection(film, self.number, &part(clip, samples), self.keys.as_ref(), &mut out)?;
        }
        Ok(out)
    }
}

/// Appends the descriptions of keys, if this `stbl` has some.
pub(super) fn descriptions(film: &Film<'_>, stbl: &Node, out: &mut Assembly) -> Result<(), PlanError> {
    of_keys(film, &stbl.children, b"sgpd")?.for_each(|sgpd| out.copy(sgpd));
    Ok(())
}

/// Those of some boxes that are of this type and about keys.
fn of_keys<'n>(
    film: &Film<'_>,
    boxes: &'n [Node],
    box_type: &[u8; 4],
) -> Result<impl Iterator<Item = &'n BoxHeader> + use<'n>, FormatError> {
    let mut reader = film.index.reader(&film.source);
    let mut found = Vec::new();
    for header in boxes.iter().map(|node| &node.header).filter(|h| h.box_type == BoxType(*box_type)) {
        if read_grouping_type(&mut reader, header)? == Some(KEYS) {
            found.push(header);
        }
    }
    Ok(found.into_iter())
}

/// The `stbl` of a track.
fn sample_table<'i>(film: &Film<'i>, number: usize) -> Option<&'i Node> {
    let trak = film.index.moov.children.iter().find(|node| node.track == Some(number))?;
    trak.at(&[b"mdia", b"minf", b"stbl"])
}

/// Some samples of a clip, as a clip of their own whose times do not matter.
fn part(clip: &TrackClip, samples: &Range<SampleNumber>) -> TrackClip {
    let ranges = clip.ranges.iter().filter_map(|range| {
        let from = samples.start.max(range.place);
        let to = samples.end.min(range.place + range.len());
        let first = range.samples.start + (from - range.place);
        (from < to).then(|| SampleRange {
            samples: first..first + (to - from),
            place: SampleNumber(from - samples.start),
            joined_until: SampleNumber::FIRST,
            lead_in: None,
            first_sample_trim: MediaTime(0),
            gap: MediaTime(0),
            ending: Vec::new(),
        })
    });
    TrackClip {
        ranges: ranges.collect(),
        edits: Vec::new(),
        multiplier: clip.multiplier,
        offset_shift: ClipTime(0),
        media_duration: ClipTime(0),
        pre_skip: None,
    }
}
