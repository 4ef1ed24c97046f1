//! Query strings and request headers, any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mp4seek::http::{Conditions, Part, Selection, select};
use mp4seek::Settings;
use mp4seek::request::{Asked, Time, flv_start, has_extension};

const ETAG: &str = "\"h264s1-10-1.0-abc\"";

fuzz_target!(|data: &[u8]| {
    query(data);
    headers(data);
    has_extension(data, [&b".mp4"[..], b"flv", data]);
});

fn query(data: &[u8]) {
    let settings = Settings::default();
    let _ = flv_start(data, &settings);
    let parsed = Asked::parse(data, &settings);
    if let Err(e) = &parsed {
        let line = e.to_string();
        assert!(line.len() < 1000 && line.bytes().all(|b| (0x20..0x7f).contains(&b)), "{line:?}");
    }
    if let Ok(asked) = &parsed {
        let request = &asked.request;
        assert!(request.end.is_none_or(|end| end > request.start));
        // Every byte percent-encoded says the same; so does a repetition of all but scenes, which
        // count each time.
        let encoded: String = data
            .iter()
            .map(|&b| if matches!(b, b'&' | b'=') { char::from(b).into() } else { format!("%{b:02x}") })
            .collect();
        if !data.contains(&b'%')
            && data.split(|&b| b == b'&').all(|p| p.iter().filter(|&&b| b == b'=').count() <= 1)
        {
            assert_eq!(Asked::parse(encoded.as_bytes(), &settings).as_ref(), Ok(asked));
        }
        let is_scene = |pair: &&[u8]| {
            let name = pair.split(|&b| b == b'=').next().unwrap_or_default();
            percent_encoding::percent_decode(name).eq(*b"clip")
        };
        let again: Vec<_> = data.split(|&b| b == b'&').filter(|pair| !is_scene(pair)).collect();
        let twice = [data, &again.join(&b'&')].join(&b'&');
        assert_eq!(Asked::parse(&twice, &settings).as_ref(), Ok(asked));
        // The times, written in seconds, are the same times.
        let seconds = |t: Time| format!("{}.{:09}", t.nanos() / 1_000_000_000, t.nanos() % 1_000_000_000);
        for time in [Some(request.start), request.end].into_iter().flatten() {
            assert_eq!(Time::parse(&seconds(time)), Some(time));
        }
    }
}

/// The data, split at zeros, as the headers of a request.
fn headers(data: &[u8]) {
    let mut fields = data.split(|&b| b == 0).map(|f| (!f.is_empty()).then_some(f));
    let mut next = || fields.next().flatten();
    let conditions = Conditions {
        range: next(),
        if_range: next(),
        if_match: next(),
        if_none_match: next(),
        if_modified_since: next(),
        if_unmodified_since: next(),
    };
    for len in [0, 1, 1000, u64::MAX / 2] {
        match select(&conditions, ETAG, 784_111_777, len, b"video/mp4") {
            Selection::Single(range) => assert!(range.start < range.end && range.end <= len),
            Selection::Multi(body) => {
                let mut total = 0;
                for part in &body.parts {
                    total += match part {
                        Part::Text(text) => text.len() as u64,
                        Part::Range(range) => {
                            assert!(range.start < range.end && range.end <= len);
                            range.end - range.start
                        }
                    };
                }
                assert_eq!(total, body.len);
                assert!(body.parts.len() <= 401);
            }
            _ => {}
        }
    }
}
