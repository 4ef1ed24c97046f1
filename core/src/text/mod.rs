//! Text of a movie as WebVTT (W3C): subtitles, captions and chapters.
//!
//! All times are those of the presentation: a sample's composition time goes through the edit list
//! of its track, and counts from the start of the clip. A cue ends with its sample, its edit, or
//! the clip. Samples without text leave no cue.
//!
//! - `presented`: the samples of a track in a clip, and when each is presented.
//! - `source`: the bytes of samples, and the sample description of each.
//! - `decode`: bytes of some encoding become a string.
//! - `markup`: a string becomes the text of a cue, with tags for its styles.
//! - `settings`: a text box becomes the settings of a cue.
//! - `styled`: samples of `tx3g` and QuickTime's `text` become cues.
//! - `webvtt`: samples of `wvtt` become cues.
//! - `chapters`: chapters become cues.
//! - `header`: what stands before the cues of `wvtt`.
//! - `document`: cues become a WebVTT file.

mod chapters;
mod decode;
mod document;
mod header;
mod markup;
mod presented;
mod settings;
mod source;
mod styled;
mod webvtt;

use std::ops::ControlFlow;

use crate::boxes::FormatError;
use crate::index::{Film, Track};
use crate::limits;
use crate::movie::is_text;
use crate::seek::Clip;

pub use chapters::{has_chapters, write_chapters};

use document::Document;
use header::header;
use presented::{Clock, presented};
use source::Samples;
use styled::StyledText;

const CONTINUE: ControlFlow<()> = ControlFlow::Continue(());

/// Whether the text of a track can be written as WebVTT.
pub fn has_vtt(track: &Track) -> bool {
    is_text(track.handler) && is_read(track)
}

/// Whether samples of a track are understood here, and are in the file.
fn is_read(track: &Track) -> bool {
    matches!(&track.coding.0, b"tx3g" | b"text" | b"wvtt") && track.external.is_none()
}

/// The text of a track in a clip as a WebVTT file. Of the clip, only the time that it takes of the
/// movie counts, and not whether it holds the track. A track without text ([`has_vtt`]) has no
/// cues.
///
/// # Errors
/// When the file cannot be read, or changed. A sample that makes no sense leaves no cue.
pub fn write_vtt(film: &Film<'_>, clip: &Clip, track: usize) -> Result<String, FormatError> {
    let mut document = Document::default();
    let Some(text) = film.index.tracks.get(track).filter(|track| has_vtt(track)) else {
        return Ok(document.finish());
    };
    let mut samples = Samples::of(film, text, track)?;
    let mut left = limits::TEXT_SAMPLES;
    if &text.coding.0 == b"wvtt" {
        document = Document::with_header(header(&samples.vtt_header()?));
        for scene in clip.placed_scenes() {
            presented(film, text, Clock::of(clip, &scene), scene.movie, &mut left, |shown| {
                let sample = samples.read(shown.sample)?;
                Ok(sample.map_or(CONTINUE, |sample| webvtt::add_cues(sample.bytes, &shown, &mut document)))
            })?;
        }
    } else {
        let styled = StyledText::of(film, text, samples.text_entries()?);
        for scene in clip.placed_scenes() {
            presented(film, text, Clock::of(clip, &scene), scene.movie, &mut left, |shown| {
                let sample = samples.read(shown.sample)?;
                Ok(sample.map_or(CONTINUE, |sample| styled.add_cue(sample, &shown, &mut document)))
            })?;
        }
    }
    Ok(document.finish())
}
