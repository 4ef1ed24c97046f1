use proptest::prelude::*;

use super::time::NEVER;
use super::*;

fn parse(query: &str) -> Result<ClipRequest, RequestError> {
    Asked::parse(query.as_bytes(), &Settings::default()).map(|asked| asked.request)
}

fn millis(query: &str) -> (u64, Option<u64>) {
    let r = parse(query).unwrap();
    assert!(r.is_cut, "{query}");
    (r.start.nanos() / 1_000_000, r.end.map(|e| e.nanos() / 1_000_000))
}

#[test]
fn parameters_name_a_clip() {
    assert_eq!(millis("start=61.5"), (61_500, None));
    assert_eq!(millis("end=9"), (0, Some(9_000)));
    assert_eq!(millis("start=1&end=2.5"), (1_000, Some(2_500)));
    assert_eq!(millis("t=1,2"), (1_000, Some(2_000)));
    assert_eq!(millis("t=npt:10"), (10_000, None));
    assert_eq!(millis("t=,0:10"), (0, Some(10_000)));
    assert_eq!(millis("vbegin=100&start=5&end=10"), (105_000, Some(110_000)));
    assert_eq!(millis("vbegin=100&vend=104&end=10"), (100_000, Some(104_000)));
    assert_eq!(millis("vend=104"), (0, Some(104_000)));
    assert_eq!(millis("%73tart=%36%31.5"), (61_500, None));
    assert_eq!(millis("start=1.42e-14&end=1e1"), (0, Some(10_000)));
    assert_eq!(millis("&&autoplay&start=1&s=9&starts=8&foo=%zz"), (1_000, None));
}

/// The scenes of a query, in milliseconds.
fn scenes(query: &str) -> Vec<(u64, Option<u64>)> {
    let millis = |time: Time| time.nanos() / 1_000_000;
    let request = parse(query).unwrap();
    assert!(request.is_cut, "{query}");
    request.scenes().map(|scene| (millis(scene.start), scene.end.map(millis))).collect()
}

#[test]
fn scenes_are_in_the_order_of_the_query() {
    let two = vec![(10_000, Some(20_000)), (35_000, Some(41_500))];
    assert_eq!(scenes("clip=10-20&clip=35-41.5"), two);
    assert_eq!(scenes("clip=10-20,0:35-0:00:41.5"), two);
    assert_eq!(scenes("clip=&clip=10-20&clip=NaN&clip=35-41.5"), two);
    assert_eq!(scenes("clip=7-8&clip=-2&clip=7-"), [(7_000, Some(8_000)), (0, Some(2_000)), (7_000, None)]);
    // One scene is a start and an end.
    assert_eq!(parse("clip=5-9"), parse("start=5&end=9"));
    assert_eq!(parse("clip=5-"), parse("start=5"));
    // Those that go on are one, whatever they are moved onto.
    assert_eq!(parse("clip=5-7&clip=7-7.5,0:07.5-9"), parse("start=5&end=9"));
    assert_eq!(parse("clip=5-7,7-"), parse("start=5"));
    assert_eq!(scenes("clip=10-15&clip=15-20,35-40,40-41.5"), two);
    assert_eq!(parse("clip=1-2,2-3,7-8&scene=2"), parse("start=7&end=8"));
    assert_eq!(scenes("clip=1-2,3-4,2-3").len(), 3);
    // What is somebody else's, unless a scene or a time is ours.
    for query in ["clip=17", "clip=2026-11-29", "clip=12-my-title", "clip=abc&clip=6f1e-4ce2", "clip=-"] {
        assert!(!parse(query).unwrap().is_cut, "{query}");
        assert!(parse(&format!("{query}&clip=1-2")).is_err(), "{query}");
        assert!(parse(&format!("{query}&start=1")).is_err(), "{query}");
    }
}

#[test]
fn one_of_the_scenes_is_asked_for_by_its_number() {
    for (number, alone) in [(1, "start=10&end=20"), (2, "start=35&end=41.5"), (3, "end=5")] {
        let query = format!("clip=10-20,35-41.5&scene={number}&clip=-5&mode=exact");
        assert_eq!(parse(&query), parse(&format!("{alone}&mode=exact")), "{query}");
    }
    for number in ["0", "4", "-1", "1.5", "x", "99999999999999999999"] {
        let said = parse(&format!("clip=1-2&clip=3-4&clip=5-6&scene={number}")).unwrap_err().to_string();
        assert_eq!(said, format!("scene={number}: not the number of one of the scenes"));
    }
    // Without several scenes it is somebody else's.
    for query in ["", "start=5", "clip=5-9", "clip=abc"] {
        assert_eq!(parse(&format!("{query}&scene=7")), parse(query), "{query}");
    }
    assert_eq!(parse("clip=1-2,3-4&scene="), parse("clip=1-2,3-4"));
}

#[test]
fn scenes_that_cannot_be_read_are_named() {
    let most = limits::SCENES;
    let many = |count| vec!["clip=1-2"; count].join("&");
    assert_eq!(scenes(&many(most)).len(), most);
    for (query, says) in [
        ("clip=20-10", "clip=20-10: the scene ends at or before its start"),
        ("clip=1-2&clip=5-5", "clip=5-5: the scene ends at or before its start"),
        ("clip=-0", "clip=-0: the scene ends at or before its start"),
        ("clip=1-2,3", "clip=1-2,3"),
        ("clip=1-2&clip=3", "clip=3: not a scene; 10-20, 10- or -20 in seconds or h:mm:ss are"),
        ("clip=1:2:3:4-9", "clip=1:2:3:4-9: not a scene"),
        ("clip=1-2&end=9", "clip names scenes, and end a time"),
        ("clip=1-2&t=5", "clip names scenes, and t a time"),
        ("vbegin=5&clip=1-2", "clip names scenes, and vbegin a time"),
        (&many(most + 1), "clip names more than 32 scenes"),
    ] {
        match parse(query) {
            Err(e) => assert!(e.to_string().starts_with(says), "{query}: {e}"),
            Ok(request) => assert!(says == query && !request.is_cut, "{query}"),
        }
    }
}

#[test]
fn the_last_of_a_repeated_parameter_counts() {
    assert_eq!(millis("start=0&start=12"), (12_000, None));
    assert_eq!(millis("start=x&start=12"), (12_000, None));
    assert_eq!(millis("start=12&start=&start=NaN"), (12_000, None));
    assert_eq!(millis("start=1&t=2"), (2_000, None));
    assert_eq!(millis("t=2&start=1"), (1_000, None));
    assert_eq!(millis("t=2,5&start=1"), (1_000, Some(5_000)));
    assert_eq!(millis("start=1&end=9&t=,5"), (1_000, Some(5_000)));
    assert_eq!(millis("end=9&t=1,5&end=7"), (1_000, Some(7_000)));
    assert_eq!(parse("lang=en&lang=de").unwrap().lang.as_deref(), Some("de"));
    assert_eq!(parse("start=1&mode=exact&mode=keyframe").unwrap().mode, Mode::Keyframe);
    assert!(parse("start=12&start=x").is_err());
    // The one that counts is not ours.
    assert!(!parse("t=5&t=TOKEN").unwrap().is_cut);
}

#[test]
fn a_query_that_is_not_ours_asks_for_the_whole_film() {
    for query in [
        "",
        "s=5",
        "START=5",
        "restart=5",
        "mode=keyframe",
        "t=TOKEN&e=1700003600",
        "t=2025-01-19T13:00:00Z",
        "t=1,2,3",
        "t=5,",
        "t=,",
        "t=a,b",
        "t=npt:x",
        "t=-1",
        "t=%ff",
        "mode=download",
        "lang=en_US",
        "lang=1",
        "lang=de-",
        "tracks=all",
        "tracks=",
        "lang=",
        "t=",
        "mode=",
        "start=&end=",
        "start",
        "start=NaN",
        "end=Infinity",
        "start=undefined&end=null",
        "t=undefined",
        "lang=null",
        "mode=download&start=&t=TOKEN&lang=en_US",
    ] {
        let asked = Asked::parse(query.as_bytes(), &Settings::default()).unwrap();
        assert!(!asked.request.is_cut && asked.otherwise.is_none(), "{query}");
        assert_eq!((asked.request.start, asked.request.end), (Time(0), None));
    }
}

#[test]
fn a_clip_that_is_wanted_is_not_guessed_at() {
    for clip in ["start=1", "end=9", "vbegin=0", "vend=9"] {
        for (other, reason) in [
            ("t=TOKEN", "t=TOKEN: not a time range"),
            ("t=", ""),
            ("mode=download", "mode=download: keyframe or exact"),
            ("lang=en_US", "lang=en_US: not a language tag"),
            ("tracks=all", "tracks=all: not tracks"),
            ("tracks=null", ""),
        ] {
            for query in [format!("{clip}&{other}"), format!("{other}&{clip}")] {
                match parse(&query) {
                    Ok(_) => assert_eq!(reason, "", "{query}"),
                    Err(e) => {
                        assert!(!reason.is_empty() && e.to_string().starts_with(reason), "{query}: {e}")
                    }
                }
            }
        }
    }
}

#[test]
fn a_number_in_t_may_be_something_else() {
    let asked = |query: &str| Asked::parse(query.as_bytes(), &Settings::default()).unwrap();
    let number = asked("t=1700000000000&tracks=audio&mode=keyframe");
    assert_eq!(number.request.start, Time(NEVER));
    let otherwise = number.otherwise.unwrap().unwrap();
    assert_eq!((otherwise.start, otherwise.is_cut, otherwise.tracks.len()), (Time(0), true, 1));
    assert!(!asked("t=1:30").otherwise.unwrap().unwrap().is_cut);
    // Beside a time of the other parameters it must be one, unless it does not count.
    let refused = asked("end=1e30&t=99").otherwise.unwrap().unwrap_err().to_string();
    assert_eq!(refused, "t=99: not a time before the end of the film");
    for query in ["t=99&start=1", "t=npt:99", "t=99,100", "t=,99", "start=99"] {
        assert!(asked(query).otherwise.is_none(), "{query}");
    }
}

#[test]
fn the_query_overrides_the_mode() {
    assert_eq!(parse("start=1").unwrap().mode, Mode::Exact);
    assert_eq!(parse("start=1&mode=keyframe").unwrap().mode, Mode::Keyframe);
    assert_eq!(parse("mode=download").unwrap().mode, Mode::Exact);
}

#[test]
fn tracks_are_named_by_kind_place_or_number() {
    use TrackKind::{Audio, Text, Video};
    use TrackSelector::{Id, Kind, Nth};
    for (text, tracks) in [
        ("v1-a2", vec![Nth(Video, 1), Nth(Audio, 2)]),
        ("audio", vec![Kind(Audio)]),
        ("video,s1,7", vec![Kind(Video), Nth(Text, 1), Id(7)]),
    ] {
        let r = parse(&format!("tracks={text}")).unwrap();
        assert_eq!((r.tracks, r.is_cut), (tracks, true));
    }
    for text in ["a0", "a-", "x", "1a", "v1-", "a4294967296", "audio 1"] {
        assert!(!parse(&format!("tracks={text}")).unwrap().is_cut, "{text}");
        assert!(parse(&format!("tracks={text}&start=1")).is_err(), "{text}");
    }
    assert_eq!(parse("lang=PT-br").unwrap().lang.as_deref(), Some("pt-br"));
    assert_eq!(parse("lang=es-419").unwrap().lang.as_deref(), Some("es-419"));
}

#[test]
fn nonsense_is_refused_with_a_reason() {
    for (query, reason) in [
        ("start=-1", "start=-1: not a time"),
        ("end=nan", "end=nan: not a time"),
        ("start=-Infinity", "start=-Infinity: not a time"),
        ("start=1+1", "start=1+1: not a time"),
        ("start=%0a", r"start=\n: not a time"),
        ("start=1&t=,", "t=,: not a time range"),
        ("start=2&end=2", "the clip ends (end) at or before its start (start)"),
        ("t=5,4", "the clip ends (end) at or before its start (start)"),
        ("end=0", "the clip ends"),
        ("start=9&end=NaN&end=5", "the clip ends"),
        ("vbegin=5&vend=5", "the clip ends (vend)"),
        ("vbegin=5&vend=9&start=4", "start is at or past the end of what vbegin and vend name"),
        ("vbegin=99999999999&end=1", "start is at or past"),
    ] {
        let error = parse(query).unwrap_err().to_string();
        assert!(error.starts_with(reason), "{query}: {error}");
    }
}

#[test]
fn who_writes_for_us_alone_is_taken_at_their_word() {
    let settings = Settings { is_strict: true, ..Settings::default() };
    for query in
        ["start=", "tracks=all", "lang=en_US", "lang=", "mode=fast", "format=mp4", "t=TOKEN", "end=NaN"]
    {
        assert!(Asked::parse(query.as_bytes(), &settings).is_err(), "{query}");
    }
    assert!(Asked::parse(b"x=1&tracks=audio", &settings).is_ok());
}

#[test]
fn a_format_is_named_or_the_one_for_seeks_without_an_end() {
    let settings = Settings { format: Format::Auto, ..Settings::default() };
    let format = |query: &str, settings: &Settings| {
        Asked::parse(query.as_bytes(), settings).map(|asked| asked.request.format)
    };
    for (query, wanted) in [
        ("", Format::Flat),
        ("start=5", Format::Auto),
        ("vbegin=5", Format::Auto),
        ("t=5", Format::Auto),
        ("start=5&end=9", Format::Flat),
        ("t=5,9", Format::Flat),
        ("vbegin=5&vend=9", Format::Flat),
        ("tracks=video", Format::Flat),
        ("format=fmp4", Format::Fragmented),
        ("start=5&format=flat", Format::Flat),
        ("start=5&end=9&format=auto", Format::Auto),
        // What is somebody else's means nothing, beside a time, too.
        ("start=5&format=mp4", Format::Auto),
        ("start=5&end=9&format=FMP4", Format::Flat),
    ] {
        assert_eq!(format(query, &settings), Ok(wanted), "{query}");
    }
    assert_eq!(format("start=5", &Settings::default()), Ok(Format::Flat));
}

#[test]
fn parameters_have_the_names_of_the_configuration() {
    let names: [(&[u8], &[u8]); 3] = [(b"start", b"from"), (b"end", b"to"), (b"t", b"range")];
    let parameters = Parameters::default().rename(names).unwrap();
    let settings = Settings { parameters, ..Settings::default() };
    let parse = |query: &str| Asked::parse(query.as_bytes(), &settings).map(|asked| asked.request);
    let r = parse("from=1&to=3&start=x&t=x").unwrap();
    assert_eq!((r.start, r.end), (Time(1_000_000_000), Some(Time(3_000_000_000))));
    assert_eq!(parse("range=1,3").unwrap(), r);
    assert!(!parse("start=1&end=3&t=1,3").unwrap().is_cut);
    assert!(parse("from=x").unwrap_err().to_string().starts_with("from=x: not a time"));
    assert!(
        parse("from=4&to=3").unwrap_err().to_string().contains("ends (to) at or before its start (from)")
    );
    assert_eq!(flv_start(b"from=5&start=9", &settings), Ok(Some(5)));
}

#[test]
fn an_flv_counts_bytes() {
    let start = |query: &str| flv_start(query.as_bytes(), &Settings::default());
    assert_eq!(start("start=12345&x=1"), Ok(Some(12_345)));
    assert_eq!(start("start=1&start=2&start="), Ok(Some(2)));
    for query in ["x=1", "start=", "start=undefined"] {
        assert_eq!(start(query), Ok(None), "{query}");
    }
    assert!(start("start=1.5").is_err() && start("start=-1").is_err());
}

proptest! {
    /// Any query is understood or refused with a line for a log; and nothing in it can do more.
    #[test]
    fn any_query_is_read(
        parts in prop::collection::vec(
            (0usize..11, prop_oneof![
                "[0-9]{0,24}(\\.[0-9]{0,24})?([eE][+-]?[0-9]{0,24})?",
                "[0-9:.,]{0,12}", "npt:[0-9,]{0,6}", "\\PC{0,8}", "NaN|Infinity|undefined|null|all|exact|v1-a2|en|fmp4|auto",
            ]), 0..6),
        strict: bool,
    ) {
        const NAMES: [&str; 12] =
            ["start", "end", "vbegin", "vend", "t", "mode", "tracks", "lang", "format", "poster", "x", ""];
        let query = parts.iter().map(|(name, value)| format!("{}={value}", NAMES[*name])).collect::<Vec<_>>();
        let query = query.join("&");
        let settings = Settings { is_strict: strict, ..Settings::default() };
        let asked = Asked::parse(query.as_bytes(), &settings);
        let twice = Asked::parse(format!("{query}&{query}").as_bytes(), &settings);
        prop_assert_eq!(&asked, &twice);
        match asked {
            Err(e) => {
                let line = e.to_string();
                prop_assert!(line.len() < 1000 && line.bytes().all(|b| (0x20..0x7f).contains(&b)), "{}", line);
            }
            Ok(Asked { request, otherwise, .. }) => {
                prop_assert!(request.end.is_none_or(|end| end > request.start));
                let seconds = |t: Time| format!("{}.{:09}", t.nanos() / 1_000_000_000, t.nanos() % 1_000_000_000);
                prop_assert_eq!(Time::parse(&seconds(request.start)), Some(request.start));
                // What is not ours changes nothing.
                if !request.is_cut {
                    let nothing = ClipRequest { mode: request.mode, format: request.format, ..parse("").unwrap() };
                    prop_assert_eq!(&request, &nothing);
                    prop_assert!(otherwise.is_none());
                }
            }
        }
        let _ = flv_start(query.as_bytes(), &settings);
    }

    /// Any scenes are read or refused with a line for a log.
    #[test]
    fn any_scenes_are_read(
        values in prop::collection::vec(prop_oneof!["[0-9:.,e-]{0,14}", "[0-9]{1,3}-[0-9]{0,3}", "\\PC{0,8}"], 1..5),
        strict: bool,
    ) {
        let query = values.iter().map(|value| format!("clip={value}")).collect::<Vec<_>>().join("&");
        let settings = Settings { is_strict: strict, ..Settings::default() };
        match Asked::parse(query.as_bytes(), &settings) {
            Err(e) => {
                let line = e.to_string();
                prop_assert!(line.len() < 1000 && line.bytes().all(|b| (0x20..0x7f).contains(&b)), "{}", line);
            }
            Ok(Asked { request, .. }) => {
                prop_assert!(request.scenes().all(|scene| scene.end.is_none_or(|end| end > scene.start)));
                prop_assert!(request.scenes().count() <= limits::SCENES);
                prop_assert!(request.is_cut || request.more.is_empty());
            }
        }
    }

    /// A number means the same however its point is moved.
    #[test]
    fn an_exponent_moves_the_point(whole in 0u64..1_000_000_000, decimals in "[0-9]{0,9}", shift in 0usize..12) {
        let plain = format!("{whole}.{decimals}");
        let wanted = Time::parse(&plain);
        prop_assert!(wanted.is_some());
        prop_assert_eq!(Time::parse(&format!("{whole}{decimals}e-{}", decimals.len())), wanted);
        prop_assert_eq!(Time::parse(&format!("0.{}{whole:020}{decimals}E+{}", "0".repeat(shift), 20 + shift)), wanted);
    }
}

#[test]
fn a_clip_is_wanted_by_any_parameter_of_ours() {
    let wants = |query: &str| Asked::wants_clip(query.as_bytes(), &Settings::default());
    for query in [
        "start=1",
        "end=2",
        "t=5",
        "t=1,2",
        "tracks=video",
        "lang=en",
        "user=7&start=0",
        "start=x",
        "format=fmp4",
        "poster=0",
        "clip=10-",
        "clip=1-x&start=2",
        "clip=-.",
        "clip=-,1-2",
    ] {
        assert!(wants(query), "{query}");
    }
    for query in [
        "",
        "user=7",
        "start=",
        "t=TOKEN",
        "mode=download",
        "mode=exact",
        "starts=1",
        "format=mp4",
        "format=auto",
        "poster=poster.jpg",
        "clip=-",
        "clip=2026-11-29",
        "clip=12-my-title",
        "clip=-&clip=",
    ] {
        assert!(!wants(query), "{query}");
    }
}

#[test]
fn a_poster_that_is_no_time_is_somebody_elses() {
    let ask = |query: &str| Asked::parse(query.as_bytes(), &Settings::default()).unwrap();
    let poster = ask("poster=1:01.5&start=7&end=3&mode=exact");
    assert!(poster.is_poster);
    assert_eq!(poster.request.poster_query(&Settings::default()), "poster=61.5");
    let second = ask("tracks=v2&poster=3");
    assert_eq!(second.request.poster_query(&Settings::default()), "poster=3&tracks=v2");
    for query in ["", "poster=", "poster=poster.jpg&start=7", "poster=-1"] {
        assert!(!ask(query).is_poster, "{query}");
    }
    let strict = Settings { is_strict: true, ..Settings::default() };
    assert!(Asked::parse(b"poster=poster.jpg", &strict).is_err());
}
