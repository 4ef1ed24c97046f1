//! The segments of a track, from the layout of its file.

use crate::boxes::FormatError;
use crate::describe::TrackDescription;
use crate::index::Film;
use crate::plan::{FragmentedFile, Sap};

use super::{Rendition, Segment, TrackName};

impl Rendition {
    /// The rendition whose file is `file`. Key frames are taken to be as long as their segments: see
    /// [`Self::find_key_frames`].
    pub fn of(file: &FragmentedFile, name: TrackName, track: TrackDescription) -> Self {
        let mut segments = Vec::with_capacity(file.segment_count());
        for n in 0..file.segment_count() {
            let (Some(bytes), Some(times)) = (file.segment(n), file.times(n)) else { break };
            segments.push(Segment {
                start: times.start,
                duration: times.end - times.start,
                first_sample_end: bytes.end,
                bytes,
                is_independent: file.sap(n) == Sap::First,
            });
        }
        let timescale = file.timescale();
        let (name, init, index) = (name.to_string(), file.init(), file.index());
        Self { name, track, timescale, init, index, spacing: file.spacing(), segments }
    }

    /// Whether players know by its name how it is coded (RFC 6381), or that it is WebVTT.
    pub fn is_known(&self) -> bool {
        self.segments.is_empty() || self.track.codec.is_some()
    }

    /// Looks up where the key frames end that the segments begin with.
    ///
    /// # Errors
    /// When the film cannot be read.
    pub fn find_key_frames(&mut self, film: &Film<'_>, file: &FragmentedFile) -> Result<(), FormatError> {
        let view = file.view(film)?;
        for (n, segment) in self.segments.iter_mut().enumerate() {
            if let Some(end) = file.first_sample_end(&view, n)? {
                segment.first_sample_end = end;
            }
        }
        Ok(())
    }
}
