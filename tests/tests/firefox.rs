//! Firefox plays clips of films that have less audio than video. `make screens` runs it:
//! Firefox's driver is in no distribution.

use tests::browser::Browser;
use tests::on_both;
use tests::servers::Site;
use tests::short_tracks;

on_both!(a_clip_past_the_end_of_a_track_plays);

fn a_clip_past_the_end_of_a_track_plays(site: &Site) {
    short_tracks::assert_clips_play(Browser::Firefox, site);
}
