//! What is before the segments of a fragmented answer: `ftyp` and a `moov` without samples.

use crate::boxes::descriptions::usual_form;
use crate::boxes::{
    BoxHeader, BoxType, SampleDefaults, SampleFlags, SampleSizes, TrexBox, chunk_offsets_head,
    pre_skip_field, stsc_head, stsz_head, stts_head, without_room, write_edts, write_ftyp, write_mvex,
};
use crate::extents::ExtentList;
use crate::index::{Film, Node, Track};
use crate::limits;
use crate::offsets::FileOffset;
use crate::plan::assembly::Assembly;
use crate::plan::chpl::chpl;
use crate::plan::error::PlanError;
use crate::plan::part::Plan;
use crate::plan::references::references;
use crate::plan::treatment::{Place, Treatment};
use crate::seek::Clip;

use super::clip_track::ClipTrack;
use super::file_track::FileTrack;
use super::protection;
use super::segmenting::Held;

/// User data of a track up to this length is kept: its name, what it is for.
const USER_DATA: u64 = 1024;

/// Lays out what is before the segments.
pub(super) fn head(
    film: &Film<'_>,
    clip: &Clip,
    tracks: &[FileTrack],
    brands: &[&[u8; 4]],
    key: String,
    held: Held,
) -> Result<Plan, PlanError> {
    let index = film.index;
    let mut out = Assembly::with_room();
    index.notes.iter().for_each(|note| out.note(note.clone()));
    let mut bytes = Vec::new();
    write_ftyp(&mut bytes, brands);
    out.bytes(&bytes);
    out.wrap(BoxType(*b"moov"), |out| {
        let mut bytes = Vec::new();
        index.mvhd.write(&mut bytes, clip.timescale, 0);
        out.bytes(&bytes);
        for file_track in tracks {
            let node = index.moov.children.iter().find(|node| node.track == Some(file_track.number));
            if let (Some(node), Some(track)) = (node, index.tracks.get(file_track.number)) {
                Trak { film, track, of: file_track, tracks }.container(node, out)?;
            }
        }
        let may_grow = held.may_grow(index);
        let mut bytes = Vec::new();
        let defaults = tracks.iter().filter_map(|t| {
            let track = index.tracks.get(t.number)?;
            let of_all = defaults(&t.view(track, film.source), t.track_id);
            let unknown = SampleDefaults { duration: 0, size: 0, ..of_all.defaults };
            Some(if may_grow { TrexBox { defaults: unknown, ..of_all } } else { of_all })
        });
        let duration = Some(clip.duration().0).filter(|_| !may_grow);
        write_mvex(&mut bytes, duration, &defaults.collect::<Vec<_>>());
        out.bytes(&bytes);
        // ISO/IEC 23001-7, 8.1: what the systems that give out keys need.
        let pssh = index.moov.children.iter().filter(|node| &node.header.box_type.0 == b"pssh");
        pssh.for_each(|node| out.copy(&node.header));
        let chapters = index.moov.at(&[b"udta", b"chpl"]).filter(|_| held == Held::All);
        let Some(chapters) = chapters else { return Ok(()) };
        out.wrap(BoxType(*b"udta"), |out| chpl(film, &chapters.header, clip, out))
    })?;
    if out.len() > limits::MOOV_OF_CLIP {
        return Err(PlanError::LargeMetadata);
    }
    Ok(out.into_plan(ExtentList::default().into(), key)?)
}

/// What the samples of a track have where their fragments say nothing.
fn defaults(samples: &ClipTrack<'_>, track_id: u32) -> TrexBox {
    let (duration, _) = samples.table.extreme_durations();
    let size = match samples.table.sizes {
        SampleSizes::Constant { bytes, .. } => bytes,
        SampleSizes::Table { .. } => 0,
    };
    let duration = duration.in_clip(samples.clip.multiplier).duration_field();
    TrexBox {
        track_id,
        defaults: SampleDefaults { description_index: 1, duration, size, flags: SampleFlags::SYNC },
    }
}

/// A `trak` that is laid out.
struct Trak<'a> {
    film: &'a Film<'a>,
    track: &'a Track,
    of: &'a FileTrack,
    /// All tracks of the file.
    tracks: &'a [FileTrack],
}

impl Trak<'_> {
    /// The `trak`, or a box in it that holds others.
    fn container(&self, node: &Node, out: &mut Assembly) -> Result<(), PlanError> {
        let has_edts = node.children.iter().any(|c| &c.header.box_type.0 == b"edts");
        out.wrap(node.header.box_type, |out| {
            for child in &node.children {
                self.contained(child, out)?;
                if &child.header.box_type.0 == b"tkhd" && !has_edts {
                    self.edits(out);
                }
            }
            Ok(())
        })
    }

    fn contained(&self, node: &Node, out: &mut Assembly) -> Result<(), PlanError> {
        let header = &node.header;
        let mut bytes = Vec::new();
        match Treatment::of(Place::Track, header.box_type) {
            Treatment::Container if &header.box_type.0 == b"stbl" => self.sample_table(node, out)?,
            Treatment::Container => self.container(node, out)?,
            Treatment::UserData if header.size <= USER_DATA => out.copy(header),
            Treatment::Header if &header.box_type.0 == b"tkhd" => self.track.tkhd.write(&mut bytes, 0),
            Treatment::Header => self.track.mdhd.write(&mut bytes, self.of.timescale, 0),
            Treatment::Edits => self.edits(out),
            // What a track refers to is another one.
            Treatment::References if self.tracks.len() > 1 => {
                let is_held = |number| self.tracks.iter().any(|track| track.number == number);
                references(self.film, header, is_held, out)?;
            }
            Treatment::Copied => out.copy(header),
            // The rest speaks of samples or of the file.
            _ => {}
        }
        out.bytes(&bytes);
        Ok(())
    }

    fn edits(&self, out: &mut Assembly) {
        if !self.of.placement.edits.is_empty() {
            let mut bytes = Vec::new();
            write_edts(&mut bytes, &self.of.placement.edits);
            out.bytes(&bytes);
        }
    }

    /// An `stbl` that describes samples and has none.
    fn sample_table(&self, node: &Node, out: &mut Assembly) -> Result<(), PlanError> {
        out.wrap(node.header.box_type, |out| {
            for child in node.children.iter().filter(|c| &c.header.box_type.0 == b"stsd") {
                self.sample_descriptions(&child.header, out)?;
            }
            let mut bytes = Vec::new();
            for head in [stts_head(), stsc_head(), stsz_head(0), chunk_offsets_head(false)] {
                head.write(&mut bytes, |_| {});
            }
            out.bytes(&bytes);
            protection::descriptions(self.film, node, out)
        })
    }

    /// An `stsd` as readers of fragments know it.
    fn sample_descriptions(&self, stsd: &BoxHeader, out: &mut Assembly) -> Result<(), PlanError> {
        let mut reader = self.film.index.reader(&self.film.source);
        let stsd = without_room(&mut reader, stsd)?;
        let pre_skip = self.of.clip.pre_skip.zip(self.track.pre_skip);
        let len = usize::try_from(stsd.payload_len()).unwrap_or(usize::MAX);
        if len <= limits::REWRITTEN_DESCRIPTIONS && pre_skip.is_none() {
            if let Some(content) = usual_form(reader.bytes(stsd.payload(), len)?, self.track.handler) {
                return out.wrap(stsd.box_type, |out| {
                    out.bytes(&content);
                    Ok(())
                });
            }
        }
        match pre_skip {
            Some((value, at)) => out.copy_but(&stsd, FileOffset(at), &pre_skip_field(value)),
            None => out.copy(&stsd),
        }
        Ok(())
    }
}
