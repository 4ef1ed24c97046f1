//! What `mp4seek inspect` says of tracks, beside what FFmpeg does.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tests::films::film;

use crate::mp4seek;

fn inspected(film: &Path) -> Vec<Value> {
    let done = mp4seek(&["inspect", "--json"], film);
    let json: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    json["tracks"].as_array().expect("tracks").clone()
}

/// The streams of a film, as ffprobe lists them.
fn probed(film: &Path) -> Vec<Value> {
    let words = ["-v", "error", "-show_streams", "-of", "json", "-i"];
    let done = Command::new("ffprobe").args(words).arg(film).output();
    let done = done.expect("ffprobe: install the distribution's package");
    let json: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    json["streams"].as_array().expect("streams").clone()
}

/// The codings of a film's streams, as FFmpeg writes them into a manifest of DASH.
fn codecs_in_dash(film: &Path) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let manifest = dir.path().join("manifest.mpd");
    let copy = ["-map", "0", "-c", "copy", "-f", "dash"];
    let mut ffmpeg = Command::new("ffmpeg");
    let done = ffmpeg.args(["-v", "error", "-nostdin", "-i"]).arg(film).args(copy).arg(&manifest).output();
    let done = done.expect("ffmpeg: install the distribution's package");
    assert!(done.status.success(), "{done:?}");
    let manifest = std::fs::read_to_string(manifest).expect("a manifest");
    let codecs = manifest.split("codecs=\"").skip(1).filter_map(|rest| rest.split('"').next());
    codecs.map(str::to_owned).collect()
}

/// A fraction as ffprobe writes it.
fn fraction(text: &Value) -> f64 {
    let (n, d) = text.as_str().and_then(|text| text.split_once('/')).expect("a fraction");
    n.parse::<f64>().expect("a number") / d.parse::<f64>().expect("a number")
}

#[test]
fn inspect_describes_tracks_as_ffprobe_does() {
    for kind in ["bframes", "ntsc", "hevc", "several_audio", "audio_opus", "frag_cmaf"] {
        let film = film(kind);
        let (tracks, streams) = (inspected(&film.path), probed(&film.path));
        assert_eq!(tracks.len(), streams.len(), "{kind}");
        for (track, stream) in tracks.iter().zip(&streams) {
            let (video, audio) = (&track["video"], &track["audio"]);
            if stream["codec_type"] == "video" {
                assert_eq!(video["coded"][0], stream["width"], "{kind}: {track}");
                assert_eq!(video["presented"][1], stream["height"], "{kind}: {track}");
                let rate = video["frames_per_second"].as_f64().expect("a rate");
                assert!((rate - fraction(&stream["r_frame_rate"])).abs() < 1e-3, "{kind}: {track}");
            } else {
                assert_eq!(audio["channels"], stream["channels"], "{kind}: {track}");
                let rate = audio["sampling_rate"].to_string();
                assert_eq!(Some(rate.as_str()), stream["sample_rate"].as_str(), "{kind}: {track}");
            }
        }
    }
}

#[test]
fn codings_are_called_as_in_a_manifest_of_ffmpeg() {
    for kind in ["bframes", "baseline", "hevc", "av1", "several_audio", "audio_opus"] {
        let film = film(kind);
        let tracks = inspected(&film.path);
        let ours: Vec<_> = tracks.iter().filter_map(|track| track["codec"].as_str()).collect();
        let theirs = codecs_in_dash(&film.path);
        assert_eq!(ours.len(), theirs.len(), "{kind}: {ours:?} {theirs:?}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            // Of HEVC, some versions write the four-character code alone.
            let is_short = theirs.len() == 4 && ours.starts_with("hvc1.1.6.L");
            let is_same = ours.eq_ignore_ascii_case(theirs) || is_short && ours.starts_with(theirs.as_str());
            assert!(is_same, "{kind}: {ours} {theirs}");
        }
    }
}

#[test]
fn inspect_says_in_a_line_what_a_track_is() {
    let film = film("ntsc");
    let done = mp4seek(&["inspect"], &film.path);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("  ") && line.contains(", ")).collect();
    let says = |words: &[&str]| lines.iter().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(says(&["avc1.", "29.97 frames/s", "SDR"]), "{text}");
    assert!(says(&["mp4a.40.2", "2 channels, 44100 Hz"]), "{text}");
}
