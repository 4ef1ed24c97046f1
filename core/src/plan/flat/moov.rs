//! The `moov` of an answer.

use crate::boxes::{BoxType, FormatError};
use crate::index::Node;
use crate::limits;
use crate::plan::assembly::Assembly;
use crate::plan::treatment::{Place, Treatment};
use crate::source::ReadAt;

use super::layout::Layout;
use super::meta::{holds_file_offsets, names_places};

/// Rounds in which tracks are given 64-bit chunk offsets one by one. A film that is not made to need more needs two.
const SOLVE_ROUNDS: u32 = 4;

impl Layout<'_> {
    /// Appends the `moov`. Which tracks need 64-bit chunk offsets depends on where the media begins, which
    /// depends on the size of the offsets: begin with none and add until it holds.
    pub(super) fn solve<R: ReadAt>(&self, source: &R, before: Assembly) -> Result<Assembly, FormatError> {
        let mut wide = vec![false; self.index.tracks.len()];
        let mut round = 0;
        loop {
            let mut moov = Assembly::default();
            for node in &self.index.moov.children {
                self.moov_child(source, node, &wide, &mut moov)?;
            }
            let media_start = before.len() + 8 + moov.len() + self.media_header_len;
            let is_far = |position: u64| position.saturating_add(media_start) > u64::from(u32::MAX);
            let mut changed = false;
            let mut places = self.extents.places(self.index, source);
            let last = self.extents.end().saturating_sub(1);
            for (wide, chunks) in wide.iter_mut().zip(&self.chunks) {
                // A track more in each round is a film made to waste time: then all get wide.
                let mut needed = round >= SOLVE_ROUNDS;
                if let Some(chunks) = chunks.as_ref().filter(|_| is_far(self.extents.len())) {
                    let highest = places.position_of(chunks.highest.min(last))?;
                    needed |= is_far(highest.unwrap_or(self.extents.len()));
                }
                changed |= needed && !*wide;
                *wide |= needed;
            }
            if !changed {
                if moov.len() + 8 > limits::MOOV_OF_CLIP {
                    let most = limits::MOOV_OF_CLIP;
                    let reason =
                        format!("the answer's metadata would be larger than the {most} bytes we take");
                    return Err(FormatError::Film(reason));
                }
                let mut all = before;
                all.wrap(BoxType(*b"moov"), moov)?;
                return Ok(all);
            }
            round += 1;
        }
    }

    fn moov_child<R: ReadAt>(
        &self,
        source: &R,
        node: &Node,
        wide: &[bool],
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let header = &node.header;
        match (Treatment::of(Place::Movie, header.box_type), self.clip) {
            (Treatment::Container, _) if &header.box_type.0 == b"trak" => {
                let Some(track) = node.track else { return Ok(()) };
                if self.is_left_out(track) {
                    return Ok(());
                }
                let wide = wide.get(track).copied().unwrap_or(false);
                self.container(source, node, track, wide, out)
            }
            (_, None) => {
                out.copy(header);
                Ok(())
            }
            (Treatment::Header, Some(clip)) => {
                let mut bytes = Vec::new();
                self.index.mvhd.write(&mut bytes, clip.timescale, clip.duration);
                out.bytes(&bytes);
                Ok(())
            }
            (Treatment::Container, Some(clip)) => {
                let children: Vec<_> = node.children.iter().map(|child| child.header).collect();
                self.udta(source, header, &children, clip, out)
            }
            (Treatment::Metadata, Some(_)) if holds_file_offsets(source, self.index, header)? => {
                out.note(names_places(header));
                Ok(())
            }
            (Treatment::Metadata, Some(_)) => self.tags(source, header, out),
            (Treatment::LeftOut, Some(_)) => Ok(()),
            _ => {
                out.copy(header);
                Ok(())
            }
        }
    }
}
