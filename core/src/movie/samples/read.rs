//! Reads the sample tables of an `stbl`.

use crate::boxes::{
    ChunkOffsets, FormatError, Reader, RunKind, Runs, SampleSizes, SgpdBox, SyncSamples, is_one_tick_each,
    read_grouping_type,
};
use crate::limits;
use crate::movie::node::Node;
use crate::movie::random_access::Access;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::table::{SampleBoxes, SampleTable};

/// Reads the sample tables of an `stbl` (8.5.1). The first sample decodes at `base`. See
/// [`SampleSizes::read`] for `packet`.
///
/// # Errors
/// When a table is missing, malformed or does not fit the others, or the file cannot be read.
pub(crate) fn read_samples<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    stbl: &Node,
    descriptions: &[SgpdBox],
    packet: Option<(u32, u32)>,
    base: MediaTime,
) -> Result<SampleTable, FormatError> {
    // All of these is read. The other tables are looked up.
    for table in stbl.children.iter().map(|child| child.header) {
        if matches!(&table.box_type.0, b"stts" | b"ctts" | b"stsc" | b"sbgp") {
            reader.source().will_read(table.offset..table.end());
        }
    }
    let stts = &stbl.need(b"stts")?.header;
    let sizes = stbl.either(b"stsz", b"stz2")?;
    // PCM frames are counted one tick each; a constant size with any other timing
    // is that of whole packets.
    let counts_frames = is_one_tick_each(reader, stts)?;
    let sizes = SampleSizes::read(reader, &sizes.header, packet.filter(|_| counts_frames))?;
    let offsets = stbl.either(b"stco", b"co64")?;
    let offsets = ChunkOffsets::read(reader, &offsets.header)?;
    let chunks = if sizes.count() == 0 { 0 } else { offsets.count() };
    let stsc = Runs::read(reader, &stbl.need(b"stsc")?.header, RunKind::Stsc, chunks)?;
    let count = sizes.count().min(u32::try_from(stsc.sum()).unwrap_or(u32::MAX));
    let stts = Runs::read(reader, stts, RunKind::Stts, count)?;
    let count = stts.units();
    let ctts = match stbl.child(b"ctts")? {
        Some(ctts) => Some(Runs::read(reader, &ctts.header, RunKind::Ctts, count)?),
        None => None,
    };
    let sync = match stbl.child(b"stss")? {
        Some(stss) => SyncSamples::read(reader, &stss.header)?,
        None => SyncSamples::All,
    };
    let mut groups = Vec::new();
    // Each csgp becomes an sbgp in a clip, which must be within the limit, too.
    let mut groupings = stbl.children.iter().filter(|c| matches!(&c.header.box_type.0, b"sbgp" | b"csgp"));
    if let Some(excess) = groupings.nth(limits::GROUPINGS) {
        return Err(excess.header.error(format!("more than {} sample groupings", limits::GROUPINGS)));
    }
    for sbgp in stbl.children.iter().filter(|c| &c.header.box_type.0 == b"sbgp") {
        let grouping = read_grouping_type(reader, &sbgp.header)?;
        let described = descriptions.iter().find(|d| Some(d.grouping) == grouping);
        let kind = RunKind::Sbgp { default: described.map_or(0, |d| d.default) };
        groups.push(Runs::read(reader, &sbgp.header, kind, count)?);
    }
    let access = Access::read(reader, stbl, descriptions, &groups, count)?;
    let boxes = SampleBoxes { count, stts, ctts, stsc, sizes, offsets, sync, groups, access };
    SampleTable::new(reader.source(), boxes, base)
}
