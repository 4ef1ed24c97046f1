//! Films of half a minute to play on screens: `--film NAME` of `screens` finds them without the
//! `screen_` of their names.

use super::recipe::{PLAIN, Recipe, Sidecar};

const LONG: Recipe = Recipe { seconds: 30, ..PLAIN };
const AUDIO: Recipe = Recipe { video: None, ..LONG };

const fn mp4(name: &'static str, encoder: &'static str) -> Recipe {
    Recipe { name, video: Some(((25, 1), encoder)), ..LONG }
}

const fn opus(name: &'static str, encoder: &'static str) -> Recipe {
    Recipe { audio_codec: "libopus -b:a 64k", ..mp4(name, encoder) }
}

const fn fragments(name: &'static str, mux: &'static str) -> Recipe {
    Recipe { mux, ..mp4(name, "-bf 3 -g 50") }
}

/// All of them.
pub(crate) const SCREENED: &[Recipe] = &[
    mp4("screen_bframes", "-bf 3 -g 50"),
    mp4("screen_pyramid", "-bf 8 -g 60 -x264-params b-pyramid=normal:b-adapt=0"),
    mp4("screen_gop10", "-bf 2 -g 250"),
    mp4("screen_one_key", "-bf 2 -g 10000"),
    mp4("screen_open_gop", "-bf 3 -g 50 -x264-params open-gop=1:b-pyramid=none"),
    mp4("screen_open_gop_pyramid", "-bf 5 -g 50 -x264-params open-gop=1:b-pyramid=normal:b-adapt=0"),
    // Each fourth group is a closed one.
    mp4(
        "screen_open_gop_some",
        "-bf 5 -g 50 -forced-idr 1 -force_key_frames expr:gte(t,n_forced*8) -x264-params open-gop=1:b-pyramid=normal:b-adapt=0",
    ),
    Recipe {
        times: Some((|n| n * 40 + 13 * (n % 3 % 2), "N*40+13*eq(mod(N,3),1)")),
        ..mp4(
            "screen_vfr",
            "-bf 2 -g 40 -fps_mode passthrough -enc_time_base 1:1000 -video_track_timescale 1000",
        )
    },
    Recipe {
        video: Some(((30000, 1001), "-bf 2 -g 60")),
        audio: &[(44100, 2, "")],
        ..mp4("screen_ntsc", "")
    },
    Recipe { audio: &[(48000, 1, "-itsoffset 14.613")], ..mp4("screen_late_audio", "-bf 2 -g 50") },
    mp4("screen_late_video", "-bf 2 -g 50 -vf setpts=PTS+14.72/TB"),
    mp4(
        "screen_hevc",
        "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=50:min-keyint=50:bframes=3:pools=1 -tag:v hvc1",
    ),
    opus("screen_h264_opus", "-bf 3 -g 50"),
    opus("screen_av1_opus", "-c:v libsvtav1 -preset 12 -crf 40 -g 50 -svtav1-params lp=1"),
    opus(
        "screen_vp9_opus",
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 200k -g 50 -auto-alt-ref 1 -lag-in-frames 16 -threads 1",
    ),
    Recipe { audio_codec: "flac -strict -2", ..mp4("screen_flac", "-bf 2 -g 50") },
    // With the sample descriptions of QuickTime.
    Recipe { extension: "mov", ..mp4("screen_mov", "-bf 3 -g 50") },
    // Sound and subtitles in two languages.
    Recipe {
        audio: &[(48000, 1, ""), (48000, 1, "")],
        sidecar: Sidecar::TwoSubtitles,
        mux: "-metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -metadata:s:s:0 language=eng -metadata:s:s:1 language=deu",
        ..mp4("screen_languages", "-bf 3 -g 50")
    },
    Recipe { name: "screen_aac", ..AUDIO },
    Recipe { name: "screen_mp3", audio_codec: "libmp3lame -b:a 64k", ..AUDIO },
    // Without a sidx, and with one for the whole.
    fragments("screen_fragments", "-movflags +frag_keyframe+empty_moov+default_base_moof"),
    fragments("screen_fragments_sidx", "-movflags +dash+frag_keyframe+global_sidx"),
    // The first fragment in the moov.
    fragments("screen_fragments_hybrid", "-movflags +frag_keyframe"),
    // Times in ticks of 100 ns.
    fragments("screen_ismv", "-f ismv"),
    fragments("screen_cmaf", "-movflags +cmaf+frag_keyframe"),
];
