//! A film in several qualities, between which a library goes while it plays.

use std::process::Command;

use mp4seek::request::Mode;
use serde_json::Value;
use tests::built;
use tests::films::{Film, ladder};
use tests::probe::Source;
use tests::servers::Site;

use crate::Options;
use crate::browsers::painted;
use crate::clips::{Clip, Kind, cut};
use crate::forms::{FORMS, Form};
use crate::switching::{SETTLED, Switch, extent, heard};
use crate::wanted::Wanted;
use test_sound::median;

/// The playlist and the manifest.
const HLS: &str = "/ladder.m3u8";
const DASH: &str = "/ladder.mpd";

/// How long a step plays: longer than it takes to the next segment but one.
pub(crate) const SECONDS: f64 = 10.0;
/// What a library is asked for amid the film.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Where it begins, as a part of the whole.
    pub(crate) place: f64,
    /// How wide the picture becomes.
    pub(crate) width: u32,
}

const fn step(name: &'static str, place: f64, width: u32) -> Step {
    Step { name, place, width }
}

/// Up and down, over one rung and over two.
pub(crate) const STEPS: &[Step] = &[
    step("to the best", 0.02, 320),
    step("to the worst", 0.31, 80),
    step("to the one between", 0.12, 160),
    step("back to the worst", 0.57, 80),
    step("back to the best", 0.43, 320),
];

/// The film in all qualities, where libraries go from one to another.
pub(crate) fn clips(film: &Film, source: &Source, options: &Options, sites: &[Site]) -> Vec<Clip> {
    if options.sample || !options.scenes.is_empty() {
        return Vec::new();
    }
    for site in sites {
        publish(film, site);
    }
    let forms = FORMS.iter().filter(|form| form.library.is_some() && options.wants(form));
    // The manifest has one form of segments.
    let forms = forms.filter(|form| form.is_hls() || form.is_dash());
    let clip = |(n, form): (usize, &'static Form)| Clip {
        film: film.name.clone(),
        kind: Kind::Ladder(form),
        site: sites[n % sites.len()].url(""),
        target: if form.is_hls() { HLS } else { DASH }.into(),
        wanted: Wanted::of(source, film, &cut(None, None, Mode::Exact)),
        recorder: None,
    };
    forms.enumerate().map(clip).collect()
}

/// Publishes the film and its other qualities, and writes what leads to all of them.
fn publish(film: &Film, site: &Site) {
    let films = ladder();
    assert!(films.iter().any(|one| one.path == film.path), "{} is no rung of the ladder", film.name);
    let names: Vec<_> = (0..films.len()).map(|n| format!("rung{n}.mp4")).collect();
    for (film, name) in films.iter().zip(&names) {
        site.publish_as(film, name);
    }
    let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
    command.current_dir(site.docroot()).arg("ladder").args(&names);
    let [hls, dash] = [HLS, DASH].map(|target| target.trim_start_matches('/'));
    let done = command.args(["--force", "--hls", hls, "--dash", dash]).output().expect("mp4seek");
    assert!(done.status.success(), "{done:?}");
}

/// What is seen and heard of a step.
pub(crate) fn judge(step: &Step, played: &Value, wanted: &Wanted) -> Switch {
    let mut found = Switch { name: step.name, ..Switch::default() };
    let frames = painted(played);
    let (Some(changed), Some(last)) = (played["changed"].as_f64(), frames.last()) else {
        found.wrong.push("does not play long enough to change".into());
        return found;
    };
    if last.width != step.width {
        found.wrong.push(format!("is {} wide at the end instead of {}", last.width, step.width));
    }
    found.took = frames.iter().find(|f| f.at > changed && f.width == step.width).map(|f| f.at - changed);
    found.ahead = extent(&frames, wanted);
    let heard = heard(played, wanted, 0).unwrap_or_default();
    found.offset = median(heard.iter().filter(|(at, _)| *at > last.at - SETTLED).map(|(_, by)| *by));
    if found.offset.is_none() {
        found.wrong.push("is not heard at the end".into());
    }
    found
}
