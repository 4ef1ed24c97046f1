//! A film, and what of an answer about it may be sent by which time.

use std::fs::File;
use std::ops::Range;
use std::time::Duration;

use mp4seek::pace::{Pace, Schedule};
use mp4seek::source::Identity;
use mp4seek::virtual_file::VirtualFile;
use mp4seek::{Answer, Seeker, Settings};
use test_boxes::{Film, Sample, TrackSpec};
use tests::servers::Site;

/// A film of 30 s with scenes of 200 and 900 KB/s, beside sound.
pub(crate) fn film() -> Vec<u8> {
    let mut video = TrackSpec::video(300, 10);
    for (n, sample) in video.samples.iter_mut().enumerate() {
        let is_busy = n / 30 % 2 == 1;
        *sample = Sample { size: if is_busy { 90_000 } else { 20_000 }, ..*sample };
    }
    Film { moov_first: true, ..Film::of(vec![video, TrackSpec::audio(234)]) }.build()
}

/// An answer of the site, as the core says it is to be.
pub(crate) struct Answered {
    source: File,
    file: Box<VirtualFile>,
    pace: Pace,
    pub(crate) query: &'static str,
}

impl Answered {
    /// What the site answers for this film and query.
    pub(crate) fn of(site: &Site, name: &str, query: &'static str, pace: Pace) -> Self {
        let source = File::open(site.docroot().join(name)).expect("a film");
        let identity = Identity::of(&source.metadata().expect("an open file"));
        // A film whose metadata precedes its media is held back, too.
        let settings = Settings { lays_out_whole: true, ..Settings::default() };
        let answer = Seeker::default().answer(&source, &identity, query.as_bytes(), &settings);
        let Ok(Answer::Film(file)) = answer else { panic!("no answer of the module") };
        Self { source, file, pace, query }
    }

    pub(crate) fn len(&self) -> u64 {
        self.file.len()
    }

    pub(crate) fn bytes(&self, range: &Range<u64>) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).expect("a size in memory")];
        self.file.read_at(&self.source, range.start, &mut bytes).expect("a film that can be read");
        bytes
    }

    /// How a range of it is sent.
    pub(crate) fn schedule(&self, range: &Range<u64>) -> Due<'_> {
        let schedule = Schedule::of(self.pace, &self.file, &self.source, range.clone());
        Due { answered: self, schedule: schedule.expect("a film that can be read"), from: range.start }
    }
}

/// What of a range may be sent when.
pub(crate) struct Due<'a> {
    answered: &'a Answered,
    schedule: Schedule,
    from: u64,
}

impl Due<'_> {
    /// How many of its bytes, when so much time has passed.
    pub(crate) fn allowed(&self, elapsed: Duration) -> u64 {
        let Answered { file, source, .. } = self.answered;
        let allowed = self.schedule.clone().allowed(file, source, elapsed);
        allowed.expect("a film that can be read") - self.from
    }
}
