//! Sample groups (8.9): `sgpd` descriptions, and the `sbgp` of fragments put together.

use std::collections::HashMap;
use std::sync::Arc;

use crate::boxes::{
    BoxHeader, CsgpBox, FRAGMENT_LOCAL, FormatError, Reader, SbgpBox, SgpdBox, TableReader, sbgp_head, u32_at,
};
use crate::limits;
use crate::source::ReadAt;

use super::run_lengths::RunLengths;

/// One grouping of a track, over all fragments.
#[derive(Debug, Default)]
struct Grouping {
    /// Which of [`Groupings::described`] its descriptions are: groupings of one type, each with its own parameter, have them
    /// in common.
    described: usize,
    /// The parameter of the `sbgp`, in version 1.
    parameter: Option<[u8; 4]>,
    runs: RunLengths,
    covered: u32,
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
    pub(crate) fn new(global: Vec<SgpdBox>) -> Self {
        Self { global, ..Self::default() }
    }

    /// Adds what a fragment says of its `count` samples, the first of which is number `first` (0-based).
    pub(crate) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        boxes: &[BoxHeader],
        first: u32,
        count: u32,
    ) -> Result<(), FormatError> {
        let mut local = Vec::new();
        for sgpd in boxes.iter().filter(|b| &b.box_type.0 == b"sgpd") {
            local.extend(SgpdBox::read(reader, sgpd)?);
        }
        for sbgp in boxes.iter().filter(|b| &b.box_type.0 == b"sbgp") {
            self.add_sbgp(reader, sbgp, &local, first, count)?;
        }
        for csgp in boxes.iter().filter(|b| &b.box_type.0 == b"csgp") {
            let read = CsgpBox::read(reader.payload(csgp, 0)?, std::slice::from_ref(&(0..count)));
            let CsgpBox { grouping, parameter, runs } = read.ok_or_else(|| csgp.error("malformed"))?;
            let here = local.iter().find(|d| d.grouping == grouping);
            let (of, described) = self.grouping(grouping, parameter)?;
            of.begin(first, described);
            for (count, index) in runs {
                of.push(count, index, described, here)?;
            }
            of.finish(first.saturating_add(count), described, here)?;
        }
        // Some say nothing but in which group all samples are.
        for here in local.iter().filter(|d| d.default > 0) {
            if !self.list.iter().any(|g| {
                g.covered > first
                    && self.described.get(g.described).is_some_and(|d| d.all.grouping == here.grouping)
            }) {
                let (of, described) = self.grouping(here.grouping, None)?;
                of.begin(first, described);
                of.finish(first.saturating_add(count), described, Some(here))?;
            }
        }
        Ok(())
    }

    fn add_sbgp<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        sbgp: &BoxHeader,
        local: &[SgpdBox],
        first: u32,
        count: u32,
    ) -> Result<(), FormatError> {
        let SbgpBox { grouping, parameter, entries } = SbgpBox::read(reader, sbgp)?;
        let here = local.iter().find(|d| d.grouping == grouping);
        let (of, described) = self.grouping(grouping, parameter)?;
        of.begin(first, described);
        let end = first.saturating_add(count);
        let count = entries.count;
        let mut entries = TableReader::new(reader.source(), entries, 64);
        for n in 0..count {
            if of.covered == end {
                break;
            }
            let entry = entries.entry(n)?;
            of.push(u32_at(entry, 0).min(end - of.covered), u32_at(entry, 4), described, here)?;
        }
        of.finish(end, described, here)
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

    /// Which groupings have descriptions here, so that the `moov`'s own are not wanted any more.
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

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// What nothing was said of, up to `samples`, is in the default groups.
    pub(crate) fn finish(&mut self, samples: u32) {
        for grouping in &mut self.list {
            if let Some(described) = self.described.get(grouping.described) {
                grouping.begin(samples, described);
            }
        }
    }

    /// Writes the `sgpd`s of a flat film.
    pub(crate) fn write_descriptions(&self, out: &mut Vec<u8>) {
        let all = self.described.iter().map(|d| &d.all);
        all.filter(|d| !d.entries.is_empty()).for_each(|d| d.write(out));
    }

    /// What an `sbgp` of a flat film begins with.
    pub(crate) fn prefix(&self, n: usize) -> Vec<u8> {
        let Some(g) = self.list.get(n) else { return Vec::new() };
        let Some(described) = self.described.get(g.described) else { return Vec::new() };
        sbgp_head(described.all.grouping, g.parameter)
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
    /// Goes to sample `first`; those before it that nothing was said of are in the default group.
    fn begin(&mut self, first: u32, described: &Described) {
        self.runs.push(first.saturating_sub(self.covered), described.all.default);
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
        self.covered = self.covered.saturating_add(count);
        Ok(())
    }

    /// Goes to the end of the fragment, which may have a default of its own.
    fn finish(
        &mut self,
        end: u32,
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
    /// The index in the film's descriptions of one that may be the fragment's own; `None` when there
    /// are too many different ones.
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
