//! More films, short ones: what encoders and muxers make of a scene when they are asked to do
//! it their way. Each is a row, its name first.

use super::recipe::{PLAIN, Patch, Recipe, Sidecar};

const SHORT: Recipe = Recipe { seconds: 4, video: video("-bf 2 -g 30"), ..PLAIN };
const AUDIO: Recipe = Recipe { video: None, extension: "m4a", ..SHORT };
const MOV: Recipe = Recipe { extension: "mov", ..SHORT };

const fn video(encoder: &'static str) -> Option<((u32, u32), &'static str)> {
    Some(((25, 1), encoder))
}

const fn mux(name: &'static str, mux: &'static str) -> Recipe {
    Recipe { name, mux, ..SHORT }
}

const fn mov(name: &'static str, encoder: &'static str) -> Recipe {
    Recipe { name, video: video(encoder), ..MOV }
}

const fn mp4(name: &'static str, encoder: &'static str) -> Recipe {
    Recipe { name, video: video(encoder), ..SHORT }
}

/// Without a word about sync samples.
const fn no_sync(name: &'static str, encoder: &'static str) -> Recipe {
    Recipe { name, video: video(encoder), patch: Patch::NoSyncTable, ..SHORT }
}

const fn pace(name: &'static str, rate: (u32, u32)) -> Recipe {
    Recipe { name, video: Some((rate, "-bf 2 -g 24")), ..SHORT }
}

/// In MP4, with video.
const fn mp4_audio(name: &'static str, rate: u32, channels: u16, codec: &'static str) -> Recipe {
    Recipe { name, audio: tones(rate, channels), audio_codec: codec, ..SHORT }
}

/// In QuickTime, with video.
const fn quicktime(name: &'static str, rate: u32, channels: u16, codec: &'static str) -> Recipe {
    Recipe { name, audio: tones(rate, channels), audio_codec: codec, ..MOV }
}

const fn tones(rate: u32, channels: u16) -> &'static [(u32, u16, &'static str)] {
    match (rate, channels) {
        (8000, 1) => &[(8000, 1, "")],
        (22050, 1) => &[(22050, 1, "")],
        (44100, 1) => &[(44100, 1, "")],
        (44100, 2) => &[(44100, 2, "")],
        (48000, 1) => &[(48000, 1, "")],
        (48000, 2) => &[(48000, 2, "")],
        (96000, 2) => &[(96000, 2, "")],
        _ => panic!("a row for it"),
    }
}

/// Written by ffmpeg, then taken by it (or another) again: `{in}` becomes `{out}`.
const fn again(name: &'static str, then: &'static str) -> Recipe {
    Recipe { name, then, ..SHORT }
}

/// Written by ffmpeg, then taken apart and put together by GStreamer.
macro_rules! gst {
    ($muxer:literal) => {
        concat!(
            "gst-launch-1.0 -q filesrc location={in} ! qtdemux name=film ",
            $muxer,
            " name=again ! filesink location={out}",
            " film.video_0 ! queue ! again.video_0 film.audio_0 ! queue ! again.audio_0"
        )
    };
}

/// All of them.
pub(crate) const VARIANTS: &[Recipe] = &[
    // How the boxes are laid out.
    mux("rtphint", "-movflags +rtphint"),
    mux("no_editlist", "-use_editlist 0"),
    mux("moov_reserved", "-moov_size 60000"),
    mux("colr", "-movflags +write_colr"),
    mux("metadata_tags", "-movflags +use_metadata_tags -metadata artist=me -metadata odd=thing"),
    mux("no_btrt", "-write_btrt 0 -skip_iods 0"),
    mux("empty_handler", "-empty_hdlr_name 1 -brand mp42"),
    mux("timescale_600", "-video_track_timescale 600"),
    mux("timescale_25", "-video_track_timescale 25"),
    mux("timescale_90000", "-video_track_timescale 90000"),
    mux("timescale_huge", "-video_track_timescale 10000000"),
    mux("tagged", "-metadata title=scene -metadata genre=test -metadata:s:a language=deu"),
    Recipe { mux: "-f mov -movflags +write_gama -mov_gamma 2.2", ..mov("gama", "-bf 2 -g 30") },
    Recipe { extension: "3gp", video: video("-c:v h263 -s 176x144 -g 12"), ..mux("threegp", "-f 3gp") },
    Recipe { extension: "3g2", ..mux("three_g2", "-f 3g2") },
    mux("psp", "-f psp"),
    Recipe { extension: "m4v", ..mux("ipod", "-f ipod") },
    Recipe { extension: "f4v", ..mux("f4v", "-f f4v") },
    Recipe { sidecar: Sidecar::Chapters, ..mux("chapters_no_chpl", "-movflags +disable_chpl") },
    // In fragments.
    mux("frag_hybrid", "-movflags +frag_keyframe"),
    mux("frag_empty_moov", "-movflags +frag_keyframe+empty_moov"),
    mux("frag_base_moof", "-movflags +frag_keyframe+empty_moov+default_base_moof"),
    mux("frag_cmaf", "-movflags +cmaf+frag_keyframe"),
    mux("frag_cmaf_negative", "-movflags +cmaf+frag_keyframe+negative_cts_offsets"),
    mux("frag_dash", "-movflags +dash+frag_keyframe"),
    mux("frag_global_sidx", "-movflags +dash+frag_keyframe+global_sidx"),
    mux("frag_skip_sidx", "-movflags +dash+frag_keyframe+skip_sidx"),
    mux("frag_delay_moov", "-movflags +frag_keyframe+delay_moov"),
    mux("frag_negative", "-movflags +frag_keyframe+delay_moov+negative_cts_offsets"),
    mux("frag_separate_moof", "-movflags +frag_keyframe+separate_moof+empty_moov"),
    // With audio ffmpeg 5.1 gives two fragments the same time.
    Recipe {
        audio: &[],
        ..mux("frag_every_frame", "-movflags +frag_every_frame+empty_moov+default_base_moof")
    },
    mux("frag_omit_offset", "-movflags +frag_keyframe+empty_moov+omit_tfhd_offset"),
    mux("frag_skip_trailer", "-movflags +frag_keyframe+empty_moov+skip_trailer"),
    mux("frag_duration", "-movflags +empty_moov -frag_duration 700000"),
    mux("frag_size", "-movflags +empty_moov -frag_size 5000"),
    mux("frag_interleave", "-movflags +frag_keyframe+empty_moov -frag_interleave 4"),
    mux("frag_prft", "-movflags +cmaf+frag_keyframe -write_prft pts"),
    mux("frag_discont", "-movflags +frag_keyframe+empty_moov+frag_discont"),
    Recipe { extension: "mov", ..mux("frag_mov", "-movflags +frag_keyframe+empty_moov") },
    mux("frag_ismv", "-f ismv"),
    Recipe {
        audio: &[(48000, 1, "-itsoffset 0.613")],
        ..mux("frag_late_audio", "-movflags +frag_keyframe+delay_moov")
    },
    Recipe {
        audio: &[(48000, 1, ""), (44100, 2, "")],
        ..mux("frag_two_audio", "-movflags +frag_keyframe+empty_moov")
    },
    Recipe { sidecar: Sidecar::Subtitles, ..mux("frag_subtitles", "-movflags +frag_keyframe+delay_moov") },
    Recipe { mux: "-movflags +cmaf -frag_duration 500000", ..Recipe { name: "frag_sound", ..AUDIO } },
    Recipe {
        extension: "mp4",
        audio_codec: "libopus -b:a 48k",
        mux: "-movflags +frag_every_frame+delay_moov",
        ..Recipe { name: "frag_opus", ..AUDIO }
    },
    Recipe { mux: "-movflags +cmaf+frag_keyframe", audio: &[], ..mp4("frag_silent", "-bf 3 -g 25") },
    Recipe { mux: "-movflags +cmaf+frag_keyframe -tag:v hvc1", ..mp4("frag_hevc", HEVC) },
    Recipe { mux: "-movflags +cmaf+frag_keyframe", ..mp4("frag_av1", AV1) },
    // H.264.
    mp4("pyramid", "-bf 8 -g 60 -x264-params b-pyramid=normal:b-adapt=0"),
    mp4("pyramid_strict", "-bf 3 -g 30 -x264-params b-pyramid=strict:b-adapt=0"),
    mp4("sixteen_b", "-bf 16 -g 75 -refs 4 -x264-params b-adapt=0"),
    mp4("open_gop_pyramid", "-bf 5 -g 20 -x264-params open-gop=1:b-pyramid=normal:b-adapt=0"),
    // Each fourth group is a closed one.
    mp4(
        "open_gop_some",
        "-bf 5 -g 20 -forced-idr 1 -force_key_frames expr:gte(t,n_forced*3.2) -x264-params open-gop=1:b-pyramid=normal:b-adapt=0",
    ),
    mp4("intra_refresh", "-bf 0 -g 25 -x264-params intra-refresh=1"),
    mp4("interlaced", "-bf 2 -g 30 -flags +ildct+ilme -x264-params tff=1"),
    mp4("fake_interlaced", "-bf 2 -g 30 -x264-params fake-interlaced=1"),
    mp4("all_intra", "-g 1"),
    mp4("one_key", "-bf 2 -g 10000"),
    mp4("zero_latency", "-tune zerolatency -g 50"),
    mp4("slices", "-bf 2 -g 30 -slices 4 -aud 1"),
    mp4("annexb_tag", "-bf 2 -g 30 -tag:v avc3"),
    pace("pace_23976", (24000, 1001)),
    pace("pace_5994", (60000, 1001)),
    pace("pace_12", (12, 1)),
    pace("pace_1", (1, 1)),
    pace("pace_odd", (997, 31)),
    Recipe { seconds: 1, video: Some(((1, 1), "")), audio: &[], ..mux("one_frame", "") },
    Recipe { seconds: 1, video: Some(((2, 1), "-bf 0")), audio: &[], ..mux("two_frames", "") },
    Recipe { video: Some(((1, 4), "")), ..mux("still_with_sound", "") },
    Recipe {
        times: Some((|n| n * 40 + if n % 7 == 3 { 25 } else { 0 }, "N*40+25*eq(mod(N,7),3)")),
        ..mp4(
            "vfr_pyramid",
            "-bf 5 -g 40 -x264-params b-pyramid=normal:b-adapt=0 -fps_mode passthrough -enc_time_base 1:1000 -video_track_timescale 1000",
        )
    },
    Recipe {
        times: Some((|n| n * n * 2, "N*N*2")),
        ..mp4(
            "ever_slower",
            "-bf 2 -g 25 -fps_mode passthrough -enc_time_base 1:1000 -video_track_timescale 16000",
        )
    },
    // Other encoders.
    mp4(
        "hevc_open_gop",
        "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=error:keyint=25:min-keyint=25:open-gop=1:bframes=4:b-adapt=0:pools=1",
    ),
    mp4(
        "hevc_pyramid",
        "-c:v libx265 -preset ultrafast -tag:v hev1 -x265-params log-level=error:keyint=40:open-gop=0:bframes=8:b-adapt=0:b-pyramid=1:rc-lookahead=20:pools=1",
    ),
    mp4(
        "hevc_intra_refresh",
        "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=error:keyint=30:intra-refresh=1:bframes=0:pools=1",
    ),
    mp4("aom_altref", "-c:v libaom-av1 -cpu-used 8 -crf 40 -g 30 -lag-in-frames 19 -row-mt 0 -threads 1"),
    mp4("vp9_altref", VP9),
    mp4("mpeg4_b", "-c:v mpeg4 -bf 2 -g 25 -q:v 6"),
    mp4("mpeg2", "-c:v mpeg2video -bf 2 -g 15 -q:v 6"),
    mp4("mpeg1", "-c:v mpeg1video -bf 2 -g 15 -q:v 6"),
    mp4("mjpeg_mp4", "-c:v mjpeg -q:v 6 -pix_fmt yuvj420p"),
    mov("mjpeg", "-c:v mjpeg -q:v 6 -pix_fmt yuvj420p"),
    mov("prores", "-c:v prores_ks -profile:v 0 -pix_fmt yuv422p10le"),
    mov("dnxhr", "-c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p -s 320x192"),
    mov("png", "-c:v png -pix_fmt rgb24"),
    mov("animation", "-c:v qtrle -g 25 -pix_fmt rgb24"),
    mov("h263p", "-c:v h263p -g 25 -q:v 6"),
    mov("svq1", "-c:v svq1 -g 25 -q:v 6 -pix_fmt yuv410p"),
    mov("jpeg2000", "-c:v jpeg2000"),
    mov("raw_video", "-c:v rawvideo -pix_fmt uyvy422"),
    mov("hevc_mov", HEVC),
    // Audio.
    mp4_audio("mp2", 44100, 2, "mp2 -b:a 128k"),
    mp4_audio("mp3", 44100, 1, "libmp3lame -b:a 48k"),
    mp4_audio("ac3", 48000, 2, "ac3 -b:a 128k"),
    mp4_audio("eac3", 48000, 2, "eac3 -b:a 96k"),
    mp4_audio("dts", 48000, 2, "dca -strict -2 -b:a 768k"),
    mp4_audio("alac", 44100, 2, "alac"),
    mp4_audio("flac", 44100, 2, "flac -strict -2"),
    mp4_audio("opus", 48000, 2, "libopus -b:a 64k"),
    mp4_audio("opus_long_frames", 48000, 1, "libopus -b:a 24k -frame_duration 60"),
    mp4_audio("vorbis", 44100, 2, "libvorbis -q:a 3"),
    mp4_audio("truehd", 48000, 2, "truehd -strict -2"),
    mp4_audio("aac_22050", 22050, 1, "aac -b:a 32k -aac_pns 0"),
    mp4_audio("aac_96000", 96000, 2, "aac -b:a 128k -aac_pns 0"),
    quicktime("in24", 48000, 2, "pcm_s24be"),
    quicktime("in32", 48000, 1, "pcm_s32be"),
    quicktime("fl32", 44100, 2, "pcm_f32le"),
    quicktime("twos", 44100, 1, "pcm_s16be"),
    quicktime("raw_sound", 22050, 1, "pcm_u8"),
    quicktime("ulaw", 8000, 1, "pcm_mulaw"),
    quicktime("alaw", 8000, 1, "pcm_alaw"),
    quicktime("ima4", 44100, 1, "adpcm_ima_qt"),
    quicktime("ms_adpcm", 22050, 1, "adpcm_ms"),
    quicktime("alac_mov", 48000, 2, "alac"),
    quicktime("mp3_mov", 44100, 2, "libmp3lame -b:a 96k"),
    Recipe {
        extension: "m4b",
        sidecar: Sidecar::Chapters,
        seconds: 8,
        ..Recipe { name: "audiobook", ..AUDIO }
    },
    Recipe { audio_codec: "alac", ..Recipe { name: "alac_alone", ..AUDIO } },
    Recipe { audio_codec: "flac -strict -2", extension: "mp4", ..Recipe { name: "flac_alone", ..AUDIO } },
    // Tracks and times.
    Recipe {
        audio: &[(48000, 2, ""), (48000, 1, ""), (44100, 1, "")],
        ..mux(
            "languages",
            "-metadata:s:a:0 language=eng -metadata:s:a:1 language=fra -metadata:s:a:2 language=und -disposition:a:1 default",
        )
    },
    Recipe { audio: &[(48000, 1, "-itsoffset -0.7")], ..mux("early_audio", "") },
    Recipe { audio: &[(44100, 1, "-itsoffset 0.05")], ..mux("late_audio_a_little", "-use_editlist 1") },
    Recipe { audio: &[(48000, 1, "-t 1.7")], ..mux("short_audio", "") },
    Recipe { video: video("-bf 2 -g 30 -vf trim=end=2.1"), ..mux("short_video", "") },
    Recipe {
        video: video("-bf 2 -g 30 -vf setpts=PTS+1.1/TB"),
        audio: &[(48000, 1, "-itsoffset 0.4")],
        ..mux("both_late", "")
    },
    Recipe { sidecar: Sidecar::Subtitles, ..mux("subtitles_mov", "-f mov") },
    Recipe { sidecar: Sidecar::Subtitles, ..mux("subtitles_ttml", "-c:s ttml") },
    Recipe { sidecar: Sidecar::NoSubtitles, ..mux("no_cues", "") },
    Recipe { mux: "-timecode 01:00:00:00", ..mov("timecode", "-bf 2 -g 30") },
    mux("timecode_mp4", "-timecode 00:59:58:00 -write_tmcd 1"),
    // Taken a second time.
    again("copied_from_1_3", "ffmpeg -ss 1.3 -i {in} -map 0 -c copy {out}"),
    again("copied_to_2_2", "ffmpeg -i {in} -map 0 -t 2.2 -c copy {out}"),
    again(
        "copied_from_1_3_early",
        "ffmpeg -ss 1.3 -i {in} -map 0 -c copy -avoid_negative_ts make_zero {out}",
    ),
    again("copied_twice", "ffmpeg -ss 0.5 -i {in} -ss 0.7 -map 0 -c copy -movflags +faststart {out}"),
    again("copied_to_fragments", "ffmpeg -ss 1.3 -i {in} -map 0 -c copy -movflags +cmaf+frag_keyframe {out}"),
    again("delayed_copy", "ffmpeg -itsoffset 0.37 -i {in} -i {in} -map 0:v -map 1:a -c copy {out}"),
    again(
        "cover",
        "ffmpeg -i {in} -f lavfi -i color=red:s=32x32:d=0.04 -map 0 -map 1 -c copy -c:v:1 mjpeg -pix_fmt:v:1 yuvj420p -frames:v:1 1 -disposition:v:1 attached_pic {out}",
    ),
    again("two_pictures", "ffmpeg -i {in} -i {in} -map 0:v -map 0:a -map 1:v -c copy {out}"),
    again("data_first", "ffmpeg -i {in} -map 0:a -map 0:v -c copy {out}"),
    again(
        "interleaved_by_second",
        "ffmpeg -i {in} -map 0 -c copy -max_interleave_delta 0 -flush_packets 0 {out}",
    ),
    // Other muxers.
    again("gst_mp4", gst!("mp4mux")),
    again("gst_fragments", gst!("mp4mux fragment-duration=700")),
    again(
        "gst_fragments_then_flat",
        gst!("mp4mux fragment-duration=700 fragment-mode=first-moov-then-finalise"),
    ),
    again("gst_smooth", gst!("ismlmux fragment-duration=1000")),
    Recipe { extension: "mov", ..again("gst_mov", gst!("qtmux faststart=true")) },
    Recipe {
        extension: "mov",
        ..again(
            "gst_moov_twice",
            gst!("qtmux reserved-max-duration=20000000000 reserved-moov-update-period=1000000000"),
        )
    },
    Recipe { extension: "3gp", ..again("gst_threegp", gst!("3gppmux")) },
    again("bunny", "node {tests}/node/mux.cjs {in} {out} none"),
    again("bunny_fragments", "node {tests}/node/mux.cjs {in} {out} fragmented"),
    // As VLC writes what it has encoded.
    Recipe { patch: Patch::NoSyncTable, ..mux("no_sync_table", "") },
    no_sync("no_sync_mpeg4", "-c:v mpeg4 -bf 2 -g 25 -q:v 6"),
    no_sync("no_sync_mpeg2", "-c:v mpeg2video -bf 2 -g 15 -q:v 6"),
    Recipe { extension: "mov", ..no_sync("no_sync_m2v1", "-c:v mpeg2video -bf 2 -g 15 -q:v 6") },
    no_sync("no_sync_hevc", HEVC),
    no_sync("no_sync_av1", AV1),
    no_sync("no_sync_vp9", VP9),
    Recipe { extension: "mov", ..no_sync("no_sync_svq1", "-c:v svq1 -g 25 -q:v 6 -pix_fmt yuv410p") },
    Recipe { extension: "3gp", mux: "-f 3gp", ..no_sync("no_sync_h263", "-c:v h263 -s 176x144 -g 12") },
    // As a real 3GP says.
    Recipe {
        extension: "3gp",
        mux: "-f 3gp",
        patch: Patch::EverySync,
        ..no_sync("every_sync_h263", "-c:v h263 -s 176x144 -g 12")
    },
    Recipe {
        patch: Patch::Edits(&[&[(4.0, Some(-0.08))], &[(4.0, Some(0.0))]]),
        ..mux("edit_before_the_first", "")
    },
    Recipe { patch: Patch::EndAtOnce, ..mux("ends_at_once", "") },
    Recipe {
        patch: Patch::EndAtOnce,
        video: video("-bf 0 -g 30"),
        ..mux("ends_at_once_no_edits", "-use_editlist 0")
    },
    // Edits that no encoder makes.
    Recipe {
        patch: Patch::Rates(&[(1.0, 0.4, 0x0001_0000), (0.8, 1.4, 0), (1.5, 1.4, 0x0001_0000)]),
        ..mux("dwell", "")
    },
    Recipe {
        patch: Patch::Rates(&[(1.0, 0.2, 0x0001_0000), (1.0, 1.2, 0x0002_0000), (0.6, 3.2, 0x0001_0000)]),
        ..mux("twice_as_fast", "")
    },
    Recipe {
        patch: Patch::Rates(&[(1.0, 2.0, 0x0001_0000), (2.0, 0.0, 0x0001_0000), (0.5, 3.0, 0x0001_0000)]),
        ..mux("out_of_order", "")
    },
    Recipe {
        patch: Patch::Edits(&[&[(9.0, Some(0.5))], &[(9.0, Some(0.5))]]),
        ..mux("edit_past_the_end", "")
    },
    Recipe {
        patch: Patch::Edits(&[
            &[(0.5, None), (1.0, Some(0.0)), (0.5, None), (1.5, Some(2.0))],
            &[(3.5, Some(0.0))],
        ]),
        ..mux("gap", "")
    },
    Recipe { patch: Patch::TrackByTrack, ..mp4("hevc_track_by_track", HEVC) },
];

const HEVC: &str =
    "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=error:keyint=30:bframes=3:pools=1";
const VP9: &str = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 100k -g 30 -auto-alt-ref 1 -lag-in-frames 16 -threads 1";
const AV1: &str = "-c:v libsvtav1 -preset 12 -crf 40 -g 30 -svtav1-params lp=1";
