//! A picture of a movie: the key frame at a place, in a file that browsers show. The frame is the
//! one of the movie, so that no decoder is needed.
//!
//! What browsers show as a picture is AV1, in an AVIF. None of Chromium, Firefox and WebKitGTK
//! shows HEVC in a HEIF, and only WebKitGTK shows an MP4.

use std::ops::Range;

use crate::boxes::descriptions::{Av1Config, SampleDescription};
use crate::boxes::{BoxType, FormatError, PictureFile};
use crate::describe::track_kind;
use crate::index::{Film, Track};
use crate::limits;
use crate::offsets::FileOffset;
use crate::request::{Allowed, ClipRequest, TrackKind};
use crate::seek::{Clip, Cut, SampleRange, SeekError, seek};

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PosterError {
    /// There is no such place, or no such track.
    #[error(transparent)]
    Seek(#[from] SeekError),
    /// The file is malformed, or cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The movie has no video there.
    #[error("no poster: the film has no video there")]
    NoVideo,
    /// The frame that decoding begins with is not presented, or may not be seen.
    #[error("no poster: no key frame is shown at that time or before it")]
    Hidden,
    /// No picture can be made of frames of this coding.
    #[error("no poster: the video is {0}, and browsers show a single frame of AV1 (av01) only")]
    Coding(BoxType),
    /// The frames cannot be read without a key.
    #[error("no poster: the video is encrypted")]
    Encrypted,
    /// The frame has another sample description than the first, or this one is not complete.
    #[error("no poster: the film does not say how this frame is decoded")]
    Configuration,
}

/// A key frame as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poster {
    /// What precedes the frame.
    pub head: Vec<u8>,
    /// Where the frame lies in the movie.
    pub frame: Range<FileOffset>,
    /// What tells this picture from others of the movie.
    pub key: String,
}

/// The media type of posters.
pub const MEDIA_TYPE: &str = "image/avif";

impl Poster {
    /// Finds the frame that a clip begins with, of the first video track in it that is enabled.
    ///
    /// # Errors
    /// When that is no key frame, or its coding is none that pictures have.
    pub fn of(film: &Film<'_>, request: &ClipRequest) -> Result<Self, PosterError> {
        // A picture has no length.
        let allowed = Allowed { longest: None, ..request.allowed };
        let request = ClipRequest { allowed, ..request.clone() };
        let Cut::Clip(clip) = seek(film, &request)? else { return Err(PosterError::NoVideo) };
        let (track, number, range) = first_range(film, &clip).ok_or(PosterError::NoVideo)?;
        if range.lead_in.is_some() {
            return Err(PosterError::Hidden);
        }
        let sample = range.samples.start;
        let description = describe_frame(film, number, track)?;
        let samples = &track.samples;
        if !samples.may_begin_at(&film.source, sample)? {
            return Err(PosterError::Hidden);
        }
        let mut chunk = samples.chunk_of(&film.source, sample)?;
        if chunk.description_index != 1 {
            return Err(PosterError::Configuration);
        }
        let frame = samples.place_of(&film.source, &mut chunk, sample)?;
        let len = u32::try_from(frame.end.0.saturating_sub(frame.start.0)).ok();
        let len =
            len.filter(|&len| len > 0 && frame.end.0 <= film.index.file_len).ok_or(PosterError::NoVideo)?;
        let head = PictureFile { len, ..description }.head();
        Ok(Self { head, frame, key: format!("poster-{number:x}-{:x}", sample.0) })
    }
}

/// The first samples of the first video track of a clip, with the track and its number. A track
/// that is enabled comes before one that is not.
fn first_range<'c>(film: &Film<'c>, clip: &'c Clip) -> Option<(&'c Track, usize, &'c SampleRange)> {
    let tracks = film.index.tracks.iter().zip(&clip.tracks).enumerate();
    let of_video = tracks.filter(|(_, (track, _))| track_kind(track.handler) == Some(TrackKind::Video));
    let ranges =
        of_video.filter_map(|(number, (track, clip))| Some((track, number, clip.as_ref()?.ranges.first()?)));
    ranges.min_by_key(|(track, ..)| !track.tkhd.is_enabled())
}

/// What is said of a frame of this track, but for its length.
fn describe_frame(film: &Film<'_>, number: usize, track: &Track) -> Result<PictureFile, PosterError> {
    let trak = film.index.moov.children.iter().find(|node| node.track == Some(number));
    let stsd = trak.and_then(|trak| trak.at(&[b"mdia", b"minf", b"stbl", b"stsd"]));
    let reader = &mut film.index.reader(&film.source);
    let entry = match stsd {
        Some(stsd) => SampleDescription::read(reader, &stsd.header, track.handler)?,
        None => None,
    };
    let entry = entry.ok_or(PosterError::Configuration)?;
    if entry.protection.is_some() {
        return Err(PosterError::Encrypted);
    }
    if &entry.coding.0 != b"av01" {
        return Err(PosterError::Coding(entry.coding));
    }
    // A longer one may have been cut off.
    let whole = |b: &[u8]| (b.len() < limits::CONFIGURATION).then(|| b.to_vec());
    let configuration = entry.find(reader, b"av1C", whole)?.ok_or(PosterError::Configuration)?;
    let config = Av1Config::parse(&configuration).ok_or(PosterError::Configuration)?;
    let channels = if config.is_monochrome { 1 } else { 3 };
    Ok(PictureFile {
        brand: *b"avif",
        item_type: *b"av01",
        size: entry.picture.ok_or(PosterError::Configuration)?,
        bits: vec![config.bit_depth; channels],
        configuration: (*b"av1C", configuration),
        // 12.1.5: a `nclx` has eleven bytes.
        colours: entry.find(reader, b"colr", |b| {
            b.get(..11).filter(|colours| colours.starts_with(b"nclx")).map(<[u8]>::to_vec)
        })?,
        quarter_turns: track.tkhd.quarter_turns(),
        len: 0,
    })
}

#[cfg(test)]
mod tests;
