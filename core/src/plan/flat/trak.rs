//! The `trak` of a track (ISO/IEC 14496-12, 8.3.1), and the `mdia` and `minf` in it.

use crate::boxes::{BoxHeader, is_senc, write_edts};
use crate::index::Node;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::references::references;
use crate::plan::treatment::{Place, Treatment};
use crate::seek::TrackClip;

use super::layout::Layout;
use super::stbl::{cut_senc, cut_stbl, moved_stbl};
use super::track_cut::TrackCut;

impl Layout<'_> {
    /// Appends a `trak`.
    pub(super) fn trak(
        &self,
        node: &Node,
        number: usize,
        is_wide: bool,
        out: &mut Assembly,
    ) -> Result<(), PlanError> {
        let Some(track) = self.film.index.tracks.get(number) else { return Ok(()) };
        match self.clip.and_then(|clip| clip.tracks.get(number)?.as_ref()) {
            Some(clip) => {
                let (film, chunks) = (self.film, self.chunk_ranges(number));
                let cut = TrackCut { film, number, track, clip, chunks, is_wide };
                self.cut_container(&cut, node, out)
            }
            None => self.moved_container(node, number, is_wide, out),
        }
    }

    /// A `trak` of a whole movie, or a box in it that holds others.
    fn moved_container(
        &self,
        node: &Node,
        number: usize,
        is_wide: bool,
        out: &mut Assembly,
    ) -> Result<(), PlanError> {
        out.wrap(node.header.box_type, |out| {
            for child in &node.children {
                let header = &child.header;
                match Treatment::of(Place::Track, header.box_type) {
                    Treatment::Container if &header.box_type.0 == b"stbl" => {
                        moved_stbl(self, child, number, is_wide, out)?;
                    }
                    Treatment::Container => self.moved_container(child, number, is_wide, out)?,
                    Treatment::References if self.left_out.contains(&true) => self.tref(header, out)?,
                    _ => out.copy(header),
                }
            }
            Ok(())
        })
    }

    /// A `trak` of a clip, or a box in it that holds others.
    fn cut_container(&self, cut: &TrackCut<'_>, node: &Node, out: &mut Assembly) -> Result<(), PlanError> {
        let has_edts = node.children.iter().any(|c| &c.header.box_type.0 == b"edts");
        out.wrap(node.header.box_type, |out| {
            for child in &node.children {
                self.cut_child(cut, child, out)?;
                if &child.header.box_type.0 == b"tkhd" && !has_edts {
                    edts(cut.clip, out);
                }
            }
            Ok(())
        })
    }

    fn cut_child(&self, cut: &TrackCut<'_>, node: &Node, out: &mut Assembly) -> Result<(), PlanError> {
        let header = &node.header;
        match Treatment::of(Place::Track, header.box_type) {
            Treatment::Container if &header.box_type.0 == b"stbl" => cut_stbl(cut, node, out)?,
            Treatment::Container => self.cut_container(cut, node, out)?,
            Treatment::UserData => self.track_udta(header, out)?,
            Treatment::Header if &header.box_type.0 == b"tkhd" => {
                out.known(|bytes| cut.track.tkhd.write(bytes, cut.clip.duration().0));
            }
            Treatment::Header => {
                let timescale = cut.track.mdhd.timescale.saturating_mul(cut.clip.multiplier);
                let duration = cut.clip.media_duration.ticks();
                out.known(|bytes| cut.track.mdhd.write(bytes, timescale, duration));
            }
            Treatment::Edits => edts(cut.clip, out),
            Treatment::References => self.tref(header, out)?,
            Treatment::Encryption if is_senc(&mut cut.reader(), header)? => cut_senc(cut, header, out)?,
            Treatment::Metadata => self.metadata(header, out)?,
            Treatment::LeftOut => {}
            _ => out.copy(header),
        }
        Ok(())
    }

    /// Appends a `tref` without references to tracks that the answer does not have.
    fn tref(&self, header: &BoxHeader, out: &mut Assembly) -> Result<(), PlanError> {
        references(self.film, header, |number| !self.is_left_out(number), out)
    }
}

/// Appends the edit list of the clip (8.6.5, 8.6.6), if it has one.
fn edts(clip: &TrackClip, out: &mut Assembly) {
    if !clip.edits.is_empty() {
        out.known(|bytes| write_edts(bytes, &clip.edits));
    }
}
