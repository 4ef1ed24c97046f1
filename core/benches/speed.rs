//! How long the parts of a request take: `cargo bench -p mp4seek --bench speed`. What they may cost
//! is in `bars`.

#![expect(clippy::unwrap_used, reason = "what fails here is the measurement")]

mod films;

use std::path::Path;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::BytesCount;
use films::{Film, film};
use mp4seek::index::Index;
use mp4seek::numbers::SampleNumber;
use mp4seek::source::ReadAt;
use mp4seek::time::MediaTime;
use mp4seek::virtual_file::VirtualFile;
use mp4seek::{Answer, Seeker, Settings};

/// What servers ask for at once.
const WINDOW: usize = 64 * 1024;

static FILM: LazyLock<Film> =
    LazyLock::new(|| film(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("speed-2-hours.mp4"), 7200, true));
static INDEX: LazyLock<Index> = LazyLock::new(|| build(&FILM));
static CLIP: LazyLock<VirtualFile> = LazyLock::new(|| answer(&Seeker::default(), "start=3600"));

fn main() {
    divan::main();
}

fn build(film: &Film) -> Index {
    Index::build(&film.file, film.identity.size).unwrap()
}

fn answer(seeker: &Seeker, query: &str) -> VirtualFile {
    match seeker.answer(&FILM.file, &FILM.identity, query.as_bytes(), &Settings::default()).unwrap() {
        Answer::Film(clip) => *clip,
        Answer::Plain(reason) => unreachable!("{reason:?}"),
    }
}

#[divan::bench]
fn index(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(INDEX.outer_moov.size)).bench(|| build(&FILM));
}

#[divan::bench]
fn pread_of_the_moov(bencher: Bencher<'_, '_>) {
    let mut moov = vec![0; usize::try_from(INDEX.outer_moov.size).unwrap()];
    let offset = INDEX.outer_moov.offset;
    bencher
        .counter(BytesCount::new(moov.len()))
        .bench_local(|| FILM.file.read_exact_at(&mut moov, offset).unwrap());
}

#[divan::bench(args = ["start=3600", "start=3600&end=3610", "start=3600&mode=keyframe"])]
fn plan(bencher: Bencher<'_, '_>, query: &str) {
    // Every clip is another, so that none is there already.
    let seeker = Seeker::default();
    let mut n = 0u32;
    bencher.bench_local(|| {
        n += 1;
        answer(&seeker, &format!("{}.{n:07}{}", &query[..10], &query[10..]))
    });
}

#[divan::bench]
fn plan_that_is_kept(bencher: Bencher<'_, '_>) {
    let seeker = Seeker::default();
    bencher.bench_local(|| answer(&seeker, "start=3600"));
}

#[divan::bench]
fn metadata(bencher: Bencher<'_, '_>) {
    let len = CLIP.generated_len();
    let mut window = vec![0; WINDOW];
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        for start in (0..len).step_by(WINDOW) {
            let out = &mut window[..usize::try_from(len - start).unwrap().min(WINDOW)];
            CLIP.read_at(&FILM.file, start, out).unwrap();
        }
    });
}

#[divan::bench]
fn memcpy_of_the_metadata(bencher: Bencher<'_, '_>) {
    let mut metadata = vec![0; usize::try_from(CLIP.generated_len()).unwrap()];
    CLIP.read_at(&FILM.file, 0, &mut metadata).unwrap();
    let mut window = vec![0; WINDOW];
    bencher.counter(BytesCount::new(metadata.len())).bench_local(|| {
        for bytes in metadata.chunks(WINDOW) {
            window[..bytes.len()].copy_from_slice(bytes);
            divan::black_box(&mut window);
        }
    });
}

#[divan::bench]
fn frame_on_screen(bencher: Bencher<'_, '_>) {
    let samples = &INDEX.tracks[0].samples;
    let film = INDEX.film(&FILM.file);
    let mut time = 0;
    bencher.bench_local(|| {
        time = (time + 7_654_321) % samples.end.0;
        samples.on_screen(&film, MediaTime(time)).unwrap()
    });
}

#[divan::bench]
fn chunk_of_a_sample(bencher: Bencher<'_, '_>) {
    let samples = &INDEX.tracks[1].samples;
    let film = INDEX.film(&FILM.file);
    let mut sample = 0;
    bencher.bench_local(|| {
        sample = (sample + 76_543) % samples.count;
        samples.chunk_of(&film, SampleNumber(sample)).unwrap()
    });
}
