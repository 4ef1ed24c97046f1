//! `stts` and `ctts` read side by side.

use crate::boxes::FormatError;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::kind::Run;
use super::pieces::Pieces;
use super::table::Runs;

/// Samples in a row with one duration and one composition offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JointRun {
    /// First sample.
    pub sample: SampleNumber,
    /// Number of samples.
    pub count: u32,
    /// Decode time of the first.
    pub dts: MediaTime,
    /// Duration of each.
    pub delta: MediaTime,
    /// Composition offset of each.
    pub offset: MediaTime,
}

impl JointRun {
    /// Composition time of the `n`th sample of the run.
    pub fn cts(&self, n: u32) -> MediaTime {
        self.dts + self.delta.times(n) + self.offset
    }

    /// The sample after the last one.
    pub fn end(&self) -> SampleNumber {
        self.sample + self.count
    }

    /// The `n`th sample of the run alone.
    fn sample_at(&self, n: u32) -> Self {
        Self { sample: self.sample + n, count: 1, dts: self.dts + self.delta.times(n), ..*self }
    }
}

/// `stts` and `ctts` read side by side.
pub struct JointRuns<'a, R: ReadAt> {
    stts: Pieces<'a, R>,
    ctts: Option<Pieces<'a, R>>,
    /// What is left of the piece of each that was begun last: maybe nothing.
    time: Run,
    offset: Run,
    base: MediaTime,
}

impl<'a, R: ReadAt> JointRuns<'a, R> {
    /// The samples from `sample` on; the track's first decodes at `base`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn from(
        source: &'a R,
        stts: &'a Runs,
        ctts: Option<&'a Runs>,
        sample: SampleNumber,
        base: MediaTime,
    ) -> Result<Self, FormatError> {
        Self::of(stts, ctts, base, |runs| runs.pieces_from(source, sample.0))
    }

    /// As [`Self::from`], for a caller that looks up each place only once.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn once_from(
        source: &'a R,
        stts: &'a Runs,
        ctts: Option<&'a Runs>,
        sample: SampleNumber,
        base: MediaTime,
    ) -> Result<Self, FormatError> {
        Self::of(stts, ctts, base, |runs| runs.pieces_once_from(source, sample.0))
    }

    fn of(
        stts: &'a Runs,
        ctts: Option<&'a Runs>,
        base: MediaTime,
        pieces: impl Fn(&'a Runs) -> Result<Pieces<'a, R>, FormatError>,
    ) -> Result<Self, FormatError> {
        let (stts, ctts) = (pieces(stts)?, ctts.map(pieces).transpose()?);
        Ok(Self { stts, ctts, time: Run::NONE, offset: Run::NONE, base })
    }

    /// The samples one by one, each as a run of its own.
    pub fn samples(self) -> JointSamples<'a, R> {
        JointSamples { runs: self, run: None, gone: 0 }
    }

    fn next_run(&mut self) -> Result<Option<JointRun>, FormatError> {
        if self.time.count == 0 {
            let Some(run) = self.stts.next_piece()? else { return Ok(None) };
            self.time = run;
        }
        if self.offset.count == 0 {
            if let Some(ctts) = &mut self.ctts {
                let next = ctts.next_piece();
                if next.is_err() {
                    self.time.count = 0;
                }
                self.offset = next?.unwrap_or(Run::NONE);
            }
        }
        let (time, offset) = (self.time, self.offset);
        // Where no offset is said there is none.
        let count = if offset.count == 0 { time.count } else { offset.count.min(time.count) };
        // They are gone, also if they turn out to be in error.
        self.offset.count = offset.count.saturating_sub(count);
        self.time.count = time.count - count;
        if self.time.count > 0 {
            self.time.unit = time.unit + count;
            self.time.sum = time.sum + u64::from(count) * time.value;
        }
        let run = JointRun {
            sample: SampleNumber(time.unit),
            count,
            dts: i64::try_from(time.sum)
                .ok()
                .and_then(|t| t.checked_add(self.base.0))
                .map(MediaTime)
                .ok_or(FormatError::DecodeTimeOverflow)?,
            delta: i64::try_from(time.value).map(MediaTime).map_err(|_| FormatError::DecodeTimeOverflow)?,
            offset: offset.offset(),
        };
        Ok(Some(run))
    }
}

impl<R: ReadAt> Iterator for JointRuns<'_, R> {
    type Item = Result<JointRun, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_run().transpose()
    }
}

/// The samples of [`JointRuns`] one by one.
pub struct JointSamples<'a, R: ReadAt> {
    runs: JointRuns<'a, R>,
    run: Option<JointRun>,
    /// Samples of the run that were given.
    gone: u32,
}

impl<R: ReadAt> Iterator for JointSamples<'_, R> {
    type Item = Result<JointRun, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(run) = self.run.filter(|run| self.gone < run.count) {
                let sample = run.sample_at(self.gone);
                self.gone += 1;
                return Some(Ok(sample));
            }
            match self.runs.next_run() {
                Ok(run) => (self.run, self.gone) = (Some(run?), 0),
                Err(e) => return Some(Err(e)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{Reader, RunKind, ctts_head, run_entry, stts_head};

    /// A file with both tables, and what is read of them.
    fn read(durations: &[(u32, u32)], offsets: &[(u32, u32)], units: u32) -> (Vec<u8>, Runs, Runs) {
        let mut file = Vec::new();
        for (head, entries) in [(stts_head(), durations), (ctts_head(1), offsets)] {
            head.write(&mut file, |out| {
                entries.iter().for_each(|&(n, value)| out.extend(run_entry(n, value)))
            });
        }
        let mut reader = Reader::new(&file, file.len() as u64);
        let [stts, ctts] = reader.children(0, file.len() as u64).unwrap()[..] else { panic!() };
        let stts = Runs::read(&mut reader, &stts, RunKind::Stts, units).unwrap();
        let ctts = Runs::read(&mut reader, &ctts, RunKind::Ctts, units).unwrap();
        (file, stts, ctts)
    }

    #[test]
    fn a_run_ends_where_either_table_has_another_value() {
        let (file, stts, ctts) = read(&[(4, 10), (2, 20)], &[(1, 5), (4, u32::MAX), (1, 7)], 6);
        let all = JointRuns::from(&file, &stts, Some(&ctts), SampleNumber(0), MediaTime(100)).unwrap();
        let all: Vec<_> = all.map(|run| run.unwrap()).collect();
        let fields = |run: &JointRun| (run.sample.0, run.count, run.dts.0, run.delta.0, run.offset.0);
        let expected = [(0, 1, 100, 10, 5), (1, 3, 110, 10, -1), (4, 1, 140, 20, -1), (5, 1, 160, 20, 7)];
        assert_eq!(all.iter().map(fields).collect::<Vec<_>>(), expected);
        assert_eq!((all[1].cts(2), all[1].end()), (MediaTime(129), SampleNumber(4)));
    }

    #[test]
    fn samples_come_one_by_one_from_any_on() {
        let (file, stts, ctts) = read(&[(4, 10), (2, 20)], &[(3, 5), (3, 7)], 6);
        for from in 0..=6 {
            let runs = JointRuns::from(&file, &stts, Some(&ctts), SampleNumber(from), MediaTime(0)).unwrap();
            let times: Vec<_> = runs.samples().map(|sample| sample.unwrap().cts(0).0).collect();
            assert_eq!(times, [5, 15, 25, 37, 47, 67][from as usize..]);
        }
        let runs = JointRuns::from(&file, &stts, None, SampleNumber(2), MediaTime(0)).unwrap();
        assert!(runs.samples().map(|sample| sample.unwrap().cts(0).0).eq([20, 30, 40, 60]));
    }

    #[test]
    fn a_time_of_more_than_63_bits_is_an_error() {
        let (file, stts, _) = read(&[(2, 10)], &[], 2);
        let runs = JointRuns::from(&file, &stts, None, SampleNumber(1), MediaTime(i64::MAX - 9)).unwrap();
        let all: Vec<_> = runs.samples().collect();
        assert!(matches!(all[..], [Err(FormatError::DecodeTimeOverflow)]));
        let runs = JointRuns::from(&file, &stts, None, SampleNumber(1), MediaTime(i64::MAX - 10)).unwrap();
        assert!(runs.samples().all(|sample| sample.is_ok()));
    }
}
