//! Clips in a browser's player.

use serde_json::{Value, json};
use tests::browser::{Browser, Client, Locator, run};
use tests::films::Stamp;

use crate::clips::{Clip, Kind};
use crate::ear::Ear;
use crate::ladder;
use crate::recorder;
use crate::sight::{PLAYED, Player, Seek, Sight};
use crate::switching::{self, STEPS, Switch};
use crate::wanted::Wanted;
use test_sound::{Recording, apart, nearest};

pub(crate) const PAGE: &[(&str, &str)] = &[
    ("screens.html", include_str!("page.html")),
    ("page.js", include_str!("page.js")),
    ("libraries.js", include_str!("libraries.js")),
];

/// Calls a function of the page.
const CALL: &str = "
    const [name, given, done] = arguments;
    window.screens[name](...given).then((said) => done({ said }), (e) => done({ error: String(e) }));
";

/// How long before its end a film that is recorded has been played: its first seconds had their turn
/// before, and the next ones are listened to.
const GROWS_TO: f64 = 6.0;

/// How long a player may take until it has a frame.
const PATIENCE: u32 = 15_000;

pub(crate) fn of(player: Player) -> Option<Browser> {
    match player {
        Player::Chromium => Some(Browser::Chromium),
        Player::Firefox => Some(Browser::Firefox),
        Player::WebKit => Some(Browser::WebKit),
        _ => None,
    }
}

/// Plays a clip. Its audio comes through WebAudio, or else is heard by an ear.
///
/// # Errors
/// That the browser does not answer; what is wrong with the clip is in the sight.
pub(crate) async fn watch(browser: &Client, clip: &Clip, ear: Option<&Ear>) -> Result<Sight, String> {
    let recording = clip.recorder.as_ref().map(|recorder| recorder.start());
    let (url, wanted) = (clip.url(recording.as_ref()), &clip.wanted);
    browser.goto(&format!("{}/screens.html", clip.site)).await.map_err(|e| e.to_string())?;
    let mut sight = Sight::default();
    call(browser, "prepare", json!([url, PATIENCE, clip.library(), recording.is_some()])).await?;
    let body = browser.find(Locator::Css("body")).await.map_err(|e| e.to_string())?;
    body.click().await.map_err(|e| e.to_string())?;
    let loaded = call(browser, "loaded", json!([])).await?;
    if let Some(error) = error(&loaded) {
        return Ok(Sight { error: Some(error), ..sight });
    }
    sight.loaded = loaded["seconds"].as_f64();
    sight.still = number(&loaded["cells"]);
    sight.duration[0] = loaded["duration"].as_f64();
    let ear = match ear {
        Some(ear) => Some((ear, shift(browser, ear).await?)),
        None => {
            call(browser, "listen", json!([])).await?;
            None
        }
    };

    let played = call(browser, "play", json!([2.4, false, 0])).await?;
    let frames = frames(&played);
    sight.begin = frames.iter().map(|(at, stamp)| (at - frames[0].0, stamp.number)).collect();
    sight.offset = offset(&played, wanted, ear);
    sight.stalls = stalls(&played);
    if let Some(error) = error(&played) {
        return Ok(Sight { error: Some(format!("while it plays: {error}")), ..sight });
    }
    if recording.is_some() {
        sight.switches.push(watch_growing(browser, wanted, &mut sight.stalls, ear).await?);
    }
    let places: &[f64] = match clip.kind {
        Kind::Switching(..) | Kind::Ladder(_) => &[],
        Kind::Form(..) | Kind::Scenes(..) | Kind::Recorded(_) => &[0.31, 0.83, 0.57, 0.12, 0.7],
        _ => &[0.31, 0.83, 0.57],
    };
    for part in places {
        let to = wanted.inside(*part);
        let found = call(browser, "seek", json!([to])).await?;
        let frame = number(&found["cells"]);
        let mut seek = Seek { to, frame, is_listened_to: true, offset: None, error: error(&found) };
        // Near the end there is little to hear.
        if seek.error.is_none() {
            let played = call(browser, "play", json!([PLAYED, false, 0])).await?;
            seek.offset = offset(&played, wanted, ear);
            seek.error = error(&played);
            sight.stalls += stalls(&played);
        }
        let broken = seek.error.is_some();
        sight.seeks.push(seek);
        if broken {
            return Ok(sight);
        }
    }
    if let Kind::Switching(..) = clip.kind {
        switch(browser, wanted, &mut sight).await?;
    }
    if let Kind::Ladder(_) = clip.kind {
        climb(browser, wanted, &mut sight).await?;
    }
    let found = call(browser, "seek", json!([(wanted.duration - 0.6).max(0.0)])).await?;
    sight.before_last = number(&found["cells"]);
    let played = call(browser, "play", json!([0.6, true, 8])).await?;
    sight.last = number(&played["cells"]);
    sight.ended = played["ended"].as_f64().and(played["at"].as_f64());
    sight.duration[1] = played["duration"].as_f64();
    if recording.is_some() {
        // Nobody knew it before.
        sight.duration[0] = sight.duration[1];
    }
    sight.buffered = buffered(&played);
    let warnings = played["warnings"].as_array().into_iter().flatten();
    sight.warnings = warnings.filter_map(Value::as_str).map(str::to_owned).collect();
    if clip.library().is_some() {
        return Ok(sight);
    }

    let to = wanted.inside(0.45);
    let found = call(browser, "load", json!([format!("{url}#t={to}"), PATIENCE])).await?;
    let frame = number(&found["cells"]);
    sight.fragment = Some(Seek { to, frame, is_listened_to: false, offset: None, error: error(&found) });
    Ok(sight)
}

/// Goes from language to language, each at another place.
async fn switch(browser: &Client, wanted: &Wanted, sight: &mut Sight) -> Result<(), String> {
    for step in STEPS {
        let change = step.change.map(|(kind, language)| json!([switching::AFTER, kind, language]));
        let play = json!([switching::SECONDS, false, 0, change]);
        let played = play_from(browser, wanted.inside(step.place), play, sight).await?;
        sight.switches.push(match error(&played) {
            Some(error) => Switch::broken(step.name, error),
            None => switching::judge(step, &played, wanted),
        });
    }
    Ok(())
}

/// Goes from quality to quality, each at another place.
async fn climb(browser: &Client, wanted: &Wanted, sight: &mut Sight) -> Result<(), String> {
    for step in ladder::STEPS {
        let play = json!([ladder::SECONDS, false, 0, [switching::AFTER, "width", step.width]]);
        let played = play_from(browser, wanted.inside(step.place), play, sight).await?;
        sight.switches.push(match error(&played) {
            Some(error) => Switch::broken(step.name, error),
            None => ladder::judge(step, &played, wanted),
        });
    }
    Ok(())
}

/// Seeks, and plays from there.
async fn play_from(browser: &Client, to: f64, play: Value, sight: &mut Sight) -> Result<Value, String> {
    let found = call(browser, "seek", json!([to])).await?;
    let frame = number(&found["cells"]);
    sight.seeks.push(Seek { to, frame, is_listened_to: false, offset: None, error: error(&found) });
    let played = call(browser, "play", play).await?;
    sight.stalls += stalls(&played);
    Ok(played)
}

/// Plays on to just before the end, which is recorded meanwhile.
async fn watch_growing(
    browser: &Client,
    wanted: &Wanted,
    stalled: &mut usize,
    ear: Option<(&Ear, f64)>,
) -> Result<Switch, String> {
    let played = call(browser, "play", json!([wanted.duration - GROWS_TO, false, 0])).await?;
    *stalled += stalls(&played);
    let mut found = recorder::judge(&played, wanted);
    // The clocks of a tape and of the page are not the same after half a minute.
    let played = call(browser, "play", json!([2.4, false, 0])).await?;
    *stalled += stalls(&played);
    found.offset = offset(&played, wanted, ear);
    if found.offset.is_none() {
        found.wrong.push("is not heard".into());
    }
    Ok(found)
}

/// A screenshot of what the browser shows now.
pub(crate) async fn screenshot(browser: &Client) -> Option<Vec<u8>> {
    browser.screenshot().await.ok()
}

async fn call(browser: &Client, name: &str, arguments: Value) -> Result<Value, String> {
    let said = run(browser, CALL, vec![json!(name), arguments]).await?;
    Ok(said["said"].clone())
}

fn error(said: &Value) -> Option<String> {
    said["error"].as_str().map(str::to_owned)
}

fn stamp(cells: &Value) -> Option<Stamp> {
    let cells: Option<Vec<u8>> =
        cells.as_array()?.iter().map(|c| c.as_u64().and_then(|c| u8::try_from(c).ok())).collect();
    Stamp::read(&cells?)
}

fn number(cells: &Value) -> Option<u32> {
    Some(stamp(cells)?.number)
}

/// A frame that was shown.
pub(crate) struct Painted {
    /// When, by the page's clock.
    pub(crate) at: f64,
    /// When, by the player's.
    pub(crate) media: f64,
    /// What it says of itself.
    pub(crate) stamp: Stamp,
    pub(crate) width: u32,
}

/// The frames that were shown.
pub(crate) fn painted(played: &Value) -> Vec<Painted> {
    let frame = |frame: &Value| {
        let width = u32::try_from(frame[3].as_u64()?).ok()?;
        Some(Painted { at: frame[0].as_f64()?, media: frame[1].as_f64()?, stamp: stamp(&frame[2])?, width })
    };
    played["frames"].as_array().into_iter().flatten().filter_map(frame).collect()
}

/// When frames were shown, by the page's clock, and what they say of themselves.
pub(crate) fn frames(played: &Value) -> Vec<(f64, Stamp)> {
    painted(played).into_iter().map(|frame| (frame.at, frame.stamp)).collect()
}

/// How often the player waited for data. It may wait for what it was just asked to change to: that it
/// comes in time is judged on its own.
fn stalls(played: &Value) -> usize {
    let changes = switching::changing(played);
    let at = played["stalls"].as_array().into_iter().flatten().filter_map(Value::as_f64);
    at.filter(|at| !changes.as_ref().is_some_and(|changes| changes.contains(at))).count()
}

/// For each source buffer its type, and from when to when it has media.
fn buffered(played: &Value) -> Vec<(String, Vec<(f64, f64)>)> {
    let sources = played["buffered"].as_array().into_iter().flatten();
    let range = |range: &Value| Some((range[0].as_f64()?, range[1].as_f64()?));
    let ranges = |source: &Value| source[1].as_array().into_iter().flatten().filter_map(range).collect();
    sources.map(|source| (source[0].as_str().unwrap_or_default().to_owned(), ranges(source))).collect()
}

/// What the page recorded.
pub(crate) fn recorded(audio: &Value) -> Option<Recording> {
    let samples = audio["samples"].as_array()?.iter().filter_map(Value::as_f64).map(|v| v / 20_000.0);
    Some(Recording {
        rate: audio["rate"].as_f64()?,
        begins: audio["begins"].as_f64()?,
        samples: samples.collect(),
    })
}

/// How far the ear's clock is ahead of the page's. The call that took least time is the most exact.
async fn shift(browser: &Client, ear: &Ear) -> Result<f64, String> {
    let mut best = (f64::INFINITY, 0.0);
    for _ in 0..8 {
        let before = ear.now();
        let clock = call(browser, "clock", json!([])).await?;
        let after = ear.now();
        let clock = clock.as_f64().ok_or("a page without a clock")?;
        if after - before < best.0 {
            best = (after - before, f64::midpoint(before, after) - clock);
        }
    }
    Ok(best.1)
}

/// Time in the frame less time in the audio, less what the film itself has. The player's clock
/// takes the place of the frame in a film without video.
fn offset(played: &Value, wanted: &Wanted, ear: Option<(&Ear, f64)>) -> Option<f64> {
    let heard = match ear {
        Some((ear, shift)) => {
            let clock = played["clock"].as_array()?;
            let heard = ear.heard(clock.first()?[0].as_f64()? + shift, clock.last()?[0].as_f64()? + shift)?;
            Recording { begins: heard.begins - shift, ..heard }
        }
        None => recorded(&played["audio"])?,
    };
    let clock = played["clock"].as_array()?.iter();
    let clock = clock.filter_map(|pair| Some((pair[0].as_f64()?, pair[1].as_f64()?)));
    let (seen, film): (Vec<_>, f64) = if wanted.has_video {
        let seen = frames(played).into_iter().map(|(at, stamp)| (at, f64::from(stamp.millis) / 1000.0));
        (seen.collect(), wanted.offset?)
    } else {
        let moving = clock.filter(|(_, time)| *time > 0.0);
        (moving.map(|(at, time)| (at, time + wanted.start)).collect(), -wanted.heard)
    };
    // The first frames may come late, and the middle one of many says more than one alone.
    let heard = heard.times(0, |clock| nearest(&seen, clock).unwrap_or(0.0) - film);
    Some(apart(&seen, &heard)? - film)
}
