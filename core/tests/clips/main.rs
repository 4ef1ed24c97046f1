//! Clips of files with one thing special about them: what a plain reader finds in each clip.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

#[path = "../common/mod.rs"]
mod common;
mod damage;
mod encrypted;
mod ended;
mod far_apart;
mod fragments;
mod in_advance;
mod joints;
mod keys;
mod lead_in;
mod limits;
mod packets;
mod pictures;
mod presented;
mod read_budget;
mod recordings;
mod rounded;
mod segments;
mod slides;
mod tables;
mod tracks;
mod whole_file;
mod window;

use common::{ask, clip};
use test_boxes::{TrackSpec, expand};

/// Two seconds of video in groups of 5 frames, 100 ms each, from an edit that begins at the first.
fn video_with(more: Vec<Vec<u8>>) -> TrackSpec {
    TrackSpec { more, ..TrackSpec::video(20, 5) }
}

fn stbl_box(film: &[u8], box_type: &[u8; 4]) -> Option<Vec<u8>> {
    expand(film)[0].boxes.get(box_type).cloned()
}

fn status(film: &[u8], query: &str) -> (u16, String) {
    let e = ask(film, query).map(|_| "a clip").unwrap_err();
    (e.status(), e.to_string())
}

/// The places in the film of the samples that a clip holds of its first track.
fn held(film: &[u8], query: &str) -> std::ops::Range<usize> {
    let (all, cut) =
        (expand(film).swap_remove(0).samples, expand(&clip(film, query).unwrap()).swap_remove(0).samples);
    let first = all.iter().position(|s| s.bytes == cut[0].bytes).unwrap();
    assert!(all[first..first + cut.len()].iter().zip(&cut).all(|(a, b)| a.bytes == b.bytes));
    first..first + cut.len()
}
