//! Chapters as Nero writes them (`chpl`).

use crate::boxes::{BoxHeader, CHPL_TIMESCALE, Chapter, ChplBox};
use crate::index::Film;
use crate::limits;
use crate::seek::Clip;
use crate::time::{MovieTime, UnitTime};

use super::assembly::Assembly;
use super::error::PlanError;

/// A `chpl` counts its chapters in 8 bits.
const MOST_CHAPTERS: usize = 255;

/// The title of what is in no chapter: its length.
const NO_TITLE: [u8; 1] = [0];

/// Appends a `chpl` with the chapters of the clip, moved with it. One that is malformed, or larger
/// than any, is left out.
pub(super) fn chpl(
    film: &Film<'_>,
    header: &BoxHeader,
    clip: &Clip,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    if header.payload_len() <= limits::SMALL_BOX as u64 {
        let mut reader = film.index.reader(&film.source);
        out.bytes(&cut_chpl(reader.payload(header, 0)?, clip).unwrap_or_default());
    }
    Ok(())
}

fn cut_chpl(payload: &[u8], clip: &Clip) -> Option<Vec<u8>> {
    let units = |time: MovieTime| time.in_units::<CHPL_TIMESCALE>(clip.timescale);
    let mut chpl = ChplBox::read(payload)?;
    let mut kept: Vec<Chapter<'_>> = Vec::new();
    for scene in clip.placed_scenes() {
        let (from, to) = (units(scene.movie.start), units(scene.movie.end));
        let begun = kept.len();
        if begun > 0 {
            // The scene may begin before the first chapter of the movie: that of the scene before
            // does not go on.
            kept.push(Chapter { start: units(scene.begins).0, title: &NO_TITLE });
        }
        for chapter in &chpl.chapters {
            let start = UnitTime(chapter.start);
            if start <= from {
                // The scene begins in this chapter, or in a later one.
                kept.truncate(begun);
            }
            if start < to {
                let start = units(scene.begins).0.saturating_add((start - from).0);
                kept.push(Chapter { start, ..*chapter });
            }
        }
    }
    kept.truncate(MOST_CHAPTERS);
    chpl.chapters = kept;
    let mut out = Vec::new();
    chpl.write(&mut out);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_behind_a_scene_without_end_are_as_late_as_they_can_be() {
        let mut chpl = ChplBox::read(&[0, 0, 0, 0, 0]).unwrap();
        chpl.chapters = vec![Chapter { start: 55_000_000, title: &NO_TITLE }];
        let mut payload = Vec::new();
        chpl.write(&mut payload);
        let scenes = vec![MovieTime(0)..MovieTime(1 << 60), MovieTime(450_000)..MovieTime(540_000)];
        let (seen_from, tracks) = <_>::default();
        let clip = Clip { timescale: 90_000, scenes, is_joined: false, seen_from, tracks };
        let cut = cut_chpl(&payload[8..], &clip).unwrap();
        let starts = ChplBox::read(&cut[8..]).unwrap().chapters.iter().map(|c| c.start).collect::<Vec<_>>();
        assert_eq!(starts, [55_000_000, u64::MAX, u64::MAX]);
    }
}
