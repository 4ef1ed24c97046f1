//! A film that is being recorded: what is listed of it stays, and more is added until it ends.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use tests::films::film;
use tests::on_all_engines;
use tests::servers::{Engine, Site};

use crate::site;

on_all_engines!(a_recording_grows_and_ends);

/// What a player has of a track of the recording.
#[derive(Default)]
struct Listed {
    playlist: String,
    segments: Vec<Vec<u8>>,
}

impl Listed {
    /// Asks again, as a player does, and makes sure that what it has still holds.
    fn ask(&self, site: &Site, track: &str) -> Self {
        let reply = site.get(&format!("/live.mp4/hls/{track}.m3u8"));
        assert_eq!((reply.status, reply.header("cache-control")), (200, "no-cache"), "{reply}");
        assert!(!reply.header("etag").is_empty(), "{reply}");
        let playlist = reply.text();
        assert!(playlist.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"), "{playlist}");
        assert!(playlist.starts_with(&self.playlist), "{}\nis no start of\n{playlist}", self.playlist);
        let segments: Vec<_> = playlist
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|link| {
                let reply = site.get(&format!("/live.mp4/hls/{link}"));
                assert_eq!(reply.status, 200, "{link}: {reply}");
                reply.body
            })
            .collect();
        assert!(segments.starts_with(&self.segments), "{track}: a segment that was listed is another");
        Self { playlist, segments }
    }
}

fn a_recording_grows_and_ends(engine: Engine) {
    let site = &site(
        engine,
        // Caches may keep other films for a day.
        "H264StreamingSegmentDuration 1\nH264StreamingMaxAge 86400",
        "h264-streaming.segment-duration = 1\nh264-streaming.max-age = 86400",
        "h264_streaming_segment_duration 1s;\nh264_streaming_max_age 86400;",
    );
    site.expect_log("the film has nothing at this address");
    site.put("live.mp4", "");
    let path = site.docroot().join("live.mp4");
    let recording = record(&path);
    let append = |from: usize, to: usize| {
        let mut file = OpenOptions::new().append(true).open(&path).expect("a file of our own");
        file.write_all(&recording[from..to]).expect("a disk with room");
    };
    fs::write(&path, b"").expect("a file of our own");
    let mut at = 0;
    let mut tracks = [("v1", Listed::default()), ("a1", Listed::default())];
    // It is written to in the middle of fragments, too.
    for part in [45, 60, 61, 88] {
        let to = recording.len() * part / 100;
        append(at, to);
        at = to;
        for (track, listed) in &mut tracks {
            *listed = listed.ask(site, track);
            assert!(!listed.playlist.contains("#EXT-X-ENDLIST"), "{part}: {}", listed.playlist);
            let next = format!("/live.mp4/cmaf/{track}/{}.m4s", listed.segments.len() + 1);
            assert_eq!(site.get(&next).status, 404, "{next}");
        }
    }
    let reply = site.get("/live.mp4/hls/v1.m3u8");
    let again = site.request("/live.mp4/hls/v1.m3u8").header("If-None-Match", reply.header("etag")).send();
    assert_eq!((again.status, again.header("cache-control")), (304, "no-cache"), "{again}");
    append(at, recording.len());
    let again = site.request("/live.mp4/hls/v1.m3u8").header("If-None-Match", reply.header("etag")).send();
    assert_eq!(again.status, 200, "{again}");
    for (track, before) in &tracks {
        let listed = before.ask(site, track);
        assert!(listed.playlist.ends_with("\n#EXT-X-ENDLIST\n"), "{}", listed.playlist);
        assert!(listed.segments.len() > before.segments.len());
        let whole = site.get(&format!("/live.mp4/cmaf/{track}.mp4")).body;
        assert!(whole.ends_with(&listed.segments.concat()), "{track}: not all of it is in segments");
    }
    assert_eq!(site.get("/live.mp4/dash/manifest.mpd").header("cache-control"), "no-cache");
    // A film that says in front how long it lasts is no recording.
    let flat = site.publish(&film("bframes"));
    let reply = site.get(&format!("{flat}/hls/v1.m3u8"));
    assert!(reply.text().contains(":VOD\n") && reply.header("cache-control") == "max-age=86400", "{reply}");
}

/// A film in fragments, as a camera writes it.
fn record(path: &Path) -> Vec<u8> {
    let recorded = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(film("bframes").path)
        .args(["-map", "0", "-c", "copy", "-movflags", "frag_keyframe+empty_moov+default_base_moof"])
        .arg(path)
        .status();
    assert!(recorded.expect("ffmpeg").success());
    fs::read(path).expect("a file of our own")
}
