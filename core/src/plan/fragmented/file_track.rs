//! A track of a fragmented file.

use std::ops::Range;

use crate::boxes::{FormatError, SampleSizes, TrunFields, read_data_references};
use crate::index::{Film, Track};
use crate::numbers::SampleNumber;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::seek::{Clip, TrackClip};
use crate::source::ReadAt;

use super::clip_track::{ClipTrack, Prepared};
use super::presentation::{Origin, Placement, Presented};
use super::protection::Protection;
use super::segmenting::Held;

/// A track of a fragmented file.
#[derive(Debug, Clone)]
pub(super) struct FileTrack {
    /// The index of the track in the film.
    pub(super) number: usize,
    pub(super) track_id: u32,
    pub(super) clip: TrackClip,
    prepared: Prepared,
    protection: Option<Protection>,
    pub(super) placement: Placement,
    /// Ticks per second of its media.
    pub(super) timescale: u32,
    pub(super) fields: TrunFields,
}

impl FileTrack {
    /// Prepares a track of a clip; `None` where it has no samples. `origin` is that of the track
    /// that the segments follow.
    pub(super) fn of(
        film: &Film<'_>,
        clip: &Clip,
        number: usize,
        held: Held,
        origin: Option<Origin>,
    ) -> Result<Option<Self>, PlanError> {
        let track = film.index.tracks.get(number);
        let of_clip = clip.tracks.get(number).and_then(Option::as_ref).filter(|clip| !clip.ranges.is_empty());
        let (Some(track), Some(of_clip)) = (track, of_clip) else { return Ok(None) };
        if matches!(track.samples.sizes, SampleSizes::Constant { samples, .. } if samples > 1) {
            return Err(PlanError::Unfragmentable("audio in packets of several samples"));
        }
        let timescale = media_timescale(track, of_clip);
        let mut this = Self {
            number,
            track_id: track.tkhd.track_id,
            clip: of_clip.clone(),
            prepared: Prepared::of(track, of_clip, film.source)?,
            protection: Protection::of(film, number)?,
            placement: match held {
                Held::All => {
                    Placement::of_clip(of_clip, &track.handler.0 == b"soun", clip.timescale, timescale)
                }
                Held::One(_) => Placement::of_track(of_clip, clip.timescale, timescale, origin),
            },
            timescale,
            fields: TrunFields { duration: true, size: true, flags: true, offset: true },
        };
        let view = this.view(track, film.source);
        if several_descriptions(film, number)? && !view.has_one_description()? {
            return Err(PlanError::Unfragmentable("samples with different sample descriptions"));
        }
        this.fields = if held.may_grow(film.index) { this.fields } else { view.fields()? };
        Ok(Some(this))
    }

    pub(super) fn view<'a>(&'a self, track: &'a Track, source: &'a dyn ReadAt) -> ClipTrack<'a> {
        ClipTrack {
            table: &track.samples,
            clip: &self.clip,
            starts: &self.prepared.starts,
            detected: self.prepared.detected.as_deref(),
            source,
        }
    }

    pub(super) fn presented<'a>(&'a self, film: &Film<'a>) -> Result<Presented<'a>, FormatError> {
        let track = film.index.tracks.get(self.number).ok_or(FormatError::Changed)?;
        let samples = self.view(track, film.source);
        Ok(Presented { samples, placement: &self.placement, media: self.timescale })
    }

    /// What a `traf` with some samples has for a decrypter.
    pub(super) fn protection(
        &self,
        film: &Film<'_>,
        samples: &Range<SampleNumber>,
    ) -> Result<Assembly, PlanError> {
        match &self.protection {
            Some(protection) => protection.boxes(film, &self.clip, samples),
            None => Ok(Assembly::default()),
        }
    }

    pub(super) fn heap_size(&self) -> usize {
        self.prepared.heap_size() + self.clip.heap_size() + self.placement.heap_size()
    }
}

/// The ticks per second of a track's media in a clip.
fn media_timescale(track: &Track, clip: &TrackClip) -> u32 {
    track.mdhd.timescale.saturating_mul(clip.multiplier).max(1)
}

/// Where the presentation of a track of the clip begins.
pub(super) fn origin(film: &Film<'_>, clip: &Clip, number: usize) -> Option<Origin> {
    let track = film.index.tracks.get(number)?;
    let of_clip = clip.tracks.get(number)?.as_ref()?;
    Origin::of(of_clip, clip.timescale, media_timescale(track, of_clip))
}

/// Whether a track has more than one sample description.
fn several_descriptions(film: &Film<'_>, number: usize) -> Result<bool, FormatError> {
    let trak = film.index.moov.children.iter().find(|node| node.track == Some(number));
    let Some(stsd) = trak.and_then(|trak| trak.at(&[b"mdia", b"minf", b"stbl", b"stsd"])) else {
        return Ok(false);
    };
    Ok(read_data_references(&mut film.index.reader(&film.source), &stsd.header)?.len() > 1)
}
