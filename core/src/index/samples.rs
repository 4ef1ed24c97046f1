//! Look-ups in a track's sample tables. Samples and chunks are counted from 0 here.

use std::ops::Range;
use std::sync::OnceLock;

use crate::boxes::{
    BoxType, ChunkOffsets, FormatError, JointRun, JointRuns, Run, Runs, SampleEntry, SampleSizes,
    SyncSamples, Table,
};
use crate::index::pictures::Dependencies;
use crate::index::{Access, Auxiliary, Pictures};
use crate::limits;
use crate::source::ReadAt;

/// A track's sample tables.
#[derive(Debug)]
pub struct SampleTable {
    /// Samples that have both a size and a chunk.
    pub count: u32,
    /// Durations.
    pub stts: Runs,
    /// Composition offsets.
    pub ctts: Option<Runs>,
    /// Samples of each chunk.
    pub stsc: Runs,
    /// Sizes.
    pub sizes: SampleSizes,
    /// Places of the chunks.
    pub offsets: ChunkOffsets,
    /// Bytes of each chunk, where to look up the sizes of all samples costs much more than to keep them: in fragments.
    pub chunk_sizes: Option<Box<[u32]>>,
    /// Where decoding can begin.
    pub sync: SyncSamples,
    /// How that is known, before a look at the samples.
    evidence: SyncEvidence,
    /// How the samples themselves say it, where no box does.
    doubt: Option<Doubt>,
    /// Sample groupings, in the order of the file.
    pub groups: Vec<Runs>,
    /// What they and `stps` say of where decoding can begin.
    pub access: Option<Box<Access>>,
    /// What a decrypter needs for each sample.
    pub auxiliary: Option<Auxiliary>,
    /// Decode time of the first sample: not 0 in a fragmented film whose tracks do not begin together.
    pub base: i64,
    /// Composition time of the sample presented first, in media ticks.
    pub start: i64,
    /// That of the sample presented last.
    last: i64,
    /// Composition time at which the last presentation ends, in media ticks.
    pub end: i64,
}

/// Samples that are soon looked through: if no composition offset is farther from another than so many
/// samples last, none is odd.
const NEAR: u64 = 1024;

/// Sync samples whose composition offsets are looked at: in open groups of pictures they differ.
const SYNC_OFFSETS: usize = 8;

/// Pictures of which one at least depends on another, unless all of the track are whole.
const FIRST_PICTURES: u32 = 16;

/// What no box says, or says of all samples, so that it has to be seen whether it is so. The index is built without a look at
/// the media.
#[derive(Debug, Clone)]
struct Doubt {
    pictures: Pictures,
    file_len: u64,
    /// What the first samples say, once they have been looked into.
    seen: OnceLock<Seen>,
}

/// What the first pictures of a track say of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Some need others.
    Dependent,
    /// Each can be decoded on its own.
    Whole,
    /// Not even the first can be decoded on its own.
    Nothing,
}

/// How it is known where decoding of a track can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncEvidence {
    /// A table or sample groups say it.
    Boxes,
    /// Each sample can be decoded on its own, as its coding is such.
    Coding,
    /// The pictures themselves say it; they are looked into.
    Pictures,
    /// No box says it, or one that says it of all samples, and the pictures are in a coding that is not read, or say
    /// nothing. It is believed to be so of all samples.
    Nothing,
}

/// The chunk that holds a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Its index.
    pub index: u32,
    /// Its first sample.
    pub first_sample: u32,
    /// Its number of samples.
    pub samples: u32,
    /// Its sample description, 1-based.
    pub description_index: u32,
}

impl SampleTable {
    #[expect(clippy::too_many_arguments, reason = "one for each box; they have nothing else in common")]
    pub(super) fn new<R: ReadAt>(
        source: &R,
        count: u32,
        stts: Runs,
        ctts: Option<Runs>,
        stsc: Runs,
        sizes: SampleSizes,
        offsets: ChunkOffsets,
        sync: SyncSamples,
        groups: Vec<Runs>,
        access: Option<Box<Access>>,
        base: i64,
    ) -> Result<Self, FormatError> {
        let mut this = Self {
            count,
            stts,
            ctts,
            stsc,
            sizes,
            offsets,
            chunk_sizes: None,
            sync,
            evidence: SyncEvidence::Boxes,
            doubt: None,
            groups,
            access,
            auxiliary: None,
            base,
            start: 0,
            last: 0,
            end: 0,
        };
        if let (Some(ctts), Some(mean)) = (&mut this.ctts, this.stts.sum().checked_div(count.into())) {
            let (lowest, highest) = ctts.extremes();
            if highest.abs_diff(lowest) / NEAR <= mean {
                ctts.take_as_usual();
            }
        }
        (this.start, this.last, this.end) = this.find_ends(source)?;
        Ok(this)
    }

    /// Memory held besides the struct itself.
    pub fn heap_size(&self) -> usize {
        self.stts.heap_size()
            + self.ctts.as_ref().map_or(0, Runs::heap_size)
            + self.stsc.heap_size()
            + self.sizes.heap_size()
            + self.offsets.heap_size()
            + self.chunk_sizes.as_ref().map_or(0, |sizes| size_of_val(&**sizes))
            + self.auxiliary.as_ref().map_or(0, Auxiliary::heap_size)
            + self.access.as_ref().map_or(0, |a| a.heap_size())
            + self.groups.iter().map(|g| size_of::<Runs>() + g.heap_size()).sum::<usize>()
    }

    /// The bounds of the composition offsets, but for those of a few odd stretches.
    fn usual_offsets(&self) -> (i64, i64) {
        self.ctts.as_ref().map_or((0, 0), |ctts| (ctts.usual().lowest, ctts.usual().highest))
    }

    /// The last sample at or before this one whose offset is within the usual bounds.
    fn usual_at_or_before(&self, sample: u32) -> Option<u32> {
        self.ctts.as_ref().map_or(Some(sample), |ctts| ctts.usual().at_or_before(sample))
    }

    /// The samples whose offsets may be out of the usual bounds, and others.
    fn each_odd<R: ReadAt>(&self, source: &R, mut see: impl FnMut(&JointRun)) -> Result<(), FormatError> {
        for odd in self.ctts.iter().flat_map(|ctts| &ctts.usual().odd) {
            for run in JointRuns::from(source, &self.stts, self.ctts.as_ref(), odd.start, self.base)? {
                let run = run?;
                if run.sample >= odd.end {
                    break;
                }
                see(&run);
            }
        }
        Ok(())
    }

    /// The sample that is being decoded at `time`, clamped to the track.
    pub(crate) fn sample_at_dts<R: ReadAt>(&self, source: &R, time: i64) -> Result<u32, FormatError> {
        let Ok(time) = u64::try_from(time.saturating_sub(self.base)) else { return Ok(0) };
        let run = self.stts.at_sum(source, time)?;
        let into = (time - run.sum).checked_div(run.value).unwrap_or(u64::from(run.count));
        Ok(run.unit + u32::try_from(into).unwrap_or(u32::MAX).min(run.count.saturating_sub(1)))
    }

    /// Samples with their times, among them all that decode at or after `from`.
    pub(crate) fn joint_from<'a, R: ReadAt>(
        &'a self,
        source: &'a R,
        from: i64,
    ) -> Result<JointRuns<'a, R>, FormatError> {
        // One tick earlier, because samples of no duration may share the time `from`.
        let first = if self.count == 0 { 0 } else { self.sample_at_dts(source, from.saturating_sub(1))? };
        JointRuns::from(source, &self.stts, self.ctts.as_ref(), first, self.base)
    }

    fn find_ends<R: ReadAt>(&self, source: &R) -> Result<(i64, i64, i64), FormatError> {
        if self.count == 0 {
            return Ok((0, 0, 0));
        }
        let total = i64::try_from(self.stts.sum()).ok().filter(|&t| t < i64::MAX / 4);
        let total =
            total.ok_or_else(|| FormatError::Film("stts: durations add up to more than 61 bits".into()))?;
        let (lowest, highest) = self.usual_offsets();
        let (_, longest) = self.stts.extremes();
        let mut start = i64::MAX;
        for run in self.joint_from(source, self.base)? {
            let run = run?;
            if run.dts + lowest > start {
                break;
            }
            start = start.min(run.cts(0));
        }
        // When the last sample with a usual offset has been decoded.
        let decoded = match self.usual_at_or_before(self.count - 1) {
            Some(last) if last + 1 < self.count => self.dts(source, last + 1)?,
            Some(_) => self.base + total,
            None => self.base,
        };
        let (mut last, mut end) = (i64::MIN, i64::MIN);
        for run in self.joint_from(source, decoded + lowest - highest - longest)? {
            let run = run?;
            last = last.max(run.cts(run.count - 1));
            end = end.max(run.cts(run.count - 1) + run.delta);
        }
        self.each_odd(source, |run| {
            start = start.min(run.cts(0));
            last = last.max(run.cts(run.count - 1));
            end = end.max(run.cts(run.count - 1) + run.delta);
        })?;
        // How long the last is on screen is not how long it is decoded, where frames that last unequally are
        // reordered: all are shown for as long as all are decoded.
        end = end.max((start + total).min(last + longest));
        Ok((start, last, end))
    }

    /// Takes in what a track with this handler and description has, beyond what its tables say.
    pub(super) fn know_kind(&mut self, handler: BoxType, entry: &SampleEntry, file_len: u64) {
        if matches!(&handler.0, b"vide" | b"soun") {
            self.present_last();
        }
        if entry.any_packet {
            self.sync = SyncSamples::All;
        }
        let is_told = self.listed_sync().is_some() || self.has_no_sync() || self.count == 0;
        let dependencies = match &handler.0 {
            b"vide" => Dependencies::of(entry),
            _ => Dependencies::None,
        };
        self.evidence = match dependencies {
            _ if is_told => SyncEvidence::Boxes,
            Dependencies::None => SyncEvidence::Coding,
            Dependencies::Said(_) => SyncEvidence::Pictures,
            Dependencies::Unknown if self.count == 1 => SyncEvidence::Coding,
            Dependencies::Unknown => SyncEvidence::Nothing,
        };
        if let (Dependencies::Said(pictures), None) = (dependencies, self.listed_sync()) {
            self.doubt = Some(Doubt { pictures, file_len, seen: OnceLock::new() }).filter(|_| self.count > 0);
        }
    }

    /// How it is known where decoding can begin.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sync_evidence<R: ReadAt>(&self, source: &R) -> Result<SyncEvidence, FormatError> {
        match self.seen(source)? {
            Some((_, Seen::Nothing)) if self.evidence == SyncEvidence::Pictures && self.count > 1 => {
                Ok(SyncEvidence::Nothing)
            }
            _ => Ok(self.evidence),
        }
    }

    /// Whether no box says where decoding can begin, and nothing can be seen of it: the coding is not one that is read.
    pub(super) fn is_untold(&self) -> bool {
        self.evidence == SyncEvidence::Nothing
    }

    /// Of pictures or sound: what is presented last is so for as long as the others are in the mean, where the film does not
    /// say how long. (Writers know how long a sample lasts when the next one comes.)
    fn present_last(&mut self) {
        let sum = i64::try_from(self.stts.sum()).unwrap_or(i64::MAX);
        let (shortest, _) = self.stts.extremes();
        let mean = sum.checked_div(i64::from(self.count) - 1).unwrap_or(0);
        if shortest == 0 && self.end == self.last {
            self.end = self.end.saturating_add(mean);
        }
    }

    /// When the presentation of these samples, which are not none, has ended by their own durations. Offsets out of
    /// the usual bounds are not looked for.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn end_of<R: ReadAt>(&self, source: &R, samples: &Range<u32>) -> Result<i64, FormatError> {
        let (lowest, highest) = self.usual_offsets();
        let (shortest, longest) = self.stts.extremes();
        let last = self.dts(source, samples.end - 1)?;
        if shortest == longest && highest == lowest {
            return Ok(last + highest + longest);
        }
        let mut end = i64::MIN;
        for run in self.joint_from(source, last + lowest - highest - longest)? {
            let run = run?;
            if run.sample >= samples.end {
                break;
            }
            if run.sample.saturating_add(run.count) > samples.start {
                end = end.max(run.cts(run.count.min(samples.end - run.sample) - 1) + run.delta);
            }
        }
        Ok(end)
    }

    /// Decode time of a sample.
    ///
    /// # Errors
    /// When there is no such sample or the file cannot be read.
    pub fn dts<R: ReadAt>(&self, source: &R, sample: u32) -> Result<i64, FormatError> {
        let run = self.stts.at_unit(source, sample)?;
        Ok(i64::try_from(run.sum).unwrap_or(i64::MAX).saturating_add(self.base))
    }

    /// Decode time at which the last of some samples ends.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn decode_end_of<R: ReadAt>(&self, source: &R, samples: &Range<u32>) -> Result<i64, FormatError> {
        if samples.end < self.count { self.dts(source, samples.end) } else { Ok(self.decode_end()) }
    }

    /// Decode time at which the last sample ends.
    pub fn decode_end(&self) -> i64 {
        i64::try_from(self.stts.sum()).unwrap_or(i64::MAX).saturating_add(self.base)
    }

    /// Composition time of a sample.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn cts<R: ReadAt>(&self, source: &R, sample: u32) -> Result<i64, FormatError> {
        let offset = match &self.ctts {
            Some(ctts) => ctts.at_unit(source, sample)?.offset(),
            None => 0,
        };
        Ok(self.dts(source, sample)? + offset)
    }

    /// The composition time of the sample on screen at `time`: the greatest that is
    /// not after it. `None` before the first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn on_screen<R: ReadAt>(&self, source: &R, time: i64) -> Result<Option<i64>, FormatError> {
        let (lowest, highest) = self.usual_offsets();
        // Whatever decodes by `time - highest` is presented by `time`, so the answer is
        // presented no earlier than the last of those, and decodes no earlier than that
        // less the spread of the offsets. That goes for usual ones; all others are looked at.
        let surely = match self.count {
            0 => None,
            _ => self.usual_at_or_before(self.sample_at_dts(source, time - highest)?),
        };
        let floor = surely.map_or(Ok(self.base), |sample| self.dts(source, sample))?;
        let mut best = None;
        for run in self.joint_from(source, floor + lowest - highest)? {
            let run = run?;
            if run.dts + lowest > time {
                break;
            }
            if let Some(n) = last_not_after(&run, time) {
                best = best.max(Some(run.cts(n)));
            }
        }
        self.each_odd(source, |run| {
            best = best.max(last_not_after(run, time).map(|n| run.cts(n)));
        })?;
        Ok(best)
    }

    /// The stretch of samples, in decode order, that holds every sample presented in `from..to`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn presented<R: ReadAt>(
        &self,
        source: &R,
        from: i64,
        to: i64,
    ) -> Result<Option<Range<u32>>, FormatError> {
        let (lowest, highest) = self.usual_offsets();
        if self.count == 0 || to <= from {
            return Ok(None);
        }
        let mut first = None;
        for run in self.joint_from(source, from - highest)? {
            let run = run?;
            if run.dts + lowest >= to {
                break;
            }
            if let Some(n) = first_in(&run, from, to) {
                first = Some(run.sample + n);
                break;
            }
        }
        self.each_odd(source, |run| {
            let found = first_in(run, from, to).map(|n| run.sample + n);
            first = [first, found].into_iter().flatten().min();
        })?;
        let Some(first) = first else { return Ok(None) };
        // What decodes by then is presented before `to`, whatever its offset; in a short stretch it may be before `from`.
        let surely = self.usual_at_or_before(self.sample_at_dts(source, to - 1 - highest)?);
        let inside = match surely {
            Some(sample) => self.cts(source, sample)? >= from,
            None => false,
        };
        let (mut last, rest) = match surely {
            Some(sample) if inside => (first.max(sample), to - 1 - highest),
            _ => (first, from - highest),
        };
        for run in self.joint_from(source, rest)? {
            let run = run?;
            if run.dts + lowest >= to {
                break;
            }
            if let Some(n) = last_in(&run, from, to) {
                last = last.max(run.sample + n);
            }
        }
        self.each_odd(source, |run| {
            last = last.max(last_in(run, from, to).map_or(0, |n| run.sample + n));
        })?;
        Ok(Some(first..last + 1))
    }

    /// The last sample in decode order that is presented before `time`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_before<R: ReadAt>(&self, source: &R, time: i64) -> Result<Option<u32>, FormatError> {
        let (lowest, highest) = self.usual_offsets();
        if self.count == 0 {
            return Ok(None);
        }
        // What decodes by then is presented before `time`, whatever its offset. That goes for usual ones.
        let surely = time.saturating_sub(1).saturating_sub(highest);
        let mut last = None;
        for run in self.joint_from(source, surely)? {
            let run = run?;
            if run.dts + lowest >= time {
                break;
            }
            last = last.max(last_not_after(&run, time - 1).map(|n| run.sample + n));
        }
        self.each_odd(source, |run| {
            last = last.max(last_not_after(run, time - 1).map(|n| run.sample + n));
        })?;
        Ok(last)
    }

    /// The greatest composition offset of the first sync samples among some samples, if boxes say which those are.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sync_offset<R: ReadAt>(&self, source: &R, among: &Range<u32>) -> Result<Option<i64>, FormatError> {
        let (Some(ctts), Some(table)) = (&self.ctts, self.listed_sync()) else { return Ok(None) };
        let first = SyncSamples::listed_before(table, source, among.start)?;
        let mut greatest = None;
        for entry in (first..table.count).take(SYNC_OFFSETS) {
            let sync = SyncSamples::listed(table, source, entry)?.checked_sub(1);
            let Some(sync) = sync.filter(|sync| among.contains(sync)) else { break };
            greatest = greatest.max(Some(ctts.at_unit(source, sync)?.offset()));
        }
        Ok(greatest)
    }

    /// How many samples decode order may be from composition order, at most: as far as the usual
    /// offsets tell, and no more than are taken to be reordered.
    pub fn reorder(&self) -> u32 {
        let (lowest, highest) = self.usual_offsets();
        let (shortest, _) = self.stts.extremes();
        // Of two samples the later one is presented first only if they are decoded closer to each
        // other than the offsets are apart.
        let apart = (highest - lowest).saturating_sub(1).max(0);
        let most = match apart {
            0 => 0,
            _ => apart.checked_div(shortest).unwrap_or(i64::MAX),
        };
        u32::try_from(most).unwrap_or(u32::MAX).min(limits::REORDER)
    }

    /// The sync sample to begin decoding at, so that the samples from `sample` on in
    /// decode order and from `time` on in presentation can be shown: the last one
    /// that neither decodes after `sample` nor is presented after `time`. An open GOP's leading pictures are
    /// presented before their own sync sample and need the one before. Partial sync samples (`stps`, `rap `) do as
    /// well, and samples from which all is right after a while (`roll`), if that is by `sample`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn preceding_sync<R: ReadAt>(&self, source: &R, sample: u32, time: i64) -> Result<u32, FormatError> {
        let Some(table) = self.listed_sync() else {
            let found = self.preceding_picture(source, sample, time)?;
            let otherwise = if self.begins_at_first(source)? { 0 } else { sample };
            return Ok(found.map_or(otherwise, |(sample, _)| sample));
        };
        let before = SyncSamples::listed_before(table, source, sample.saturating_add(1))?;
        let mut nearest = None;
        let mut found = None;
        for step in 0..before.min(limits::SYNC_STEPS) {
            let number = SyncSamples::listed(table, source, before - 1 - step)?;
            let Some(sync) = number.checked_sub(1).filter(|&s| s <= sample) else { break };
            nearest = nearest.or(Some(sync));
            if self.cts(source, sync)? <= time {
                found = Some(sync);
                break;
            }
        }
        let mut other = None;
        if let Some(access) = &self.access {
            let later = found.map_or(0, |sync| sync + 1);
            other = access.last_in(&self.groups, source, later, sample, |at, right| {
                Ok(right <= sample && self.cts(source, at)? <= time)
            })?;
        }
        Ok(other.or(found).or(nearest).unwrap_or(0))
    }

    /// The sync samples, where boxes say which they are.
    pub(crate) fn listed_sync(&self) -> Option<&Table> {
        match &self.sync {
            // What names none, or all, says no more than a table that is missing.
            SyncSamples::Listed(table) if (1..self.count).contains(&table.count) || self.access.is_some() => {
                Some(table)
            }
            _ => None,
        }
    }

    /// Whether a table says that nothing is a sync sample.
    fn has_no_sync(&self) -> bool {
        matches!(&self.sync, SyncSamples::Listed(table) if table.count == 0)
    }

    /// Whether there is only the first to begin at: a table says that nothing is a sync sample, and the pictures do not
    /// say that all are.
    fn begins_at_first<R: ReadAt>(&self, source: &R) -> Result<bool, FormatError> {
        Ok(self.has_no_sync() && !self.is_whole(source)?)
    }

    /// Whether each picture says that it can be decoded on its own, where no box says which can.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_whole<R: ReadAt>(&self, source: &R) -> Result<bool, FormatError> {
        Ok(self.seen(source)?.is_some_and(|(_, seen)| seen == Seen::Whole))
    }

    /// Whether decoding can begin at a sample of `chunk`, by what is seen in it.
    fn can_begin_at<R: ReadAt>(
        &self,
        source: &R,
        pictures: Pictures,
        chunk: &mut Chunk,
        sample: u32,
    ) -> Result<bool, FormatError> {
        if !(chunk.first_sample..chunk.first_sample.saturating_add(chunk.samples)).contains(&sample) {
            *chunk = self.chunk_of(source, sample)?;
        }
        let offset = self.offset_in(source, chunk, sample)?;
        let size = self.sizes.bytes(source, sample..sample + 1)?;
        let file_len = self.doubt.as_ref().map_or(0, |doubt| doubt.file_len);
        pictures.can_begin_at(source, offset..offset.saturating_add(size).min(file_len))
    }

    /// How the samples say that decoding can begin at them, where nothing else does. What is said of all of them is believed if it
    /// is so of the first few.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pictures<R: ReadAt>(&self, source: &R) -> Result<Option<Pictures>, FormatError> {
        Ok(self.seen(source)?.filter(|(_, seen)| *seen == Seen::Dependent).map(|(pictures, _)| pictures))
    }

    /// How the samples say that decoding can begin at them, and what the first few of them say.
    fn seen<R: ReadAt>(&self, source: &R) -> Result<Option<(Pictures, Seen)>, FormatError> {
        let Some(Doubt { pictures, seen, .. }) = &self.doubt else { return Ok(None) };
        let seen = match seen.get() {
            Some(known) => *known,
            None => {
                let found = self.look_at_first(source, *pictures)?;
                *seen.get_or_init(|| found)
            }
        };
        Ok(Some((*pictures, seen)))
    }

    /// What the first pictures say.
    fn look_at_first<R: ReadAt>(&self, source: &R, pictures: Pictures) -> Result<Seen, FormatError> {
        let mut chunk = self.chunk_of(source, 0)?;
        if !self.can_begin_at(source, pictures, &mut chunk, 0)? {
            return Ok(Seen::Nothing);
        }
        for sample in 1..self.count.min(FIRST_PICTURES) {
            if !self.can_begin_at(source, pictures, &mut chunk, sample)? {
                return Ok(Seen::Dependent);
            }
        }
        Ok(Seen::Whole)
    }

    /// The last sample that neither decodes after `sample` nor is presented after `time` and that, as is seen in it, decoding
    /// can begin at, with its composition time.
    fn preceding_picture<R: ReadAt>(
        &self,
        source: &R,
        sample: u32,
        time: i64,
    ) -> Result<Option<(u32, i64)>, FormatError> {
        let Some(pictures) = self.pictures(source)? else { return Ok(None) };
        let mut chunk = self.chunk_of(source, sample)?;
        for sample in (0..=sample).rev().take(limits::PICTURES as usize) {
            let cts = self.cts(source, sample)?;
            if cts <= time && self.can_begin_at(source, pictures, &mut chunk, sample)? {
                return Ok(Some((sample, cts)));
            }
        }
        Ok(None)
    }

    /// Samples of a stretch that decoding can begin at: its first, and some of the others, which are looked into.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn seen_sync<R: ReadAt>(&self, source: &R, stretch: &Range<u32>) -> Result<Vec<u32>, FormatError> {
        let mut found = vec![stretch.start];
        let Some(pictures) = self.pictures(source)? else { return Ok(found) };
        let mut chunk = self.chunk_of(source, stretch.start)?;
        let part = (stretch.end - stretch.start).div_ceil(limits::SEEN_SYNC).max(1);
        for start in (stretch.start + 1..stretch.end).step_by(part as usize) {
            let end = stretch.end.min(start.saturating_add(part.min(limits::SEEN_SYNC)));
            for sample in start..end {
                if self.can_begin_at(source, pictures, &mut chunk, sample)? {
                    found.push(sample);
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The composition time of the sync sample presented last at or before `time`, or of another that is right
    /// where decoding begins with it (or, after a gradual refresh, some samples before it).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sync_at<R: ReadAt>(&self, source: &R, time: i64) -> Result<Option<i64>, FormatError> {
        if self.count == 0 {
            return Ok(None);
        }
        let (lowest, _) = self.usual_offsets();
        let last = self.sample_at_dts(source, time - lowest)?;
        // A track without (usable) sync samples begins at its first sample.
        let first = || Ok(Some(self.cts(source, 0)?).filter(|&cts| cts <= time));
        let Some(table) = self.listed_sync() else {
            return match self.preceding_picture(source, last, time)? {
                Some((_, cts)) => Ok(Some(cts)),
                None if self.begins_at_first(source)? => first(),
                None => self.on_screen(source, time),
            };
        };
        let before = SyncSamples::listed_before(table, source, last.saturating_add(1))?;
        let mut found = None;
        for step in 0..before.min(limits::SYNC_STEPS) {
            let number = SyncSamples::listed(table, source, before - 1 - step)?;
            let Some(sync) = number.checked_sub(1).filter(|&s| s < self.count) else { break };
            let cts = self.cts(source, sync)?;
            if cts <= time {
                found = Some((sync, cts));
                break;
            }
        }
        let mut best = found.map(|(_, cts)| cts);
        if let Some(access) = &self.access {
            let later = found.map_or(0, |(sync, _)| sync + 1);
            access.last_in(&self.groups, source, later, last, |_, right| {
                let cts = if right < self.count { self.cts(source, right)? } else { i64::MAX };
                best = best.max(Some(cts).filter(|&cts| cts <= time));
                Ok(cts <= time)
            })?;
        }
        best.map_or_else(first, |cts| Ok(Some(cts)))
    }

    /// How many samples before `sample` the film says must be decoded for it to be right (`roll`, `prol`).
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn roll_before<R: ReadAt>(&self, source: &R, sample: u32) -> Result<u32, FormatError> {
        self.access.as_ref().map_or(Ok(0), |access| access.roll_before(&self.groups, source, sample))
    }

    /// The chunk that holds `sample`.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn chunk_of<R: ReadAt>(&self, source: &R, sample: u32) -> Result<Chunk, FormatError> {
        let run = self.stsc.at_sum(source, u64::from(sample))?;
        let samples = run.samples_per_chunk();
        let into = u64::from(sample).saturating_sub(run.sum).checked_div(u64::from(samples)).unwrap_or(0);
        let into = u32::try_from(into).unwrap_or(u32::MAX).min(run.count.saturating_sub(1));
        Ok(chunk_in(&run, run.unit + into))
    }

    /// Chunk `index`.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn chunk<R: ReadAt>(&self, source: &R, index: u32) -> Result<Chunk, FormatError> {
        Ok(chunk_in(&self.stsc.at_unit(source, index)?, index))
    }

    /// Offset in the file of `sample`, which lies in `chunk`.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn offset_in<R: ReadAt>(&self, source: &R, chunk: &Chunk, sample: u32) -> Result<u64, FormatError> {
        let start = self.offsets.get(source, chunk.index)?;
        let before = self.sizes.bytes(source, chunk.first_sample..sample)?;
        start
            .checked_add(before)
            .ok_or_else(|| FormatError::Film(format!("chunk {} ends past 64 bits", chunk.index + 1)))
    }
}

fn chunk_in(run: &Run, index: u32) -> Chunk {
    let samples = run.samples_per_chunk();
    let first = run.sum + u64::from(index - run.unit) * u64::from(samples);
    Chunk {
        index,
        first_sample: u32::try_from(first).unwrap_or(u32::MAX),
        samples,
        description_index: run.description_index(),
    }
}

/// Which sample of a run is the last presented by `time`.
fn last_not_after(run: &JointRun, time: i64) -> Option<u32> {
    let into = time - run.cts(0);
    if into < 0 {
        return None;
    }
    let n = into.checked_div(run.delta).unwrap_or(i64::MAX);
    Some(u32::try_from(n).unwrap_or(u32::MAX).min(run.count - 1))
}

/// Which sample of a run is the last presented in `from..to`.
fn last_in(run: &JointRun, from: i64, to: i64) -> Option<u32> {
    last_not_after(run, to - 1).filter(|&n| run.cts(n) >= from)
}

/// Which sample of a run is the first presented in `from..to`.
fn first_in(run: &JointRun, from: i64, to: i64) -> Option<u32> {
    let before = (from - run.cts(0)).max(0);
    let n = match before {
        0 => 0,
        _ if run.delta == 0 => return None,
        _ => before / run.delta + i64::from(before % run.delta != 0),
    };
    let n = u32::try_from(n).ok().filter(|&n| n < run.count)?;
    (run.cts(n) < to).then_some(n)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use super::*;
    use crate::index::Index;
    use crate::testing::{Film, TrackSpec, expand};

    struct Counted {
        file: Vec<u8>,
        read: Cell<usize>,
    }

    impl ReadAt for Counted {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            self.read.set(self.read.get() + buf.len());
            self.file.read_at(buf, offset)
        }
    }

    /// Samples are found wherever they are presented, and without a search through the film.
    #[test]
    fn samples_with_odd_offsets_are_found() {
        let mut video = TrackSpec::video(20_000, 10);
        for (n, offset) in [(9000, 900_000), (9001, -900_000), (3, 1_500_000), (19_999, -1_900_000)] {
            video.samples[n].offset = offset;
        }
        let file = Film::of(vec![video]).build();
        let expanded = expand(&file).swap_remove(0).samples;
        let index = Index::build(&file, file.len() as u64).unwrap();
        let samples = &index.tracks[0].samples;
        assert_eq!(samples.ctts.as_ref().unwrap().usual().odd.len(), 3);
        let end = expanded.iter().map(|s| s.cts + i64::from(s.delta)).max().unwrap();
        assert_eq!((samples.start, samples.end), (expanded.iter().map(|s| s.cts).min().unwrap(), end));
        let source = Counted { file, read: Cell::new(0) };
        let mut looked_up = 0;
        for time in (-2000..2_000_000).step_by(70_050).chain([0, 100, 99_900, 900_000, 1_500_300, 1_800_000])
        {
            let shown = expanded.iter().map(|s| s.cts).filter(|&cts| cts <= time).max();
            assert_eq!(samples.on_screen(&source, time).unwrap(), shown, "{time}");
            for to in [time + 1, time + 250, time + 50_000] {
                let inside = |n: &usize| (time..to).contains(&expanded[*n].cts);
                let first = (0..expanded.len()).find(inside);
                let last = (0..expanded.len()).rfind(inside);
                let found = samples.presented(&source, time, to).unwrap();
                assert_eq!(found.as_ref().map(|r| r.start as usize), first, "{time}..{to}");
                // What is presented before, but decoded between, may be in it.
                assert!(found.is_none_or(|r| r.end as usize > last.unwrap()), "{time}..{to}");
            }
            looked_up += 4;
        }
        assert!(source.read.get() / looked_up < 40_000, "{} bytes a look-up", source.read.get() / looked_up);
    }
}
