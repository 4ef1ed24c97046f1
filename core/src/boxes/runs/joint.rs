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
    time: Option<Run>,
    offset: Option<Run>,
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
        Ok(Self {
            stts: stts.pieces_from(source, sample.0)?,
            ctts: ctts.map(|c| c.pieces_from(source, sample.0)).transpose()?,
            time: None,
            offset: None,
            base,
        })
    }

    /// The samples one by one, each as a run of its own.
    pub fn samples(self) -> impl Iterator<Item = Result<JointRun, FormatError>> {
        self.flat_map(|run| {
            let (run, error) = match run {
                Ok(run) => (Some(run), None),
                Err(e) => (None, Some(Err(e))),
            };
            run.into_iter().flat_map(|run| (0..run.count).map(move |n| Ok(run.sample_at(n)))).chain(error)
        })
    }

    fn next_run(&mut self) -> Result<Option<JointRun>, FormatError> {
        let time = match self.time.take() {
            Some(run) => run,
            None => match self.stts.next_piece()? {
                Some(run) => run,
                None => return Ok(None),
            },
        };
        let offset = match (&mut self.ctts, self.offset.take()) {
            (_, Some(run)) => Some(run),
            (Some(ctts), None) => ctts.next_piece()?,
            (None, None) => None,
        };
        let count = offset.map_or(time.count, |o| o.count.min(time.count));
        let run = JointRun {
            sample: SampleNumber(time.unit),
            count,
            dts: i64::try_from(time.sum)
                .ok()
                .and_then(|t| t.checked_add(self.base.0))
                .map(MediaTime)
                .ok_or(FormatError::DecodeTimeOverflow)?,
            delta: i64::try_from(time.value).map(MediaTime).map_err(|_| FormatError::DecodeTimeOverflow)?,
            offset: offset.map_or(MediaTime(0), |o| o.offset()),
        };
        if time.count > count {
            self.time = Some(Run {
                unit: time.unit + count,
                count: time.count - count,
                sum: time.sum + u64::from(count) * time.value,
                ..time
            });
        }
        self.offset = offset.filter(|o| o.count > count).map(|o| Run {
            unit: o.unit + count,
            count: o.count - count,
            ..o
        });
        Ok(Some(run))
    }
}

impl<R: ReadAt> Iterator for JointRuns<'_, R> {
    type Item = Result<JointRun, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_run().transpose()
    }
}
