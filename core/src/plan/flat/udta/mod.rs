//! User data (`udta`, ISO/IEC 14496-12, 8.10.1): chapters, tags, highlights.

mod tags;

use crate::boxes::BoxHeader;
use crate::limits;
use crate::plan::assembly::Assembly;
use crate::plan::chpl::chpl;
use crate::plan::error::PlanError;
use crate::plan::treatment::{Place, Treatment};
use crate::seek::Clip;
use crate::time::MovieTime;

use super::layout::Layout;

impl Layout<'_> {
    /// Appends the `udta` of a track. One with something unreadable in it is copied.
    pub(super) fn track_udta(&self, header: &BoxHeader, out: &mut Assembly) -> Result<(), PlanError> {
        let children =
            self.film.index.reader(&self.film.source).readable_children(header.payload(), header.end())?;
        match (self.clip, children) {
            (Some(clip), (children, None)) => self.udta(header, &children, clip, out),
            _ => {
                out.copy(header);
                Ok(())
            }
        }
    }

    /// Appends a `udta` with these boxes in it. Those that state times of the whole movie are cut,
    /// and hints (`hnti`) are left out with the hint tracks.
    pub(super) fn udta(
        &self,
        header: &BoxHeader,
        children: &[BoxHeader],
        clip: &Clip,
        out: &mut Assembly,
    ) -> Result<(), PlanError> {
        let treatment = |child: &BoxHeader| Treatment::of(Place::UserData, child.box_type);
        if children.iter().all(|child| treatment(child) == Treatment::Copied) {
            out.copy(header);
            return Ok(());
        }
        out.wrap(header.box_type, |out| {
            for child in children {
                let mut reader = self.film.index.reader(&self.film.source);
                let is_small = child.payload_len() <= limits::SMALL_BOX as u64;
                match treatment(child) {
                    Treatment::Chapters => chpl(self.film, child, clip, out)?,
                    Treatment::Highlights if is_small => {
                        out.bytes(&tags::cut_highlights(reader.payload(child, 0)?, clip).unwrap_or_default());
                    }
                    Treatment::Highlights | Treatment::LeftOut => {}
                    Treatment::StartTimeCode if clip.start() > MovieTime(0) => {}
                    Treatment::Tags => self.tags(child, out)?,
                    _ => out.copy(child),
                }
            }
            Ok(())
        })
    }

    /// Appends a `meta` without tags that count samples or times of the whole movie.
    pub(super) fn tags(&self, meta: &BoxHeader, out: &mut Assembly) -> Result<(), PlanError> {
        match tags::without_counts(&mut self.film.index.reader(&self.film.source), meta)? {
            Some(kept) => out.append(kept),
            None => out.copy(meta),
        }
        Ok(())
    }
}
