//! Which clips are played.

use std::cell::Cell;
use std::fmt::Write as _;
use std::path::Path;

use mp4seek::request::Mode;
use tests::client::Reply;
use tests::films::{self, Film};
use tests::probe::{Cut, Source};
use tests::servers::{APACHE, Builder, Engine, Site, engines};
use tests::work_dir;

use crate::Options;
use crate::browsers::PAGE;
use crate::forms::{FORMS, Form, SCRIPTS};
use crate::ladder;
use crate::recorder::{self, Recorder, Recording};
use crate::sight::Player;
use crate::wanted::{self, Wanted};

/// The films whose clips CI plays.
const SAMPLE: &[&str] = &[
    "screen_bframes",
    "screen_gop10",
    "screen_one_key",
    "screen_vfr",
    "screen_late_video",
    "screen_vp9_opus",
    "edits_several",
    "screen_cmaf",
    LANGUAGES,
];

/// The films that are played in other forms, too.
const PACKAGED: &[&str] = &[
    "screen_bframes",
    "screen_open_gop",
    "screen_vfr",
    "screen_ntsc",
    "screen_late_audio",
    "screen_late_video",
    "screen_hevc",
    "screen_av1_opus",
    "screen_vp9_opus",
    "screen_flac",
    "screen_mov",
    "screen_aac",
    "screen_fragments",
    "edits_several",
];

/// What of these CI plays.
const SAMPLE_OF_FORMS: &[&str] = &[
    "fmp4: keyframe, amid a GOP",
    "HLS, hls.js: amid a GOP",
    "DASH, Shaka: whole",
    "HLS, video.js: switching",
];

/// The film that is played while its languages change.
const LANGUAGES: &str = "screen_languages";

/// The film that is played in other qualities and in scenes, too.
const RUNG: &str = "screen_bframes";

/// Its scenes, in seconds. GStreamer plays none over HTTP that go backwards in the film.
const SCENES: [(f64, f64); 3] = [(2.4, 6.0), (13.37, 17.0), (20.0, 24.0)];

/// The film that is played while it is recorded, too.
const RECORDED: &str = "screen_fragments";

/// Films beside those of half a minute.
const OTHERS: &[&str] = &["edits_several"];

/// What is played of a film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The file itself, from a server without the module.
    Plain,
    /// The film without a query, from a server with the module.
    Whole,
    /// From the middle of a group of pictures.
    Middle(Mode),
    /// From a key frame.
    Key(Mode),
    /// From the frame before one.
    Before(Mode),
    /// From where the command line says.
    Asked(Mode),
    /// Scenes joined, in this form or as a flat file.
    Scenes(Option<&'static Form>, Mode),
    /// The whole film in another form, or from the middle of a group of pictures.
    Form(&'static Form, Option<Mode>),
    /// The whole film or a clip in another form, while sound and text change their language.
    Switching(&'static Form, Option<Mode>),
    /// The whole film in several qualities, between which the library goes.
    Ladder(&'static Form),
    /// The whole film while it is being recorded.
    Recorded(&'static Form),
    /// From the middle of a group of pictures, of nginx's mp4 module.
    Nginx,
}

impl Kind {
    pub(crate) fn name(self) -> String {
        let mode = |mode| if mode == Mode::Exact { "exact" } else { "keyframe" };
        match self {
            Self::Plain => "the plain file".into(),
            Self::Whole => "whole".into(),
            Self::Middle(m) => format!("{}, amid a GOP", mode(m)),
            Self::Key(m) => format!("{}, at a key frame", mode(m)),
            Self::Before(m) => format!("{}, just before one", mode(m)),
            Self::Asked(m) => mode(m).into(),
            Self::Scenes(None, m) => format!("{}, scenes", mode(m)),
            Self::Scenes(Some(form), m) if form.is_exact => format!("{}: {}, scenes", form.name, mode(m)),
            Self::Scenes(Some(form), _) => format!("{}: scenes", form.name),
            Self::Form(form, None) => format!("{}: whole", form.name),
            Self::Form(form, Some(m)) if form.is_exact => format!("{}: {}, amid a GOP", form.name, mode(m)),
            Self::Form(form, Some(_)) => format!("{}: amid a GOP", form.name),
            Self::Switching(form, None) => format!("{}: switching", form.name),
            Self::Switching(form, Some(_)) => format!("{}: switching in a clip", form.name),
            Self::Ladder(form) => format!("{}: ladder", form.name),
            Self::Recorded(form) => format!("{}: recorded", form.name),
            Self::Nginx => "nginx, amid a GOP".into(),
        }
    }

    /// The form, if it is not the flat file.
    pub(crate) fn form(self) -> Option<&'static Form> {
        match self {
            Self::Form(form, _) | Self::Switching(form, _) | Self::Ladder(form) | Self::Recorded(form) => {
                Some(form)
            }
            Self::Scenes(form, _) => form,
            _ => None,
        }
    }
}

/// A clip to play.
pub(crate) struct Clip {
    pub(crate) film: String,
    pub(crate) kind: Kind,
    /// The address of its server, and what is asked for there.
    pub(crate) site: String,
    pub(crate) target: String,
    pub(crate) wanted: Wanted,
    /// What records the film meanwhile; the target is what follows its name then.
    pub(crate) recorder: Option<Recorder>,
}

impl Clip {
    /// Its address, and that of what is recorded now.
    pub(crate) fn url(&self, recording: Option<&Recording>) -> String {
        let name = recording.map_or(String::new(), |recording| format!("/{}", recording.name));
        format!("{}{name}{}", self.site, self.target)
    }

    /// The library that plays it in browsers.
    pub(crate) fn library(&self) -> Option<&'static str> {
        self.kind.form()?.library
    }

    /// Whether a player plays such clips.
    pub(crate) fn is_for(&self, player: Player) -> bool {
        // WebKit's faults in libraries are known, and neither languages nor qualities nor time change them.
        let switching = matches!(self.kind, Kind::Switching(..) | Kind::Ladder(_) | Kind::Recorded(_));
        self.kind.form().is_none_or(|form| form.is_for(player)) && !(switching && player == Player::WebKit)
    }
}

pub(crate) struct Servers {
    /// With the module.
    ours: [Site; 3],
    /// How many of them had their turn.
    turns: Cell<usize>,
    /// Without it: plain files.
    plain: Site,
    /// With its own mp4 module.
    nginx: Site,
}

impl Servers {
    pub(crate) fn start() -> Self {
        let mp4 = "location ~ [.]mp4$ { mp4; mp4_buffer_size 1m; mp4_max_buffer_size 100m; }";
        let servers = Self {
            ours: engines().map(|engine| Builder::new(engine).packaging().start()),
            turns: Cell::new(0),
            plain: Builder::new(APACHE).without_module().start(),
            nginx: Builder::new(Engine::Nginx).without_module().config(mp4).start(),
        };
        for site in servers.all() {
            // Players close connections in the middle of an answer.
            site.allow_log("");
            for (name, text) in PAGE {
                site.put(name, text);
            }
        }
        for (name, path) in SCRIPTS {
            let path = work_dir("players").join("node_modules").join(path);
            let script = std::fs::read(&path)
                .unwrap_or_else(|e| panic!("{}: {e}; run `tests/setup.sh screens`", path.display()));
            for site in &servers.ours {
                site.put(name, &script);
            }
        }
        servers
    }

    fn all(&self) -> impl Iterator<Item = &Site> {
        self.ours.iter().chain([&self.plain, &self.nginx])
    }

    /// Those with the module, one after the other.
    fn next(&self) -> &Site {
        &self.ours[self.turns.replace(self.turns.get() + 1) % self.ours.len()]
    }

    /// All servers send the same bytes: which of them a player asks is all one.
    fn assert_alike(&self, target: &str) {
        let [one, others @ ..] = self.ours.each_ref().map(|site| site.get(target));
        let said = |reply: &Reply| (reply.status, reply.header("content-type").to_owned());
        for other in others {
            assert_eq!(said(&one), said(&other), "{target}");
            assert!(one.body == other.body, "{target} differs between the servers");
        }
    }
}

/// All that are asked for, film by film, each one's plain file first.
pub(crate) fn all(options: &Options, servers: &Servers) -> Vec<Clip> {
    let mut clips: Vec<_> =
        options.files.iter().enumerate().map(|(n, path)| file(n, path, servers)).collect();
    let named = |name: &String| {
        let known = || films::KINDS.iter().copied().chain(films::variants()).chain(films::screened());
        let long = format!("screen_{name}");
        let found = known().find(|k| *k == long).or_else(|| known().chain(["demo"]).find(|k| k == name));
        found.unwrap_or_else(|| panic!("no film is called {name}"))
    };
    let mut names: Vec<_> = options.films.iter().map(named).collect();
    if names.is_empty() && options.files.is_empty() {
        names = films::screened().chain(OTHERS.iter().copied()).collect();
    }
    if options.sample {
        names.retain(|name| SAMPLE.contains(name));
    }
    for name in names {
        clips.extend(of(&films::film(name), options, servers));
    }
    clips
}

/// A file that is no film of ours: what ffmpeg sees in it is what is to be seen.
fn file(n: usize, path: &Path, servers: &Servers) -> Clip {
    let name = path.file_name().and_then(|n| n.to_str()).expect("a file's name").to_owned();
    let film = Film { name: name.clone(), path: path.canonicalize().expect("the file"), stamped: true };
    servers.plain.publish_as(&film, format!("file{n}.mp4"));
    let source = Source::of(&film).expect("a film that ffmpeg reads");
    let wanted = Wanted::of(&source, &film, &cut(None, None, Mode::Exact));
    Clip {
        film: name,
        kind: Kind::Plain,
        site: servers.plain.url(""),
        target: format!("/file{n}.mp4"),
        wanted,
        recorder: None,
    }
}

pub(crate) fn cut(start: Option<f64>, end: Option<f64>, mode: Mode) -> Cut {
    Cut { start, end, mode }
}

/// The clips of a film, and its plain file.
fn of(film: &Film, options: &Options, servers: &Servers) -> Vec<Clip> {
    let source = Source::of(film).expect("a film that ffmpeg reads");
    let path = servers.all().map(|site| site.publish(film)).last().expect("a server");
    let mut clips = Vec::new();
    let of_forms = forms(film, &source, options);
    for (kind, cut) in cuts(film, &source, options).into_iter().chain(of_forms) {
        let query = match kind {
            Kind::Form(..) | Kind::Switching(..) if cut.start.is_none() => String::new(),
            Kind::Form(..) | Kind::Switching(..) => cut.query(),
            Kind::Plain | Kind::Whole => String::new(),
            Kind::Nginx => format!("?{}", cut.query().trim_start_matches("mode=exact&")),
            _ => format!("?{}", cut.query()),
        };
        let target = match kind.form() {
            Some(form) => form.target(&path, &query),
            None => format!("{path}{query}"),
        };
        let site = match kind {
            Kind::Plain => &servers.plain,
            Kind::Nginx => &servers.nginx,
            _ => {
                servers.assert_alike(&target);
                servers.next()
            }
        };
        let seen_as = match kind {
            Kind::Form(form, Some(_)) | Kind::Switching(form, Some(_)) if !form.is_exact => {
                Cut { mode: Mode::Keyframe, ..cut }
            }
            _ => cut,
        };
        let wanted = Wanted::of(&source, film, &seen_as);
        clips.push(Clip {
            film: film.name.clone(),
            kind,
            site: site.url(""),
            target,
            wanted,
            recorder: None,
        });
    }
    clips.extend(joined(film, &source, &path, options, servers));
    if film.name == RUNG {
        clips.extend(ladder::clips(film, &source, options, &servers.ours));
    }
    if film.name == RECORDED {
        clips.extend(recorder::clips(film, &source, options, &servers.ours));
    }
    clips
}

/// The scenes that are asked for, as one clip. Of one film they are always played, in the mode in which
/// all players can.
fn joined(film: &Film, source: &Source, path: &str, options: &Options, servers: &Servers) -> Vec<Clip> {
    let are_usual =
        film.name == RUNG && options.start.is_none() && options.end.is_none() && !options.only_forms();
    let (all, modes): (&[_], &[_]) = if !options.scenes.is_empty() {
        (&options.scenes, &options.modes)
    } else if are_usual {
        (&SCENES, &[Mode::Keyframe])
    } else {
        return Vec::new();
    };
    let forms = FORMS.iter().filter(|form| !options.forms.is_empty() && options.wants(form)).map(Some);
    let forms = forms.chain((!options.only_forms()).then_some(None));
    let kinds = forms.flat_map(|form| modes.iter().map(move |mode| Kind::Scenes(form, *mode)));
    let is_whole = |form: Option<&Form>| form.is_none_or(|form| form.is_exact);
    let kinds = kinds.filter(|kind| is_whole(kind.form()) || matches!(kind, Kind::Scenes(_, Mode::Exact)));
    let clip = |kind: Kind| {
        let mode = match kind {
            Kind::Scenes(Some(form), _) if !form.is_exact => Mode::Keyframe,
            Kind::Scenes(_, mode) => mode,
            _ => Mode::Exact,
        };
        let mut query = cut(None, None, mode).query();
        for (start, end) in all {
            write!(query, "&clip={start}-{end}").ok();
        }
        let target = match kind.form() {
            Some(form) => form.target(path, &query),
            None => format!("{path}?{query}"),
        };
        servers.assert_alike(&target);
        let scenes = all.iter().map(|(start, end)| cut(Some(*start), Some(*end), mode));
        let wanted = scenes.map(|scene| Wanted::of(source, film, &scene)).reduce(Wanted::followed_by);
        let wanted = wanted.expect("a scene");
        Clip { film: film.name.clone(), kind, site: servers.next().url(""), target, wanted, recorder: None }
    };
    kinds.map(clip).collect()
}

/// A film in its other forms.
fn forms(film: &Film, source: &Source, options: &Options) -> Vec<(Kind, Cut)> {
    let (start, end) = middle(source);
    let (start, end) = (options.start.or(Some(start)), options.end.or(Some(end)));
    let is_asked_for = !options.forms.is_empty() || PACKAGED.contains(&film.name.as_str());
    if film.name == LANGUAGES {
        return switches(options);
    }
    let mut cuts = Vec::new();
    if !options.scenes.is_empty() {
        return cuts;
    }
    for form in FORMS.iter().filter(|form| is_asked_for && options.wants(form)) {
        cuts.push((Kind::Form(form, None), cut(None, None, Mode::Exact)));
        for mode in options.modes.iter().copied() {
            if form.is_exact || mode == Mode::Exact {
                cuts.push((Kind::Form(form, Some(mode)), cut(start, end, mode)));
            }
        }
    }
    if options.sample {
        let wanted = |(kind, _): &(Kind, Cut)| {
            film.name == "screen_bframes" && SAMPLE_OF_FORMS.contains(&kind.name().as_str())
        };
        cuts.retain(wanted);
    }
    cuts
}

/// The film of several languages in the forms whose tracks libraries choose from.
fn switches(options: &Options) -> Vec<(Kind, Cut)> {
    let forms = FORMS.iter().filter(|form| form.library.is_some() && options.wants(form));
    let both = forms.flat_map(|form| {
        let clip = cut(Some(7.37), Some(25.5), Mode::Exact);
        [
            (Kind::Switching(form, None), cut(None, None, Mode::Exact)),
            (Kind::Switching(form, Some(Mode::Exact)), clip),
        ]
    });
    both.filter(|(kind, _)| !options.sample || SAMPLE_OF_FORMS.contains(&kind.name().as_str())).collect()
}

/// From where to where clips go that begin amid a group of pictures of most films.
fn middle(source: &Source) -> (f64, f64) {
    let duration = source.reading.duration;
    let (middle, length) =
        if duration < 29.0 { (duration * 0.4457, duration * 0.271) } else { (13.37, 8.13) };
    let middle = millis(middle);
    (middle, millis(middle + length))
}

/// A time in whole milliseconds.
fn millis(at: f64) -> f64 {
    (at * 1e3).round() / 1e3
}

/// How a film is cut.
fn cuts(film: &Film, source: &Source, options: &Options) -> Vec<(Kind, Cut)> {
    let whole = cut(None, None, Mode::Exact);
    let mut cuts = vec![(Kind::Plain, whole)];
    if options.only_forms() || film.name == LANGUAGES || !options.scenes.is_empty() {
        return cuts;
    }
    if options.start.is_some() || options.end.is_some() {
        let asked = |mode: &Mode| (Kind::Asked(*mode), cut(options.start, options.end, *mode));
        cuts.extend(options.modes.iter().map(asked));
        return cuts;
    }
    let (middle, end) = middle(source);
    let end = Some(end);
    let from_middle = |mode| (Kind::Middle(mode), cut(Some(middle), end, mode));
    let fragmented = film.name.contains("fragments") || film.name.contains("cmaf");
    if fragmented && !options.sample {
        cuts.push((Kind::Whole, whole));
    }
    cuts.push(from_middle(Mode::Exact));
    if options.sample {
        cuts.extend((film.name == "screen_bframes").then(|| from_middle(Mode::Keyframe)));
        return cuts;
    }
    let moved = wanted::moved(source, film);
    let keys = || source.reading.frames().into_iter().filter(|(_, key)| *key).map(|(at, _)| at - moved);
    let key = keys().rfind(|at| *at <= middle && *at > 0.1).or_else(|| keys().find(|at| *at > middle));
    for mode in options.modes.iter().copied() {
        if mode == Mode::Keyframe {
            cuts.push(from_middle(mode));
        }
        // Without video each packet is a key frame.
        if let Some(key) = key.filter(|_| film.stamped) {
            // No sooner than the key frame: a time of milliseconds may be below it.
            cuts.push((Kind::Key(mode), cut(Some(millis(key + 0.001)), end, mode)));
            cuts.push((Kind::Before(mode), cut(Some(millis(key - 0.005)), end, mode)));
        }
    }
    if !fragmented {
        cuts.push((Kind::Nginx, cut(Some(middle), end, Mode::Exact)));
    }
    cuts
}
