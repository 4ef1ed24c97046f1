//! What the core may cost, as ratios to what the machine takes to move the same bytes. Each pair is
//! measured in turns, so that both meet the same machine; the medians go to standard output and to
//! a file that a program can read.
//!
//! `ROUNDS` (31) in the environment changes how long it takes.

#![expect(clippy::unwrap_used, reason = "what fails here is the measurement")]

mod films;

use std::hint::black_box;
use std::path::Path;

use films::{Film, film};
use mp4seek::index::Index;
use mp4seek::source::ReadAt;
use mp4seek::virtual_file::VirtualFile;
use mp4seek::{Answer, Seeker, Settings};

/// What servers ask for at once.
const WINDOW: usize = 64 * 1024;

fn main() {
    let rounds = std::env::var("ROUNDS").map_or(31, |n| n.parse().unwrap());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let two_hours = film(&folder.join("bars-2-hours.mp4"), 7200, true);
    let two_hours_last = film(&folder.join("bars-2-hours-moov-last.mp4"), 7200, false);
    let ten_hours = film(&folder.join("bars-10-hours.mp4"), 36_000, true);
    let films = [
        ("two hours", &two_hours, 3600),
        ("two hours, moov last", &two_hours_last, 3600),
        ("ten hours", &ten_hours, 18_000),
    ];
    let mut report = Report::default();
    for (name, film, middle) in films {
        let clip = answer(&Seeker::default(), film, &format!("start={middle}"));
        let metadata = generate(film, &clip);
        let mut window = vec![0; WINDOW];
        let (ours, bound) =
            medians(rounds, || generate_in_windows(film, &clip, &mut window), || copy_in_windows(&metadata));
        report.row(&format!("{name}: metadata of a seek to the middle ÷ memcpy"), ours, bound, 4.0);
        // Read into memory that has been touched: what it costs to get some is not the disk cache.
        let index = Index::build(&film.file, film.identity.size).unwrap();
        let mut moov = vec![0; usize::try_from(index.outer_moov.size).unwrap()];
        for (what, query) in [
            ("to the middle", format!("start={middle}")),
            ("of ten seconds", format!("start={middle}&end={}", middle + 10)),
        ] {
            let (ours, bound) = medians(
                rounds,
                || drop(answer(&Seeker::default(), film, &query)),
                || read_moov(film, index.outer_moov.offset, &mut moov),
            );
            report.row(
                &format!("{name}: first request, a seek {what} ÷ pread of the moov"),
                ours,
                bound,
                1.5,
            );
        }
        report.row(
            &format!("{name}: bytes of the index ÷ of the moov"),
            index.heap_size() as f64,
            index.outer_moov.size as f64,
            0.01,
        );
    }
    report.write();
}

fn answer(seeker: &Seeker, film: &Film, query: &str) -> VirtualFile {
    match seeker.answer(&film.file, &film.identity, query.as_bytes(), &Settings::default()).unwrap() {
        Answer::Film(clip) => *clip,
        Answer::Plain(reason) => unreachable!("{reason:?}"),
    }
}

fn generate(film: &Film, clip: &VirtualFile) -> Vec<u8> {
    let mut out = vec![0; usize::try_from(clip.generated_len()).unwrap()];
    clip.read_at(&film.file, 0, &mut out).unwrap();
    out
}

fn generate_in_windows(film: &Film, clip: &VirtualFile, window: &mut [u8]) {
    let len = clip.generated_len();
    for start in (0..len).step_by(WINDOW) {
        let out = &mut window[..usize::try_from(len - start).unwrap().min(WINDOW)];
        clip.read_at(&film.file, start, out).unwrap();
        black_box(out);
    }
}

fn copy_in_windows(metadata: &[u8]) {
    let mut window = [0; WINDOW];
    for bytes in metadata.chunks(WINDOW) {
        window[..bytes.len()].copy_from_slice(bytes);
        black_box(&mut window);
    }
}

fn read_moov(film: &Film, offset: u64, moov: &mut [u8]) {
    film.file.read_exact_at(moov, offset).unwrap();
    black_box(moov);
}

/// Seconds that two things take, each the median of as many runs, in turns.
fn medians(rounds: usize, mut one: impl FnMut(), mut other: impl FnMut()) -> (f64, f64) {
    // Of the processor: what others do meanwhile is not of interest, and reads of what is cached
    // never wait.
    let now = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let time = |what: &mut dyn FnMut()| {
        let start = now();
        what();
        now() - start
    };
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        times[0].push(time(&mut one));
        times[1].push(time(&mut other));
    }
    let [one, other] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    (one, other)
}

#[derive(Default)]
struct Report {
    rows: Vec<serde_json::Value>,
}

impl Report {
    fn row(&mut self, what: &str, ours: f64, other: f64, bar: f64) {
        let ratio = ours / other;
        let verdict = if ratio <= bar { "pass" } else { "fail" };
        println!("{what:76} {ratio:>8.4}  ≤ {bar:<4}  {verdict}");
        self.rows.push(
            serde_json::json!({ "what": what, "ours": ours, "other": other, "ratio": ratio, "bar": bar }),
        );
    }

    fn write(self) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bars.json");
        std::fs::write(&path, serde_json::to_string_pretty(&self.rows).unwrap()).unwrap();
        println!("every value: {}", path.display());
    }
}
