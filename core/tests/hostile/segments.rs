//! Playlists and manifests of segments without number.

use test_boxes::{MEDIA, Track, film_of_tracks as film, full_box, make_box, table};

use crate::judge::{Bounds, judge_within};
use crate::{is_film, is_refused};

/// So many tracks of audio, of so many samples of six seconds each, in the same bytes of the file.
fn many_long_tracks(tracks: usize, samples: u32) -> Vec<u8> {
    let track = Track {
        handler: *b"soun",
        stsd: make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &make_box(b"mp4a", [0; 28])].concat()),
        stts: table(b"stts", &[[samples, 6000]]),
        stsz: full_box(b"stsz", 0, [1, samples]),
        stsc: table(b"stsc", &[[1, samples, 1]]),
        stco: table(b"stco", &[[MEDIA]]),
        ..Track::video()
    };
    // As long as the samples are.
    [film(&vec![track; tracks]), make_box(b"free", [0; 1 << 16])].concat()
}

#[test]
fn segments_of_all_tracks_together_are_bounded() {
    let bounds = Bounds { calls: (6_000_000, 0), bytes: (256 << 20, 0), memory: (48 << 20, 0) };
    let long = many_long_tracks(256, 65_000);
    for query in ["/hls/master.m3u8", "/dash/manifest.mpd"] {
        is_refused(judge_within(&long, query, &bounds), "segments together");
        // As many as there may be.
        is_film(judge_within(&many_long_tracks(8, 65_000), query, &bounds));
    }
    // Each track by itself is one that can be played.
    is_film(judge_within(&long, "/hls/a256.m3u8", &Bounds { memory: (16 << 20, 0), ..bounds }));
}
