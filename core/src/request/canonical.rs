//! The one query of all that ask for the same clip.

use std::fmt::{self, Display};

use super::{ClipRequest, Format, POSTER_TRACKS, Parameter, Settings, TrackKind, TrackSelector};

impl ClipRequest {
    /// The canonical query of this clip, without the `?`: what is asked for and is not so by itself,
    /// with times in seconds, in the order of the names. (Caches sort queries, too.) What does not belong
    /// to the clip is not in it.
    pub fn query(&self, settings: &Settings) -> String {
        let mut query = Query { pairs: Vec::new(), settings };
        // Where nothing is said, a clip begins and ends as what may be seen does.
        let window = settings.restrictions.window;
        let is_first = self.start <= self.allowed.from;
        let end = self.end.filter(|&end| window.and_then(|window| window.end) != Some(end));
        let is_joined = !self.more.is_empty();
        if is_joined {
            // One parameter, so that no cache sorts the scenes.
            query.add(Parameter::Clip, Scenes(self));
        }
        if !is_first && !is_joined {
            query.add(Parameter::Start, self.start.in_seconds());
        }
        if let Some(end) = end.filter(|_| !is_joined) {
            query.add(Parameter::End, end.in_seconds());
        }
        if !self.tracks.is_empty() {
            query.add(Parameter::Tracks, Tracks(&self.tracks));
        }
        if let Some(lang) = &self.lang {
            query.add(Parameter::Lang, lang);
        }
        // What is no clip does not begin in any way.
        let is_clip = !query.pairs.is_empty() || window.is_some() || self.format == Format::Fragmented;
        if is_clip && self.mode != settings.mode {
            query.add(Parameter::Mode, self.mode.name());
        }
        let is_open_seek = !is_first && end.is_none() && !is_joined;
        if self.format != if is_open_seek { settings.format } else { Format::Flat } {
            query.add(Parameter::Format, self.format.name());
        }
        query.finish()
    }

    /// The canonical query of the poster that this clip begins with.
    pub fn poster_query(&self, settings: &Settings) -> String {
        let mut query = Query { pairs: Vec::new(), settings };
        query.add(Parameter::Poster, self.start.in_seconds());
        if self.tracks != POSTER_TRACKS {
            query.add(Parameter::Tracks, Tracks(&self.tracks));
        }
        query.finish()
    }
}

/// A query while it is written. No value in it has to be escaped.
struct Query<'s> {
    pairs: Vec<String>,
    settings: &'s Settings,
}

impl Query<'_> {
    fn add(&mut self, parameter: Parameter, value: impl Display) {
        self.pairs.push(format!("{}={value}", self.settings.parameters.name(parameter)));
    }

    fn finish(mut self) -> String {
        self.pairs.sort_unstable();
        self.pairs.join("&")
    }
}

/// The scenes of a request as a query lists them.
struct Scenes<'r>(&'r ClipRequest);

impl Display for Scenes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scene) in self.0.scenes().enumerate() {
            f.write_str(if n == 0 { "" } else { "," })?;
            write!(f, "{}-", scene.start.in_seconds())?;
            if let Some(end) = scene.end {
                write!(f, "{}", end.in_seconds())?;
            }
        }
        Ok(())
    }
}

/// Track selectors as a query lists them.
struct Tracks<'t>(&'t [TrackSelector]);

impl Display for Tracks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, track) in self.0.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { "-" })?;
            match track {
                TrackSelector::Kind(kind) => f.write_str(match kind {
                    TrackKind::Video => "video",
                    TrackKind::Audio => "audio",
                    TrackKind::Text => "text",
                })?,
                TrackSelector::Nth(kind, number) => {
                    let letter = match kind {
                        TrackKind::Video => 'v',
                        TrackKind::Audio => 'a',
                        TrackKind::Text => 's',
                    };
                    write!(f, "{letter}{number}")?;
                }
                TrackSelector::Id(id) => write!(f, "{id}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::{Asked, Mode, Restrictions, Window};

    fn canonical(query: &str, settings: &Settings) -> String {
        Asked::parse(query.as_bytes(), settings).unwrap().request.query(settings)
    }

    #[test]
    fn what_asks_for_the_same_has_one_query() {
        let settings = Settings::default();
        for (queries, wanted) in [
            (
                &["start=60", "start=1:00", "start=60.000&utm=1", "t=60", "t=npt:60", "vbegin=50&start=10"][..],
                "start=60",
            ),
            (
                &["t=10.50,20", "end=20&start=10.5", "start=10.5&vend=20", "start=6e1&t=10.5,20"],
                "end=20&start=10.5",
            ),
            (&["start=0&end=7", "end=7", "t=,7"], "end=7"),
            (&["", "start=0", "utm=1", "mode=keyframe", "format=flat"], ""),
            (&["mode=keyframe&start=1", "start=1&mode=keyframe&mode=keyframe"], "mode=keyframe&start=1"),
            (&["tracks=video,a2,7", "tracks=video-a2-7"], "tracks=video-a2-7"),
            (&["lang=pt-BR&start=.000000001"], "lang=pt-br&start=0.000000001"),
            (&["format=fmp4&t=5"], "format=fmp4&start=5"),
            (&["clip=0:05-9", "clip=5.0-9", "start=5&end=9"], "end=9&start=5"),
            (&["clip=7-&utm=1&clip=-2", "clip=7-,0-2.0"], "clip=7-,0-2"),
        ] {
            for query in queries {
                assert_eq!(canonical(query, &settings), wanted, "{query}");
            }
        }
    }

    #[test]
    fn what_the_configuration_says_is_left_out() {
        let pairs = [(&b"start"[..], &b"from"[..])];
        let settings = Settings {
            mode: Mode::Keyframe,
            format: Format::Auto,
            parameters: Settings::default().parameters.rename(pairs).unwrap(),
            ..Settings::default()
        };
        for (query, wanted) in [
            ("from=5&mode=keyframe&format=auto", "from=5"),
            ("from=5&mode=exact&format=flat", "format=flat&from=5&mode=exact"),
            ("from=0", "format=auto"),
            ("from=5&end=9&format=auto", "end=9&format=auto&from=5"),
            ("from=5&end=9", "end=9&from=5"),
        ] {
            assert_eq!(canonical(query, &settings), wanted, "{query}");
        }
    }

    fn pair() -> impl Strategy<Value = String> {
        let time = prop_oneof!["[0-9]{1,3}(\\.[0-9]{0,10})?", "[0-5]?[0-9]:[0-5][0-9](\\.[0-9]{1,3})?"];
        prop_oneof![
            ("start|end|vbegin|vend|t", time.clone()).prop_map(|(name, time)| format!("{name}={time}")),
            (time.clone(), time).prop_map(|(from, to)| format!("t={from},{to}")),
            "(mode=(exact|keyframe|x))|(format=(flat|fmp4|auto|x))|(lang=[a-z]{2}(-[A-Z]{2})?)|utm=[a-z]{0,3}",
            "tracks=(v1|a2|audio|video|text|s3|7)(-(v1|a2|audio|7)){0,2}",
            "clip=[1-3](\\.[0-9]{1,3})?-[4-9](,-6|,5-)?",
        ]
    }

    proptest! {
        #[test]
        fn a_canonical_query_asks_for_the_same(
            pairs in proptest::collection::vec(pair(), 0..5),
            mode in prop_oneof![Just(Mode::Exact), Just(Mode::Keyframe)],
            format in prop_oneof![Just(Format::Flat), Just(Format::Fragmented), Just(Format::Auto)],
            window in proptest::option::of("[0-3]-[4-9]").prop_map(|text| Window::from_directive(text?.as_bytes())),
        ) {
            let restrictions = Restrictions { window, ..Restrictions::default() };
            let settings = Settings { mode, format, restrictions, ..Settings::default() };
            let Ok(asked) = Asked::parse(pairs.join("&").as_bytes(), &settings) else { return Ok(()) };
            for request in [Some(asked.request), asked.otherwise.and_then(Result::ok)].into_iter().flatten() {
                let query = request.query(&settings);
                let again = Asked::parse(query.as_bytes(), &settings).unwrap().request;
                prop_assert_eq!(again.query(&settings), query.clone());
                // Whether the start of a film was named makes no difference, nor does the mode of all of it.
                let is_first = request.start.nanos() == 0;
                let mode = if query.contains("mode") { request.mode } else { settings.mode };
                prop_assert!(mode == request.mode || !again.is_cut && again.format != Format::Fragmented);
                let is_cut = if is_first { again.is_cut } else { request.is_cut };
                prop_assert_eq!(again, ClipRequest { mode, is_cut, ..request }, "{}", query);
            }
        }
    }
}
