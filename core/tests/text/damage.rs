//! Samples that make no sense: a cue less, and no more than that.

use std::cell::Cell;
use std::io;

use mp4seek::index::{Film as IndexedFilm, Index};
use mp4seek::limits;
use mp4seek::request::Time;
use mp4seek::seek::Clip;
use mp4seek::source::ReadAt;
use mp4seek::text::write_vtt;
use mp4seek::time::MovieTime;
use test_boxes::{Film, Sample, TrackSpec, make_box};

use super::{chapters, document, sample, subtitles, tx3g, vtt};

#[test]
fn what_is_not_in_the_file_leaves_no_cue() {
    let track = subtitles(&[(1000, "one"), (1000, "two"), (1000, "three")]);
    let mut file = Film { moov_first: true, ..Film::of(vec![track]) }.build();
    file.truncate(file.len() - 3);
    let expected =
        document(&[("00:00:00.000 --> 00:00:01.000", "one"), ("00:00:01.000 --> 00:00:02.000", "two")]);
    assert_eq!(vtt(&file, 0, ""), expected);
}

#[test]
fn a_sample_longer_than_text_can_be_leaves_no_cue() {
    let long = [sample("one"), vec![0; usize::try_from(limits::TEXT_SAMPLE).unwrap()]].concat();
    let samples = [(1000, long), (1000, sample("two"))];
    let film = Film::of(vec![TrackSpec::text(b"tx3g", tx3g([0; 4]), &samples)]).build();
    assert_eq!(vtt(&film, 0, ""), document(&[("00:00:01.000 --> 00:00:02.000", "two")]));
}

/// Numbers without a pattern, the same in every run.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = |_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    };
    (0..count).map(next).collect()
}

#[test]
fn any_bytes_can_be_a_sample() {
    let noise = noise(4096);
    let samples = noise.chunks(64).map(|bytes| {
        // Some begin with a length that fits, or with boxes.
        let styles = make_box(b"styl", bytes);
        let cue = make_box(b"vttc", [make_box(b"payl", bytes), make_box(b"sttg", bytes)].concat());
        let text = sample("text <00:01.000>");
        [bytes.to_vec(), [text, styles].concat(), cue]
    });
    let samples: Vec<_> = samples.flatten().map(|bytes| (100, bytes)).collect();
    for coding in [b"tx3g", b"text", b"wvtt"] {
        for len in [0, 8, 20, 40, 64] {
            let entry = make_box(coding, &noise[..len.max(8)]);
            let film = Film::of(vec![TrackSpec::text(coding, entry, &samples)]).build();
            let text = vtt(&film, 0, "");
            let parts: Vec<_> = text.split("\n\n").collect();
            assert!(parts[0].starts_with("WEBVTT") && parts.len() > 64, "{}", coding.escape_ascii());
            for part in &parts[1..] {
                let arrows = part.matches("-->").count();
                assert!(arrows == 1 || part.starts_with("STYLE"), "{part}");
            }
            chapters(&film, "");
        }
    }
}

/// A file that counts the bytes that are read of it.
struct Counted {
    file: Vec<u8>,
    read: Cell<usize>,
}

impl ReadAt for Counted {
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.file.read_at(out, offset)?;
        self.read.set(self.read.get() + read);
        Ok(read)
    }
}

#[test]
fn a_chunk_of_all_samples_is_read_once() {
    let samples = vec![(1000, sample("text")); 20_000];
    let track = TrackSpec::text(b"tx3g", tx3g([0; 4]), &samples);
    for chunking in [1, 20_000] {
        let track = TrackSpec { chunking: vec![chunking], ..track.clone() };
        let file = Counted { file: Film::of(vec![track]).build(), read: Cell::new(0) };
        let len = file.file.len();
        let index = Index::build(&file, len as u64).unwrap();
        let source = &index.film(&file);
        let (start, duration) = (MovieTime(0), MovieTime(20_000_000));
        let clip = Clip {
            timescale: 1000,
            scenes: vec![start..start + duration],
            is_joined: false,
            seen_from: Time::default(),
            tracks: Vec::new(),
        };
        file.read.set(0);
        let text = write_vtt(&IndexedFilm { index: &index, source }, &clip, 0).unwrap();
        assert_eq!(text.matches("-->").count(), 20_000);
        assert!(file.read.get() < 12 * len, "{} bytes read of {len}", file.read.get());
    }
}

#[test]
fn work_and_output_have_an_end() {
    // Many edits of many samples, all of which are one and the same text.
    let bytes = sample(&"x".repeat(1000));
    let size = u32::try_from(bytes.len()).unwrap();
    let samples = vec![Sample { delta: 1, offset: 0, sync: true, size }; 3000];
    let contents = vec![bytes; samples.len()];
    let entry = Some(tx3g([0; 4]));
    let edits = vec![(3000, 0, 0x1_0000); 2000];
    let track = TrackSpec { contents, entry, edits, ..TrackSpec::new(b"text", b"tx3g", 1000, samples) };
    let text = vtt(&Film::of(vec![track]).build(), 0, "");
    assert!(text.len() <= limits::VTT && text.len() > limits::VTT / 2, "{}", text.len());
    // A text comes after more samples without any than are looked at.
    let empty = usize::try_from(limits::TEXT_SAMPLES).unwrap() / 80;
    let samples: Vec<_> = vec![(1, sample("")); empty].into_iter().chain([(1000, sample("late"))]).collect();
    let text = |count: usize| {
        let duration = u32::try_from(empty).unwrap();
        let mut edits = vec![(duration, 0, 0x1_0000); count];
        edits.push((1000, i32::try_from(empty).unwrap(), 0x1_0000));
        let track = TrackSpec { edits, ..TrackSpec::text(b"tx3g", tx3g([0; 4]), &samples) };
        vtt(&Film::of(vec![track]).build(), 0, "")
    };
    assert!(text(70).contains("late"));
    assert_eq!(text(90), document(&[]));
}
