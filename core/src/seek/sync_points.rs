//! The sync samples of a track in presentation time.

use crate::boxes::{FormatError, SyncSamples};
use crate::index::{Film, Track};

use super::timeline::Timeline;
use super::timescale::movie_timescale;

/// The sync samples of a track that are presented, in seconds of the movie.
///
/// # Errors
/// When the file cannot be read.
pub fn sync_points(film: &Film<'_>, track: &Track) -> Result<Vec<f64>, FormatError> {
    let Film { index, source } = film;
    let SyncSamples::Listed(table) = &track.samples.sync else { return Ok(Vec::new()) };
    let timescale = movie_timescale(index, None, &[]);
    let line = Timeline::of(track, index.mvhd.timescale, timescale);
    let mut out = Vec::new();
    for n in 0..table.count {
        let listed = SyncSamples::listed(table, source, n)?;
        let Some(sample) = listed.filter(|&s| s < track.samples.end_number()) else { continue };
        let cts = track.samples.cts(source, sample)?;
        let segments = line.segments.iter().filter(|s| cts >= s.media_time);
        let shown = segments.map(|s| (line.shown_at(s, cts), s.end)).filter(|(at, end)| at < end);
        out.extend(shown.map(|(at, _)| at.seconds(timescale)));
    }
    Ok(out)
}
