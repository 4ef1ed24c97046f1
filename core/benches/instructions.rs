//! What a request costs in instructions, which do not depend on what else the machine does. Made to
//! be run by `instructions.sh` under callgrind, which counts those of the functions that are named
//! `counted_…` here.

#![expect(clippy::unwrap_used, reason = "what fails here is the measurement")]

mod films;
mod fragmented;

use std::hint::black_box;
use std::path::Path;

use films::{Film, film};
use mp4seek::packaging::Address;
use mp4seek::virtual_file::VirtualFile;
use mp4seek::{Answer, Seeker, Settings};

/// What servers ask for at once.
const WINDOW: usize = 64 * 1024;

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let film = film(&folder.join("instructions-2-hours.mp4"), 7200, true);
    let seeker = Seeker::default();
    counted_first_request(&seeker, &film);
    // The answer to this one is not there yet, but all that can be known of the film is.
    drop(ask(&seeker, &film, "start=3000"));
    let clip = counted_plan(&seeker, &film);
    counted_generate(&film, &clip);
    black_box(counted_plan_of_ten_seconds(&seeker, &film));
    black_box(counted_media_playlist(&seeker, &film));
    // The answer to this one is not there yet, but all that can be known of the segments is.
    let mut window = vec![0; WINDOW];
    send(&film, &ask_address(&seeker, &film, b"/cmaf/v1/300.m4s"), &mut window);
    counted_segment(&seeker, &film, &mut window);

    let film = fragmented::film(&folder.join("instructions-2-hours-fragmented.mp4"), 3600);
    drop(ask(&seeker, &film, "start=3000"));
    black_box(counted_plan_of_fragments(&seeker, &film));
}

#[inline(never)]
fn counted_first_request(seeker: &Seeker, film: &Film) {
    black_box(ask(seeker, film, "start=3601&end=3611"));
}

#[inline(never)]
fn counted_plan(seeker: &Seeker, film: &Film) -> VirtualFile {
    ask(seeker, film, "start=3600")
}

#[inline(never)]
fn counted_plan_of_ten_seconds(seeker: &Seeker, film: &Film) -> VirtualFile {
    ask(seeker, film, "start=7150&end=7160")
}

/// Ten seconds of a film in fragments of two seconds.
#[inline(never)]
fn counted_plan_of_fragments(seeker: &Seeker, film: &Film) -> VirtualFile {
    ask(seeker, film, "start=7151&end=7161")
}

/// The media playlist of a track that no playlist or segment was asked of.
#[inline(never)]
fn counted_media_playlist(seeker: &Seeker, film: &Film) -> VirtualFile {
    ask_address(seeker, film, b"/hls/v1.m3u8")
}

/// A segment of the video, with what of it is not sent from the file.
#[inline(never)]
fn counted_segment(seeker: &Seeker, film: &Film, window: &mut [u8]) {
    send(film, &ask_address(seeker, film, b"/cmaf/v1/700.m4s"), window);
}

/// Reads what of an answer is not sent from the file, as servers do.
fn send(film: &Film, answer: &VirtualFile, window: &mut [u8]) {
    let mut range = 0..answer.len();
    while !range.is_empty() {
        let batch = answer.next(&film.file, &range, WINDOW);
        let out = &mut window[..batch.generated];
        answer.read_at(&film.file, range.start, out).unwrap();
        black_box(out);
        range.start += batch.len();
    }
}

#[inline(never)]
fn counted_generate(film: &Film, clip: &VirtualFile) {
    let len = clip.generated_len();
    let mut window = vec![0; WINDOW];
    for start in (0..len).step_by(WINDOW) {
        let out = &mut window[..usize::try_from(len - start).unwrap().min(WINDOW)];
        clip.read_at(&film.file, start, out).unwrap();
        black_box(out);
    }
}

fn ask_address(seeker: &Seeker, film: &Film, path: &[u8]) -> VirtualFile {
    let address = Address::parse(path).unwrap();
    let settings = Settings::default();
    match seeker.answer_address(&film.file, &film.identity, address, b"", &settings).unwrap() {
        Answer::Film(file) => *file,
        Answer::Plain(reason) => unreachable!("{reason:?}"),
    }
}

fn ask(seeker: &Seeker, film: &Film, query: &str) -> VirtualFile {
    match seeker.answer(&film.file, &film.identity, query.as_bytes(), &Settings::default()).unwrap() {
        Answer::Film(clip) => *clip,
        Answer::Plain(reason) => unreachable!("{reason:?}"),
    }
}
