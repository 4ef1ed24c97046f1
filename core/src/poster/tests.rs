use crate::request::{Restrictions, Settings, Time, Window};
use crate::testing::{Film, TrackSpec, ask, identity, make_box};
use crate::{Answer, Seeker};

/// Ten seconds with a key frame each second, as AV1 of 8 bits.
fn track() -> TrackSpec {
    let av1c = make_box(b"av1C", [0x81, 0, 0x0c, 0]);
    let colr = make_box(b"colr", b"nclx\0\x01\0\x0d\0\x06\x80");
    // The fields of a video entry go on for 50 bytes.
    TrackSpec { coding: *b"av01", in_entry: vec![vec![0; 50], av1c, colr], ..TrackSpec::video(100, 10) }
}

/// The bytes of a frame.
fn frame(track_number: usize, number: usize) -> Vec<u8> {
    Film::sample_bytes(track_number, number, track().samples[number].size)
}

fn poster(film: &[u8], query: &str) -> Vec<u8> {
    ask(film, query).unwrap().unwrap()
}

fn refusal(film: &[u8], query: &str) -> (u16, String) {
    let error = ask(film, query).unwrap_err();
    (error.status(), error.to_string())
}

#[test]
fn it_is_the_key_frame_at_or_before_the_time() {
    let film = Film::of(vec![track()]).build();
    for (query, number) in
        [("poster=0", 0), ("poster=3", 30), ("poster=3.95&start=7", 30), ("poster=9.99", 90)]
    {
        let picture = poster(&film, query);
        assert!(picture.ends_with(&frame(0, number)), "{query}");
        let head = picture.len() - frame(0, number).len();
        assert_eq!(&picture[head - 4..head], b"mdat", "{query}");
        assert!(picture.windows(15).any(|bytes| bytes == b"colrnclx\0\x01\0\x0d\0\x06\x80"), "{query}");
    }
    assert_eq!(refusal(&film, "poster=10").0, 416);
    assert_eq!(refusal(&film, "poster=1&tracks=a1").0, 400);
}

#[test]
fn an_enabled_track_comes_first_unless_another_is_named() {
    let film = Film::of(vec![TrackSpec { enabled: false, ..track() }, track()]).build();
    assert!(poster(&film, "poster=2").ends_with(&frame(1, 20)));
    assert!(poster(&film, "poster=2&tracks=v1").ends_with(&frame(0, 20)));
}

#[test]
fn frames_of_which_no_picture_can_be_made_are_refused() {
    let avc = Film::of(vec![TrackSpec::video(100, 10)]).build();
    let silent = Film::of(vec![TrackSpec::audio(100)]).build();
    let bare = Film::of(vec![TrackSpec { in_entry: Vec::new(), ..track() }]).build();
    let odd = Film::of(vec![TrackSpec { in_entry: vec![vec![0; 50], make_box(b"av1C", [1; 4])], ..track() }])
        .build();
    for (film, status, says) in [
        (&avc, 415, "single frame of AV1"),
        (&silent, 400, "tracks"),
        (&bare, 415, "decoded"),
        (&odd, 415, "decoded"),
    ] {
        let (is, said) = refusal(film, "poster=1");
        assert!(is == status && said.contains(says), "{is} {said}");
    }
}

/// As a recording begins that was cut amid a group of pictures.
#[test]
fn what_comes_before_the_first_key_frame_is_on_no_poster() {
    let mut late = track();
    late.samples.iter_mut().take(20).for_each(|sample| sample.sync = false);
    let film = Film::of(vec![late]).build();
    assert_eq!(refusal(&film, "poster=0.5").0, 415);
    assert!(poster(&film, "poster=2.5").ends_with(&frame(0, 20)));
}

#[test]
fn what_may_not_be_seen_is_on_no_poster() {
    let film = Film::of(vec![track()]).build();
    let window = Window::from_directive(b"2.5-7.5");
    let restrictions = Restrictions { window, ..Restrictions::default() };
    let settings = Settings { restrictions, ..Settings::default() };
    let ask = |query: &str| Seeker::default().answer(&film, &identity(&film), query.as_bytes(), &settings);
    for query in ["poster=2", "poster=7.5"] {
        assert_eq!(ask(query).unwrap_err().status(), 403, "{query}");
    }
    // The key frame of 2 s is hidden, and the next one is not.
    for (query, number) in [("poster=2.7", 30), ("poster=3.5", 30), ("poster=7.2", 70)] {
        let Answer::Film(file) = ask(query).unwrap() else { panic!("the plain file") };
        let mut bytes = vec![0; usize::try_from(file.len()).unwrap()];
        file.read_at(&film, 0, &mut bytes).unwrap();
        assert!(bytes.ends_with(&frame(0, number)), "{query}");
    }
    // A picture has no length, whatever follows it.
    let longest = Restrictions { window: None, longest: Time::parse("4"), ..restrictions };
    let longest = Settings { restrictions: longest, ..settings };
    assert!(Seeker::default().answer(&film, &identity(&film), b"poster=1", &longest).is_ok());

    let window = Window::from_directive(b"2.5-2.9");
    let settings = Settings { restrictions: Restrictions { window, ..restrictions }, ..settings };
    let hidden = Seeker::default().answer(&film, &identity(&film), b"poster=2.7", &settings).unwrap_err();
    assert!(hidden.to_string().contains("no key frame is shown"), "{hidden}");
}
