//! When segments are presented.

use crate::common::{ask, clip, identity, seeker};
use mp4seek::packaging::Address;
use mp4seek::request::SegmentDuration;
use mp4seek::{Answer, Settings};
use test_boxes::{
    Film, MEDIA, Sample, Track, TrackSpec, content, expand, expand_fragments, film_of_tracks, find, fourcc,
    full_box, make_box, table, u32_at,
};

/// What stands at an address behind a film.
pub(super) fn at(film: &Vec<u8>, address: &str, query: &str) -> Vec<u8> {
    at_with(film, address, query, &Settings::default())
}

/// The same where the server has these settings.
pub(super) fn at_with(film: &Vec<u8>, address: &str, query: &str, settings: &Settings) -> Vec<u8> {
    let address = Address::parse(address.as_bytes()).unwrap();
    let answer = seeker().answer_address(film, &identity(film), address, query.as_bytes(), settings);
    let Answer::Film(file) = answer.unwrap() else { panic!("the film itself") };
    let mut bytes = vec![0; file.len().try_into().unwrap()];
    file.read_at(film, 0, &mut bytes).unwrap();
    bytes
}

/// The durations of segments in a playlist.
fn durations(film: &Vec<u8>, query: &str) -> Vec<f64> {
    let text = String::from_utf8(at(film, "/hls/v1.m3u8", query)).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    lines.map(|line| line.trim_end_matches(',').parse().unwrap()).collect()
}

#[test]
fn time_before_all_tracks_begin_is_in_no_segment() {
    let late = |track: TrackSpec, seconds: u32, media_time| {
        let lasts = (track.samples.iter().map(|s| s.delta).sum::<u32>() * 1000) / track.timescale;
        TrackSpec { edits: vec![(seconds * 1000, -1, 0x10000), (lasts, media_time, 0x10000)], ..track }
    };
    let segment_duration = SegmentDuration::from_directive(b"2").unwrap();
    let settings = Settings { segment_duration, ..Settings::default() };
    let target = |film: &Vec<u8>, track: &str, query: &str| {
        let text = at_with(film, &format!("/hls/{track}.m3u8"), query, &settings);
        let text = String::from_utf8(text).unwrap();
        let target = text.lines().find_map(|line| line.strip_prefix("#EXT-X-TARGETDURATION:"));
        target.unwrap().parse::<u32>().unwrap()
    };
    let (video, audio) = (TrackSpec::video(100, 10), TrackSpec::audio(80));
    let film = |video, audio| Film::of(vec![video, audio]).build();
    let both = film(late(video.clone(), 7, 100), late(audio.clone(), 7, 0));
    // Sound that begins before the pictures lasts as long as there is no key frame.
    let one = film(late(video, 7, 100), audio);
    for (film, query, expected) in [
        (&both, "", 2),
        (&both, "start=1", 2),
        (&one, "", 8),
        (&one, "start=1", 7),
        (&one, "tracks=video", 2),
    ] {
        for track in ["v1", "a1"].into_iter().take(if query == "tracks=video" { 1 } else { 2 }) {
            assert_eq!(target(film, track, query), expected, "{track}?{query}");
        }
    }
}

#[test]
fn the_last_segment_ends_when_its_last_picture_does() {
    // I P B B P B B P B B, a second each: the last P, which is decoded as the eighth, is presented
    // as the last. An edit list takes away the second by which all are presented later.
    let offsets = [[1, 1000], [1, 3000], [2, 0], [1, 3000], [2, 0], [1, 3000], [2, 0]];
    let mut video = Track::video();
    video.more = [table(b"ctts", &offsets), full_box(b"stss", 0, [2, 1, 8])].concat();
    video.edts = make_box(b"edts", full_box(b"elst", 0, [1, 10_000, 1000, 0x1_0000]));
    let film = film_of_tracks(&[video]);
    assert_eq!(durations(&film, ""), [9.0, 1.0]);
    assert_eq!(durations(&film, "start=0&end=20"), [9.0, 1.0]);
}

#[test]
fn a_last_segment_of_sound_is_more_than_some_packets() {
    // Groups of pictures of a second, and sound in packets of 128 ms. Sound ends a packet after the
    // last boundary, which is where pictures end or before, or some packets.
    for (frames, packets, segments, of_recording) in
        [(120, 95, [2, 2], 2), (120, 100, [2, 3], 3), (126, 95, [3, 2], 3), (126, 97, [3, 3], 3)]
    {
        let film = Film::of(vec![TrackSpec::video(frames, 10), TrackSpec::audio(packets)]);
        let listed = |film: &Vec<u8>, name: &str| {
            let text = String::from_utf8(at(film, &format!("/hls/{name}.m3u8"), "")).unwrap();
            text.matches("#EXTINF:").count()
        };
        let what = format!("{frames} frames and {packets} packets");
        assert_eq!(["v1", "a1"].map(|name| listed(&film.build(), name)), segments, "{what}");
        // A recording keeps what players have of it.
        assert_eq!(listed(&film.build_fragmented(0), "a1"), of_recording, "{what}");
    }
}

#[test]
fn descriptions_of_quicktime_are_in_the_form_of_mp4_in_fragments() {
    let esds = make_box(b"esds", [7; 20]);
    let inner = [make_box(b"frma", b"mp4a"), make_box(b"mp4a", [0; 4]), esds.clone(), make_box(&[0; 4], [])];
    let mut fields = [0; 44];
    (fields[7], fields[9], fields[17], fields[19], fields[24], fields[25]) = (1, 1, 2, 16, 187, 128);
    let of_sound = make_box(b"mp4a", [&fields[..], &make_box(b"wave", inner.concat())].concat());
    let avcc = make_box(b"avcC", [1; 9]);
    let of_picture = make_box(b"avc1", [&[0; 78][..], &avcc, &[0; 4]].concat());
    let film = Film::of(vec![
        TrackSpec { entry: Some(of_picture.clone()), ..TrackSpec::video(100, 10) },
        TrackSpec { entry: Some(of_sound.clone()), ..TrackSpec::audio(80) },
    ])
    .build();
    let has = |file: &[u8], description: &[u8]| file.windows(description.len()).any(|w| w == description);
    let (picture, mut sound) = (make_box(b"avc1", [&[0; 78][..], &avcc].concat()), fields[..28].to_vec());
    sound[9] = 0;
    let sound = make_box(b"mp4a", [sound, esds].concat());
    for query in ["", "start=3.3"] {
        assert!(has(&at(&film, "/cmaf/v1/init.mp4", query), &picture), "{query}");
        assert!(has(&at(&film, "/cmaf/a1/init.mp4", query), &sound), "{query}");
        let all = ask(&film, &format!("{query}&format=fmp4")).unwrap().unwrap();
        assert!(has(&all, &picture) && has(&all, &sound), "{query}");
    }
    // A flat clip is what its film is.
    let flat = clip(&film, "start=3.3").unwrap();
    assert!(has(&flat, &of_picture) && has(&flat, &of_sound));
}

#[test]
fn a_track_that_fragments_cannot_hold_takes_no_other_with_it() {
    let two = |coding: &[u8; 4], handler: &[u8; 4]| {
        let entry = [36, fourcc(coding), 0, 0, 0, 0, 0, 0, 0];
        Track {
            handler: *handler,
            stsd: full_box(b"stsd", 0, [&[2][..], &entry, &entry].concat()),
            stsc: table(b"stsc", &[[1, 5, 1], [2, 5, 2]]),
            stco: table(b"stco", &[[MEDIA], [MEDIA + 50]]),
            ..Track::video()
        }
    };
    let one = |coding: &[u8; 4]| {
        let stsd = make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &make_box(coding, [0; 28])].concat());
        Track { handler: *b"soun", stsd, ..Track::video() }
    };
    let status = |film: &Vec<u8>, address: &str| {
        let address = Address::parse(address.as_bytes()).unwrap();
        let answer = seeker().answer_address(film, &identity(film), address, b"", &Settings::default());
        answer.map_or_else(|e| e.status(), |_| 200)
    };
    // One that is not played, sound, and text that is sent as WebVTT.
    for other in [two(b"tmcd", b"tmcd"), two(b"mp4a", b"soun"), two(b"tx3g", b"sbtl")] {
        let film = film_of_tracks(&[Track::video(), one(b"mp4a"), other.clone()]);
        let what = String::from_utf8_lossy(&other.handler).into_owned();
        for address in
            ["/hls/v1.m3u8", "/hls/a1.m3u8", "/cmaf/v1.mp4", "/dash/manifest.mpd", "/hls/master.m3u8"]
        {
            assert_eq!(status(&film, address), 200, "{what} {address}");
        }
        let master = String::from_utf8(at(&film, "/hls/master.m3u8", "")).unwrap();
        assert!(master.contains("CODECS=\"avc1,mp4a\""), "{master}");
        assert!(!master.contains("a2.m3u8") && master.contains("t1.m3u8") == (what == "sbtl"), "{master}");
        if what == "soun" {
            assert_eq!(status(&film, "/cmaf/a2.mp4"), 415);
        }
        // A file of all tracks would lack one of them.
        assert_eq!(ask(&film, "end=6&format=fmp4").unwrap_err().status(), 415, "{what}");
    }
    // Without the pictures there is nothing to play, whatever text there is.
    let film = film_of_tracks(&[two(b"avc1", b"vide"), one(b"mp4a"), two(b"tx3g", b"sbtl")]);
    for address in ["/hls/master.m3u8", "/dash/manifest.mpd", "/hls/v1.m3u8"] {
        assert_eq!(status(&film, address), 415, "{address}");
    }
    assert_eq!(status(&film, "/text/t1.vtt"), 200);
}

#[test]
fn a_film_that_is_trimmed_amid_a_group_of_pictures_begins_with_its_key_frame() {
    // A player of segments leaves out a key frame that is presented before the start, with all up to
    // the next one. Here that is 10 seconds later. The second film begins amid its first picture.
    for (frames, into) in [(16, 0), (0, 1)] {
        let mut video = TrackSpec::video(200, 100);
        let (delta, first) = (i64::from(video.samples[0].delta), i64::from(video.samples[0].offset));
        let begins = first + frames * delta + into * delta / 2;
        video.edits = vec![(18_000, i32::try_from(begins).unwrap(), 0x1_0000)];
        let sound = TrackSpec { edits: vec![(14_000, 13_100, 0x1_0000)], ..TrackSpec::audio(130) };
        let film = Film::of(vec![video, sound]).build();
        let [source, heard] = &expand(&film)[..] else { panic!("two tracks") };
        // Of sound there is nothing before the packet that is heard first.
        let sound = expand_fragments(&at(&film, "/cmaf/a1.mp4", "")).swap_remove(0);
        assert_eq!(sound.samples[0].bytes, heard.samples[12].bytes);
        let file = expand_fragments(&at(&film, "/cmaf/v1.mp4", "")).swap_remove(0);
        let edit = file.edits.first().map_or(0, |(_, media_time, _)| *media_time);
        let seconds = |cts: i64| (cts - edit) as f64 / f64::from(file.timescale);
        assert!(
            file.samples[0].sync && file.samples[0].cts >= edit,
            "{frames}: {}",
            file.samples[0].cts - edit
        );
        assert!(file.samples.iter().all(|sample| sample.cts >= edit), "{frames}");
        for (sample, original) in file.samples.iter().zip(&source.samples) {
            assert_eq!(sample.bytes, original.bytes);
            // What is presented after the end comes before the last picture.
            if original.cts >= begins + 18_000 {
                continue;
            }
            let wanted = (original.cts - begins) as f64 / f64::from(source.timescale);
            let late = seconds(sample.cts) - wanted.max(0.0);
            assert!((-0.0001..0.01).contains(&late), "{frames}: {late} {wanted}");
        }
    }
}

#[test]
fn a_clip_in_fragments_has_one_sample_description() {
    // Samples of a second, five in each of two chunks, the second of which has another description.
    let entry = [36, fourcc(b"avc1"), 0, 0, 0, 0, 0, 0, 0];
    let mut video = Track::video();
    video.stsd = full_box(b"stsd", 0, [&[2][..], &entry, &entry].concat());
    video.stsc = table(b"stsc", &[[1, 5, 1], [2, 5, 2]]);
    video.stco = table(b"stco", &[[MEDIA], [MEDIA + 50]]);
    let film = film_of_tracks(&[video]);
    let status = |query: &str| ask(&film, query).err().map(|e| e.status());
    assert_eq!(status("end=5&format=fmp4"), None);
    for query in ["end=6&format=fmp4", "start=5&format=fmp4"] {
        assert_eq!(status(query), Some(415), "{query}");
    }
    assert_eq!(status("end=6&format=auto"), None);
}

#[test]
fn room_behind_a_sample_description_is_not_sent() {
    // Servers of Adobe leave 200 KB. ffmpeg could not read HLS with that.
    let entry = [36, fourcc(b"avc1"), 0, 0, 0, 0, 0, 0, 0];
    let with = |room: &[u32]| {
        let mut video = Track::video();
        video.stsd = full_box(b"stsd", 0, [&[1][..], &entry, room].concat());
        film_of_tracks(&[video])
    };
    let init = |room: &[u32]| at(&with(room), "/cmaf/v1/init.mp4", "");
    assert_eq!(init(&[24, fourcc(b"skip"), 0, 0, 0, 0]), init(&[]));
}

/// A video of ten samples of a second whose last is presented first, and audio in 80 samples.
fn video_and_audio(video_skips: u32, audio_skips: u32) -> Vec<u8> {
    let edit = |skips| make_box(b"edts", full_box(b"elst", 0, [1, 9_000, skips, 0x1_0000]));
    let video = Track { edts: edit(video_skips), ..Track::video() };
    let video = Track {
        more: [table(b"ctts", &[[10, video_skips]]), full_box(b"stss", 0, [1, 1])].concat(),
        ..video
    };
    let entry = [36, fourcc(b"mp4a"), 0, 0, 0, 0, 0, 0, 0];
    let audio = Track {
        handler: *b"soun",
        stsd: full_box(b"stsd", 0, [&[1][..], &entry].concat()),
        stts: table(b"stts", &[[80, 125]]),
        stsc: table(b"stsc", &[[1, 80, 1]]),
        stsz: full_box(b"stsz", 0, [5, 80]),
        edts: edit(audio_skips),
        ..Track::video()
    };
    film_of_tracks(&[video, audio])
}

#[test]
fn tracks_of_one_presentation_are_in_sync_where_edit_lists_are_ignored() {
    for (video, audio) in [(80, 21), (2000, 100), (500, 0), (0, 0)] {
        let film = video_and_audio(video, audio);
        let track = |name: &str| expand_fragments(&at(&film, &format!("/cmaf/{name}.mp4"), "")).remove(0);
        let (v, a) = (track("v1"), track("a1"));
        assert_eq!(v.samples[0].dts, 0, "players take the first decode time of the video for the start");
        // What is presented at 0 has the same time in both.
        let begins = |track: &test_boxes::Expanded, skips: u32| {
            assert_eq!(track.edits.len(), usize::from(video > 0), "{:?}", track.edits);
            let edit = track.edits.first().map_or(0, |edit| edit.1);
            assert_eq!(edit, track.samples[0].dts + i64::from(skips), "{video} {audio}");
            edit
        };
        assert_eq!(begins(&v, video), begins(&a, audio), "{video} {audio}");
    }
    // Audio of which more is hidden than of the video keeps an edit of its own.
    let film = video_and_audio(0, 100);
    let audio = expand_fragments(&at(&film, "/cmaf/a1.mp4", "")).remove(0);
    assert_eq!((audio.samples[0].dts, audio.edits[0].1), (0, 100));
}

/// Ten seconds of video with key frames at each second, and chapters from 0, 2 and 6 seconds.
fn with_chapters() -> Vec<u8> {
    let references = make_box(b"tref", make_box(b"chap", 2u32.to_be_bytes()));
    let video = TrackSpec { in_trak: vec![references], ..TrackSpec::video(100, 10) };
    let titles = [(2000, b"\0\x01a".to_vec()), (4000, b"\0\x01b".to_vec()), (4000, b"\0\x01c".to_vec())];
    let entry = make_box(b"text", [0; 59]);
    Film::of(vec![video, TrackSpec::text(b"text", entry, &titles)]).build()
}

#[test]
fn the_first_segment_has_all_chapters() {
    let cut = ask(&with_chapters(), "start=1&end=7&format=fmp4").unwrap().unwrap();
    let moofs: Vec<_> = content(&cut).filter(|(name, _)| name == b"moof").collect();
    let samples = |track: u32| {
        let of = |moof: &[u8]| {
            let mut trafs = content(moof).filter(|(name, _)| name == b"traf").map(|(_, traf)| traf);
            let traf = trafs.find(|traf| u32_at(find(traf, b"tfhd").unwrap(), 4) == track);
            traf.map_or(0, |traf| u32_at(find(traf, b"trun").unwrap(), 4))
        };
        moofs.iter().map(|(_, moof)| of(moof)).collect::<Vec<_>>()
    };
    assert_eq!(samples(1), [10; 6]);
    assert_eq!(samples(2), [3, 0, 0, 0, 0, 0]);
    let chapters = expand_fragments(&cut)[1].shown();
    let times: Vec<_> = chapters.iter().map(|shown| (shown.from, shown.to)).collect();
    assert_eq!(times, [(0.0, 1.0), (1.0, 5.0), (5.0, 6.0)]);
}

#[test]
fn chapters_of_nero_are_in_films_and_not_in_files_of_tracks() {
    let chpl = make_box(b"chpl", [&[1, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 8], b"\x01a"].concat());
    let tags = make_box(b"udta", [chpl.clone(), make_box(b"name", b"film")].concat());
    let film = Film { more: vec![tags], ..Film::of(vec![TrackSpec::video(100, 10)]) }.build();
    let user_data = |film: &[u8]| find(find(film, b"moov").unwrap(), b"udta").map(<[u8]>::to_vec);
    let cut = ask(&film, "start=1&format=fmp4").unwrap().unwrap();
    assert_eq!(user_data(&cut), Some(chpl));
    assert_eq!(user_data(&at(&film, "/cmaf/v1.mp4", "start=1")), None);
}

#[test]
fn the_index_ends_with_the_clip_where_a_text_stays_longer() {
    let film = with_chapters();
    for (query, seconds) in [("start=3&end=4.5", 1.5), ("start=0&end=0.5", 0.5), ("start=7", 3.0)] {
        let cut = ask(&film, &format!("{query}&format=fmp4")).unwrap().unwrap();
        let sidx = find(&cut, b"sidx").unwrap();
        let lasts: u32 = sidx[32..].chunks_exact(12).map(|reference| u32_at(reference, 4)).sum();
        assert_eq!(f64::from(lasts) / f64::from(u32_at(sidx, 8)), seconds, "{query}");
    }
}

#[test]
fn sound_that_waits_is_decoded_later_instead() {
    let waits = |ticks: u32| vec![(ticks, -1, 0x10000), (1000, 0, 0x10000)];
    let mut audio = TrackSpec { timescale: 48_000, edits: waits(500), ..TrackSpec::audio(60) };
    let video = TrackSpec { edits: waits(700), ..TrackSpec::video(20, 5) };
    let edits = |audio: &TrackSpec| {
        let film = Film::of(vec![video.clone(), audio.clone()]).build();
        let answer = ask(&film, "format=fmp4&end=1.2").unwrap().unwrap();
        let [video, audio] = &expand_fragments(&answer)[..] else { panic!("two tracks") };
        let scale = u64::from(audio.movie_timescale / 100);
        assert_eq!((video.edits[0].1, video.samples[0].dts), (-1, 0));
        let of_audio = audio.edits.iter().map(|edit| (edit.0 / scale, edit.1)).collect::<Vec<_>>();
        (of_audio, audio.samples[0].dts, audio.shown()[0].from)
    };
    assert_eq!(edits(&audio), (vec![(120, 0)], 24_000, 0.5));
    // But not where its first packet is hidden: that would be heard.
    audio.edits[1].1 = 1024;
    assert_eq!(edits(&audio), (vec![(50, -1), (70, 1024)], 0, 0.5));
}

#[test]
fn what_is_heard_is_sent_no_later_than_what_is_seen() {
    // One key frame, so one segment: a player needs all its audio, but not all its video, to begin.
    let film = video_and_audio(0, 0);
    let answer = ask(&film, "format=fmp4&start=0&end=9").unwrap().unwrap();
    let moof = find(&answer, b"moof").unwrap();
    let mut runs = Vec::new();
    for (_, traf) in content(moof).filter(|(name, _)| name == b"traf") {
        let trun = find(traf, b"trun").unwrap();
        runs.push((u32_at(trun, 8), u32_at(find(traf, b"tfhd").unwrap(), 4), u32_at(trun, 4)));
    }
    let ids: Vec<_> = runs.iter().map(|(_, id, _)| *id).collect();
    assert_eq!(ids, [1, 2], "as in the moov");
    runs.sort_unstable();
    let order: Vec<_> = runs.iter().map(|(_, track, samples)| (*track, *samples)).collect();
    assert_eq!(order, [(2, 72), (1, 9)]);
}

#[test]
fn a_segment_of_very_many_samples_is_still_one_fragment() {
    let samples = 10_000;
    let many = |track: Track, sync: &[u8]| Track {
        stts: table(b"stts", &[[samples, 100]]),
        stsc: table(b"stsc", &[[1, 500, 1]]),
        stsz: full_box(b"stsz", 0, [1, samples]),
        stco: table(b"stco", &[[MEDIA]; 20]),
        more: sync.to_vec(),
        ..track
    };
    let video = many(Track::video(), &full_box(b"stss", 0, [1, 1]));
    let audio = many(Track { handler: *b"soun", ..Track::video() }, &[]);
    let film = film_of_tracks(&[video, audio]);
    let query = "format=fmp4&start=0&end=1000";
    let answer = ask(&film, query).unwrap().unwrap();
    assert_eq!(content(&answer).filter(|(name, _)| name == b"moof").count(), 1);
    for track in expand_fragments(&answer) {
        assert_eq!(track.samples.len(), samples as usize);
        assert!(track.samples.iter().all(|sample| sample.bytes == b"#"));
    }
    let answered = seeker().answer(&film, &identity(&film), query.as_bytes(), &Settings::default());
    let Answer::Film(file) = answered.unwrap() else { panic!("the film itself") };
    for (from, part) in (0..).step_by(997).zip(answer.chunks(997)) {
        let mut bytes = vec![0; part.len()];
        file.read_at(&film, from, &mut bytes).unwrap();
        assert!(bytes == part, "from {from}");
    }
}

/// Two seconds of video with a key frame each half second, and audio of this coding.
fn with_audio(coding: &[u8; 4], timescale: u32, lasts: u32, more: impl Fn(&mut TrackSpec)) -> Film {
    let packet = |_| Sample { delta: lasts, offset: 0, sync: true, size: 20 };
    let packets = (0..2 * timescale / lasts).map(packet).collect();
    let mut audio = TrackSpec::new(b"soun", coding, timescale, packets);
    more(&mut audio);
    Film::of(vec![TrackSpec::video(20, 5), audio])
}

/// The first packet of a clip's audio in a file of its own, when it is decoded, and where the edit
/// begins.
fn first_packet(film: &Film, query: &str) -> (Vec<u8>, i64, i64) {
    let audio = expand_fragments(&at(&film.build(), "/cmaf/a1.mp4", query)).remove(0);
    let [(_, edit, _)] = audio.edits[..] else { panic!("{:?}", audio.edits) };
    (audio.samples[0].bytes.clone(), audio.samples[0].dts, edit)
}

#[test]
fn sound_begins_with_the_packet_that_is_heard_first() {
    // Its key frame is at 1 s, amid the eighth packet.
    let film = with_audio(b"mp4a", 8000, 1024, |_| {});
    let name = |n| Film::sample_bytes(1, n, 20);
    assert_eq!(first_packet(&film, "start=1.1"), (name(7), 0, 8000 - 7 * 1024));
    // One that a film begins with stays, though it is not heard.
    let primed = with_audio(b"mp4a", 8000, 1024, |audio| audio.edits = vec![(1800, 1024, 0x10000)]);
    assert_eq!(first_packet(&primed, "start=0&end=1"), (name(0), 0, 1024));
    // What a decoder needs that says so, is there: two packets, and time for two more.
    let groups = full_box(b"sbgp", 0, [fourcc(b"roll"), 1, 15, 1]);
    let rolls = full_box(b"sgpd", 1, [fourcc(b"roll"), 2, 1, 0xfffe_0000]);
    let rolled = with_audio(b"mp4a", 8000, 1024, |audio| audio.more = vec![rolls.clone(), groups.clone()]);
    assert_eq!(first_packet(&rolled, "start=1.1"), (name(4), 0, 8000 - 4 * 1024));
}

#[test]
fn a_decoder_of_opus_drops_what_the_edit_skips() {
    let opus = |edit: i32, longer: usize, lasts: u32| {
        with_audio(b"Opus", 48_000, 960, |audio| {
            audio.in_entry = vec![make_box(b"dOps", [0, 1, 1, 56, 0, 0, 187, 128, 0, 0, 0])];
            audio.edits = vec![(1900, edit, 0x10000)];
            audio.samples[longer].delta = lasts;
        })
    };
    let film = opus(500, 0, 960);
    for (film, query, packet, skips, pre_skip) in [
        (&film, "start=1.1", 50, 500, 500),
        (&film, "start=0.5", 25, 500, 500),
        // What the film itself says of its beginning stays.
        (&film, "start=0&end=1", 0, 500, 312),
        // A packet of twice the length, and one with a gap behind it, of which the rest is left out.
        (&opus(1500, 25, 1920), "start=0.5", 25, 1500, 1500),
        (&opus(0, 10, 48_000), "start=1", 10, 960, 960),
    ] {
        let (bytes, dts, edit) = first_packet(film, query);
        assert_eq!((bytes, edit - dts), (Film::sample_bytes(1, packet, 20), skips), "{query}");
        let init = at(&film.build(), "/cmaf/a1/init.mp4", query);
        let config = init.windows(4).position(|w| w == b"dOps").unwrap() + 6;
        assert_eq!(u16::from_be_bytes([init[config], init[config + 1]]), pre_skip, "{query}");
    }
}

#[test]
fn a_film_of_too_many_segments_gets_longer_ones() {
    // Frames of a second in segments of one, or groups of three frames.
    const FRAMES: u32 = 200_000;
    for group in [1, 3] {
        let syncs: Vec<_> = (0..FRAMES).step_by(group).map(|n| [n + 1]).collect();
        let mut video = Track::video();
        video.stts = table(b"stts", &[[FRAMES, 1000]]);
        video.stsz = full_box(b"stsz", 0, [1, FRAMES]);
        video.stsc = table(b"stsc", &[[1, 500, 1]]);
        video.stco = table(b"stco", &[[MEDIA]; 400]);
        video.more = if group > 1 { table(b"stss", &syncs) } else { Vec::new() };
        let film = film_of_tracks(&[video]);
        let settings = Settings {
            segment_duration: SegmentDuration::from_directive(b"1").unwrap(),
            ..Settings::default()
        };
        let text = String::from_utf8(at_with(&film, "/hls/v1.m3u8", "", &settings)).unwrap();
        let lasts = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
        let lasts: Vec<u32> = lasts.map(|line| line.split('.').next().unwrap().parse().unwrap()).collect();
        // By the definition: the first sync sample at or after each multiple of the duration, which is
        // doubled until there are few enough.
        let starts = |seconds: u32| {
            let mut starts = vec![0];
            while let Some(next) = starts.last().map(|last| (last / seconds + 1) * seconds) {
                let sync = next.next_multiple_of(u32::try_from(group).unwrap());
                if sync >= FRAMES {
                    break;
                }
                starts.push(sync);
            }
            starts.push(FRAMES);
            starts
        };
        let expected = (0..).map(|n| starts(1 << n)).find(|starts| starts.len() <= 0xffff + 1).unwrap();
        let expected: Vec<_> = expected.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(lasts == expected, "{} segments and not {}", lasts.len(), expected.len());
    }
}
