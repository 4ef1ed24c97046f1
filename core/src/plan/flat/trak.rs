//! The `trak` of a track.

use crate::boxes::{BoxHeader, FormatError, is_senc, u32_at, write_box, write_elst};
use crate::index::Node;
use crate::plan::assembly::Assembly;
use crate::plan::treatment::{Place, Treatment};
use crate::source::ReadAt;

use super::layout::Layout;
use super::meta::{holds_file_offsets, names_places};

impl Layout<'_> {
    /// A `trak` or a box in it.
    pub(super) fn container<R: ReadAt>(
        &self,
        source: &R,
        node: &Node,
        track: usize,
        wide: bool,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let mut content = Assembly::default();
        let has_edts = node.children.iter().any(|c| &c.header.box_type.0 == b"edts");
        for child in &node.children {
            self.trak_child(source, child, track, wide, &mut content)?;
            if &child.header.box_type.0 == b"tkhd" && !has_edts {
                self.edts(track, &mut content);
            }
        }
        out.wrap(node.header.box_type, content)
    }

    fn trak_child<R: ReadAt>(
        &self,
        source: &R,
        node: &Node,
        track: usize,
        wide: bool,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let header = &node.header;
        let held = self.held(track);
        let Some(of) = self.index.tracks.get(track) else { return Ok(()) };
        match (Treatment::of(Place::Track, header.box_type), held) {
            (Treatment::Container, None) if &header.box_type.0 == b"stbl" => {
                let mut content = Assembly::default();
                for child in &node.children {
                    match &child.header.box_type.0 {
                        b"stco" | b"co64" => self.chunk_offsets(track, wide, &mut content)?,
                        b"saio" => self.moved_saio(track, &of.samples, &mut content)?,
                        _ => content.copy(&child.header),
                    }
                }
                return out.wrap(header.box_type, content);
            }
            (Treatment::Container, Some(held)) if &header.box_type.0 == b"stbl" => {
                let mut content = Assembly::default();
                for child in &node.children {
                    self.stbl_child(source, child, track, of, held, wide, &mut content)?;
                }
                self.seen_sync(source, &of.samples, held, &mut content)?;
                return out.wrap(header.box_type, content);
            }
            (Treatment::UserData, Some(_)) => self.track_udta(source, header, out)?,
            (Treatment::Container, _) => return self.container(source, node, track, wide, out),
            (Treatment::Header, Some(held)) if &header.box_type.0 == b"tkhd" => {
                let mut bytes = Vec::new();
                of.tkhd.write(&mut bytes, held.duration());
                out.bytes(&bytes);
            }
            (Treatment::Header, Some(held)) => {
                let mut bytes = Vec::new();
                let timescale = of.mdhd.timescale.saturating_mul(held.multiplier);
                of.mdhd.write(&mut bytes, timescale, held.media_duration);
                out.bytes(&bytes);
            }
            (Treatment::Edits, Some(_)) => self.edts(track, out),
            (Treatment::References, _) if self.clip.is_some() || self.left_out.contains(&true) => {
                self.tref(source, header, out)?
            }
            (Treatment::Encryption, Some(held)) if is_senc(&mut self.index.reader(source), header)? => {
                self.senc(source, header, of, held, out)?;
            }
            (Treatment::Metadata, Some(_)) if holds_file_offsets(source, self.index, header)? => {
                out.note(names_places(header));
            }
            (Treatment::Metadata, Some(_)) => self.tags(source, header, out)?,
            (Treatment::LeftOut, Some(_)) => {}
            _ => out.copy(header),
        }
        Ok(())
    }

    fn edts(&self, track: usize, out: &mut Assembly) {
        if let Some(held) = self.held(track).filter(|h| !h.edits.is_empty()) {
            let mut bytes = Vec::new();
            write_box(&mut bytes, b"edts", |out| write_elst(out, &held.edits));
            out.bytes(&bytes);
        }
    }

    /// References to tracks that are left out are left out.
    fn tref<R: ReadAt>(&self, source: &R, header: &BoxHeader, out: &mut Assembly) -> Result<(), FormatError> {
        let held = |id: u32| {
            let mut tracks = self.index.tracks.iter().enumerate();
            tracks.any(|(n, t)| t.tkhd.track_id == id && !self.is_left_out(n))
        };
        let mut reader = self.index.reader(source);
        let mut kept = Vec::new();
        for kind in reader.children(header.payload(), header.end())? {
            let ids =
                reader.payload(&kind, 0)?.chunks_exact(4).map(|id| u32_at(id, 0)).filter(|&id| held(id));
            let ids: Vec<u32> = ids.collect();
            if !ids.is_empty() {
                write_box(&mut kept, &kind.box_type.0, |out| {
                    ids.iter().for_each(|id| out.extend_from_slice(&id.to_be_bytes()));
                });
            }
        }
        if !kept.is_empty() {
            let mut content = Assembly::default();
            content.bytes(&kept);
            out.wrap(header.box_type, content)?;
        }
        Ok(())
    }
}
