//! Chapters as Nero writes them (`chpl`).

use crate::boxes::{CHPL_TIMESCALE, Chapter, ChplBox};
use crate::seek::Clip;
use crate::time::MovieTime;

/// A `chpl` with the chapters of the clip, moved with it. `None` when it is malformed.
pub(super) fn cut_chpl(payload: &[u8], clip: &Clip) -> Option<Vec<u8>> {
    let (from, to) = (chapter_time(clip.start, clip), chapter_time(clip.start + clip.duration, clip));
    let mut chpl = ChplBox::read(payload)?;
    let mut kept: Vec<Chapter<'_>> = Vec::new();
    for chapter in chpl.chapters {
        if chapter.start <= from {
            // The clip begins in this chapter, or in a later one.
            kept.clear();
        }
        if chapter.start < to {
            kept.push(Chapter { start: chapter.start.saturating_sub(from), ..chapter });
        }
    }
    chpl.chapters = kept;
    let mut out = Vec::new();
    chpl.write(&mut out);
    Some(out)
}

/// A movie time of the clip in the units of a `chpl`, rounded down.
fn chapter_time(time: MovieTime, clip: &Clip) -> u64 {
    let units = u128::from(time.0) * u128::from(CHPL_TIMESCALE) / u128::from(clip.timescale);
    u64::try_from(units).unwrap_or(u64::MAX)
}
