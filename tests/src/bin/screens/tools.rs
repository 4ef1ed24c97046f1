//! Clips in players that give out frames and audio into a file, faster than one watches.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tests::probe::{Decoded, Reading};

use crate::sight::{Player, Sight};
use crate::wanted::{Wanted, recording};
use test_sound::{apart, nearest};

/// The longest that a player may take, in seconds.
const PATIENCE: &str = "60";

/// Has a player play a clip into a file, and reads that.
pub(crate) fn watch(player: Player, url: &str, wanted: &Wanted, env: &[(String, String)]) -> Sight {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let out = dir.path().join(if player == Player::GStreamer { "out.mkv" } else { "out.nut" });
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", PATIENCE]);
    if player == Player::Vlc && rustix::process::geteuid().is_root() {
        // It does not run as root.
        let anybody = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(dir.path(), anybody).expect("a directory of our own");
        command.args(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
    }
    command.args(words(player, url, &out, wanted));
    command.envs(env.iter().cloned()).env("HOME", dir.path()).stdin(Stdio::null());
    let done = command.output().unwrap_or_else(|e| panic!("{}: {e}", player.name()));
    let said = [done.stderr, done.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    let said = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let failed = |why: String| Sight { error: Some(why), ..Sight::default() };
    if !done.status.success() {
        return failed(format!("{}: {said}", done.status));
    }
    let read = Reading::try_of(&out).and_then(|reading| {
        let decoded = Decoded::of(&out, &reading)?;
        Ok((reading, decoded))
    });
    match read {
        Ok((reading, decoded)) => sight(&reading, &decoded, wanted),
        Err(_) => failed(format!("nothing to see or hear {said}").trim().to_owned()),
    }
}

fn sight(reading: &Reading, decoded: &Decoded, wanted: &Wanted) -> Sight {
    let stamped: Vec<_> = decoded.frames.iter().filter_map(|f| Some((f.time, f.stamp?))).collect();
    let (seen, film): (Vec<_>, f64) = if wanted.has_video {
        let seen = stamped.iter().map(|(time, stamp)| (*time, f64::from(stamp.millis) / 1000.0));
        (seen.collect(), wanted.offset.unwrap_or(0.0))
    } else {
        (vec![(0.0, wanted.start)], -wanted.heard)
    };
    let heard = decoded.audio_tracks.first().and_then(recording);
    let heard = heard.map(|heard| heard.times(0, |clock| nearest(&seen, clock).unwrap_or(0.0) - film));
    let offset = heard.and_then(|heard| apart(&seen, &heard));
    let numbers: Vec<_> = stamped.iter().map(|(_, stamp)| stamp.number).collect();
    let begin = stamped.iter().map(|(time, stamp)| (time - stamped[0].0, stamp.number));
    let video = reading.streams.iter().find(|s| s.kind == "video").map(|s| &s.packets);
    let ends = |f: &dyn Fn(f64, f64) -> f64| video.map(|v| v.iter().map(|p| p.time).fold(f64::NAN, f));
    let frame = wanted.frames.windows(2).map(|w| w[1].time - w[0].time).next_back().unwrap_or(0.0);
    let lasts = ends(&f64::max).zip(ends(&f64::min)).map(|(last, first)| last - first + frame);
    Sight {
        begin: begin.collect(),
        duration: [lasts.filter(|l| l.is_finite()), None],
        offset: offset.map(|offset| offset - film),
        last: numbers.last().copied(),
        frames: numbers,
        ..Sight::default()
    }
}

fn words(player: Player, url: &str, out: &Path, wanted: &Wanted) -> Vec<String> {
    let out = out.display();
    let text = match player {
        Player::GStreamer => {
            let queue = "queue max-size-time=0 max-size-bytes=0 max-size-buffers=0";
            let mut text = format!(
                "gst-launch-1.0 -q matroskamux name=m ! filesink location={out} uridecodebin uri={url} name=d"
            );
            if wanted.has_video {
                text += &format!(" d. ! {queue} ! videoconvert ! video/x-raw,format=I420 ! m.");
            }
            if wanted.has_audio {
                text += &format!(
                    " d. ! {queue} ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! m."
                );
            }
            text
        }
        Player::Mpv => {
            format!("mpv --no-config --really-quiet --o={out} --of=nut --ovc=rawvideo --oac=pcm_s16le {url}")
        }
        Player::Vlc => format!(
            "vlc -I dummy --no-media-library --play-and-exit {url} --sout #transcode{{vcodec=FFV1,acodec=s16l,samplerate=48000,channels=1}}:std{{access=file,mux=ffmpeg{{mux=nut}},dst={out}}}"
        ),
        _ => {
            let unedited = if player == Player::Unedited { "-ignore_editlist 1" } else { "" };
            format!(
                "ffmpeg -v error -nostdin -copyts -flags output_corrupt {unedited} -i {url} -map 0:v:0? -map 0:a:0? -fps_mode passthrough -enc_time_base -1 -c:v rawvideo -pix_fmt yuv420p -c:a pcm_s16le {out}"
            )
        }
    };
    text.split_whitespace().map(str::to_owned).collect()
}
