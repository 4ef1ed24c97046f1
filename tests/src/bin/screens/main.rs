//! Clips of all servers in the players that people have: what do they show, and when?
//!
//! ```text
//! screens                                                all films in all players
//! screens --sample                                       those of CI
//! screens --film bframes --player firefox                one film, in one player
//! screens --film bframes --start 13.37 --end 21.5 --mode exact
//! screens --film bframes --scenes 13.37-17,2.4-6,20-24 scenes joined
//! screens --film bframes --form "HLS, hls.js" --form fmp4  other forms than the flat file
//! screens --file clip.mp4 --player chromium              any MP4, as a plain file
//! ```
//!
//! `--film`, `--player`, `--mode`, `--form` and `--file` may be given several times; `--shots DIR` keeps a
//! screenshot of each browser's page at the end of a clip. The film says what must be seen of its
//! clip, and ffmpeg's reading what must be seen of a `--file`. The plain film is played first: what
//! a player does to that is its own fault. The table is kept in `target/screens.md`, everything
//! seen in `target/screens.txt`; the table of the whole is `docs/players.md`, too. Ends with 1
//! where something is wrong that is neither the player's own fault nor in
//! `tests/screens/known.txt`.

#![expect(clippy::expect_used, clippy::panic, reason = "a test helper that cannot go on ends")]

mod browsers;
mod clips;
mod desk;
mod ear;
mod forms;
mod known;
mod ladder;
mod recorder;
mod report;
mod sight;
mod switching;
mod tools;
mod wanted;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mp4seek::request::Mode;
use tests::browser::{Browser, Client, in_browser};
use tests::target_dir;

use crate::clips::{Clip, Kind, Servers};
use crate::desk::Desk;
use crate::ear::Ear;
use crate::forms::{FORMS, Form};
use crate::known::Known;
use crate::report::Verdict;
use crate::sight::{Own, PLAYERS, Player, Sight};

/// What is asked for on the command line.
#[derive(Debug, Default)]
struct Options {
    films: Vec<String>,
    players: Vec<Player>,
    modes: Vec<Mode>,
    forms: Vec<String>,
    start: Option<f64>,
    end: Option<f64>,
    scenes: Vec<(f64, f64)>,
    files: Vec<PathBuf>,
    shots: Option<PathBuf>,
    sample: bool,
}

fn main() {
    let begun = Instant::now();
    let options = Options::read();
    let servers = Servers::start();
    let clips = clips::all(&options, &servers);
    let known = Known::read();
    let mut verdicts = play_all(&clips, &options, &known);
    // What was wrong beside other players counts if it is wrong without them, too: a machine that had
    // no time for a moment is nobody's fault.
    for verdict in verdicts.iter_mut().filter(|verdict| !verdict.is_right()) {
        let number = verdict.clip;
        let plain = clips.iter().position(|clip| clip.film == clips[number].film).expect("the film");
        println!("again, alone:");
        let again = play(verdict.player, &[plain, number], &clips, &options, &known);
        verdict.better(again.into_iter().last().expect("the clip"));
    }
    let table = report::table(&clips, &verdicts);
    let details: Vec<_> = verdicts.iter().map(|verdict| verdict.details(&clips[verdict.clip])).collect();
    std::fs::write(target_dir().join("screens.md"), &table).expect("the target directory");
    std::fs::write(target_dir().join("screens.txt"), details.join("\n") + "\n")
        .expect("the target directory");
    let wrong = verdicts.iter().filter(|verdict| !verdict.is_right()).count();
    println!("\n{table}");
    for verdict in verdicts.iter().filter(|verdict| !verdict.is_right()) {
        println!("{}", verdict.details(&clips[verdict.clip]));
    }
    println!(
        "{} clips in {} sights, {wrong} of them wrong, in {:.0} s",
        clips.len(),
        verdicts.len(),
        begun.elapsed().as_secs_f64()
    );
    if options.is_whole() {
        report::publish(&table);
    }
    drop(servers);
    std::process::exit(i32::from(wrong > 0));
}

/// Plays all clips in all players: each browser beside the others, of the rest one after the other.
fn play_all(clips: &[Clip], options: &Options, known: &Known) -> Vec<Verdict> {
    let (browsers, tools): (Vec<Player>, Vec<Player>) =
        options.players.iter().partition(|player| browsers::of(**player).is_some());
    let mut groups: Vec<_> = browsers.into_iter().map(|browser| vec![browser]).collect();
    groups.push(tools);
    let wanted = |player: Player| {
        let in_sample = |clip: &Clip| !options.sample || !known.excuses_all(player, clip);
        let is_wanted = |number: &usize| clips[*number].is_for(player) && in_sample(&clips[*number]);
        (0..clips.len()).filter(is_wanted).collect::<Vec<_>>()
    };
    let played = |player| play(player, &wanted(player), clips, options, known);
    std::thread::scope(|scope| {
        let start =
            |group: Vec<Player>| scope.spawn(move || group.into_iter().flat_map(played).collect::<Vec<_>>());
        let threads: Vec<_> = groups.into_iter().map(start).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a player's end")).collect()
    })
}

/// How long a browser may take for a clip: many times what it takes.
const STUCK: Duration = Duration::from_secs(120);

/// How long a browser that is there may take to say so.
const ANSWER: Duration = Duration::from_secs(30);

/// Plays the clips of these numbers in a player.
fn play(player: Player, numbers: &[usize], clips: &[Clip], options: &Options, known: &Known) -> Vec<Verdict> {
    let desk = Desk::start();
    let mut verdicts = Vec::new();
    let mut own = Own::default();
    let mut judge = |number: usize, sight: Sight| {
        let clip = &clips[number];
        if clip.kind == Kind::Plain {
            own = Own::of(player, &sight, &clip.wanted);
        }
        Verdict::of(player, number, clip, sight, &own, known)
    };
    let clips: Vec<_> = numbers.iter().map(|number| (*number, &clips[*number])).collect();
    let Some(browser) = browsers::of(player) else {
        for (number, clip) in clips {
            let verdict = judge(number, tools::watch(player, &clip.url(None), &clip.wanted, &desk.env()));
            println!("{}", verdict.details(clip));
            verdicts.push(verdict);
        }
        return verdicts;
    };
    // In WebKit a player whose audio goes through WebAudio now and then stands still after a seek.
    let ear = (browser == Browser::WebKit).then(|| Ear::start(&desk.env()));
    let mut hung = None;
    while verdicts.len() < clips.len() {
        // A browser that no longer answers is followed by another.
        in_browser(browser, &desk.env(), async |client| {
            for &(number, clip) in clips.iter().skip(verdicts.len()) {
                let verdict = match tokio::time::timeout(STUCK, watch(client, clip, ear.as_ref())).await {
                    Ok(sight) => judge(number, sight),
                    // WebKit's process now and then waits for itself for ever.
                    Err(_) if hung != Some(number) => {
                        eprintln!("{} hangs, and is begun again", player.name());
                        hung = Some(number);
                        break;
                    }
                    Err(_) => {
                        let error = Some("the browser hangs".to_owned());
                        judge(number, Sight { error, ..Sight::default() })
                    }
                };
                println!("{}", verdict.details(clip));
                if let Some(dir) = &options.shots {
                    if let Some(png) = browsers::screenshot(client).await {
                        let name = format!("{}-{}-{number}.png", player.name(), clip.film);
                        std::fs::write(dir.join(name), png).expect("the directory of --shots");
                    }
                }
                verdicts.push(verdict);
                if !matches!(tokio::time::timeout(ANSWER, client.current_url()).await, Ok(Ok(_))) {
                    break;
                }
            }
        });
    }
    verdicts
}

async fn watch(client: &Client, clip: &Clip, ear: Option<&Ear>) -> Sight {
    let sight = browsers::watch(client, clip, ear).await;
    sight.unwrap_or_else(|why| Sight { error: Some(why), ..Sight::default() })
}

impl Options {
    /// Whether clips are played in this form, too.
    fn wants(&self, form: &Form) -> bool {
        self.forms.is_empty() || self.forms.iter().any(|name| name == form.name)
    }

    /// Whether no clips but the plain file are played as flat files.
    fn only_forms(&self) -> bool {
        !self.forms.is_empty() && !self.forms.iter().any(|name| name == "flat")
    }

    /// Whether everything there is was played.
    fn is_whole(&self) -> bool {
        let all = self.players.len() == PLAYERS.len() && self.modes.len() == 2;
        all && self.films.is_empty()
            && self.files.is_empty()
            && self.forms.is_empty()
            && !self.sample
            && self.start.or(self.end).is_none()
            && self.scenes.is_empty()
    }

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
                "--form" => {
                    let name = value();
                    let known = FORMS.iter().any(|form| form.name == name) || name == "flat";
                    assert!(known, "no form is called {name}");
                    options.forms.push(name);
                }
                "--start" => options.start = Some(value().parse().expect("--start: seconds")),
                "--end" => options.end = Some(value().parse().expect("--end: seconds")),
                "--scenes" => options.scenes = value().split(',').map(scene).collect(),
                "--file" => options.files.push(value().into()),
                "--shots" => options.shots = Some(value().into()),
                "--sample" => options.sample = true,
                _ => panic!("{word} is not known; the top of tests/src/bin/screens/main.rs says what is"),
            }
        }
        if options.players.is_empty() {
            // mpv and VLC drop frames of what they record where the machine is busy.
            let drops = |player: &Player| matches!(player, Player::Mpv | Player::Vlc);
            options.players = PLAYERS.iter().copied().filter(|p| !(options.sample && drops(p))).collect();
        }
        if options.modes.is_empty() {
            options.modes = vec![Mode::Exact, Mode::Keyframe];
        }
        options
    }
}

/// A scene of the command line.
fn scene(times: &str) -> (f64, f64) {
    let (start, end) = times.split_once('-').expect("--scenes: two times");
    let seconds = |time: &str| time.parse().expect("--scenes: seconds");
    (seconds(start), seconds(end))
}
