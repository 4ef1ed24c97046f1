//! Where decoding can begin at or after a time.

use std::ops::ControlFlow;

use crate::boxes::{FormatError, SyncSamples};
use crate::limits;
use crate::numbers::{Numbers, SampleNumber};
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::table::SampleTable;

impl SampleTable {
    /// The composition time of the first picture that is right where decoding begins with a sample
    /// presented at or after `from`: a sync sample, or another as in [`Self::sync_at`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sync_from<R: ReadAt>(
        &self,
        source: &R,
        from: MediaTime,
    ) -> Result<Option<MediaTime>, FormatError> {
        if self.count == 0 {
            return Ok(None);
        }
        // What decodes before is presented before, whatever its offset.
        let (_, highest) = self.offset_bounds();
        let earliest = self.sample_at_dts(source, from - highest)?;
        let Some(table) = self.listed_sync() else { return self.picture_from(source, earliest, from) };
        let mut found = None;
        let listed = SyncSamples::listed_from(table, source, self.count, earliest)?;
        for sync in listed.take(limits::SYNC_STEPS) {
            let Some(sync) = sync?.filter(|&sync| sync < self.end_number()) else { continue };
            let cts = self.cts(source, sync)?;
            if cts >= from {
                found = Some((sync, cts));
                break;
            }
        }
        let Some(access) = &self.access else { return Ok(found.map(|(_, cts)| cts)) };
        let mut first = found.map(|(_, cts)| cts);
        let until = found.map_or(self.end_number(), |(sync, _)| sync);
        access.each_from(&self.groups, source, earliest..until, |sample, right| {
            if right >= self.end_number() || self.cts(source, sample)? < from {
                return Ok(ControlFlow::Continue(()));
            }
            let right = self.cts(source, right)?;
            first = Some(first.map_or(right, |first| first.min(right)));
            Ok(ControlFlow::Break(()))
        })?;
        Ok(first)
    }

    /// The same where no box lists sync samples: as the samples show it, or else any of them.
    fn picture_from<R: ReadAt>(
        &self,
        source: &R,
        earliest: SampleNumber,
        from: MediaTime,
    ) -> Result<Option<MediaTime>, FormatError> {
        let pictures = self.pictures(source)?;
        let later = (earliest..self.end_number()).each().take(limits::PICTURES as usize);
        if pictures.is_none() && self.begins_at_first(source)? {
            let first = self.cts(source, SampleNumber::FIRST)?;
            return Ok(Some(first).filter(|&first| first >= from));
        }
        let mut chunk = self.chunk_of(source, earliest)?;
        let (mut first, mut reordered) = (None::<MediaTime>, self.reorder());
        for sample in later {
            let cts = self.cts(source, sample)?;
            let can_begin = match pictures {
                _ if cts < from => false,
                Some(pictures) => self.can_begin_at(source, pictures, &mut chunk, sample)?,
                None => true,
            };
            if can_begin {
                first = Some(first.map_or(cts, |first| first.min(cts)));
            }
            // Of samples that all can be begun with, a later one may be presented before.
            if first.is_some() && (pictures.is_some() || reordered == 0) {
                break;
            }
            reordered -= u32::from(first.is_some());
        }
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Index;
    use crate::testing::{Film, TrackSpec};

    #[test]
    fn the_next_sync_sample_is_found_however_far_it_is() {
        // A sync sample in ten, and one in 6000.
        for every in [10, 6000] {
            let mut video = TrackSpec::video(20_000, every);
            for (n, sample) in video.samples.iter_mut().enumerate() {
                sample.offset = [100, 300, 0, 0][n % 4];
            }
            let every = i64::from(every);
            let file = Film::of(vec![video]).build();
            let index = Index::build(&file, file.len() as u64).unwrap();
            let samples = &index.tracks[0].samples;
            let cts = |n: i64| n * 100 + [100, 300, 0, 0][usize::try_from(n % 4).unwrap()];
            for from in [0, 99, 100, 101, 1100, 1101, 30_000, 600_101, 1_200_100, 1_999_900] {
                let expected = (0..20_000).filter(|n| n % every == 0).map(cts).find(|&cts| cts >= from);
                let found = samples.sync_from(&file, MediaTime(from)).unwrap();
                assert_eq!(found, expected.map(MediaTime), "{every} {from}");
            }
        }
    }
}
