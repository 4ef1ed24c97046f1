//! The segments of a track, from the layout of its file.

use crate::boxes::FormatError;
use crate::describe::TrackDescription;
use crate::index::Film;
use crate::plan::{FragmentedFile, Sap};
use crate::request::TrackKind;

use super::{Rendition, Segment, TrackName};

impl Rendition {
    /// The rendition whose file is `file`.
    ///
    /// # Errors
    /// When the film cannot be read.
    pub fn of(
        film: &Film<'_>,
        file: &FragmentedFile,
        name: TrackName,
        track: TrackDescription,
    ) -> Result<Self, FormatError> {
        let view = file.view(film)?;
        let mut segments = Vec::with_capacity(file.segment_count());
        for n in 0..file.segment_count() {
            let (Some(bytes), Some(times)) = (file.segment(n), file.times(n)) else { break };
            // Only of video there are playlists of key frames.
            let first_sample_end = match name.kind {
                TrackKind::Video => file.first_sample_end(&view, n)?,
                _ => None,
            };
            segments.push(Segment {
                start: times.start,
                duration: times.end - times.start,
                first_sample_end: first_sample_end.unwrap_or(bytes.end),
                bytes,
                is_independent: file.sap(n) == Sap::First,
            });
        }
        let timescale = file.timescale();
        Ok(Self {
            name: name.to_string(),
            track,
            timescale,
            init: file.init(),
            index: file.index(),
            segments,
        })
    }
}
