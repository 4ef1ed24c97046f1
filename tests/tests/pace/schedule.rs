//! A film, and what of an answer about it may be sent by which time.

use std::fs::File;
use std::io::Write as _;
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
        Self::from_file(File::open(site.docroot().join(name)).expect("a film"), query, pace)
    }

    fn from_file(source: File, query: &'static str, pace: Pace) -> Self {
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

/// By hand: from 4 s to 6 s the frames have 900 KB/s, then 200 to 9 s, and then 900 again.
#[test]
fn what_may_be_sent_is_what_the_frames_take() {
    let mut source = tempfile::tempfile().expect("a temporary file");
    source.write_all(&film()).expect("room in the temporary directory");
    let pace = Pace { lead_in: 2, rate: 0 };
    let clip = Answered::from_file(source, "start=4&end=12", pace);
    let due = clip.schedule(&(0..clip.len()));
    for (seconds, bytes) in [(0, 1_800_000), (1, 2_000_000), (3, 2_400_000), (4, 3_300_000), (6, 5_100_000)] {
        let allowed = due.allowed(Duration::from_secs(seconds));
        // Metadata and sound come on top, and a frame or two of which nothing has to be shown yet.
        assert!((bytes..bytes + 200_000).contains(&allowed), "{allowed} after {seconds} s");
    }
}
