//! Where decoding can begin besides at sync samples, and how long before it has to: `stps`
//! (QuickTime's partial sync samples) and the sample groups `rap `, `roll` and `prol` (10.1, 10.4).

use std::ops::{ControlFlow, Range};

use crate::boxes::{
    CsgpBox, FormatError, Reader, Runs, SgpdBox, SyncSamples, Table, read_grouping_type, read_stps,
};
use crate::limits;
use crate::numbers::{Numbers, SampleNumber};
use crate::source::ReadAt;

use super::node::Node;

/// What the boxes of a track say of random access, besides its `stss`.
#[derive(Debug, Default)]
pub struct Access {
    /// `stps`: samples that can be decoded on their own, although not all samples after them can
    /// then.
    partial: Option<Table>,
    /// Samples of the track.
    samples: u32,
    /// `rap `: the same, as a group.
    points: Option<Grouped>,
    /// `roll` or `prol`: `roll_distance`. Decoding is correct so many samples after one that it
    /// begins at (more than 0), or has to begin so many samples before (less than 0).
    rolls: Option<Grouped>,
}

/// A number for each sample that is in a group.
#[derive(Debug)]
struct Grouped {
    members: Members,
    /// The value of each description.
    values: Vec<i16>,
}

/// Which samples are in which group.
#[derive(Debug)]
enum Members {
    /// All in one, or in none (0).
    All(u32),
    /// As the `sbgp` of this number among those of the track says.
    Sbgp(usize),
    /// As a `csgp` says: the first sample after each run, and the run's group.
    Csgp(Box<[(SampleNumber, u32)]>),
}

impl Members {
    /// The members of the groups of one grouping: those of the first `sbgp` or `csgp` of that type.
    fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        stbl: &Node,
        described: &SgpdBox,
        groups: &[Runs],
        samples: u32,
    ) -> Result<Self, FormatError> {
        let boxes = |box_type: &'static [u8; 4]| {
            stbl.children.iter().map(|c| c.header).filter(move |h| &h.box_type.0 == box_type)
        };
        for (n, sbgp) in boxes(b"sbgp").take(groups.len()).enumerate() {
            if read_grouping_type(reader, &sbgp)? == Some(described.grouping) {
                return Ok(Self::Sbgp(n));
            }
        }
        for csgp in boxes(b"csgp").filter(|h| h.payload_len() <= limits::SMALL_BOX as u64) {
            if read_grouping_type(reader, &csgp)? == Some(described.grouping) {
                let members = Self::of_csgp(reader.payload(&csgp, 8)?, samples, described.default);
                return Ok(members.unwrap_or(Self::All(described.default)));
            }
        }
        Ok(Self::All(described.default))
    }

    fn of_csgp(payload: &[u8], samples: u32, default: u32) -> Option<Self> {
        let all = SampleNumber::FIRST..SampleNumber(samples);
        let runs = CsgpBox::read(payload, std::slice::from_ref(&all), default, limits::COMPACT_RUNS)?.runs;
        let mut end = SampleNumber::FIRST;
        let ends = runs.iter().map(|&(count, group)| {
            end = end + count;
            (end, group)
        });
        Some(Self::Csgp(ends.collect()))
    }

    /// Runs of samples of one group, from `sample` on: the first sample, the first after the run,
    /// and the group.
    fn runs_from<'a, R: ReadAt>(
        &'a self,
        groups: &'a [Runs],
        source: &'a R,
        sample: SampleNumber,
    ) -> Result<impl Iterator<Item = Result<(SampleNumber, SampleNumber, u64), FormatError>> + 'a, FormatError>
    {
        let (all, sbgp, csgp) = match self {
            Self::All(group) => {
                (Some(Ok((sample, SampleNumber(u32::MAX), u64::from(*group)))), None, &[][..])
            }
            Self::Sbgp(n) => (None, groups.get(*n), &[][..]),
            Self::Csgp(runs) => {
                let from = runs.partition_point(|(end, _)| *end <= sample);
                (None, None, runs.get(from..).unwrap_or_default())
            }
        };
        let sbgp = sbgp.map(|runs| runs.pieces_from(source, sample.0)).transpose()?;
        let mut start = sample;
        let csgp = csgp
            .iter()
            .map(move |&(end, group)| Ok((std::mem::replace(&mut start, end), end, u64::from(group))));
        let sbgp = sbgp
            .into_iter()
            .flatten()
            .map(|piece| piece.map(|p| (SampleNumber(p.unit), SampleNumber(p.end()), p.value)));
        Ok(all.into_iter().chain(sbgp).chain(csgp))
    }
}

impl Grouped {
    /// The value for the samples of this group.
    fn value(&self, group: u64) -> Option<i16> {
        self.values.get(usize::try_from(group.checked_sub(1)?).ok()?).copied()
    }
}

/// Samples that are looked through at first.
const WINDOW: u32 = 256;

impl Access {
    /// Reads what the boxes of an `stbl` say; `None` when they say nothing.
    pub(super) fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        stbl: &Node,
        descriptions: &[SgpdBox],
        groups: &[Runs],
        samples: u32,
    ) -> Result<Option<Box<Self>>, FormatError> {
        let mut this = Self { samples, ..Self::default() };
        if let Some(stps) = stbl.child(b"stps")? {
            this.partial = Some(read_stps(reader, &stps.header)?);
        }
        for is_point in [true, false] {
            let is_wanted = |d: &&SgpdBox| match &d.grouping {
                b"rap " => is_point,
                b"roll" | b"prol" => !is_point,
                _ => false,
            };
            // Of one: with many that are alike, the groups of all samples would be read for each.
            let mut readable = descriptions.iter().filter(|d| !d.is_opaque);
            let Some(described) = readable.rfind(is_wanted) else { continue };
            let members = Members::read(reader, stbl, described, groups, samples)?;
            // The description of a `rap ` has no distance.
            let values = described.roll_distances().map(|distance| if is_point { 0 } else { distance });
            let grouped = Grouped { members, values: values.collect() };
            *(if is_point { &mut this.points } else { &mut this.rolls }) = Some(grouped);
        }
        let says_something = this.partial.is_some() || this.points.is_some() || this.rolls.is_some();
        Ok(says_something.then(|| Box::new(this)))
    }

    /// Memory held, the struct itself included.
    pub(super) fn heap_size(&self) -> usize {
        let heap = [&self.points, &self.rolls].into_iter().flatten().map(|grouped| {
            let runs = if let Members::Csgp(runs) = &grouped.members { size_of_val(&**runs) } else { 0 };
            grouped.values.capacity() * size_of::<i16>() + runs
        });
        size_of::<Self>() + heap.sum::<usize>()
    }

    /// How many samples before this one have to be decoded for it to be correct; 0 where no box
    /// says so.
    pub(super) fn roll_before<R: ReadAt>(
        &self,
        groups: &[Runs],
        source: &R,
        sample: SampleNumber,
    ) -> Result<u32, FormatError> {
        let Some(rolls) = &self.rolls else { return Ok(0) };
        let group = rolls
            .members
            .runs_from(groups, source, sample)?
            .next()
            .transpose()?
            .map_or(0, |(.., group)| group);
        Ok(rolls.value(group).map_or(0, |distance| u32::from(distance.min(0).unsigned_abs())))
    }

    /// Visits samples of a range that decoding can begin at, other than sync samples, until `visit`
    /// breaks off: those that `stps` lists, then those of each group, in the order of the file. It is
    /// given the sample, and the first one that is correct then.
    pub(super) fn each_from<R: ReadAt>(
        &self,
        groups: &[Runs],
        source: &R,
        range: Range<SampleNumber>,
        mut visit: impl FnMut(SampleNumber, SampleNumber) -> Result<ControlFlow<()>, FormatError>,
    ) -> Result<(), FormatError> {
        if let Some(table) = &self.partial {
            let listed = SyncSamples::listed_from(table, source, self.samples, range.start)?;
            for sample in listed.take(limits::SYNC_STEPS) {
                let Some(sample) = sample? else { continue };
                if sample >= range.end || visit(sample, sample)?.is_break() {
                    break;
                }
            }
        }
        for (grouped, is_roll) in [(&self.points, false), (&self.rolls, true)] {
            let Some(grouped) = grouped else { continue };
            let (mut next, mut left) = (range.start, limits::SYNC_STEPS);
            // Between two groups of one sample there is a run of samples in none.
            'runs: for run in grouped.members.runs_from(groups, source, next)?.take(2 * limits::SYNC_STEPS) {
                let (_, after, group) = run?;
                let first = std::mem::replace(&mut next, after);
                if first >= range.end {
                    break;
                }
                let Some(distance) = grouped.value(group) else { continue };
                let until_right = u32::from(distance.max(0).unsigned_abs());
                if until_right == 0 && is_roll {
                    continue;
                }
                for sample in (first..after.min(range.end)).each() {
                    if left == 0 || visit(sample, sample + until_right)?.is_break() {
                        break 'runs;
                    }
                    left -= 1;
                }
            }
        }
        Ok(())
    }

    /// The last sample of `from..=to` that decoding can begin at, other than a sync sample, and
    /// that `holds` accepts. That is given the sample, and the first one that is correct then.
    pub(super) fn last_in<R: ReadAt>(
        &self,
        groups: &[Runs],
        source: &R,
        from: SampleNumber,
        to: SampleNumber,
        mut holds: impl FnMut(SampleNumber, SampleNumber) -> Result<bool, FormatError>,
    ) -> Result<Option<SampleNumber>, FormatError> {
        let mut best = None;
        if let Some(table) = &self.partial {
            let before = SyncSamples::listed_before(table, source, self.samples, to.next())?;
            for entry in (0..before).rev().take(limits::SYNC_STEPS) {
                let sample = SyncSamples::listed(table, source, entry)?.unwrap_or_default();
                if sample < from || holds(sample, sample)? {
                    best = Some(sample).filter(|&s| s >= from);
                    break;
                }
            }
        }
        for (grouped, is_roll) in [(&self.points, false), (&self.rolls, true)] {
            let Some(grouped) = grouped else { continue };
            let mut end = to.next();
            let mut window = WINDOW;
            let from = best.unwrap_or(from).max(from);
            let mut found = None;
            while end > from && found.is_none() {
                let start = (end - window).max(from);
                for run in grouped.members.runs_from(groups, source, start)? {
                    let (first, after, group) = run?;
                    if first >= end {
                        break;
                    }
                    let Some(distance) = grouped.value(group) else { continue };
                    let sample = after.min(end) - 1;
                    let after = u32::from(distance.max(0).unsigned_abs());
                    // Audio is in such a group to say what has to come before it.
                    if (after > 0 || !is_roll) && holds(sample, sample + after)? {
                        found = Some(sample);
                    }
                }
                end = start;
                window = window.saturating_mul(2);
            }
            best = best.max(found);
        }
        Ok(best)
    }
}

/// The sample group descriptions of an `stbl`.
pub(crate) fn read_descriptions<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    stbl: &Node,
) -> Result<Vec<SgpdBox>, FormatError> {
    let mut out = Vec::new();
    let headers = stbl.children.iter().map(|c| c.header);
    for sgpd in headers.filter(|b| &b.box_type.0 == b"sgpd").take(limits::GROUPINGS) {
        out.push(SgpdBox::read(reader, &sgpd)?);
    }
    Ok(out)
}
