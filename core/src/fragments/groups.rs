//! Sample groups (8.9): `sgpd` descriptions, and the `sbgp` of fragments put together.

use std::ops::Range;
use std::sync::Arc;

use crate::boxes::{
    BoxHeader, CsgpBox, FRAGMENT_LOCAL, FormatError, Reader, SbgpBox, SgpdBox, TableHead, csgp_head,
    most_group_runs, read_grouping_type, sbgp_head,
};
use crate::limits;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

use super::room::Room;
use super::run_lengths::{RunLengths, number};

/// One grouping of a track, over all fragments.
#[derive(Debug, Default)]
struct Grouping {
    /// Which of [`Groupings::described`] its descriptions are. Groupings of one type, each with a
    /// parameter of its own, have them in common.
    described: usize,
    /// The parameter of the `sbgp`, in version 1.
    parameter: Option<[u8; 4]>,
    runs: RunLengths,
    /// The sample after those that the runs are about.
    covered: SampleNumber,
}

/// The descriptions of a type of grouping, over all fragments.
#[derive(Debug, Clone)]
struct Described {
    all: Arc<SgpdBox>,
    /// Their places in order of their bytes, to find those of fragments.
    sorted: Arc<Vec<u32>>,
}

/// The groupings of a track, put together from its fragments.
#[derive(Debug, Default)]
pub(crate) struct Groupings {
    list: Vec<Grouping>,
    described: Vec<Described>,
    /// Those of the `moov`.
    global: Vec<SgpdBox>,
    /// Runs that were gone through for boxes that were left out.
    in_vain: u64,
}

impl Groupings {
    /// No groupings yet, in a movie whose `moov` has these descriptions.
    pub(crate) fn new(global: Vec<SgpdBox>) -> Self {
        Self { global, ..Self::default() }
    }

    /// Adds what a fragment says of its `count` samples, the first of which is `first` of those
    /// that are put together here. Gives why a box was left out.
    ///
    /// # Errors
    /// When another box is malformed, there is no room, or the file cannot be read.
    pub(crate) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        boxes: &[BoxHeader],
        first: SampleNumber,
        count: u32,
        room: &mut Room,
    ) -> Result<Option<FormatError>, FormatError> {
        let mut left_out = None;
        let end = first + count;
        let mut before = self.runs();
        let local = read_local(reader, boxes, &mut left_out)?;
        for sbgp in boxes.iter().filter(|b| &b.box_type.0 == b"sbgp") {
            self.add_sbgp(reader, sbgp, &local, first..end)?;
            self.count_runs(&mut before, room)?;
        }
        for csgp in boxes.iter().filter(|b| &b.box_type.0 == b"csgp") {
            let head = csgp_head(reader.payload(csgp, 0)?);
            // What another such box says of all samples counts.
            if count > 0 && head.is_some_and(|(grouping, parameter)| self.covers(grouping, parameter, end)) {
                continue;
            }
            let read =
                CsgpBox::read_in_order(reader.payload(csgp, 0)?, &[SampleNumber::FIRST..SampleNumber(count)]);
            let Some(CsgpBox { grouping, parameter, runs }) = read else {
                let error = csgp.error("malformed");
                // Without the groups of keys, samples would be decrypted with others.
                if read_grouping_type(reader, csgp)?.is_none_or(is_of_keys) {
                    return Err(error);
                }
                left_out = Some(error);
                // It may have taken as long as one that is well formed.
                self.in_vain += u64::from(count).min(most_group_runs(csgp));
                self.count_runs(&mut before, room)?;
                continue;
            };
            let here = local.iter().find(|d| d.grouping == grouping);
            let (of, described) = self.grouping(grouping, parameter)?;
            of.begin(first, described);
            for (count, index) in runs {
                // The samples of the fragment may be in another such box already.
                let left = end - of.covered;
                if left == 0 {
                    break;
                }
                of.push(count.min(left), index, described, here)?;
            }
            of.finish(end, described, here)?;
            self.count_runs(&mut before, room)?;
        }
        // Some fragments have a default group and nothing else.
        for here in local.iter().filter(|d| d.default > 0) {
            if !self.list.iter().any(|g| {
                g.covered > first
                    && self.described.get(g.described).is_some_and(|d| d.all.grouping == here.grouping)
            }) {
                let (of, described) = self.grouping(here.grouping, None)?;
                of.begin(first, described);
                of.finish(end, described, Some(here))?;
            }
        }
        Ok(left_out)
    }

    fn add_sbgp<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        sbgp: &BoxHeader,
        local: &[SgpdBox],
        samples: Range<SampleNumber>,
    ) -> Result<(), FormatError> {
        let sbgp = SbgpBox::read(reader, sbgp)?;
        let here = local.iter().find(|d| d.grouping == sbgp.grouping);
        let (of, described) = self.grouping(sbgp.grouping, sbgp.parameter)?;
        of.begin(samples.start, described);
        let mut runs = sbgp.runs(reader.source());
        while of.covered < samples.end {
            let Some(run) = runs.next() else { break };
            let (count, index) = run?;
            of.push(count.min(samples.end - of.covered), index, described, here)?;
        }
        of.finish(samples.end, described, here)
    }

    fn grouping(
        &mut self,
        grouping: [u8; 4],
        parameter: Option<[u8; 4]>,
    ) -> Result<(&mut Grouping, &mut Described), FormatError> {
        let n = self.described.iter().position(|d| d.all.grouping == grouping).unwrap_or_else(|| {
            let all = self.global.iter().find(|d| d.grouping == grouping).cloned();
            let all = all.unwrap_or(SgpdBox { grouping, ..SgpdBox::default() });
            self.described.push(Described::of(all));
            self.described.len() - 1
        });
        let known = |g: &Grouping| g.described == n && g.parameter == parameter;
        let at = self.list.iter().position(known).unwrap_or(self.list.len());
        if at == self.list.len() && at < limits::GROUPINGS {
            self.list.push(Grouping { described: n, parameter, ..Grouping::default() });
        }
        self.list.get_mut(at).zip(self.described.get_mut(n)).ok_or(FormatError::ManyGroupings)
    }

    /// Whether all samples before `end` have a group of this type already.
    fn covers(&self, grouping: [u8; 4], parameter: Option<[u8; 4]>, end: SampleNumber) -> bool {
        self.list.iter().any(|of| {
            of.covered >= end
                && of.parameter == parameter
                && self.described.get(of.described).is_some_and(|d| d.all.grouping == grouping)
        })
    }

    /// Takes room for the runs that were added since there were `before`.
    fn count_runs(&self, before: &mut u64, room: &mut Room) -> Result<(), FormatError> {
        let runs = self.runs();
        room.take_groups(runs.saturating_sub(*before))?;
        *before = runs;
        Ok(())
    }

    /// How many runs of samples in one group there are, those of all groupings together, and those
    /// that were gone through in vain.
    pub(crate) fn runs(&self) -> u64 {
        self.in_vain + self.list.iter().map(|g| g.runs.runs.len() as u64).sum::<u64>()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// Whether a grouping has descriptions here, which take the place of the `moov`'s own.
    pub(crate) fn describes(&self, grouping: [u8; 4]) -> bool {
        self.described.iter().any(|d| d.all.grouping == grouping && !d.all.is_opaque)
    }

    /// The same groupings, of which nothing is said yet.
    pub(crate) fn of_batch(&self) -> Self {
        let list = self.list.iter().map(|g| Grouping {
            described: g.described,
            parameter: g.parameter,
            ..Grouping::default()
        });
        Self { list: list.collect(), described: self.described.clone(), ..Self::default() }
    }

    /// Puts the samples before `end` that no box speaks of into the default groups.
    pub(crate) fn finish(&mut self, end: SampleNumber) {
        for grouping in &mut self.list {
            if let Some(described) = self.described.get(grouping.described) {
                grouping.begin(end, described);
            }
        }
    }

    /// Writes the `sgpd`s of a flat movie.
    pub(crate) fn write_descriptions(&self, out: &mut Vec<u8>) {
        let all = self.described.iter().map(|d| &d.all);
        all.filter(|d| !d.entries.is_empty()).for_each(|d| d.write(out));
    }

    /// What the `sbgp`s of a flat movie have before their entries, in order.
    pub(crate) fn heads(&self) -> impl Iterator<Item = TableHead> {
        self.list.iter().map(|grouping| {
            let described = self.described.get(grouping.described);
            sbgp_head(described.map_or([0; 4], |d| d.all.grouping), grouping.parameter)
        })
    }

    /// Its entries; see [`RunLengths::write`].
    pub(crate) fn write_runs(
        &self,
        n: usize,
        ends: impl Iterator<Item = u32>,
        out: &mut Vec<u8>,
    ) -> Vec<u32> {
        self.list.get(n).map_or(Vec::new(), |g| g.runs.write(ends, out))
    }

    /// Memory held besides the struct itself.
    pub(crate) fn heap_size(&self) -> usize {
        let described = |d: &Described| {
            size_of::<Described>() + d.all.entries.heap_size() + d.sorted.capacity() * size_of::<u32>()
        };
        self.list.capacity() * size_of::<Grouping>() + self.described.iter().map(described).sum::<usize>()
    }
}

/// Whether the descriptions of a grouping name keys (ISO/IEC 23001-7, 6).
fn is_of_keys(grouping: [u8; 4]) -> bool {
    &grouping == b"seig"
}

/// The descriptions of a fragment: the first box of each grouping. Gives why one was left out.
///
/// # Errors
/// When those of keys cannot be told apart, another box is malformed, or the file cannot be read.
fn read_local<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    boxes: &[BoxHeader],
    left_out: &mut Option<FormatError>,
) -> Result<Vec<SgpdBox>, FormatError> {
    let mut local: Vec<SgpdBox> = Vec::new();
    for sgpd in boxes.iter().filter(|b| &b.box_type.0 == b"sgpd") {
        let grouping = read_grouping_type(reader, sgpd)?;
        let is_needed = local.len() < limits::GROUPINGS || grouping.is_some_and(is_of_keys);
        if !is_needed || local.iter().any(|d| Some(d.grouping) == grouping) {
            continue;
        }
        let described = SgpdBox::read(reader, sgpd)?;
        if described.is_opaque {
            let error = sgpd.error("its descriptions cannot be told apart, or are too many");
            if is_of_keys(described.grouping) {
                return Err(error);
            }
            *left_out = Some(error);
        } else {
            local.push(described);
        }
    }
    Ok(local)
}

impl Grouping {
    /// Goes to sample `first`. Those before it that no box speaks of are in the default group.
    fn begin(&mut self, first: SampleNumber, described: &Described) {
        self.runs.push(first - self.covered, described.all.default);
        self.covered = first.max(self.covered);
    }

    fn push(
        &mut self,
        count: u32,
        index: u32,
        described: &mut Described,
        local: Option<&SgpdBox>,
    ) -> Result<(), FormatError> {
        let index = described.global_index(index, local).ok_or(FormatError::ManyDescriptions)?;
        self.runs.push(count, index);
        self.covered = self.covered + count;
        Ok(())
    }

    /// Goes to the end of the fragment, which may have a default of its own.
    fn finish(
        &mut self,
        end: SampleNumber,
        described: &mut Described,
        local: Option<&SgpdBox>,
    ) -> Result<(), FormatError> {
        match local.map(|d| d.default).filter(|&d| d > 0) {
            Some(default) => {
                self.push(end - self.covered, FRAGMENT_LOCAL.saturating_add(default), described, local)
            }
            None => Ok(()),
        }
    }
}

impl Described {
    fn of(all: SgpdBox) -> Self {
        let mut sorted: Vec<_> = (0..number(all.entries.len())).collect();
        // Of those that are alike, the first is found.
        sorted.sort_by_key(|&at| all.entries.get(at as usize));
        Self { all: Arc::new(all), sorted: Arc::new(sorted) }
    }

    /// The index in the movie's descriptions of one that may be the fragment's own. `None` when
    /// there are too many different ones.
    fn global_index(&mut self, index: u32, local: Option<&SgpdBox>) -> Option<u32> {
        let Some(at) = index.checked_sub(FRAGMENT_LOCAL + 1) else { return Some(index) };
        let Some(entry) = local.and_then(|d| d.entries.get(at as usize)) else { return Some(0) };
        if self.all.is_opaque {
            // Those of the `moov` stay as they are. Without the groups of keys, samples would be
            // decrypted with others.
            return if is_of_keys(self.all.grouping) { None } else { Some(0) };
        }
        let entry_at = |at: u32| self.all.entries.get(at as usize);
        let place = self.sorted.partition_point(|&at| entry_at(at) < Some(entry));
        if let Some(&at) = self.sorted.get(place).filter(|&&at| entry_at(at) == Some(entry)) {
            return at.checked_add(1);
        }
        let at = number(self.all.entries.len());
        if at as usize >= limits::DESCRIPTIONS || !Arc::make_mut(&mut self.all).entries.push(entry) {
            return None;
        }
        Arc::make_mut(&mut self.sorted).insert(place, at);
        Some(at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{fragments_at, index, make_box};

    #[test]
    fn descriptions_are_found_by_their_bytes_also_in_a_batch() {
        let sgpd = |entries: &[u8]| {
            let mut all = SgpdBox { grouping: *b"rap ", ..SgpdBox::default() };
            assert!(entries.iter().all(|&byte| all.entries.push(&[byte])));
            all
        };
        let mut groupings = Groupings::new(vec![sgpd(&[5, 3, 9, 3])]);
        let local = sgpd(&[3, 7, 5, 1, 9, 7, 1]);
        let find = |groupings: &mut Groupings| {
            let (_, described) = groupings.grouping(*b"rap ", None).unwrap();
            let own = [0, 1, 4].into_iter().chain((1..=8).map(|n| FRAGMENT_LOCAL + n));
            own.map(|index| described.global_index(index, Some(&local)).unwrap()).collect::<Vec<_>>()
        };
        let found = [0, 1, 4, 2, 5, 1, 6, 3, 5, 6, 0];
        assert_eq!(find(&mut groupings), found);
        // Nothing is sorted or gone through anew where a batch is generated again.
        let mut batch = groupings.of_batch();
        assert!(Arc::ptr_eq(&batch.described[0].sorted, &groupings.described[0].sorted));
        assert_eq!(find(&mut batch), found);
        assert!(Arc::ptr_eq(&batch.described[0].all, &groupings.described[0].all));
    }

    #[test]
    fn a_second_box_of_a_grouping_in_a_fragment_counts_for_nothing() {
        // Lengths and counts of 8 bits, indices of 4: one index for the four samples of a fragment.
        let csgp =
            |index: u8| make_box(b"csgp", [&b"\0\0\0\x14rap \0\0\0\x01\x01\x04"[..], &[index << 4]].concat());
        let film = fragments_at([0, 40], |n, _| match n {
            0 => [csgp(1), csgp(3)].concat(),
            _ => csgp(2),
        });
        let index = index(&film, film.len() as u64).unwrap();
        let groups = &index.tracks[0].samples.groups[0];
        let group = |sample| groups.at_unit(&index.film(&film), sample).unwrap().value;
        assert_eq!([0, 3, 4, 7].map(group), [1, 1, 2, 2]);
    }
}
