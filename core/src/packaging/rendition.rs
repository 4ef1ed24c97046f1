//! The segments of a track, from the layout of its file.

use crate::boxes::FormatError;
use crate::describe::TrackDescription;
use crate::index::Film;
use crate::plan::{FragmentedFile, Sap};

use crate::request::TrackKind;

use super::{Rendition, Segment, TrackName};

/// Codings of sound that players of segments have. PCM, be it of QuickTime (`sowt`, `lpcm` …) or of
/// ISO/IEC 23003-5 (`ipcm`, `fpcm`), G.711 and AMR are not among them: browsers have none in segments,
/// and would leave the pictures beside it. Nor is IAMF, whose name has its profiles in it, which are
/// not read.
const SOUND: [&str; 18] = [
    "mp4a", "mp3", "ac-3", "ec-3", "ac-4", "Opus", "fLaC", "alac", "dtsc", "dtse", "dtsh", "dtsl", "dtsx",
    "mlpa", "mha1", "mha2", "mhm1", "mhm2",
];

/// Those of text.
const TEXT: [&str; 2] = ["stpp", "wvtt"];

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

    /// Whether there are players of HLS or DASH that know by its name how it is coded (RFC 6381), or
    /// that it is WebVTT. They leave all of a presentation where they do not know one name of it.
    pub fn is_known(&self) -> bool {
        if self.segments.is_empty() {
            return self.is_webvtt();
        }
        let coding = self.track.codec.as_deref().and_then(|codec| codec.split('.').next());
        coding.is_some_and(|coding| match self.track.kind {
            Some(TrackKind::Audio) => SOUND.contains(&coding),
            Some(TrackKind::Text) => TEXT.contains(&coding),
            _ => true,
        })
    }

    /// Whether it is sent as one WebVTT resource.
    pub(super) fn is_webvtt(&self) -> bool {
        self.track.kind == Some(TrackKind::Text) && self.segments.is_empty()
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
