//! The duration of a first sample of which only the end is presented.

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::audio_preroll::{has_gap, longer_neighbour};
use super::play::Play;

/// How much is taken off the duration of the first sample of an edit, which decodes at `from`.
///
/// If a clip begins inside a subtitle or a chapter, the sample keeps only the rest of its duration.
/// libavformat takes such an edit to begin with the next sample, and would show that too early. (A
/// time code sample keeps its duration, because it says which time it is at its own start.)
///
/// If audio begins with a packet that has a gap behind it, and the edit begins past what is decoded
/// of it, the hidden excess is taken off. libavformat drops as much of the decoded audio as the
/// durations say.
pub(super) fn first_sample_trim<R: ReadAt>(
    track: &Track,
    source: &R,
    play: &Play,
    from: MediaTime,
) -> Result<MediaTime, FormatError> {
    const NONE: MediaTime = MediaTime(0);
    let is_text = matches!(&track.handler.0, b"text" | b"sbtl" | b"subt" | b"clcp" | b"subp" | b"meta");
    let is_audio = &track.handler.0 == b"soun";
    if !(is_text || is_audio) || track.samples.ctts.is_some() || play.rate != ElstEntry::NORMAL_RATE {
        return Ok(NONE);
    }
    let duration = track.samples.duration(source, play.samples.start)?;
    let into = play.media_time - from;
    // No field of a duration has more than 32 bits.
    let into = if u32::try_from(into.0).is_ok() { into } else { NONE };
    if is_text {
        return Ok(if into >= duration { NONE } else { into });
    }
    let others = longer_neighbour(track, source, play.samples.start)?;
    let (longer, past) = (duration - others, into - others);
    Ok(if has_gap(duration, others) { longer.min(past).max(NONE) } else { NONE })
}
