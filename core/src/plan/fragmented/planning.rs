//! Lays out a clip in fragments.

use std::ops::Range;
use std::sync::Arc;

use crate::boxes::{FormatError, SIDX_ENTRY_SIZE, SIDX_HEAD_SIZE};
use crate::extents::find_extents;
use crate::index::{Film, Index};
use crate::limits;
use crate::movie::is_text;
use crate::numbers::{Numbers, SampleNumber};
use crate::plan::error::PlanError;
use crate::plan::flat::{check_track, clip_key};
use crate::plan::part::Plan;
use crate::plan::splices::splices;
use crate::seek::{Clip, reference_track};
use crate::time::{Rounding, rescale};

use super::boundaries::{Boundaries, Spacing};
use super::file::{FragmentedFile, View};
use super::file_track::{FileTrack, origin};
use super::fixed_size;
use super::head::head;
use super::presentation::Entrance;
use super::sap::Sap;
use super::segmenting::{Held, Segmenting};

/// Lays out a clip in fragments.
///
/// # Errors
/// When the film has something that fragments cannot hold, or cannot be read.
pub fn plan_fragmented(
    film: &Film<'_>,
    clip: &Clip,
    segmenting: &Segmenting,
) -> Result<FragmentedFile, PlanError> {
    Outline::of(film, clip, segmenting)?.lay_out(film, clip, segmenting)
}

/// The tracks of a clip, and where segments begin. It is the same for the files of all tracks of a
/// presentation, so that many tracks take no longer than one each.
pub struct Outline {
    tracks: Vec<FileTrack>,
    /// Which of them the segments follow.
    reference: usize,
    boundaries: Boundaries,
    /// When the first track begins and the last one ends, in ticks of the reference.
    lasts: Range<i64>,
    /// What fragments cannot hold of tracks that have files of their own. The others can be played.
    refused: Vec<(usize, Arc<PlanError>)>,
}

impl Outline {
    /// That of a clip, for files that hold all tracks or one each.
    ///
    /// # Errors
    /// As for [`plan_fragmented`].
    pub fn of(film: &Film<'_>, clip: &Clip, segmenting: &Segmenting) -> Result<Self, PlanError> {
        let all: Vec<_> = (0..film.index.tracks.len()).collect();
        let in_clip = |number: &usize| clip.tracks.get(*number).is_some_and(Option::is_some);
        let reference =
            reference_track(film.index, |n| in_clip(&n)).or_else(|| all.iter().copied().find(in_clip));
        // Without that track, or in a file of all, there is nothing to play.
        let is_needed = |number: usize| segmenting.held == Held::All || reference == Some(number);
        let mut refused = Vec::new();
        for &number in &all {
            match check_track(film.index, clip, number) {
                Err(e) if !is_needed(number) => refused.push((number, Arc::new(e))),
                checked => checked?,
            }
        }
        check_extents(film, clip, &refused)?;
        let origin = reference.and_then(|number| origin(film, clip, number));
        let mut tracks = Vec::new();
        for number in all {
            if refused.iter().any(|(other, _)| *other == number) {
                continue;
            }
            match FileTrack::of(film, clip, number, segmenting.held, origin) {
                Err(e @ PlanError::Unfragmentable(_)) if !is_needed(number) => {
                    refused.push((number, Arc::new(e)));
                }
                track => tracks.extend(track?),
            }
        }
        let reference = tracks.iter().position(|t| Some(t.number) == reference).unwrap_or(0);
        let of_reference = tracks.get(reference).ok_or(PlanError::Unfragmentable("no samples"))?;
        let (mut start, mut end) = (i64::MAX, 0);
        for track in &tracks {
            let presented = track.presented(film)?;
            let here =
                |time: i64, rounding| rescale(time.into(), track.timescale, of_reference.timescale, rounding);
            start = start.min(here(presented.at(SampleNumber::FIRST)?, Rounding::Nearest));
            end = end.max(here(presented.end()?, Rounding::Up));
        }
        // A track that is added to a recording may begin before the others.
        let start = if film.index.is_recording() { 0 } else { start.clamp(0, end) };
        // A text can stay on screen for minutes: its sample ends long after the clip does.
        let clip_end =
            rescale(clip.duration().0.into(), clip.timescale, of_reference.timescale, Rounding::Up);
        let end = end.min(clip_end);
        let boundaries = Boundaries::of(&of_reference.presented(film)?, segmenting.seconds, end)?;
        Ok(Self { tracks, reference, boundaries, lasts: start..end, refused })
    }

    /// What the file of one track needs of it.
    ///
    /// # Errors
    /// When the track has something that fragments cannot hold.
    pub fn of_one(&self, number: usize) -> Result<Self, Arc<PlanError>> {
        if let Some((_, why)) = self.refused.iter().find(|(refused, _)| *refused == number) {
            return Err(Arc::clone(why));
        }
        let reference = self.tracks.get(self.reference).map(|track| track.number);
        let is_needed = |track: &&FileTrack| track.number == number || Some(track.number) == reference;
        let tracks: Vec<_> = self.tracks.iter().filter(is_needed).cloned().collect();
        let reference = tracks.iter().position(|t| Some(t.number) == reference).unwrap_or(0);
        Ok(Self {
            tracks,
            reference,
            boundaries: self.boundaries.clone(),
            lasts: self.lasts.clone(),
            refused: Vec::new(),
        })
    }

    /// Lays out the file of these tracks, or of one of them.
    ///
    /// # Errors
    /// As for [`plan_fragmented`].
    pub fn lay_out(
        self,
        film: &Film<'_>,
        clip: &Clip,
        segmenting: &Segmenting,
    ) -> Result<FragmentedFile, PlanError> {
        let Self { mut tracks, reference, boundaries, lasts, .. } = self;
        let of_reference = tracks.get(reference).ok_or(PlanError::Unfragmentable("no samples"))?;
        let main = of_reference.presented(film)?;
        let spacing = boundaries.spacing(&lasts, of_reference.timescale);
        let is_held = |track: &FileTrack| match segmenting.held {
            Held::All => true,
            Held::One(number) => number == track.number,
        };
        let (mut columns, mut complete) = (Vec::new(), 0);
        for (n, track) in tracks.iter().enumerate().filter(|(_, track)| is_held(track)) {
            let handler = film.index.tracks.get(track.number).map(|t| t.handler);
            let is_video = handler.is_some_and(|handler| &handler.0 == b"vide");
            let column = if n == reference {
                boundaries.of_reference(&main)
            } else if segmenting.held == Held::All && is_chapters(film.index, track) {
                boundaries.of_chapters(&track.presented(film)?)
            } else {
                let presented = track.presented(film)?;
                boundaries.of_other(
                    &presented,
                    of_reference.timescale,
                    is_video,
                    film.index.is_recording(),
                )?
            };
            complete = complete_segments(&column, &boundaries);
            columns.push(column);
        }
        let number = of_reference.number;
        tracks.retain(is_held);
        if tracks.is_empty() {
            return Err(PlanError::Unfragmentable("no samples"));
        }
        let Boundaries { times, entrances } = boundaries;
        let of_reference = tracks.iter().position(|track| track.number == number);
        let known = Known {
            complete,
            spacing,
            entrances: if of_reference.is_some() { entrances } else { Vec::new() },
            times: (segmenting.held == Held::All && of_reference.is_some()).then_some((times, lasts.end)),
        };
        if known.times.is_none() {
            // A segment without samples of the track is none of its segments.
            columns.iter_mut().for_each(Vec::dedup);
        }
        let reference = of_reference.unwrap_or(0);
        FragmentedFile::lay_out(film, clip, segmenting, tracks, columns, reference, known)
    }
}

/// Checks that all samples are in the file, but for those of tracks that are refused.
fn check_extents(film: &Film<'_>, clip: &Clip, refused: &[(usize, Arc<PlanError>)]) -> Result<(), PlanError> {
    if refused.is_empty() {
        find_extents(film, &clip.tracks)?;
        return Ok(());
    }
    let mut tracks = clip.tracks.clone();
    for (number, _) in refused {
        if let Some(track) = tracks.get_mut(*number) {
            *track = None;
        }
    }
    find_extents(film, &tracks)?;
    Ok(())
}

/// Whether a track is text that another track of the film names as its chapters.
fn is_chapters(index: &Index, track: &FileTrack) -> bool {
    let is_text = index.tracks.get(track.number).is_some_and(|t| is_text(t.handler));
    is_text && index.holds_chapters(track.track_id)
}

/// How many segments of a track, which begin with these samples, stay as they are if the movie
/// grows: those behind which there is another one of the reference, and more of the track. Segments
/// without samples of the track do not count.
fn complete_segments(column: &[SampleNumber], boundaries: &Boundaries) -> usize {
    let all = column.last().copied().unwrap_or_default();
    let ends = column.get(1..=boundaries.entrances.len()).unwrap_or_default();
    let Some(end) = ends.iter().rfind(|end| **end < all) else { return 0 };
    let mut firsts: Vec<_> = column.iter().take_while(|first| *first < end).collect();
    firsts.dedup();
    firsts.len()
}

/// What is known already of the segments.
struct Known {
    /// [`FragmentedFile::complete`].
    complete: usize,
    spacing: Spacing,
    /// What begins each but the first; fewer where the reference ends first, or is another track.
    entrances: Vec<Entrance>,
    /// The times of all but the first segment, and of the end.
    times: Option<(Vec<i64>, i64)>,
}

impl FragmentedFile {
    fn lay_out(
        film: &Film<'_>,
        clip: &Clip,
        segmenting: &Segmenting,
        tracks: Vec<FileTrack>,
        columns: Vec<Vec<SampleNumber>>,
        reference: usize,
        known: Known,
    ) -> Result<Self, PlanError> {
        let (brands, name): (&[&[u8; 4]], _) = match segmenting.held {
            Held::All => (&[b"iso6", b"mp41", b"dash"], "all".to_owned()),
            Held::One(n) => (&[b"iso6", b"cmfc", b"dash", b"mp41"], format!("{n:x}")),
        };
        let key = format!("f{:x}-{name}-{}", segmenting.seconds, clip_key(film.index, clip));
        let head = head(film, clip, &tracks, brands, key, segmenting.held)?;
        let is_held = |number| tracks.iter().any(|track| track.number == number);
        let head = Plan { patches: splices(film, clip, is_held)?, ..head };
        let firsts = rows(&columns);
        let run_samples = samples_of_run(tracks.get(reference));
        let mut this = Self {
            head,
            reference,
            firsts,
            starts: Vec::new(),
            saps: Vec::new(),
            offsets: Vec::new(),
            run_samples,
            complete: known.complete,
            spacing: known.spacing,
            tracks,
        };
        let view = this.view(film)?;
        let saps = this.find_saps(&view, &known)?;
        let starts = this.find_starts(&view, known)?;
        let offsets = this.find_offsets(&view)?;
        (this.starts, this.saps, this.offsets) = (starts, saps, offsets);
        Ok(this)
    }

    /// When each segment begins, and when the last ends.
    fn find_starts(&self, view: &View<'_>, known: Known) -> Result<Vec<u64>, PlanError> {
        let reference = view.tracks.get(self.reference).ok_or(FormatError::Changed)?;
        let mut times = Vec::with_capacity(self.segment_count() + 1);
        times.push(reference.at(SampleNumber::FIRST)?);
        if let Some((all, end)) = known.times {
            times.extend(all);
            times.push(end);
        } else {
            times.extend(known.entrances.iter().map(|entrance| entrance.time));
            for n in times.len()..self.segment_count() {
                times.push(reference.at(self.samples(n, self.reference).start)?);
            }
            times.push(reference.end()?);
        }
        let mut latest = 0;
        let ascending = times.into_iter().map(|time| {
            latest = u64::try_from(time).unwrap_or(0).max(latest);
            latest
        });
        Ok(ascending.collect())
    }

    /// How decoding begins with each segment.
    fn find_saps(&self, view: &View<'_>, known: &Known) -> Result<Vec<Sap>, PlanError> {
        let reference = view.tracks.get(self.reference).ok_or(FormatError::Changed)?;
        let sap = |n: usize| {
            let samples = self.samples(n, self.reference);
            match n.checked_sub(1).and_then(|before| known.entrances.get(before)) {
                Some(entrance) => Ok(entrance.sap(&samples)),
                None => reference.sap(&samples),
            }
        };
        Ok((0..self.segment_count()).map(sap).collect::<Result<_, FormatError>>()?)
    }

    /// Where each segment begins.
    fn find_offsets(&self, view: &View<'_>) -> Result<Vec<u64>, PlanError> {
        let segments = self.segment_count() as u64;
        let mut offset =
            self.head.metadata_len + u64::from(SIDX_HEAD_SIZE) + u64::from(SIDX_ENTRY_SIZE) * segments;
        let mut media = Vec::new();
        for (t, track) in view.tracks.iter().enumerate() {
            let cuts: Vec<_> = self.firsts.iter().skip(t).step_by(self.tracks.len()).copied().collect();
            media.push(track.samples.bytes_between(&cuts)?);
        }
        let mut offsets = vec![offset];
        for n in 0..self.segment_count() {
            let mut size = u64::from(fixed_size(self.tracks.len(), self.turns(n)));
            for (t, track) in self.tracks.iter().enumerate() {
                let samples = self.samples(n, t);
                let entries = u64::from(samples.count()) * u64::from(track.fields.entry_size());
                let media = media.get(t).and_then(|bytes| bytes.get(n)).copied().unwrap_or(0);
                let protection = track.protection(&view.film, &samples)?.len();
                size = size.saturating_add(entries).saturating_add(protection).saturating_add(media);
            }
            if self.turns(n) > limits::RUNS_OF_SEGMENT {
                return Err(PlanError::Unfragmentable("a segment of too many samples"));
            }
            if size > limits::SEGMENT_BYTES {
                return Err(PlanError::Unfragmentable("a segment of more than 2 GiB"));
            }
            offset += size;
            offsets.push(offset);
        }
        Ok(offsets)
    }
}

/// How many samples of the reference a run has at most.
fn samples_of_run(reference: Option<&FileTrack>) -> u32 {
    match reference.is_some_and(|track| track.fields.entry_size() == 0) {
        true => u32::MAX,
        false => limits::SAMPLES_OF_RUN,
    }
}

/// The columns of a table, row by row.
fn rows(columns: &[Vec<SampleNumber>]) -> Vec<SampleNumber> {
    let count = columns.iter().map(Vec::len).min().unwrap_or(0);
    (0..count).flat_map(|n| columns.iter().filter_map(move |column| column.get(n).copied())).collect()
}
