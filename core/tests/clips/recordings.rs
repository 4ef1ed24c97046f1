//! Movies that are being recorded, in HLS and DASH.

use std::time::{SystemTime, UNIX_EPOCH};

use mp4seek::packaging::Address;
use mp4seek::request::{Form, SegmentDuration};
use mp4seek::source::Identity;
use mp4seek::{Answer, Error, Seeker, Settings};
use test_boxes::{Film, TrackSpec, boxes, make_box};

use super::common::identity;

/// Forty seconds of pictures and sound in fragments. Later samples last longer than earlier ones.
fn recording(style: u32) -> Vec<u8> {
    recorded(TrackSpec::video(400, 10), style)
}

/// The same with composition offsets below 0, the more so towards the end.
fn recording_with_negative_offsets(style: u32) -> Vec<u8> {
    let mut video = TrackSpec::video(400, 10);
    let frame = i32::try_from(video.samples[0].delta).unwrap();
    video.edits.clear();
    (0..).zip(&mut video.samples).for_each(|(n, s)| s.offset -= if n < 300 { frame } else { 2 * frame });
    recorded(video, style)
}

fn recorded(mut video: TrackSpec, style: u32) -> Vec<u8> {
    let delta = video.samples[0].delta;
    video.samples.iter_mut().skip(250).for_each(|sample| sample.delta = delta + 1);
    Film::of(vec![video, TrackSpec::audio(312)]).build_fragmented(style)
}

/// What a writer puts behind the last fragment.
fn mfra() -> Vec<u8> {
    make_box(b"mfra", make_box(b"mfro", [0, 0, 0, 0, 0, 0, 0, 24]))
}

/// A recording as it is some seconds after its last write.
struct Asked<'a> {
    film: &'a Vec<u8>,
    age: u64,
}

impl Asked<'_> {
    fn get(&self, at: &str) -> Result<Vec<u8>, Error> {
        let (path, query) = at.split_once('?').unwrap_or((at, ""));
        let settings = Settings {
            segment_duration: SegmentDuration::from_directive(b"2").unwrap(),
            form: Form::Ranges,
            max_age: Some(3600),
            ..Settings::default()
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mtime = i64::try_from(now - self.age).unwrap();
        let identity = Identity { mtime, ..identity(self.film) };
        let address = Address::parse(path.as_bytes());
        let answer = Seeker::new(0).answer_at(self.film, &identity, address, query.as_bytes(), &settings)?;
        let Answer::Film(file) = answer else { panic!("the plain file") };
        let is_text = path.ends_with("m3u8") || path.ends_with("mpd");
        let is_changing = is_text && self.age < 120;
        let is_part = path.ends_with(".m4s") || path.ends_with("/init.mp4");
        let may_grow = !is_part && !query.contains("end=") && self.age < 120;
        let for_long = if may_grow { None } else { Some("max-age=3600") };
        let said = if is_changing { Some("no-cache") } else { for_long };
        assert_eq!(file.cache_control(false, false).as_deref(), said, "{at}");
        assert_eq!(file.cache_control(true, false).as_deref(), is_changing.then_some("no-store"), "{at}");
        let mut bytes = vec![0; usize::try_from(file.len()).unwrap()];
        file.read_at(self.film, 0, &mut bytes).unwrap();
        Ok(bytes)
    }

    fn text(&self, at: &str) -> String {
        String::from_utf8(self.get(at).unwrap()).unwrap()
    }

    /// The segments of a media playlist, and what they follow.
    fn segments(&self, track: &str) -> (String, Vec<Vec<u8>>) {
        let text = self.text(&format!("/hls/{track}.m3u8"));
        let links = text.lines().filter(|line| !line.starts_with('#'));
        let bytes = links.map(|link| self.get(link.strip_prefix("..").unwrap()).unwrap());
        (text.clone(), bytes.collect())
    }
}

#[test]
fn what_is_listed_of_a_recording_stays() {
    let raised = [0, 5].map(recording_with_negative_offsets);
    for whole in [0, 5, 14, 31].map(recording).into_iter().chain(raised) {
        let mut ended = whole.clone();
        ended.extend(mfra());
        for track in ["v1", "a1"] {
            let mut before = String::new();
            let mut listed: Vec<Vec<u8>> = Vec::new();
            let mut init = Vec::new();
            for part in [20, 37, 50, 51, 76, 99, 100] {
                // Mostly in the middle of a fragment.
                let film = whole[..whole.len() * part / 100].to_vec();
                let asked = Asked { film: &film, age: 3 };
                let (text, segments) = asked.segments(track);
                assert!(text.contains("\n#EXT-X-PLAYLIST-TYPE:EVENT\n") && !text.contains("ENDLIST"));
                assert!(text.starts_with(&before), "{track} {part}:\n{before}\nis no start of\n{text}");
                assert!(segments.starts_with(&listed), "{track} {part}");
                let head = asked.get(&format!("/cmaf/{track}/init.mp4")).unwrap();
                assert!(init.is_empty() || init == head, "{track} {part}");
                let next = asked.get(&format!("/cmaf/{track}/{}.m4s", segments.len() + 1));
                assert_eq!(next.unwrap_err().status(), 404, "{track} {part}");
                (before, listed, init) = (text, segments, head);
            }
            assert!(listed.len() > 15, "{}", listed.len());
            // It ends.
            let asked = Asked { film: &ended, age: 3 };
            let (text, segments) = asked.segments(track);
            assert!(text.starts_with(&before) && text.ends_with("\n#EXT-X-ENDLIST\n"), "{text}");
            assert!(segments.starts_with(&listed) && segments.len() > listed.len());
            assert_eq!(asked.get(&format!("/cmaf/{track}/init.mp4")).unwrap(), init);
            let whole = asked.get(&format!("/cmaf/{track}.mp4")).unwrap();
            assert!(whole.ends_with(&segments.concat()) && whole.starts_with(&init));
            // It is at rest.
            let text = Asked { film: &ended, age: 130 }.text(&format!("/hls/{track}.m3u8"));
            assert!(text.contains(":VOD\n") && text.contains("#EXT-X-BYTERANGE"), "{text}");
            assert!(text.ends_with("#EXT-X-ENDLIST\n"));
        }
    }
}

#[test]
fn a_recording_that_stops_without_a_mark_ends() {
    let film = recording(0);
    for (age, kind, is_open) in [(50, "EVENT", true), (70, "EVENT", false), (130, "VOD", false)] {
        let text = Asked { film: &film, age }.text("/hls/v1.m3u8");
        assert!(text.contains(&format!(":{kind}\n")), "{age}: {text}");
        assert_eq!(!text.contains("#EXT-X-ENDLIST"), is_open, "{age}");
    }
}

#[test]
fn a_clip_whose_end_a_recording_passes_ends() {
    let whole = recording(0);
    for track in ["v1", "a1"] {
        for query in ["?end=17", "?start=3&end=17"] {
            let (mut before, mut ended) = (String::new(), Vec::new());
            for part in [25, 37, 40, 44, 50, 100] {
                let film = whole[..whole.len() * part / 100].to_vec();
                let text = Asked { film: &film, age: 3 }.text(&format!("/hls/{track}.m3u8{query}"));
                assert!(text.contains(":EVENT\n"), "{part}: {text}");
                assert!(text.starts_with(&before), "{track} {part}:\n{before}\nis no start of\n{text}");
                ended.push(text.ends_with("#EXT-X-ENDLIST\n"));
                before = text;
            }
            assert!(!ended[0] && ended[4] && ended[5], "{ended:?}");
            // Each player has asked again since.
            let text = Asked { film: &whole, age: 130 }.text(&format!("/hls/{track}.m3u8{query}"));
            assert!(text.contains(":VOD\n") && text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
        }
    }
}

#[test]
fn what_may_still_grow_is_not_kept() {
    let film = recording(0);
    for age in [3, 30, 70, 130] {
        let asked = Asked { film: &film, age };
        for at in ["?start=10", "", "?t=70", "?tracks=video", "/cmaf/v1.mp4", "/cmaf/a1.mp4?start=10"] {
            asked.get(at).unwrap();
        }
        for at in
            ["?end=20", "?start=10&end=20", "/cmaf/v1.mp4?end=20", "/cmaf/v1/1.m4s", "/cmaf/v1/init.mp4"]
        {
            asked.get(at).unwrap();
        }
    }
    // What is asked for may come.
    let said = |query: &str, age| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let identity = Identity { mtime: i64::try_from(now - age).unwrap(), ..identity(&film) };
        let settings = Settings { max_age: Some(9), ..Settings::default() };
        let answer = Seeker::new(0).answer(&film, &identity, query.as_bytes(), &settings).unwrap();
        let Answer::Film(file) = answer else { panic!("the plain file") };
        file.cache_control(false, false)
    };
    for query in ["end=90", "start=20&end=90", "clip=20-,1-2", "clip=1-2,20-90"] {
        assert_eq!(said(query, 30), None, "{query}");
        assert_eq!(said(query, 130).as_deref(), Some("max-age=9"), "{query}");
    }
    assert_eq!(said("clip=5-6,1-2", 30).as_deref(), Some("max-age=9"));
}

#[test]
fn a_manifest_of_a_recording_has_what_is_complete() {
    let whole = recording(0);
    let film = whole[..whole.len() / 2].to_vec();
    let asked = Asked { film: &film, age: 3 };
    let manifest = asked.text("/dash/manifest.mpd");
    assert!(manifest.contains("SegmentTemplate") && manifest.contains("type=\"static\""), "{manifest}");
    let (_, segments) = asked.segments("v1");
    let lasts =
        manifest.split("mediaPresentationDuration=\"PT").nth(1).and_then(|rest| rest.split('S').next());
    let lasts: f64 = lasts.unwrap().parse().unwrap();
    // All but the last are two seconds.
    assert!((lasts - 2.0 * segments.len() as f64).abs() < 0.3, "{lasts} {}", segments.len());
    // Nothing of a recording that has only begun is complete.
    let film = whole[..whole.len() / 20].to_vec();
    let asked = Asked { film: &film, age: 3 };
    for at in ["/hls/v1.m3u8", "/hls/master.m3u8", "/dash/manifest.mpd", "/cmaf/v1/1.m4s"] {
        assert_eq!(asked.get(at).unwrap_err().status(), 404, "{at}");
    }
}

#[test]
fn a_recording_has_no_playlist_of_all_before_all_that_goes_on_is_in_it() {
    let master = |whole: &[u8], part: usize| {
        let film = whole[..whole.len() * part / 200].to_vec();
        Asked { film: &film, age: 3 }.get("/hls/master.m3u8").map(|text| String::from_utf8(text).unwrap())
    };
    // In each fragment there is less sound than pictures.
    let mut sound = TrackSpec::audio(312);
    sound.samples.iter_mut().for_each(|sample| sample.delta = 600);
    let whole = Film::of(vec![TrackSpec::video(400, 10), sound]).build_fragmented(0);
    let mut statuses = Vec::new();
    for part in 8..60 {
        match master(&whole, part) {
            Ok(text) => {
                assert!(text.contains("v1.m3u8") && text.contains("a1.m3u8"), "{part}: {text}");
                statuses.push(200);
            }
            Err(e) => statuses.push(e.status()),
        }
    }
    statuses.dedup();
    assert_eq!(statuses, [404, 200]);
    // Nor is sound that begins in the middle a reason to take back what was there.
    let silent = Film::of(vec![TrackSpec::video(400, 10)]).build_fragmented(0);
    let fragments = |film: &[u8]| -> Vec<usize> {
        boxes(film).iter().filter(|found| &found.box_type == b"moof").map(|found| found.whole.start).collect()
    };
    let (of_silent, places) = (fragments(&silent), fragments(&whole));
    let half = places.len() / 2;
    let late = [&whole[..places[0]], &silent[of_silent[0]..of_silent[half]], &whole[places[half]..]].concat();
    let mut statuses: Vec<_> =
        (8..180).map(|n| master(&late, n).map_or_else(|e| e.status(), |_| 200)).collect();
    statuses.dedup();
    assert_eq!(statuses, [404, 200]);
    // Sound that is over is no reason to wait for ever.
    let whole = Film::of(vec![TrackSpec::video(400, 10), TrackSpec::audio(8)]).build_fragmented(0);
    let text = master(&whole, 100).unwrap();
    assert!(text.contains("v1.m3u8") && !text.contains("a1.m3u8"), "{text}");
}
