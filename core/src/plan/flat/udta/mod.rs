//! User data: chapters, tags, highlights.

mod chpl;
mod id3;
mod tags;

use crate::boxes::{BoxHeader, FormatError};
use crate::limits;
use crate::plan::assembly::Assembly;
use crate::plan::treatment::{Place, Treatment};
use crate::seek::Clip;
use crate::source::ReadAt;

use super::layout::Layout;
use chpl::cut_chpl;

impl<R: ReadAt> Layout<'_, R> {
    /// The `udta` of a track.
    pub(super) fn track_udta(&self, header: &BoxHeader, out: &mut Assembly) -> Result<(), FormatError> {
        let children = self.index.reader(self.source).readable_children(header.payload(), header.end())?;
        match (self.clip, children) {
            (Some(clip), (children, None)) => self.udta(header, &children, clip, out),
            _ => {
                out.copy(header);
                Ok(())
            }
        }
    }

    /// A `udta` with these boxes in it. Some of them count from the start of the film, and hints are for hint tracks.
    pub(super) fn udta(
        &self,
        header: &BoxHeader,
        children: &[BoxHeader],
        clip: &Clip,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let treatment = |child: &BoxHeader| Treatment::of(Place::UserData, child.box_type);
        if children.iter().all(|child| treatment(child) == Treatment::Copied) {
            out.copy(header);
            return Ok(());
        }
        let mut content = Assembly::default();
        for child in children {
            let mut reader = self.index.reader(self.source);
            let is_small = child.payload_len() <= limits::SMALL_BOX as u64;
            match treatment(child) {
                Treatment::Chapters if is_small => {
                    content.bytes(&cut_chpl(reader.payload(child, 0)?, clip).unwrap_or_default());
                }
                Treatment::Highlights if is_small => {
                    content.bytes(&tags::cut_highlights(reader.payload(child, 0)?, clip).unwrap_or_default());
                }
                Treatment::Chapters | Treatment::Highlights | Treatment::LeftOut => {}
                Treatment::StartTimeCode if clip.start > 0 => {}
                Treatment::Tags => self.tags(child, &mut content)?,
                _ => content.copy(child),
            }
        }
        out.wrap(header.box_type, content)
    }

    /// A `meta`, without what counts samples or times of the whole film.
    pub(super) fn tags(&self, meta: &BoxHeader, out: &mut Assembly) -> Result<(), FormatError> {
        match tags::without_counts(&mut self.index.reader(self.source), meta)? {
            Some(kept) => out.append(kept),
            None => out.copy(meta),
        }
        Ok(())
    }
}
