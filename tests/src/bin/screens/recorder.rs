//! A film that is recorded while it is played.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mp4seek::request::Mode;
use serde_json::Value;
use test_boxes::boxes;
use tests::films::Film;
use tests::probe::Source;
use tests::servers::Site;

use crate::Options;
use crate::browsers::painted;
use crate::clips::{Clip, Kind, cut};
use crate::forms::{FORMS, Form};
use crate::switching::{Switch, extent};
use crate::wanted::Wanted;

/// Fragments of [`SECONDS`] that are there before the film is played: more than two segments.
const BEFORE: usize = 8;
/// How long a fragment lasts.
const SECONDS: u64 = 2;

/// The film while it is being recorded, which HLS can tell.
pub(crate) fn clips(film: &Film, source: &Source, options: &Options, sites: &[Site]) -> Vec<Clip> {
    let forms = FORMS.iter().filter(|form| form.library.is_some() && form.is_hls() && options.wants(form));
    let forms = forms.filter(|_| !options.sample && options.scenes.is_empty());
    let clip = |(n, form): (usize, &'static Form)| {
        let site = &sites[n % sites.len()];
        Clip {
            film: film.name.clone(),
            kind: Kind::Recorded(form),
            site: site.url(""),
            target: form.target("", ""),
            wanted: Wanted::of(source, film, &cut(None, None, Mode::Exact)),
            recorder: Some(Recorder { film: film.path.clone(), docroot: site.docroot().to_owned() }),
        }
    };
    forms.enumerate().map(clip).collect()
}

/// What records a film.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// The film in fragments.
    film: PathBuf,
    docroot: PathBuf,
}

/// A film that is being recorded, until this is dropped.
pub(crate) struct Recording {
    pub(crate) name: String,
    path: PathBuf,
    is_over: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Begins to record: a fragment when it has passed, the last ones with the film's end.
    pub(crate) fn start(&self) -> Recording {
        static RECORDINGS: AtomicU32 = AtomicU32::new(0);
        let name = format!("live{}.mp4", RECORDINGS.fetch_add(1, Ordering::Relaxed));
        let path = self.docroot.join(&name);
        let bytes = fs::read(&self.film).expect("a film");
        let mut parts = fragments(&bytes);
        let rest = parts.split_off(BEFORE + 1);
        let mut file = File::create(&path).expect("a document root");
        file.write_all(&parts.concat()).expect("room");
        let is_over = Arc::new(AtomicBool::new(false));
        let (begun, stop) = (Instant::now(), Arc::clone(&is_over));
        let writer = std::thread::spawn(move || {
            for (part, n) in rest.iter().zip(1..) {
                while begun.elapsed() < Duration::from_secs(SECONDS * n) {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                file.write_all(part).expect("room");
            }
        });
        Recording { name, path, is_over, writer: Some(writer) }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(Err(failed)) = self.writer.take().map(JoinHandle::join) {
            std::panic::resume_unwind(failed);
        }
        fs::remove_file(&self.path).expect("a file of our own");
    }
}

/// What is before the first fragment, each fragment, and what follows the last one with it.
fn fragments(film: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    for found in boxes(film) {
        if &found.box_type == b"moof" {
            parts.push(Vec::new());
        }
        parts.last_mut().expect("a part").extend_from_slice(&film[found.whole]);
    }
    parts
}

/// What is seen of the film as it grows.
pub(crate) fn judge(played: &Value, wanted: &Wanted) -> Switch {
    let error = played["error"].as_str().map(str::to_owned);
    Switch {
        name: "as it grows",
        is_from_start: true,
        ahead: extent(&painted(played), wanted),
        wrong: error.into_iter().collect(),
        ..Switch::default()
    }
}
