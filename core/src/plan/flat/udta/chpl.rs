//! Chapters as Nero writes them (`chpl`).

use crate::boxes::{CHPL_TIMESCALE, Chapter, ChplBox};
use crate::seek::Clip;
use crate::time::{MovieTime, UnitTime};

/// A `chpl` with the chapters of the clip, moved with it. `None` when it is malformed.
pub(super) fn cut_chpl(payload: &[u8], clip: &Clip) -> Option<Vec<u8>> {
    let units = |time: MovieTime| time.in_units::<CHPL_TIMESCALE>(clip.timescale);
    let (from, to) = (units(clip.start), units(clip.start + clip.duration));
    let mut chpl = ChplBox::read(payload)?;
    let mut kept: Vec<Chapter<'_>> = Vec::new();
    for chapter in chpl.chapters {
        let start = UnitTime(chapter.start);
        if start <= from {
            // The clip begins in this chapter, or in a later one.
            kept.clear();
        }
        if start < to {
            kept.push(Chapter { start: (start - from).0, ..chapter });
        }
    }
    chpl.chapters = kept;
    let mut out = Vec::new();
    chpl.write(&mut out);
    Some(out)
}
