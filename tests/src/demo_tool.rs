//! The demo page as a tool: its film on all servers, scenes chosen by pointer and keys, what is
//! said of them, and how it looks on screens of all sizes.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::browser::{Browser, Client, Locator, in_browser, run};
use crate::demo_film::showpiece;
use crate::servers::{Builder, Site, engines};
use crate::{put_page, put_players, work_dir};

/// What the page shows of the film and of the scene.
const TOOL: &str = "
    const done = arguments[arguments.length - 1];
    const text = (id) => document.getElementById(id)?.textContent ?? '';
    const colors = [...document.querySelectorAll('.strip canvas.drawn')].map((canvas) =>
        [...canvas.getContext('2d').getImageData(canvas.width / 2, 2, 1, 1).data].slice(0, 3).join());
    done({
        ready: document.getElementById('length')?.textContent.includes(':')
            && colors.length === document.querySelectorAll('.strip canvas').length,
        start: document.getElementById('start')?.value, end: document.getElementById('end')?.value,
        now: text('now'), said: text('said'), note: text('note'), link: text('link'), shell: text('shell'), snippet: text('snippet'),
        errors: [text('start-error'), text('end-error')],
        sent: text('sent'), sentOf: text('sent-of'), metadata: text('metadata'), plainMetadata: text('metadata-plain'),
        first: text('first'), plainFirst: text('first-plain'),
        same: text('same'), tags: [...document.querySelectorAll('#etags code')].map((tag) => tag.textContent),
        colors, keyFrames: document.querySelectorAll('.keyframes i').length,
        chapters: [...document.querySelectorAll('.chapters span')].map((name) => name.textContent),
        time: document.getElementById('film')?.currentTime, shown: document.getElementById('film')?.readyState,
        focus: document.activeElement?.id,
        chapter: document.querySelector('.chapters .current span')?.textContent,
        playing: document.getElementById('toggle')?.classList.contains('playing'),
        paused: document.getElementById('film')?.paused,
        clip: document.getElementById('player')?.checkVisibility(),
        cues: document.getElementById('player')?.ownText?.cues?.length ?? 0,
        asked: performance.getEntriesByType('resource').map((entry) => entry.name),
    });
";

/// The film of `make demo` on all servers, as it is there.
fn sites() -> [Site; 3] {
    let film = showpiece().expect("a film");
    let sites = engines().map(|engine| Builder::new(engine).packaging().demo_page().start());
    for site in &sites {
        site.publish_as(&film, "film.mp4");
        let names = ["Apache", "lighttpd", "nginx"].into_iter();
        put_page(site, names.zip(sites.iter().map(|site| site.url("/film.mp4"))));
        put_players(site);
        // Players close connections in the middle of an answer, and some scenes are refused.
        site.allow_log("");
    }
    sites
}

/// Chooses scenes with the keys, the handles and the chapters, and reads what is said of them.
///
/// # Panics
/// Where the page does something else.
pub fn assert_scenes_are_chosen(browser: Browser) {
    let sites = sites();
    // Downloads go to the home directory.
    let home = tempfile::tempdir().expect("a temporary directory");
    let env = [("HOME".to_owned(), home.path().to_str().expect("a path in UTF-8").to_owned())];
    in_browser(browser, &env, async |client: &Client| {
        client.set_window_size(1400, 1100).await.expect("a window");
        client.goto(&sites[0].url("/")).await.expect("the page");
        let first = until(client, "the film", |tool| tool["ready"] == true).await;
        assert_eq!(first["now"], "0:00.00");
        assert_eq!(first["time"], 0.0, "the first frame is shown");
        assert_eq!(first["chapters"], json!(["Night", "Dawn", "Morning", "Noon", "Dusk", "Nightfall"]));
        assert_eq!(first["keyFrames"], 18);
        let colors = first["colors"].as_array().expect("thumbnails");
        let different = colors.iter().map(Value::to_string).collect::<std::collections::HashSet<_>>();
        assert!(colors.len() >= 4 && different.len() > colors.len() / 3, "thumbnails of {colors:?}");

        by_keys(client).await;
        by_pointer(client).await;
        is_told(client, &sites).await;
        is_copied(client).await;
        is_downloaded(client, &sites, &home.path().join("Downloads/scene.mp4")).await;
        is_refused(client).await;
        keys_are_those_of_the_picture(client).await;
        writes_times_that_servers_read(client).await;
        let page = state(client).await;
        let asked = page["asked"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let elsewhere: Vec<_> = asked
            .filter(|url| {
                !sites.iter().any(|site| url.starts_with(&site.url("/"))) && !url.starts_with("blob:")
            })
            .collect();
        assert!(elsewhere.is_empty(), "asked for from elsewhere: {elsewhere:?}");
    });
}

async fn by_keys(client: &Client) {
    let up = Key::Up.into();
    press(client, &[up, 'i', up, up, 'o']).await;
    until(client, "key frames", |tool| tool["start"] == "4" && tool["end"] == "10").await;
    press(client, &[Key::Right.into(), Key::Right.into(), 'o']).await;
    until(client, "frames", |tool| tool["end"] == "10.08" && tool["now"] == "0:10.08").await;
    press(client, &[Key::Down.into(), Key::Left.into()]).await;
    until(client, "back", |tool| tool["now"] == "0:09.96").await;
    press(client, &['l']).await;
    until(client, "playing", |tool| tool["paused"] == false && tool["time"].as_f64() > Some(10.2)).await;
    press(client, &['k']).await;
    until(client, "a stop", |tool| tool["paused"] == true).await;
    press(client, &['j']).await;
    until(client, "winding back", |tool| tool["time"].as_f64() < Some(9.9)).await;
    press(client, &['k']).await;
}

async fn by_pointer(client: &Client) {
    // The handle of the start is taken hold of in its middle and moved by a tenth of the film.
    let handle = client.find(Locator::Css(".handle.start")).await.expect("a handle");
    let (x, y, width, height) = handle.rectangle().await.expect("a place");
    let (_, _, track, _) =
        client.find(Locator::Css(".track")).await.expect("a track").rectangle().await.expect("a place");
    drag(client, (x + width / 2.0, y + height / 2.0), track / 10.0).await;
    let moved = until(client, "a handle", |tool| tool["start"] != "4").await;
    let start: f64 = moved["start"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    // The end is at 10.08 s, and the start stays a frame before it.
    assert!((9.9..=10.04).contains(&start), "the handle was moved from 4 s by 6 s to {start}");
    assert_eq!(moved["end"], "10.08");

    click(client, ".chapters li:nth-child(3) button").await;
    until(client, "a chapter", |tool| {
        tool["start"] == "20"
            && tool["end"] == "30"
            && tool["now"] == "0:20.00"
            && tool["chapter"] == "Morning"
    })
    .await;
}

/// What is said of a scene is what all servers answer.
async fn is_told(client: &Client, sites: &[Site; 3]) {
    client
        .goto(&format!("{}?start=12.48&end=19&server=lighttpd", sites[0].url("/")))
        .await
        .expect("the page");
    let told = until(client, "figures", |tool| {
        tool["plainFirst"].as_str().is_some_and(|text| text.ends_with(" ms"))
            && tool["metadata"] != "–"
            && tool["plainMetadata"] != ""
            && tool["ready"] == true
            && tool["same"] != "–"
    })
    .await;
    let answers = sites.each_ref().map(|site| site.get("/film.mp4?start=12.48&end=19"));
    let tag = answers[0].header("etag").to_owned();
    assert_eq!(told["tags"], json!([tag, tag, tag]));
    assert_eq!(told["same"], "The same on all servers");
    assert_eq!(told["link"], sites[1].url("/film.mp4?start=12.48&end=19"));
    let body = &answers[1].body;
    let media = body.windows(4).position(|bytes| bytes == b"mdat").expect("media") + 4;
    let kilobytes = |bytes: usize| format!("{:.1} kB", bytes as f64 / 1000.0);
    assert_eq!(told["metadata"], kilobytes(media));
    assert_eq!(told["sent"], format!("{:.0} kB", body.len() as f64 / 1000.0));
    assert!(told["first"].as_str().is_some_and(|text| text.ends_with(" ms")), "{told}");
    // A text of the scene, which counts from its start.
    assert_eq!(told["cues"], 1, "{told}");
    assert!(told["note"].as_str().is_some_and(|note| note.contains("0:10.00")), "{told}");
    assert_eq!(told["shell"], format!("curl -fo scene.mp4 '{}'", told["link"].as_str().unwrap_or_default()));
    assert!(
        told["snippet"].as_str().is_some_and(|text| text.contains("?start=12.48&amp;end=19\"")),
        "{told}"
    );
}

/// What the buttons copy is what they stand beside. Without a clipboard it is selected.
async fn is_copied(client: &Client) {
    let texts = state(client).await;
    run(client, LABELS, vec![]).await.expect("a page");
    for id in ["link", "shell", "snippet"] {
        click(client, &format!("[data-copy={id}]")).await;
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            run(client, PASTE_HERE, vec![]).await.expect("a field");
            let paste = KeyActions::new("keys".into())
                .then(KeyAction::Down { value: Key::Control.into() })
                .then(KeyAction::Down { value: 'v' })
                .then(KeyAction::Up { value: 'v' })
                .then(KeyAction::Up { value: Key::Control.into() });
            client.perform_actions(paste).await.expect("keys");
            let seen = run(client, PASTED, vec![]).await.expect("a page");
            if seen["pasted"] == texts[id] && seen["labels"][id] == "Copied" {
                break;
            }
            assert!(Instant::now() < deadline, "{id}: {seen}");
        }
    }
    run(client, NO_CLIPBOARD, vec![]).await.expect("a page");
    click(client, "[data-copy=shell]").await;
    let seen = until(client, "a selection", |tool| tool["said"] == "Press Ctrl-C to copy.").await;
    let selected = run(client, "arguments[0]({ text: getSelection().toString() })", vec![]).await;
    assert_eq!(selected.expect("a page")["text"], seen["shell"]);
}

/// The file that is downloaded is what the server chosen answers.
async fn is_downloaded(client: &Client, sites: &[Site; 3], file: &Path) {
    click(client, "#download").await;
    let wanted = sites[1].get("/film.mp4?start=12.48&end=19").body;
    let deadline = Instant::now() + Duration::from_secs(30);
    while fs::read(file).unwrap_or_default() != wanted {
        assert!(Instant::now() < deadline, "{} is not the scene", file.display());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What is wrong is said at the field that is.
async fn is_refused(client: &Client) {
    for (field, value, says, at) in [
        ("end", "3", "400", 1),
        ("start", "75", "416", 0),
        ("start", "soon", "not a time", 0),
        ("start", "", "", 0),
    ] {
        for (id, value) in [("start", if field == "end" { "12" } else { "" }), ("end", ""), (field, value)] {
            run(client, FILL, vec![json!(id), json!(value)]).await.expect("a field");
        }
        let about = format!("{field}={value}");
        let seen = until(client, &about, |tool| {
            tool["errors"][at]
                .as_str()
                .is_some_and(|text| text.contains(says) && text.is_empty() == says.is_empty())
        })
        .await;
        assert_eq!(seen["errors"][1 - at], "", "{about}");
        let marked = run(client, MARKED, vec![]).await.expect("fields");
        let wanted = if says.is_empty() { json!([]) } else { json!([field]) };
        assert_eq!(marked["fields"], wanted, "{about}");
    }
    for (id, value) in [("start", "30"), ("end", "20")] {
        run(client, FILL, vec![json!(id), json!(value)]).await.expect("a field");
    }
    click(client, "#play").await;
    until(client, "a scene that cannot be played", |tool| {
        tool["focus"] == "end" && tool["playing"] == false && tool["errors"][1] != ""
    })
    .await;
}

/// Keys that scroll a page do so, but where the picture or the timeline has the focus.
async fn keys_are_those_of_the_picture(client: &Client) {
    for (focus, is_taken) in [("body", false), ("#play", false), ("#stage", true), (".handle.start", true)] {
        run(client, LISTEN, vec![json!(focus)]).await.expect("a page");
        let keys = [Key::End.into(), Key::PageDown.into(), Key::Up.into(), ' ', 'k'];
        // A button is pressed by the space bar, and what it does is not asked here.
        let keys: Vec<char> = keys.into_iter().filter(|&key| focus != "#play" || key != ' ').collect();
        press(client, &keys).await;
        let seen = run(client, "arguments[0]({ taken: window.taken })", vec![]).await.expect("a page");
        assert_eq!(seen["taken"], json!(vec![is_taken; keys.len()]), "{focus}");
    }
    // Those of a handle move its end of the scene, not the film alone.
    run(client, LISTEN, vec![json!(".handle.start")]).await.expect("a page");
    press(client, &[Key::Home.into()]).await;
    until(client, "a scene from the first frame", |tool| tool["start"] == "").await;
    // What they move is of the film, also where a clip is shown.
    for key in [Key::Right, Key::End] {
        click(client, "#play").await;
        until(client, "a clip", |tool| tool["clip"] == true).await;
        run(client, LISTEN, vec![json!(".handle.start")]).await.expect("a page");
        press(client, &[key.into()]).await;
        until(client, "the film", |tool| tool["clip"] == false).await;
    }
}

/// Never sixty seconds of a minute.
async fn writes_times_that_servers_read(client: &Client) {
    let written = run(client, WRITE_TIMES, vec![]).await.expect("a page");
    assert_eq!(
        written["times"],
        json!(["12.48", "1:00", "2:00", "1:10", "1:02.48", "60:00.001", "2 min 0 s", "59.96 s"])
    );
}

const WRITE_TIMES: &str = "
    const done = arguments[0];
    import('./time.js').then(({ writeTime, spoken }) => done({
        times: [...[12.48, 59.9996, 119.9996, 69.9996, 62.48, 3600.001].map(writeTime), ...[119.996, 59.96].map(spoken)],
    }));
";

/// Notes of each key whether the page took it, with the focus there.
const LISTEN: &str = "
    const [where, done] = arguments;
    if (where === 'body') document.activeElement.blur();
    else document.querySelector(where).focus();
    if (!window.taken) addEventListener('keydown', (event) => { taken.push(event.defaultPrevented); });
    window.taken = [];
    done({});
";

/// Of a film that is not there, nothing moves, and nothing breaks.
///
/// # Panics
/// Where something does.
pub fn assert_missing_film_is_left_alone(browser: Browser) {
    let site = Builder::new(engines()[0]).packaging().demo_page().start();
    put_page(&site, [("only", site.url("/none.mp4"))]);
    site.allow_log("");
    in_browser(browser, &[], async |client: &Client| {
        client.goto(&site.url("/")).await.expect("the page");
        until(client, "no film", |tool| tool["said"] != "").await;
        run(client, COUNT_ERRORS, vec![]).await.expect("a page");
        press(client, &[Key::End.into(), Key::Up.into(), Key::Right.into(), 'i', 'o']).await;
        // Where a scene begins is known without the film.
        click(client, "#play").await;
        until(client, "no scene", |tool| tool["said"].as_str().is_some_and(|said| said.contains("404")))
            .await;
        let seen = run(
            client,
            "arguments[0]({ wrong, shown: [...new Set(shown)], checked: document.querySelector('[name=server]').checked })",
            vec![],
        );
        let wanted = json!({ "wrong": [], "shown": ["0:12.48", "0:00.00"], "checked": true });
        assert_eq!(seen.await.expect("a page"), wanted);
        let tool = state(client).await;
        assert_eq!([&tool["start"], &tool["end"]], ["12.48", "19"]);
    });
}

const COUNT_ERRORS: &str = "
    window.wrong = [];
    addEventListener('error', ({ message }) => wrong.push(message));
    window.shown = [];
    new MutationObserver((all) => all.forEach(({ addedNodes: [text] }) => shown.push(text.data)))
        .observe(document.getElementById('now'), { childList: true });
    document.getElementById('stage').focus();
    arguments[0]({});
";

/// Keeps what the buttons come to say.
const LABELS: &str = "
    window.labels = {};
    for (const button of document.querySelectorAll('[data-copy]')) {
        const changed = () => { if (button.textContent !== 'Copy') labels[button.dataset.copy] = button.textContent; };
        new MutationObserver(changed).observe(button, { childList: true });
    }
    arguments[0]({});
";

/// What was pasted, and what the buttons said.
const PASTED: &str = "arguments[0]({ pasted: document.getElementById('pasted').value, labels });";

/// A field to paste into.
const PASTE_HERE: &str = "
    document.getElementById('pasted')?.remove();
    document.body.append(Object.assign(document.createElement('textarea'), { id: 'pasted' }));
    document.getElementById('pasted').focus();
    arguments[0]({});
";

const NO_CLIPBOARD: &str = "
    Object.defineProperty(navigator, 'clipboard', { value: undefined });
    arguments[0]({});
";

const FILL: &str = "
    const [id, value, done] = arguments;
    const field = document.getElementById(id);
    field.value = value;
    field.dispatchEvent(new Event('input', { bubbles: true }));
    done({});
";

const MARKED: &str = "
    arguments[0]({ fields: [...document.querySelectorAll('[aria-invalid=true]')].map((field) => field.id) });
";

/// The page in a frame of the size and color scheme of a device.
const FRAME: &str = "
    const [url, width, height, scheme, done] = arguments;
    document.documentElement.innerHTML = '<body style=\"margin: 0\"></body>';
    const frame = Object.assign(document.createElement('iframe'), { src: url, allow: 'autoplay', onload: () => done({}) });
    frame.style.cssText = `border: 0; display: block; width: ${width}px; height: ${height}px; color-scheme: ${scheme}`;
    document.body.append(frame);
";

/// What is wrong with how the page looks.
const FLAWS: &str = "
    const done = arguments[arguments.length - 1];
    const small = [...document.querySelectorAll('button, input, a, [role=slider]')]
        .filter((element) => element.checkVisibility())
        .map((element) => [element.outerHTML.slice(0, 60), element.getBoundingClientRect()])
        .filter(([, { width, height }]) => width < 44 || height < 44)
        .map(([name, { width, height }]) => `${name}: ${width} x ${height}`);
    const { scrollWidth, clientWidth } = document.documentElement;
    const inView = (element) => {
        const { top, bottom, left, right } = element.getBoundingClientRect();
        return top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
    };
    const unseen = [...document.querySelectorAll('.error')].filter((error) => error.textContent && !inView(error)).length;
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    axe.run().then(({ violations }) => done({
        small, unseen, dark, wide: scrollWidth - clientWidth,
        violations: violations.map(({ id, nodes }) => [id, ...nodes.map((node) => node.target.join(' '))]),
    }));
";

/// Looks at the page on a phone, a tablet and a desktop, light and dark, as it is at first, when a
/// clip plays and when a field is wrong. Pictures of it are kept below the target directory.
///
/// # Panics
/// Where axe-core finds fault, something is too small to touch or too wide for the screen, or an
/// error is out of view.
pub fn assert_good_looks(browser: Browser) {
    let sites = sites();
    let axe = work_dir("demo-players").join("axe.js");
    let axe = fs::read_to_string(axe).expect("axe-core: run `tests/setup.sh conformance`");
    let shots = work_dir("demo-shots");
    in_browser(browser, &[], async |client: &Client| {
        for (device, width, height) in [("phone", 390, 844), ("tablet", 820, 1180), ("desktop", 1366, 900)] {
            for scheme in ["light", "dark"] {
                for (moment, query, says) in [
                    ("first", "", ""),
                    ("plays", "?start=12.48&end=19", "First frame after"),
                    ("wrong", "?start=30&end=20", "400"),
                ] {
                    let about = format!("{browser:?}-{device}-{scheme}-{moment}").to_lowercase();
                    client.set_window_size(width.max(800) + 60, height + 200).await.expect("a window");
                    client.goto(&sites[0].url("/page.css")).await.expect("the site");
                    let url = sites[0].url(&format!("/{query}"));
                    run(client, FRAME, vec![json!(url), json!(width), json!(height), json!(scheme)])
                        .await
                        .expect("a frame");
                    let frame = client.find(Locator::Css("iframe")).await.expect("a frame");
                    frame.clone().enter_frame().await.expect("a frame");
                    until(client, &about, |tool| {
                        let said = format!("{} {}", tool["said"], tool["errors"]);
                        tool["ready"] == true
                            && tool["same"] != ""
                            && tool["sentOf"] != ""
                            && said.contains(says)
                    })
                    .await;
                    client.execute(&format!("{axe}; window.axe ??= axe;"), vec![]).await.expect("axe-core");
                    let flaws = run(client, FLAWS, vec![]).await.expect("a page");
                    client.enter_parent_frame().await.expect("the window");
                    let picture = frame.screenshot().await.expect("a picture");
                    fs::write(shots.join(format!("{about}.png")), picture).expect("a directory of our own");
                    let dark = scheme == "dark";
                    assert_eq!(
                        flaws,
                        json!({ "small": [], "unseen": 0, "dark": dark, "wide": 0, "violations": [] }),
                        "{about}"
                    );
                }
            }
        }
    });
}

async fn state(client: &Client) -> Value {
    run(client, TOOL, vec![]).await.expect("a page")
}

/// What the page shows, once that is so.
async fn until(client: &Client, about: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let tool = state(client).await;
        if is_so(&tool) {
            return tool;
        }
        assert!(Instant::now() < deadline, "{about}: the page shows {tool}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Presses keys one after the other, each when the page has done what the one before asks for.
async fn press(client: &Client, keys: &[char]) {
    for &value in keys {
        let action =
            KeyActions::new("keys".into()).then(KeyAction::Down { value }).then(KeyAction::Up { value });
        client.perform_actions(action).await.expect("a key");
        let settled = Instant::now() + Duration::from_secs(10);
        while run(client, "arguments[0]({ seeking: document.getElementById('film').seeking })", vec![])
            .await
            .expect("a film")["seeking"]
            == true
        {
            assert!(Instant::now() < settled, "the film does not arrive");
        }
    }
}

async fn click(client: &Client, css: &str) {
    client.find(Locator::Css(css)).await.expect("a button").click().await.expect("a click");
}

async fn drag(client: &Client, (x, y): (f64, f64), by: f64) {
    let to = |x: f64| PointerAction::MoveTo { duration: Some(Duration::from_millis(50)), x, y };
    let action = MouseActions::new("mouse".into())
        .then(to(x))
        .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
        .then(to(x + by / 2.0))
        .then(to(x + by))
        .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
    client.perform_actions(action).await.expect("a drag");
}
