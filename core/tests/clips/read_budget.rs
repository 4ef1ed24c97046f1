//! What is read to plan an answer has a limit, and a film that takes more is refused as such.

use std::cell::Cell;
use std::io;

use crate::common::{FEW, identity};
use mp4seek::answer::DEFAULT_CACHE_SIZE;
use mp4seek::boxes::FormatError;
use mp4seek::limits::Limits;
use mp4seek::packaging::Address;
use mp4seek::server::Severity;
use mp4seek::source::{Identity, ReadAt};
use mp4seek::{Answer, Error, Seeker, Settings};
use test_boxes::{Film, TrackSpec};

/// A file that counts how often it is read, and how many bytes.
struct Counted(Vec<u8>, Cell<u32>, Cell<u64>);

impl ReadAt for Counted {
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        self.1.set(self.1.get() + 1);
        self.2.set(self.2.get() + out.len() as u64);
        self.0.read_at(out, offset)
    }
}

/// The manifest of many scenes is a matter of one request.
#[test]
fn the_scenes_of_a_manifest_share_what_may_be_read() {
    let film = Counted(Film::of(vec![TrackSpec::video(20_000, 5)]).build(), Cell::new(0), Cell::new(0));
    let identity = identity(&film.0);
    let scenes: Vec<_> = (1..=30).map(|start| format!("{start}-")).collect();
    let manifest = |seeker: &Seeker| {
        let address = Address::parse(b"/dash/manifest.mpd").unwrap();
        let query = format!("clip={}", scenes.join(","));
        seeker.answer_address(&film, &identity, address, query.as_bytes(), &Settings::default())
    };
    assert!(manifest(&Seeker::with_limits(DEFAULT_CACHE_SIZE, FEW)).is_ok());
    let seeker = Seeker::with_limits(DEFAULT_CACHE_SIZE, Limits { reads: 0, ..FEW });
    film.2.set(0);
    let error = manifest(&seeker).unwrap_err();
    assert!(error.to_string().contains("too tangled"), "{error}");
    let moov = film.0.windows(4).position(|w| w == b"moov").unwrap();
    let metadata = u64::from(u32::from_be_bytes(film.0[moov - 4..moov].try_into().unwrap()));
    let read = film.2.take();
    assert!(read < 8 * metadata, "{read} of {metadata}");
    // It says nothing of the film.
    let clip = seeker.answer(&film, &identity, b"start=1&end=2", &Settings::default());
    assert!(matches!(clip.unwrap(), Answer::Film(_)));
}

/// A film of many edits, so that a clip of all of them takes many reads.
fn film_of_edits() -> Vec<u8> {
    let mut video = TrackSpec::video(400, 5);
    video.edits = (0..300).map(|n| (20, 100 + n % 7 * 10, 0x1_0000)).collect();
    Film::of(vec![video]).build()
}

#[test]
fn a_film_that_takes_too_many_reads_is_refused_once() {
    let film = Counted(film_of_edits(), Cell::new(0), Cell::new(0));
    let identity = identity(&film.0);
    let ask = |seeker: &Seeker, identity: &Identity, query: &str| {
        seeker.answer(&film, identity, query.as_bytes(), &Settings::default())
    };
    let all = ask(&Seeker::with_limits(DEFAULT_CACHE_SIZE, FEW), &identity, "start=0.01").unwrap();
    assert!(matches!(all, Answer::Film(_)));
    let seeker = Seeker::with_limits(DEFAULT_CACHE_SIZE, Limits { reads: 0, ..FEW });
    // A short clip is within what its metadata allows.
    assert!(matches!(ask(&seeker, &identity, "start=0.01&end=0.02").unwrap(), Answer::Film(_)));
    film.1.set(0);
    let refused = |identity: &Identity| {
        let error = ask(&seeker, identity, "start=0.01").unwrap_err();
        assert!(matches!(&error, Error::Format(reason) if matches!(**reason, FormatError::ReadBudget(_))));
        assert_eq!(error.status(), 415);
        assert!(error.to_string().contains("too tangled to be cut in reasonable time"), "{error}");
        (film.1.take(), seeker.severity(&error, identity))
    };
    let (reads, severity) = refused(&identity);
    assert!(reads > 0 && severity == Severity::Warning, "{reads} {severity:?}");
    // It is known now: only what kind of file it is may be looked at.
    let (reads, severity) = refused(&identity);
    assert!(reads <= 1 && severity == Severity::Debug, "{reads} {severity:?}");
    // A film that changed is another one.
    let changed = Identity { mtime: identity.mtime + 1, ..identity };
    let (reads, severity) = refused(&changed);
    assert!(reads > 1 && severity == Severity::Warning, "{reads} {severity:?}");
    // Without times the server can still send it.
    let Answer::Plain(_) = ask(&seeker, &identity, "").unwrap() else {
        panic!("a cut that nobody asked for")
    };
    // Many scenes are the asker's doing: others get theirs, with an index that is still there.
    let seeker = Seeker::with_limits(DEFAULT_CACHE_SIZE, Limits { reads: 0, ..FEW });
    let scenes = ["0.01-"; 8].join(",");
    let error = ask(&seeker, &identity, &format!("clip={scenes}")).unwrap_err();
    assert!(error.to_string().contains("too tangled"), "{error}");
    film.1.set(0);
    assert!(matches!(ask(&seeker, &identity, "start=0.01&end=0.02").unwrap(), Answer::Film(_)));
    let reads = film.1.take();
    assert!(reads < 20, "{reads}");
}
