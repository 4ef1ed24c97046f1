//! The `moov` of an answer (ISO/IEC 14496-12, 8.2.1).

use crate::boxes::{BoxType, FormatError};
use crate::index::Node;
use crate::limits;
use crate::offsets::{FileOffset, MediaOffset};
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::treatment::{Place, Treatment};
use crate::seek::Clip;

use super::layout::Layout;

/// Rounds in which only the tracks that need them get 64-bit chunk offsets. After that, all tracks
/// get them. Only a crafted file takes more than two rounds.
const SOLVE_ROUNDS: u32 = 4;

impl Layout<'_> {
    /// Appends the `moov` to `before`.
    ///
    /// Which tracks need 64-bit chunk offsets depends on where the media begins, and that depends
    /// on the size of the offsets:
    ///
    /// ```text
    /// give no track 64-bit offsets
    /// repeat
    ///     put the moov together
    ///     give 64-bit offsets to each track whose last chunk would begin at 4 GiB or later
    /// until no track gets them that did not have them
    /// ```
    pub(super) fn solve(&self, before: Assembly) -> Result<Assembly, PlanError> {
        let mut wide = vec![false; self.film.index.tracks.len()];
        let mut round = 0;
        loop {
            let mut moov = Assembly::with_room();
            for node in &self.film.index.moov.children {
                self.moov_child(node, &wide, &mut moov)?;
            }
            let media_start = before.len() + 8 + moov.len() + self.media_header_len;
            // A crafted file could add one track in each round, to waste time.
            if self.widen(&mut wide, media_start, round >= SOLVE_ROUNDS)? {
                round += 1;
                continue;
            }
            if moov.len() + 8 > limits::MOOV_OF_CLIP {
                return Err(PlanError::LargeMetadata);
            }
            let mut all = before;
            all.wrap(BoxType(*b"moov"), |out| {
                out.append(moov);
                Ok(())
            })?;
            return Ok(all);
        }
    }

    /// Gives 64-bit offsets to `all` tracks, or to those that need them when the media begins at
    /// the offset `media_start` of the answer. Returns whether that changed something.
    fn widen(&self, wide: &mut [bool], media_start: u64, all: bool) -> Result<bool, FormatError> {
        let is_far = |position: MediaOffset| position.in_answer(media_start) > u64::from(u32::MAX);
        let end = MediaOffset(self.extents.len());
        let mut changed = false;
        let mut places = self.extents.places(self.film);
        let last = FileOffset(self.extents.end().0.saturating_sub(1));
        for (wide, chunks) in wide.iter_mut().zip(&self.chunks) {
            let mut needed = all;
            if let Some(chunks) = chunks.as_ref().filter(|_| is_far(end)) {
                let highest = places.position_of(chunks.highest.min(last))?;
                needed |= is_far(highest.unwrap_or(end));
            }
            changed |= needed && !*wide;
            *wide |= needed;
        }
        Ok(changed)
    }

    fn moov_child(&self, node: &Node, wide: &[bool], out: &mut Assembly) -> Result<(), PlanError> {
        let header = &node.header;
        if &header.box_type.0 == b"trak" {
            let Some(track) = node.track.filter(|&track| !self.is_left_out(track)) else { return Ok(()) };
            return self.trak(node, track, wide.get(track).copied().unwrap_or(false), out);
        }
        match self.clip {
            Some(clip) => self.cut_movie_box(clip, node, out),
            None => {
                out.copy(header);
                Ok(())
            }
        }
    }

    /// A box of the `moov` of a clip, other than a track.
    fn cut_movie_box(&self, clip: &Clip, node: &Node, out: &mut Assembly) -> Result<(), PlanError> {
        let header = &node.header;
        match Treatment::of(Place::Movie, header.box_type) {
            Treatment::Header => {
                let mvhd = &self.film.index.mvhd;
                out.known(|bytes| mvhd.write(bytes, clip.timescale, clip.duration().0));
            }
            Treatment::Container => {
                let children: Vec<_> = node.children.iter().map(|child| child.header).collect();
                self.udta(header, &children, clip, out)?;
            }
            Treatment::Metadata => self.metadata(header, out)?,
            Treatment::LeftOut => {}
            _ => out.copy(header),
        }
        Ok(())
    }
}
