//! Scenes of a film in one clip, as ffmpeg decodes it.

use tests::films::film;
use tests::on_all;
use tests::probe::{Decoded, Reading};
use tests::servers::Site;

on_all!(each_scene_shows_its_frames_at_its_times);

/// Films of 25 frames a second, and scenes of them in frames.
const JOINED: [(&str, &[(u32, u32)]); 5] = [
    ("bframes", &[(176, 213), (63, 80), (220, 243)]),
    ("bframes", &[(63, 80), (63, 80), (70, 90)]),
    ("pyramid", &[(60, 80), (20, 45)]),
    ("open_gop", &[(60, 85), (13, 30), (40, 50)]),
    // Where a decoder does not begin anew, the last of these comes in the order of the coding.
    ("hevc", &[(80, 95), (33, 43), (175, 200)]),
];

/// Scenes that begin with key frames, and need no frame but those that they show. No edit is between
/// them.
const BESIDE_KEYS: [(&str, &[(u32, u32)]); 2] =
    [("bframes", &[(150, 200), (50, 80), (200, 250)]), ("bframes", &[(50, 63), (50, 63)])];

fn each_scene_shows_its_frames_at_its_times(site: &Site) {
    let exact = JOINED.map(|(name, scenes)| (name, scenes, "exact"));
    let beside_keys = BESIDE_KEYS.map(|(name, scenes)| (name, scenes, "keyframe"));
    for (name, scenes, mode) in exact.into_iter().chain(beside_keys) {
        let path = site.publish(&film(name));
        let times = scenes.iter().map(|(from, to)| format!("clip={}-{}", seconds(*from), seconds(*to)));
        let query = format!("{}&mode={mode}", times.collect::<Vec<_>>().join("&"));
        let reply = site.get(&format!("{path}?{query}"));
        assert_eq!(reply.status, 200, "{query}\n{reply}");
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clip = dir.path().join("clip.mp4");
        std::fs::write(&clip, &reply.body).expect("a temporary directory");
        let decoded = Decoded::of(&clip, &Reading::of(&clip)).expect("a clip that ffmpeg decodes");
        let seen: Vec<_> = decoded.frames.iter().map(|frame| frame.stamp.map(|stamp| stamp.number)).collect();
        let due: Vec<_> = scenes.iter().flat_map(|(from, to)| (*from..*to).map(Some)).collect();
        assert_eq!(seen, due, "{name}: {query}");
        for (n, frame) in decoded.frames.iter().enumerate() {
            let due = n as f64 / 25.0;
            assert!((frame.time - due).abs() < 0.002, "{name}: frame {n} at {}: {query}", frame.time);
        }
        let audio = decoded.audio_tracks.first().expect("audio");
        let lasts = decoded.frames.len() as f64 / 25.0;
        let heard: usize = audio.runs.iter().map(|(_, samples)| samples.len() / audio.channels.max(1)).sum();
        // libavformat begins later scenes with a whole packet, and ends each with one.
        let most = 0.03 * scenes.len() as f64;
        assert!((heard as f64 / audio.rate - lasts).abs() < most, "{name}: {heard} samples in {lasts} s");
    }
}

/// When a frame begins.
fn seconds(frame: u32) -> String {
    format!("{:.2}", f64::from(frame) / 25.0)
}
