//! The samples that the `moov` of a fragmented file holds itself, before those of its fragments.

use crate::boxes::{BoxHeader, FormatError, Reader, SampleDefaults, SyncSamples};
use crate::movie::{Node, SampleTable, Track, read_descriptions};
use crate::numbers::SampleNumber;
use crate::offsets::FileOffset;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::auxiliary::FragmentAuxiliary;
use super::groups::Groupings;
use super::per_sample::Subsamples;
use super::room::Room;
use super::run::{More, is_more};
use super::run_lengths::{RunLengths, number};
use super::track::{FragmentChunk, Seed, TrackFragments};

impl TrackFragments {
    /// Begins with the samples that the `moov` holds of the track, which are none in most files.
    pub(crate) fn of<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        track: &Track,
        stbl: &Node,
        room: &mut Room,
    ) -> Result<Self, FormatError> {
        let seed = Seed {
            track_id: track.tkhd.track_id,
            is_audio: &track.handler.0 == b"soun",
            defaults: SampleDefaults { description_index: 1, ..SampleDefaults::default() },
            groupings: Groupings::new(read_descriptions(reader, stbl)?),
        };
        let mut this = Self { seed, subsamples: Some(Subsamples::default()), ..Self::default() };
        if track.samples.count > 0 {
            let boxes: Vec<_> = stbl.children.iter().map(|c| c.header).collect();
            let auxiliary = FragmentAuxiliary::find(reader, &boxes, track.senc, 0)?;
            // Its descriptions are those of the whole movie. What counts frames says nothing of packets.
            let is_kept = |b: &BoxHeader| is_more(b) && &b.box_type.0 != b"sgpd";
            let has_samples = track.samples.sizes.samples_per_packet() == 1;
            let boxes = boxes.into_iter().filter(|b| has_samples && is_kept(b)).collect();
            let runs = chunk_lengths(reader.source(), &track.samples)?;
            this.add_more(reader, &More { boxes, auxiliary, runs, unknown: Vec::new() }, room)?;
            this.take_moov(reader.source(), &track.samples)?;
        }
        Ok(this)
    }

    fn take_moov<R: ReadAt>(&mut self, source: &R, samples: &SampleTable) -> Result<(), FormatError> {
        self.first = Some(MediaTime(0));
        // Tables that count frames have one for each tick. In fragments, a packet is a sample.
        let packet = samples.sizes.samples_per_packet();
        for run in samples.joint_from(source, MediaTime(0))? {
            let run = run?;
            if packet == 1 {
                self.durations.push(run.count, run.delta.duration_field().unwrap_or(u32::MAX));
                self.push_offset(run.count, run.offset.offset_field());
            }
            self.next = run.dts + run.delta.times(run.count);
        }
        let mut sizes = samples.sizes.reader(source, 0..samples.count);
        let mut offsets = samples.offsets.reader(source, 512);
        let mut left = samples.count;
        for run in samples.stsc.pieces_from(source, 0)? {
            let run = run?;
            for chunk in run.unit..run.end() {
                let count = run.samples_per_chunk().min(left);
                if count == 0 {
                    break;
                }
                left -= count;
                if packet > 1 {
                    self.durations.push(count / packet, packet);
                    self.durations.push(u32::from(count % packet > 0), count % packet);
                    self.push_offset(count.div_ceil(packet), 0);
                }
                for _ in 0..count.div_ceil(packet) {
                    self.sizes.push(u32::try_from(sizes.sum(packet)?).unwrap_or(u32::MAX));
                }
                let offset = FileOffset(offsets.get(chunk)?);
                let description_index = run.description_index();
                let samples = count.div_ceil(packet);
                self.chunks.push(FragmentChunk { offset, samples, description_index });
            }
        }
        match &samples.sync {
            // Each packet is decoded by itself.
            _ if packet > 1 => self.sync.extend((0..number(self.sizes.len())).map(SampleNumber)),
            SyncSamples::All => self.sync.extend((0..samples.count).map(SampleNumber)),
            SyncSamples::Listed(table) => {
                // More entries than samples name some of them again.
                for listed in SyncSamples::all_listed(table, source).take(samples.count as usize) {
                    self.sync.extend(listed?.filter(|sample| sample.0 < samples.count));
                }
                // The entries of a batch are found by their order.
                self.sync.sort_unstable();
            }
        }
        Ok(())
    }
}

/// Samples of each chunk, or packets. There may be very many chunks without.
fn chunk_lengths<R: ReadAt>(source: &R, samples: &SampleTable) -> Result<RunLengths, FormatError> {
    let mut out = RunLengths::default();
    let packet = samples.sizes.samples_per_packet();
    let mut left = samples.count;
    for run in samples.stsc.pieces_from(source, 0)? {
        let run = run?;
        let each = run.samples_per_chunk();
        let full = left.checked_div(each).unwrap_or(0).min(run.count);
        out.push(full, each.div_ceil(packet));
        left -= full * each;
        if full < run.count {
            // The last that has any.
            out.push(1, left.min(each).div_ceil(packet));
            left -= left.min(each);
            out.push(run.count - full - 1, 0);
        }
    }
    Ok(out)
}
