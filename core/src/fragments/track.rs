//! What the fragments say of one track.

use crate::boxes::{BoxHeader, FormatError, Reader, SampleDefaults, SampleFlags, TrunField};
use crate::numbers::{ChunkNumber, Numbers, SampleNumber};
use crate::offsets::FileOffset;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::auxiliary::{Gathered, Samples};
use super::groups::Groupings;
use super::per_sample::{Dependencies, Subsamples};
use super::room::Room;
use super::run::{More, Run};
use super::run_lengths::{RunLengths, number};

/// Notes of one track.
const NOTES: usize = 8;

/// Tables that a track may have, besides one for each of its groupings.
const TABLES: usize = 9;

/// What the fragments say of one track: all of them, or those of a batch.
#[derive(Debug, Default)]
pub(crate) struct TrackFragments {
    pub(crate) seed: Seed,
    /// Where in the track its first sample and chunk are; all fragments begin with the first.
    pub(crate) before: Position,
    /// Where each batch begins; empty in what is one batch.
    pub(crate) starts: Vec<TrackStart>,
    pub(crate) durations: RunLengths,
    pub(crate) offsets: RunLengths,
    pub(crate) has_negative_offsets: bool,
    pub(crate) sizes: Vec<u32>,
    pub(crate) chunks: Vec<FragmentChunk>,
    /// The sync samples, in order.
    pub(crate) sync: Vec<SampleNumber>,
    /// Decode time of the first sample.
    pub(crate) first: Option<MediaTime>,
    /// Decode time of the next.
    pub(crate) next: MediaTime,
    /// Something before the next was damaged, so that its time is not known.
    pub(crate) is_lost: bool,
    pub(crate) auxiliary: Gathered,
    pub(crate) dependencies: Dependencies,
    pub(crate) subsamples: Option<Subsamples>,
    /// A box in a fragment that speaks of samples and that we cannot carry over.
    pub(crate) unsliced: Option<BoxHeader>,
    pub(crate) notes: Vec<String>,
}

/// What has to be known of a track to read any of its fragments.
#[derive(Debug, Default)]
pub(crate) struct Seed {
    pub(crate) track_id: u32,
    pub(crate) is_audio: bool,
    pub(crate) defaults: SampleDefaults,
    pub(crate) groupings: Groupings,
}

impl Seed {
    /// Memory held besides the struct itself.
    pub(crate) fn heap_size(&self) -> usize {
        self.groupings.heap_size()
    }
}

/// The media of one run, which is a chunk of the flat movie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FragmentChunk {
    pub(crate) offset: FileOffset,
    /// Number of samples.
    pub(crate) samples: u32,
    /// 1-based, as in `stsc`.
    pub(crate) description_index: u32,
}

/// A position between the samples and chunks of a track: the first ones after it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Position {
    pub(crate) sample: SampleNumber,
    pub(crate) chunk: ChunkNumber,
}

/// Where a batch begins in a track.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TrackStart {
    pub(crate) before: Position,
    /// Decode time of its first sample.
    pub(crate) time: MediaTime,
    /// Set where a later batch does not begin at the time at which this one ends.
    cut: Option<Cut>,
}

/// Where the durations of a batch end, because a later one begins at another time.
#[derive(Debug, Clone, Copy)]
struct Cut {
    sample: SampleNumber,
    /// The duration of that sample, as `stts` has it. All samples after it have none.
    sample_delta: u32,
    /// The batch that began at that other time. Those between have no durations at all.
    until: u32,
}

impl TrackFragments {
    /// Nothing yet of a batch.
    pub(crate) fn from(seed: &Seed, start: &TrackStart) -> Self {
        let Seed { track_id, is_audio, defaults, ref groupings } = *seed;
        Self {
            seed: Seed { track_id, is_audio, defaults, groupings: groupings.of_batch() },
            before: start.before,
            next: start.time,
            first: (start.before.sample > SampleNumber::FIRST).then_some(MediaTime(0)),
            ..Self::default()
        }
    }

    /// What is needed to generate its tables again.
    pub(crate) fn into_seed(self) -> Seed {
        let groupings = self.seed.groupings.of_batch();
        Seed { groupings, ..self.seed }
    }

    /// Notes that a batch begins with what is added next.
    pub(crate) fn begin_batch(&mut self) {
        self.starts.push(TrackStart { before: self.end(), time: self.next, cut: None });
    }

    /// What these tracks have of what a few bytes claim: bytes of auxiliary information, and runs of
    /// samples that are in one group.
    pub(crate) fn claimed(all: &[Self]) -> (u64, u64) {
        all.iter().fold((0, 0), |(auxiliary, groups), track| {
            (auxiliary + track.auxiliary.len() as u64, groups + track.seed.groupings.runs())
        })
    }

    /// Memory that each batch takes for this track while the index is built, about: where the track
    /// is then, and how many entries each of its tables has.
    pub(crate) fn memory_of_batch(&self) -> u64 {
        let tables = TABLES + self.seed.groupings.count();
        // Once as it is gathered, and once as it is kept.
        2 * (size_of::<TrackStart>() + tables * size_of::<u32>()) as u64
    }

    /// Where it ends in the track.
    pub(crate) fn end(&self) -> Position {
        Position {
            sample: self.before.sample + number(self.sizes.len()),
            chunk: self.before.chunk + number(self.chunks.len()),
        }
    }

    /// Applies what later batches change in this one, and the default groups.
    pub(crate) fn finish(&mut self, start: &TrackStart) {
        if let Some(Cut { sample, sample_delta, .. }) = start.cut {
            let kept = (sample - self.before.sample) as usize;
            let mut left = self.sizes.len().saturating_sub(kept);
            for _ in 0..left {
                self.durations.pop();
            }
            if left > 0 {
                self.durations.push(1, sample_delta);
                left -= 1;
            }
            self.durations.push(number(left), 0);
        }
        self.seed.groupings.finish(SampleNumber::at_place(self.sizes.len()));
    }

    /// Adds a composition offset of the next samples, as the field that the box has.
    pub(super) fn push_offset(&mut self, count: u32, offset: u32) {
        self.has_negative_offsets |= offset > u32::MAX / 2;
        self.offsets.push(count, offset);
    }

    /// Adds the samples of a run of `moof`.
    ///
    /// # Errors
    /// When its time makes no sense, a box in it is malformed, there is no room for what it says, or
    /// the file cannot be read.
    pub(crate) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        run: &Run,
        moof: &BoxHeader,
        room: &mut Room,
    ) -> Result<(), FormatError> {
        if let Some(more) = &run.more {
            self.add_more(reader, more, room)?;
        }
        if let Some(time) = run.decode_time {
            self.go_to(time).map_err(|reason| moof.error(reason))?;
            self.is_lost = false;
        }
        if run.pause > MediaTime(0) {
            self.go_to(self.next + run.pause).map_err(|reason| moof.error(reason))?;
        }
        let count = run.count();
        if count == 0 {
            return Ok(());
        }
        self.first.get_or_insert(self.next);
        self.chunks.push(FragmentChunk {
            offset: run.offset,
            samples: count,
            description_index: run.defaults.description_index,
        });
        let first = self.end().sample;
        self.add_defaults(run, first);
        self.add_entries(reader, run, first)
    }

    /// Adds what all samples of a run have alike, and the flags that its first sample has of its
    /// own.
    fn add_defaults(&mut self, run: &Run, first: SampleNumber) {
        let (trun, count) = (&run.trun, run.count());
        if !trun.has(TrunField::Duration) {
            self.durations.push(count, run.defaults.duration);
            self.next = self.next + MediaTime::of_duration_field(run.defaults.duration).times(count);
        }
        if !trun.has(TrunField::Size) {
            self.sizes.resize(self.sizes.len() + count as usize, run.defaults.size);
        }
        if !trun.has(TrunField::CompositionOffset) {
            self.push_offset(count, 0);
        }
        if trun.first_sample_flags.is_some_and(|flags| self.is_sync(flags)) {
            self.sync.push(first);
        }
        if !trun.has(TrunField::Flags) && self.is_sync(run.defaults.flags) {
            let own = u32::from(trun.first_sample_flags.is_some());
            self.sync.extend((first + own..first + count).each());
        }
    }

    /// Adds what a run has for each of its samples.
    fn add_entries<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        run: &Run,
        first: SampleNumber,
    ) -> Result<(), FormatError> {
        let trun = &run.trun;
        // 8.8.8.1: flags of its own take the place of those that the first sample has in the table.
        let own = u32::from(trun.first_sample_flags.is_some());
        trun.each_window(reader, |n, entries| {
            if trun.has(TrunField::Duration) {
                for duration in entries.column(TrunField::Duration, 0) {
                    self.durations.push(1, duration);
                    self.next = self.next + MediaTime::of_duration_field(duration);
                }
            }
            if trun.has(TrunField::Size) {
                self.sizes.extend(entries.column(TrunField::Size, 0));
            }
            if trun.has(TrunField::CompositionOffset) {
                let offsets = entries.column(TrunField::CompositionOffset, 0);
                offsets.for_each(|offset| self.push_offset(1, offset));
            }
            if trun.has(TrunField::Flags) {
                let from = if n == 0 { own } else { 0 };
                let flags = entries.column(TrunField::Flags, from as usize).map(SampleFlags);
                for (sample, flags) in (first + (n + from)..SampleNumber(u32::MAX)).each().zip(flags) {
                    if self.is_sync(flags) {
                        self.sync.push(sample);
                    }
                }
            }
            true
        })
    }

    /// Adds what other boxes say of the samples that come next.
    pub(super) fn add_more<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        more: &More,
        room: &mut Room,
    ) -> Result<(), FormatError> {
        let first = SampleNumber::at_place(self.sizes.len());
        let samples = Samples { first, runs: &more.runs };
        let count = more.count();
        let left_out = self.seed.groupings.add(reader, &more.boxes, first, count, room)?;
        left_out.map_or(Ok(()), |error| self.leave_out(error))?;
        for unknown in &more.unknown {
            self.note(format!("left out {unknown} of fragments: not known how it is cut"));
        }
        for header in &more.boxes {
            match &header.box_type.0 {
                b"sdtp" => {
                    let added = self.dependencies.add(reader, header, first, count);
                    added.or_else(|error| self.leave_out(error))?;
                }
                b"subs" => {
                    let Some(subsamples) = &mut self.subsamples else { continue };
                    match subsamples.add(reader, header, first, count) {
                        Ok(true) => {}
                        Ok(false) => {
                            self.subsamples = None;
                            self.note("left out subs of fragments: they are more than we cut".into());
                        }
                        Err(error) => self.leave_out(error)?,
                    }
                }
                _ => {}
            }
        }
        if let Some(auxiliary) = &more.auxiliary {
            if let Err(e) = self.auxiliary.add(reader, auxiliary, samples, room) {
                let unsupported = e.unsupported()?;
                self.unsliced = self.unsliced.or(Some(unsupported));
            }
        }
        Ok(())
    }

    /// Leaves out a box without which a film can be played.
    ///
    /// # Errors
    /// Those that are no fault of the box.
    fn leave_out(&mut self, error: FormatError) -> Result<(), FormatError> {
        match error {
            FormatError::Box { box_type, reason, .. } => {
                self.note(format!("left out {box_type} of fragments: {reason}"));
                Ok(())
            }
            error => Err(error),
        }
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Whether a sample with these flags is a sync sample. Some writers leave
    /// `sample_is_non_sync_sample` at 0 for all video samples and only say which depend on others.
    fn is_sync(&self, flags: SampleFlags) -> bool {
        !flags.is_non_sync() && (self.seed.is_audio || !flags.depends_on_others())
    }

    /// Moves the next sample to a decode time. The one before it lasts until then, which may be no
    /// time at all.
    ///
    /// ```text
    /// take the durations of the last samples off, up to one that begins no later than time
    /// that sample lasts until time
    /// those after it are sent again by a live encoder that was restarted, and last no time
    /// ```
    pub(crate) fn go_to(&mut self, time: MediaTime) -> Result<(), String> {
        if !time.has_60_bits() {
            return Err("a decode time (tfdt) of more than 60 bits".into());
        }
        if self.first.is_some() && time != self.next {
            let back = u64::try_from((self.next - time).0).unwrap_or(0);
            let taken = self.durations.take_back(back);
            let mut passed = taken.count;
            if taken.is_enough {
                let begins = self.next - MediaTime::of_duration(taken.ticks);
                let sample_delta = (time - begins).duration_field().ok_or_else(|| {
                    format!("a gap of {} ticks before its decode time (tfdt)", (time - self.next).0)
                })?;
                self.durations.push(1, sample_delta);
                passed -= 1;
                self.cut_batches(SampleNumber::at_place(self.sizes.len() - taken.count), sample_delta);
            } else if self.before.sample == SampleNumber::FIRST {
                return Err("a decode time (tfdt) before the first sample's".into());
            }
            // Else the batches before know of it.
            self.durations.push(number(passed), 0);
        }
        self.next = time;
        let end = self.end().sample;
        if let Some(start) = self.starts.last_mut().filter(|s| s.before.sample == end) {
            start.time = time;
        }
        Ok(())
    }

    /// Notes in the batch that holds `sample`, if that is one before the last, that its durations end
    /// there, with this one.
    fn cut_batches(&mut self, sample: SampleNumber, sample_delta: u32) {
        let Some((last, earlier)) = self.starts.split_last_mut() else { return };
        if last.before.sample <= sample {
            return;
        }
        let until = number(earlier.len());
        let batch = earlier.partition_point(|start| start.before.sample <= sample).checked_sub(1);
        if let Some(start) = batch.and_then(|batch| earlier.get_mut(batch)) {
            start.cut = Some(Cut { sample, sample_delta, until });
        }
    }

    /// Notes in the batches that follow a cut that their samples have no durations. Done once, it
    /// takes no longer where there are very many cuts.
    pub(crate) fn cut_what_follows(&mut self) {
        let mut until = 0;
        for (n, start) in self.starts.iter_mut().enumerate() {
            let cut = start.cut;
            if number(n) < until {
                start.cut = Some(Cut { sample: start.before.sample, sample_delta: 0, until });
            }
            until = until.max(cut.map_or(0, |cut| cut.until));
        }
    }
}
