//! The duration of a first sample of which only the end is presented.

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::audio_preroll::beside;
use super::play::Play;

/// How much is taken off the duration of the first sample of an edit, which decodes at `from`.
///
/// If a clip begins inside a subtitle or a chapter, the sample keeps only the rest of its duration.
/// libavformat takes such an edit to begin with the next sample, and would show that too early. (A
/// time code sample keeps its duration, because it says which time it is at its own start.)
///
/// If audio begins with a packet that lasts longer than its neighbours, and the edit begins past
/// their duration, the hidden excess is taken off. libavformat drops as much of the decoded audio
/// as the durations say.
pub(super) fn first_sample_trim<R: ReadAt>(
    track: &Track,
    source: &R,
    play: &Play,
    from: MediaTime,
) -> Result<u32, FormatError> {
    let is_text = matches!(&track.handler.0, b"text" | b"sbtl" | b"subt" | b"clcp" | b"subp" | b"meta");
    let is_sound = &track.handler.0 == b"soun" && play.samples.len() > 1;
    if !(is_text || is_sound) || track.samples.ctts.is_some() || play.rate != ElstEntry::NORMAL_RATE {
        return Ok(0);
    }
    let duration = track.samples.stts.at_unit(source, play.samples.start)?.value;
    let into = u32::try_from((play.media_time - from).0).unwrap_or(0);
    if is_text {
        return Ok(if u64::from(into) >= duration { 0 } else { into });
    }
    let others = beside(track, source, play.samples.start)?;
    let longer = u32::try_from(duration.saturating_sub(others)).unwrap_or(0);
    let past = u64::from(into).saturating_sub(others);
    Ok(if others > 0 { longer.min(u32::try_from(past).unwrap_or(u32::MAX)) } else { 0 })
}
