//! Sample groups (8.9): `sgpd` descriptions, and the `sbgp` of fragments put together.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::boxes::{
    BoxHeader, CsgpBox, FRAGMENT_LOCAL, FormatError, Reader, SbgpBox, SgpdBox, TableHead, sbgp_head,
};
use crate::limits;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

use super::run_lengths::RunLengths;

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
#[derive(Debug)]
struct Described {
    all: Arc<SgpdBox>,
    /// Where in them those of fragments are.
    places: HashMap<Vec<u8>, u32>,
}

/// The groupings of a track, put together from its fragments.
#[derive(Debug, Default)]
pub(crate) struct Groupings {
    list: Vec<Grouping>,
    described: Vec<Described>,
    /// Those of the `moov`.
    global: Vec<SgpdBox>,
}

impl Groupings {
    /// No groupings yet, in a movie whose `moov` has these descriptions.
    pub(crate) fn new(global: Vec<SgpdBox>) -> Self {
        Self { global, ..Self::default() }
    }

    /// Adds what a fragment says of its `count` samples, the first of which is `first` of those
    /// that are put together here.
    pub(crate) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        boxes: &[BoxHeader],
        first: SampleNumber,
        count: u32,
    ) -> Result<(), FormatError> {
        let end = first + count;
        let mut local = Vec::new();
        for sgpd in boxes.iter().filter(|b| &b.box_type.0 == b"sgpd") {
            local.extend(SgpdBox::read(reader, sgpd)?);
        }
        for sbgp in boxes.iter().filter(|b| &b.box_type.0 == b"sbgp") {
            self.add_sbgp(reader, sbgp, &local, first..end)?;
        }
        for csgp in boxes.iter().filter(|b| &b.box_type.0 == b"csgp") {
            let read =
                CsgpBox::read_in_order(reader.payload(csgp, 0)?, &[SampleNumber::FIRST..SampleNumber(count)]);
            let CsgpBox { grouping, parameter, runs } = read.ok_or_else(|| csgp.error("malformed"))?;
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
        Ok(())
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
            self.described.push(Described { all: Arc::new(all), places: HashMap::new() });
            self.described.len() - 1
        });
        let known = |g: &Grouping| g.described == n && g.parameter == parameter;
        let at = self.list.iter().position(known).unwrap_or(self.list.len());
        if at == self.list.len() && at < limits::GROUPINGS {
            self.list.push(Grouping { described: n, parameter, ..Grouping::default() });
        }
        self.list.get_mut(at).zip(self.described.get_mut(n)).ok_or(FormatError::ManyGroupings)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// Whether a grouping has descriptions here, which take the place of the `moov`'s own.
    pub(crate) fn describes(&self, grouping: [u8; 4]) -> bool {
        self.described.iter().any(|d| d.all.grouping == grouping)
    }

    /// The same groupings, of which nothing is said yet.
    pub(crate) fn of_batch(&self) -> Self {
        let list = self.list.iter().map(|g| Grouping {
            described: g.described,
            parameter: g.parameter,
            ..Grouping::default()
        });
        let described =
            self.described.iter().map(|d| Described { all: Arc::clone(&d.all), places: HashMap::new() });
        Self { list: list.collect(), described: described.collect(), global: Vec::new() }
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
        let entries = |d: &SgpdBox| {
            d.entries.capacity() * size_of::<Vec<u8>>() + d.entries.iter().map(Vec::capacity).sum::<usize>()
        };
        self.list.capacity() * size_of::<Grouping>()
            + self.described.iter().map(|d| size_of::<Described>() + entries(&d.all)).sum::<usize>()
    }
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
    /// The index in the movie's descriptions of one that may be the fragment's own. `None` when
    /// there are too many different ones.
    fn global_index(&mut self, index: u32, local: Option<&SgpdBox>) -> Option<u32> {
        let Some(at) = index.checked_sub(FRAGMENT_LOCAL + 1) else { return Some(index) };
        let Some(entry) = local.and_then(|d| d.entries.get(at as usize)) else { return Some(0) };
        if let Some(&place) = self.places.get(entry) {
            return Some(place);
        }
        let known = self.all.entries.iter().position(|e| e == entry);
        if known.is_none() {
            let entries = &mut Arc::make_mut(&mut self.all).entries;
            if entries.len() >= limits::DESCRIPTIONS {
                return None;
            }
            entries.push(entry.clone());
        }
        let place = u32::try_from(known.map_or(self.all.entries.len(), |at| at + 1)).ok()?;
        self.places.insert(entry.clone(), place);
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{fragments_at, index, make_box};

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
