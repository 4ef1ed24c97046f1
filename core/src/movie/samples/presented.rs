//! Which samples are presented at a time.

use std::ops::Range;

use crate::boxes::{FormatError, JointRun};
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::table::SampleTable;

impl SampleTable {
    /// Visits the samples whose offsets may be outliers, and others near them.
    pub(super) fn each_outlier<R: ReadAt>(
        &self,
        source: &R,
        mut visit: impl FnMut(&JointRun),
    ) -> Result<(), FormatError> {
        for outlier in self.ctts.iter().flat_map(|ctts| &ctts.offset_bounds().outliers) {
            for run in self.joint_at(source, outlier.start)? {
                let run = run?;
                if run.sample >= outlier.end {
                    break;
                }
                visit(&run);
            }
        }
        Ok(())
    }

    /// The composition time of the sample on screen at `time`: the greatest that is
    /// not after it. `None` before the first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn on_screen<R: ReadAt>(
        &self,
        source: &R,
        time: MediaTime,
    ) -> Result<Option<MediaTime>, FormatError> {
        let (lowest, highest) = self.offset_bounds();
        // Whatever decodes by `time - highest` is presented by `time`, so the answer is
        // presented no earlier than the last of those, and decodes no earlier than that
        // less the spread of the offsets. Outliers are looked at one by one.
        let surely = match self.count {
            0 => None,
            _ => self.bounded_at_or_before(self.sample_at_dts(source, time - highest)?),
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
        self.each_outlier(source, |run| {
            best = best.max(last_not_after(run, time).map(|n| run.cts(n)));
        })?;
        Ok(best)
    }

    /// The range of samples, in decode order, that holds every sample presented in `from..to`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn presented<R: ReadAt>(
        &self,
        source: &R,
        from: MediaTime,
        to: MediaTime,
    ) -> Result<Option<Range<SampleNumber>>, FormatError> {
        let (lowest, highest) = self.offset_bounds();
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
        self.each_outlier(source, |run| {
            let found = first_in(run, from, to).map(|n| run.sample + n);
            first = [first, found].into_iter().flatten().min();
        })?;
        let Some(first) = first else { return Ok(None) };
        // What decodes by then is presented before `to`, whatever its offset; if the range is
        // short, it may be before `from`.
        let surely = self.bounded_at_or_before(self.sample_at_dts(source, to.previous() - highest)?);
        let inside = match surely {
            Some(sample) => self.cts(source, sample)? >= from,
            None => false,
        };
        let (mut last, rest) = match surely {
            Some(sample) if inside => (first.max(sample), to.previous() - highest),
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
        self.each_outlier(source, |run| {
            last = last.max(last_in(run, from, to).map_or(SampleNumber::FIRST, |n| run.sample + n));
        })?;
        Ok(Some(first..last.next()))
    }

    /// The last sample in decode order that is presented before `time`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_before<R: ReadAt>(
        &self,
        source: &R,
        time: MediaTime,
    ) -> Result<Option<SampleNumber>, FormatError> {
        let (lowest, highest) = self.offset_bounds();
        if self.count == 0 {
            return Ok(None);
        }
        // What decodes by then is presented before `time`, whatever its offset within the bounds.
        let surely = time.previous() - highest;
        let mut last = None;
        for run in self.joint_from(source, surely)? {
            let run = run?;
            if run.dts + lowest >= time {
                break;
            }
            last = last.max(last_not_after(&run, time.previous()).map(|n| run.sample + n));
        }
        self.each_outlier(source, |run| {
            last = last.max(last_not_after(run, time.previous()).map(|n| run.sample + n));
        })?;
        Ok(last)
    }
}

/// Which sample of a run is the last presented by `time`.
fn last_not_after(run: &JointRun, time: MediaTime) -> Option<u32> {
    let into = (time - run.cts(0)).0;
    if into < 0 {
        return None;
    }
    let n = into.checked_div(run.delta.0).unwrap_or(i64::MAX);
    Some(u32::try_from(n).unwrap_or(u32::MAX).min(run.count - 1))
}

/// Which sample of a run is the last presented in `from..to`.
fn last_in(run: &JointRun, from: MediaTime, to: MediaTime) -> Option<u32> {
    last_not_after(run, to.previous()).filter(|&n| run.cts(n) >= from)
}

/// Which sample of a run is the first presented in `from..to`.
fn first_in(run: &JointRun, from: MediaTime, to: MediaTime) -> Option<u32> {
    let (before, delta) = ((from - run.cts(0)).0.max(0), run.delta.0);
    let n = match before {
        0 => 0,
        _ if delta == 0 => return None,
        _ => before / delta + i64::from(before % delta != 0),
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

    /// Samples are found wherever they are presented, and without a search through the movie.
    #[test]
    fn samples_with_outlying_offsets_are_found() {
        let mut video = TrackSpec::video(20_000, 10);
        for (n, offset) in [(9000, 900_000), (9001, -900_000), (3, 1_500_000), (19_999, -1_900_000)] {
            video.samples[n].offset = offset;
        }
        let file = Film::of(vec![video]).build();
        let expanded = expand(&file).swap_remove(0).samples;
        let index = Index::build(&file, file.len() as u64).unwrap();
        let samples = &index.tracks[0].samples;
        assert_eq!(samples.ctts.as_ref().unwrap().offset_bounds().outliers.len(), 3);
        let end = expanded.iter().map(|s| s.cts + i64::from(s.delta)).max().unwrap();
        assert_eq!(
            (samples.start, samples.end),
            (MediaTime(expanded.iter().map(|s| s.cts).min().unwrap()), MediaTime(end))
        );
        let source = Counted { file, read: Cell::new(0) };
        let mut looked_up = 0;
        for time in (-2000..2_000_000).step_by(70_050).chain([0, 100, 99_900, 900_000, 1_500_300, 1_800_000])
        {
            let shown = expanded.iter().map(|s| s.cts).filter(|&cts| cts <= time).max();
            assert_eq!(samples.on_screen(&source, MediaTime(time)).unwrap(), shown.map(MediaTime), "{time}");
            for to in [time + 1, time + 250, time + 50_000] {
                let inside = |n: &usize| (time..to).contains(&expanded[*n].cts);
                let first = (0..expanded.len()).find(inside);
                let last = (0..expanded.len()).rfind(inside);
                let found = samples.presented(&source, MediaTime(time), MediaTime(to)).unwrap();
                assert_eq!(found.as_ref().map(|r| r.start.place()), first, "{time}..{to}");
                // What is presented before, but decoded between, may be in it.
                assert!(found.is_none_or(|r| r.end.place() > last.unwrap()), "{time}..{to}");
            }
            looked_up += 4;
        }
        assert!(source.read.get() / looked_up < 40_000, "{} bytes a look-up", source.read.get() / looked_up);
    }
}
