//! Clips of both servers in the players that people have: what do they show, and when?
//!
//! ```text
//! screens                                                all films in all players
//! screens --sample                                       those of CI
//! screens --film bframes --player firefox                one film, in one player
//! screens --film bframes --start 13.37 --end 21.5 --mode exact
//! screens --file clip.mp4 --player chromium              any MP4, as a plain file
//! ```
//!
//! `--film`, `--player` and `--mode` may be given several times; `--shots DIR` keeps a picture of each browser's page
//! at the end. Of a `--file` ffmpeg's reading of it says what must be seen; of a film's clip, the film.
//! The plain film is played first: what a player does to that is its own fault.

#![expect(clippy::expect_used, clippy::panic, reason = "a test helper that cannot go on ends")]

mod browsers;
mod desk;
mod ear;
mod sight;
mod sound;
mod tools;
mod wanted;

use std::path::PathBuf;

use mp4seek::request::Mode;
use tests::browser::in_browser;
use tests::films::{self, Film};
use tests::probe::{Cut, Source};
use tests::servers::{APACHE, Builder, Site};

use crate::desk::Desk;
use crate::ear::Ear;
use crate::sight::{Own, PLAYERS, Player, Sight, millis, text};
use crate::wanted::Wanted;

/// What is asked for on the command line.
#[derive(Debug, Default)]
struct Options {
    films: Vec<String>,
    players: Vec<Player>,
    modes: Vec<Mode>,
    start: Option<f64>,
    end: Option<f64>,
    file: Option<PathBuf>,
    shots: Option<PathBuf>,
}

/// A clip to play.
struct Clip {
    film: String,
    query: String,
    /// The address of its server, and what is asked for there.
    site: String,
    target: String,
    wanted: Wanted,
}

impl Clip {
    fn is_plain(&self) -> bool {
        self.query.is_empty()
    }

    fn url(&self) -> String {
        format!("{}{}", self.site, self.target)
    }
}

struct Servers {
    apache: Site,
    /// Without the module: plain files.
    plain: Site,
}

impl Servers {
    fn start() -> Self {
        let servers = Self {
            apache: Builder::new(APACHE).start(),
            plain: Builder::new(APACHE).without_module().start(),
        };
        for site in [&servers.apache, &servers.plain] {
            // Players close connections in the middle of an answer.
            site.allow_log("");
            for (name, text) in browsers::PAGE {
                site.put(name, text);
            }
        }
        servers
    }
}

fn main() {
    let options = Options::read();
    let servers = Servers::start();
    let clips = clips(&options, &servers);
    for player in &options.players {
        let sights = play(*player, &clips, options.shots.as_ref());
        let mut own = Own::default();
        for (clip, sight) in clips.iter().zip(sights) {
            if clip.is_plain() {
                own = Own::of(&sight);
            }
            report(*player, clip, &sight, &own);
        }
    }
}

fn clips(options: &Options, servers: &Servers) -> Vec<Clip> {
    let mut clips = Vec::new();
    if let Some(path) = &options.file {
        let name = path.file_name().and_then(|n| n.to_str()).expect("a file's name").to_owned();
        let film = Film { name: name.clone(), path: path.canonicalize().expect("the file"), stamped: true };
        servers.plain.publish_as(&film, "file.mp4");
        let source = Source::of(&film).expect("a film that ffmpeg reads");
        let whole = Cut { start: None, end: None, mode: Mode::Exact };
        let wanted = Wanted::of(&source, &film, &whole);
        let (query, target) = (String::new(), "/file.mp4".to_owned());
        clips.push(Clip { film: name, query, site: servers.plain.url(""), target, wanted });
    }
    for name in &options.films {
        let kind = films::KINDS.iter().copied().chain(films::variants()).chain(["demo"]).find(|k| k == name);
        let film = films::film(kind.unwrap_or_else(|| panic!("no film is called {name}")));
        let source = Source::of(&film).expect("a film that ffmpeg reads");
        servers.plain.publish(&film);
        let target = servers.apache.publish(&film);
        let whole = Cut { start: None, end: None, mode: Mode::Exact };
        let mut clip = |cut: &Cut, query: String| {
            let wanted = Wanted::of(&source, &film, cut);
            let site = if query.is_empty() { &servers.plain } else { &servers.apache };
            let (film, target) = (film.name.clone(), format!("{target}{query}"));
            clips.push(Clip { film, target, query, site: site.url(""), wanted });
        };
        clip(&whole, String::new());
        for mode in &options.modes {
            let cut = Cut { start: options.start, end: options.end, mode: *mode };
            clip(&cut, format!("?{}", cut.query()));
        }
    }
    clips
}

fn play(player: Player, clips: &[Clip], shots: Option<&PathBuf>) -> Vec<Sight> {
    let desk = Desk::start();
    let Some(browser) = browsers::of(player) else {
        let watch = |clip: &Clip| tools::watch(player, &clip.url(), &clip.wanted, &desk.env());
        return clips.iter().map(watch).collect();
    };
    // In WebKit a player whose sound goes through WebAudio now and then stands still after a seek.
    let ear = (player == Player::WebKit).then(|| Ear::start(&desk.env()));
    in_browser(browser, &desk.env(), async |client| {
        let mut sights = Vec::new();
        for (n, clip) in clips.iter().enumerate() {
            let page = format!("{}/screens.html", clip.site);
            let sight = browsers::watch(client, &page, &clip.url(), &clip.wanted, ear.as_ref()).await;
            let failed = |why| Sight { error: Some(why), ..Sight::default() };
            sights.push(sight.unwrap_or_else(failed));
            if let Some(dir) = shots
                && let Some(png) = browsers::screenshot(client).await
            {
                let name = format!("{}-{}-{n}.png", player.name(), clip.film);
                std::fs::write(dir.join(name), png).expect("the directory of --shots");
            }
        }
        sights
    })
}

fn report(player: Player, clip: &Clip, sight: &Sight, own: &Own) {
    println!("{} {}{}", player.name(), clip.film, clip.query);
    let begin: Vec<_> = sight.begin.iter().take(4).map(|(at, n)| format!("{n}@{at:.2}")).collect();
    let seeks = sight.seeks.iter().chain(&sight.fragment).map(|seek| {
        let offset = seek.offset.map(millis).unwrap_or_default();
        let frame = clip.wanted.at(seek.to).map(|f| f.number);
        format!("{:.2}: {} of {} {offset}", seek.to, text(seek.frame), text(frame))
    });
    println!(
        "    still {} begin {} duration {:?} A/V {} seeks [{}] ended {:?} last {} frames {}",
        text(sight.still),
        begin.join(" "),
        sight.duration,
        sight.offset.map(millis).unwrap_or_default(),
        seeks.collect::<Vec<_>>().join(", "),
        sight.ended,
        text(sight.last),
        sight.frames.len(),
    );
    for fault in sight.faults(player, &clip.wanted, own) {
        println!("    FAULT {fault}");
    }
}

impl Options {
    fn read() -> Self {
        let mut options = Self::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
            match word.as_str() {
                "--film" => options.films.push(value()),
                "--player" => {
                    let name = value();
                    let player = PLAYERS.iter().find(|p| p.name() == name);
                    options.players.push(*player.unwrap_or_else(|| panic!("no player is called {name}")));
                }
                "--mode" => options.modes.push(match value().as_str() {
                    "exact" => Mode::Exact,
                    "keyframe" => Mode::Keyframe,
                    other => panic!("no mode is called {other}"),
                }),
                "--start" => options.start = Some(value().parse().expect("--start: seconds")),
                "--end" => options.end = Some(value().parse().expect("--end: seconds")),
                "--file" => options.file = Some(value().into()),
                "--shots" => options.shots = Some(value().into()),
                _ => panic!("{word} is not known; the top of tests/src/bin/screens/main.rs says what is"),
            }
        }
        if options.players.is_empty() {
            options.players = PLAYERS.to_vec();
        }
        if options.modes.is_empty() {
            options.modes = vec![Mode::Exact, Mode::Keyframe];
        }
        options
    }
}
