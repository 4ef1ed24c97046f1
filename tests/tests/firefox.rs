//! Firefox plays clips of films that have less audio than video, and each form on the demo page. `make screens` runs it:
//! Firefox's driver is in no distribution.

use tests::browser::Browser;
use tests::on_both;
use tests::poster;
use tests::servers::Site;
use tests::short_tracks;

on_both!(a_clip_past_the_end_of_a_track_plays, posters_are_shown);

fn posters_are_shown(site: &Site) {
    poster::assert_shown(Browser::Firefox, site);
}

fn a_clip_past_the_end_of_a_track_plays(site: &Site) {
    short_tracks::assert_clips_play(Browser::Firefox, site);
}

/// What needs configuration of its own.
mod pages {
    use tests::browser::Browser;
    use tests::demo_page;
    use tests::demo_tool::{assert_good_looks, assert_scenes_are_chosen};
    use tests::on_both_engines;
    use tests::recipes;
    use tests::servers::Engine;

    on_both_engines!(demo_page_plays_each_form, recipes_play);

    fn recipes_play(engine: Engine) {
        recipes::assert_play(Browser::Firefox, engine, &["hls.js", "dash.js", "Shaka Player", "Safari"]);
    }

    #[test]
    fn scenes_are_chosen_by_pointer_and_keys() {
        assert_scenes_are_chosen(Browser::Firefox);
    }

    #[test]
    fn demo_page_is_fit_for_every_screen() {
        assert_good_looks(Browser::Firefox);
    }

    fn demo_page_plays_each_form(engine: Engine) {
        demo_page::assert_forms_play(Browser::Firefox, engine);
    }
}
