//! Every film, cut everywhere in both modes by all servers: do the clips show what they must?
//!
//! Two readers judge each clip: ffmpeg (packets, times, frames and audio) and mp4box.js (sample
//! tables and edit lists). Each clip in fragments, and the files of its tracks with their segments,
//! must hold the same samples (see `forms`). Prints a table, kept in `target/conformance.txt`, and
//! ends with 1 where a clip is wrong or `tests/conformance` does not say what was found. `FILMS=`
//! takes a regular expression: only films whose name it matches. `SHARE=3` takes a third of them.

#![expect(clippy::expect_used, clippy::panic, reason = "a test helper that cannot go on ends")]

mod browser;
mod cuts;
mod forms;
mod lists;
mod metadata;

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::num::NonZeroU64;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tests::client::{Connection, Reply};
use tests::films::{self, Film};
use tests::mp4box::{Movie, Reader};
use tests::probe::{Cut, Source};
use tests::servers::{Builder, Engine, Site, engines};

use crate::lists::Lists;

/// Films that are judged side by side.
const JOBS: usize = 2;

/// What became of a film.
#[derive(Debug, Default)]
struct Row {
    name: String,
    /// Clips that all servers gave.
    clips: usize,
    /// How many of them have nothing wrong.
    right: usize,
    /// Why clips of it are refused.
    refused: Option<String>,
    /// Why clips of it in fragments are refused.
    unfragmented: Option<String>,
    /// Why a reader does not judge it: of ffmpeg, of mp4box.js.
    unread: [Option<String>; 2],
    /// The farthest that a sample is from its place, in ticks of its track.
    ticks: f64,
    /// Its metadata over that of nginx's mp4 module for the same clip, and what is larger.
    metadata: Option<(f64, String)>,
    /// What was read of clips in fragments, and of files of tracks.
    forms: forms::Read,
    /// Queries, and what is wrong with their clips.
    faults: Vec<String>,
}

/// The servers under test.
struct Servers {
    /// Those with our module.
    ours: [(Engine, Site); 3],
    /// nginx with its own.
    peer: Site,
}

/// A film to judge: its name, and how it is had.
type Queued = (String, Box<dyn Fn() -> Film + Send + Sync>);

/// The films of these names.
fn queue(wanted: &dyn Fn(&str) -> bool) -> Vec<Queued> {
    let mut queue: Vec<Queued> = Vec::new();
    for kind in films::KINDS.iter().copied().chain(films::variants()).filter(|kind| wanted(kind)) {
        queue.push((kind.to_owned(), Box::new(move || films::film(kind))));
    }
    for class in ["prog", "frag", "bad"] {
        for film in films::corpus(class).into_iter().filter(|film| wanted(&film.name)) {
            queue.push((film.name.clone(), Box::new(move || film.clone())));
        }
    }
    queue
}

/// Judges the films that nobody else has taken.
fn work(queue: &[Queued], next: &AtomicUsize, servers: &Servers, lists: &Lists, rows: &Mutex<Vec<Row>>) {
    let mut reader = Reader::start();
    while let Some((_, film)) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
        let mut row = judge(&film(), servers, &mut reader, lists);
        if row.name.contains("/bad/") {
            // A broken film needs only a clear answer, the same from all servers.
            let is_judgement =
                |f: &String| ["ffmpeg:", "mp4box:", "answered 4"].iter().any(|w| f.contains(w));
            row.faults.retain(|f| !is_judgement(f));
            row.right = row.clips - row.faults.len().min(row.clips);
        }
        let mut rows = rows.lock().expect("rows");
        let news = row.refused.iter().map(String::as_str).chain(row.faults.first().map(String::as_str));
        let news: String = news.flat_map(|f| [": ", f]).collect();
        eprintln!("{}/{} {}{news}", rows.len() + 1, queue.len(), row.name);
        rows.push(row);
    }
}

fn main() {
    let begun = Instant::now();
    forms::keep_quiet();
    let only =
        std::env::var("FILMS").ok().map(|f| regex::Regex::new(&f).expect("FILMS: a regular expression"));
    let share =
        std::env::var("SHARE").map_or(NonZeroU64::MIN, |n| n.parse().expect("SHARE: a number above 0"));
    let is_in_share = |name: &str| {
        let mut hash = DefaultHasher::new();
        name.hash(&mut hash);
        hash.finish() % share == 0
    };
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only.is_match(name)) && is_in_share(name);
    let queue = queue(&wanted);
    if let Some(fault) = fault_of_choice(&queue, only.as_ref(), share) {
        eprintln!("{fault}");
        std::process::exit(1);
    }
    let lists = Lists::read();
    let servers = Servers::start();
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    let (played, unplayed) = std::thread::scope(|scope| {
        // Plays while the others judge. All servers send the same bytes: one is enough for it.
        let browser = scope.spawn(|| browser::faults(servers.first(), &wanted));
        for _ in 0..JOBS {
            scope.spawn(|| work(&queue, &next, &servers, &lists, &rows));
        }
        browser.join().expect("a browser that plays")
    });
    let mut rows = rows.into_inner().expect("rows");
    let place = |row: &Row| queue.iter().position(|(name, _)| *name == row.name);
    rows.sort_by_key(place);
    drop(servers);
    let mut report = report(&rows);
    unplayed.iter().for_each(|fault| writeln!(report, "{fault}").unwrap_or_default());
    let well = played - unplayed.len();
    writeln!(report, "{well} of {played} clips play in Chromium; {:.0} s", begun.elapsed().as_secs_f64())
        .ok();
    print!("{report}");
    let path = tests::target_dir().join("conformance.txt");
    std::fs::write(&path, &report).expect("a target directory");
    let stale = lists.differences(&rows, &wanted);
    stale.iter().for_each(|line| println!("{line}"));
    if !stale.is_empty()
        || !unplayed.is_empty()
        || rows.iter().any(|row| row.right < row.clips || !row.faults.is_empty())
    {
        std::process::exit(1);
    }
}

/// What is wrong with the choice of films: there is none of it, or none of one of the names in
/// `^(one|another)$`.
fn fault_of_choice(queue: &[Queued], only: Option<&regex::Regex>, share: NonZeroU64) -> Option<String> {
    let only = only.map_or("", regex::Regex::as_str);
    if queue.is_empty() {
        return Some(format!("no film is called {only:?}"));
    }
    let listed = only.strip_prefix("^(").and_then(|rest| rest.strip_suffix(")$"));
    let mut names = listed.unwrap_or_default().split('|').filter(|name| !name.is_empty());
    let is_missing = |listed: &&str| !queue.iter().any(|(name, _)| name == listed);
    // A share of the films is not all that were chosen.
    names
        .find(is_missing)
        .filter(|_| share == NonZeroU64::MIN)
        .map(|name| format!("no film is called {name}"))
}

impl Servers {
    fn start() -> Self {
        let site = |engine| Builder::new(engine).without_access_log().workers(1).packaging().start();
        let mp4 = "location / { mp4; mp4_start_key_frame on; mp4_buffer_size 1m; mp4_max_buffer_size 256m; }";
        let peer = Builder::new(Engine::Nginx).without_module().without_access_log().config(mp4).start();
        let servers = Self { ours: engines().map(|engine| (engine, site(engine))), peer };
        // Every refusal is a line; what is refused, and why, is what the report is about.
        for (engine, site) in &servers.ours {
            site.allow_log(engine.lines(r"AH\d+|h264", "mod_h264_streaming", r"\[client "));
        }
        servers.peer.allow_log("");
        servers
    }

    fn first(&self) -> &Site {
        &self.ours[0].1
    }
}

/// A film under judgement.
struct Case {
    source: Option<Source>,
    movie: Option<Movie>,
    /// The servers, with where each of them is.
    servers: [(Engine, String); 3],
    target: String,
    /// The bytes of the film, where they are few.
    film: Option<Vec<u8>>,
}

/// What ffmpeg reads in a film, set to the times that its edit lists say.
fn source(film: &Film, movie: Option<&Movie>) -> Result<Source, String> {
    let astray = movie.and_then(Movie::edits_astray);
    astray.map_or_else(|| Source::of(film), |edits| Source::with_edits(film, &edits))
}

fn judge(film: &Film, servers: &Servers, reader: &mut Reader, lists: &Lists) -> Row {
    let mut row = Row { name: film.name.clone(), ..Row::default() };
    let target = servers.publish(film);
    let addresses = servers.ours.each_ref().map(|(engine, site)| (*engine, site.address().to_owned()));
    let small = std::fs::metadata(&film.path).is_ok_and(|m| m.len() < 64 << 20);
    let bytes = small.then(|| std::fs::read(&film.path).expect("a film"));
    let mut case = Case { source: None, movie: None, servers: addresses, target, film: bytes };
    let parsed = reader.read(&film.path);
    let read =
        source(film, parsed.as_ref().ok()).map_err(|e| e.lines().last().unwrap_or_default().to_owned());
    row.unread = [
        lists.exception(&film.name, "ffmpeg").or(read.as_ref().err().cloned()),
        lists.exception(&film.name, "mp4box").or(parsed.as_ref().err().cloned()),
    ];
    let cuts = cuts::of(read.as_ref().ok().map(|s| &s.reading), parsed.as_ref().ok());
    let duration = read.as_ref().map_or(1.0, |s| s.reading.duration);
    case.source = read.ok().filter(|_| row.unread[0].is_none());
    case.movie = parsed.ok().filter(|_| row.unread[1].is_none());
    let mut seen = HashMap::new();
    row.metadata = case.metadata(&servers.peer, duration);
    for cut in cuts {
        match case.answers(&cut) {
            Ok(reply) if row.clips == 0 && (400..500).contains(&reply.status) => {
                let why = tests::probe::clip(&film.path, &cut.query()).err();
                row.refused =
                    Some(why.unwrap_or_else(|| format!("{}, but not without a server", reply.status)));
                break;
            }
            Ok(reply) => {
                row.clips += 1;
                let asked = format!("{}?{}", film.name, cuts::times(&cut));
                let judges = ["ffmpeg", "mp4box"].map(|who| lists.exception(&asked, who).is_none());
                let mut faults = case.faults(&reply, &cut, judges, reader, &mut seen, &mut row.ticks);
                if faults.is_empty() {
                    faults = case.faults_of_forms(&reply, &cut, &mut row.forms);
                }
                if faults.is_empty() {
                    row.right += 1;
                } else {
                    row.faults.push(format!("{}?{}\n    {}", film.name, cut.query(), faults.join("\n    ")));
                }
            }
            Err(e) => {
                row.clips += 1;
                row.faults.push(format!("{}?{}\n    {e}", film.name, cut.query()));
            }
        }
    }
    row.unfragmented = row.forms.refused.as_ref().map(|query| {
        let why = tests::probe::clip(&film.path, query).err();
        why.unwrap_or_else(|| "415, but not without a server".to_owned())
    });
    row
}

impl Servers {
    /// Puts a film where all serve it, under a name that they take for a film's.
    fn publish(&self, film: &Film) -> String {
        let mut hash = DefaultHasher::new();
        film.path.hash(&mut hash);
        let name = format!("{:016x}.mp4", hash.finish());
        self.ours.iter().map(|(_, site)| site).chain([&self.peer]).for_each(|site| {
            site.publish_as(film, &name);
        });
        format!("/{name}")
    }
}

impl Case {
    fn get(&self, server: &str, query: &str) -> Reply {
        self.get_at(server, "", query)
    }

    /// What a server has at an address behind the film.
    fn get_at(&self, server: &str, address: &str, query: &str) -> Reply {
        let mut connection = Connection::open(server);
        let host = "HTTP/1.1\r\nHost: localhost\r\nConnection: close";
        connection.write(&format!("GET {}{address}?{query} {host}\r\n\r\n", self.target));
        connection.reply()
    }

    /// The answer that all servers give.
    fn answers(&self, cut: &Cut) -> Result<Reply, String> {
        self.same("", &cut.query())
    }

    /// What all servers have at an address behind the film, if that is the same.
    fn same(&self, address: &str, query: &str) -> Result<Reply, String> {
        let [first, others @ ..] = &self.servers;
        let ours = self.get_at(&first.1, address, query);
        for (engine, server) in others {
            let theirs = self.get_at(server, address, query);
            // A film that needs no change is each server's own file, with its own validator.
            let has_same_tag =
                ours.header("etag") == theirs.header("etag") || (is_plain(&ours) && is_plain(&theirs));
            let is_same = ours.status == theirs.status
                && (ours.status != 200 || (ours.body == theirs.body && has_same_tag));
            if !is_same {
                return Err(format!("{address}: Apache says {ours}\n{engine:?} says {theirs}"));
            }
        }
        Ok(ours)
    }

    /// How the metadata compares in a clip of nearly all of the film, so that a sample more or less
    /// does not count. Both decode it from a key frame on, and hide what comes before the start.
    fn metadata(&self, nginx: &Site, duration: f64) -> Option<(f64, String)> {
        let ask = |address: &str, mode: &str| {
            let times = format!("start={:.3}&end={:.3}", duration * 0.02, duration * 0.97);
            Some(self.get(address, &format!("{times}{mode}")))
                .filter(|reply| reply.status == 200)
                .map(|reply| reply.body)
        };
        metadata::ratio(&ask(&self.servers[0].1, "&mode=exact")?, &ask(nginx.address(), "")?)
    }

    fn faults(
        &self,
        reply: &Reply,
        cut: &Cut,
        [by_ffmpeg, by_mp4box]: [bool; 2],
        reader: &mut Reader,
        seen: &mut HashMap<u64, bool>,
        ticks: &mut f64,
    ) -> Vec<String> {
        if reply.status != 200 {
            return vec![format!("answered {}", reply.status)];
        }
        let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().expect("a temporary directory");
        file.write_all(&reply.body).expect("room in the temporary directory");
        let is_clip = cut.start.is_some() || cut.end.is_some();
        if is_clip && is_plain(reply) {
            return vec!["the film as it is, of which a part was asked for".to_owned()];
        }
        if !is_clip && self.film.as_ref().is_some_and(|film| *film == reply.body) {
            return Vec::new();
        }
        // The same bytes may answer several cuts: one look is enough.
        let mut key = DefaultHasher::new();
        reply.body.hash(&mut key);
        let bounds =
            self.source.as_ref().map(|s| s.bounds(cut)).or(self.movie.as_ref().map(|m| m.bounds(cut)));
        bounds.map(|(start, end)| (start.to_bits(), end.to_bits())).hash(&mut key);
        let mut faults = Vec::new();
        if seen.get(&key.finish()) == Some(&true) {
            return faults;
        }
        let clip = self.movie.as_ref().map(|movie| (movie, reader.read(file.path())));
        // libavformat sets what is shown by a second edit up to a frame aside, or leaves it out.
        let followed = !matches!(&clip, Some((_, Ok(clip))) if clip.has_several_edits());
        if let Some(source) = self.source.as_ref().filter(|_| by_ffmpeg && followed) {
            // Where films in fragments end, ffprobe guesses: then the sample tables decide.
            let guessed = |movie: &Movie| (movie.bounds(cut).1 - source.bounds(cut).1).abs() > 1e-3;
            let lasts = !self.movie.as_ref().is_some_and(guessed);
            let said = source.faults(file.path(), cut).into_iter();
            let said = said.filter(|fault| lasts || !fault.starts_with("lasts"));
            faults.extend(said.map(|fault| format!("ffmpeg: {fault}")));
        }
        match clip.filter(|_| by_mp4box) {
            Some((movie, Ok(clip))) => {
                let verdict = movie.judge(&clip, cut);
                *ticks = ticks.max(verdict.ticks);
                faults.extend(verdict.faults.into_iter().map(|f| format!("mp4box: {f}")));
            }
            Some((_, Err(e))) => faults.push(format!("mp4box: cannot be read: {e}")),
            None => {}
        }
        seen.insert(key.finish(), faults.is_empty());
        faults
    }
}

/// Whether the server sends its file, and not what the module made of it.
fn is_plain(reply: &Reply) -> bool {
    reply.header("x-mod-h264-streaming").is_empty()
}

fn report(rows: &[Row]) -> String {
    let mut text = String::new();
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    writeln!(text, "{:width$}  clips  right  readers        ticks  ÷ nginx", "film").ok();
    for row in rows {
        let reader = |i: usize, name| if row.unread[i].is_none() { name } else { "-" };
        let readers = format!("{} {}", reader(0, "ffmpeg"), reader(1, "mp4box"));
        write!(
            text,
            "{:width$}  {:5}  {:5}  {readers:13}  {:5.2}",
            row.name, row.clips, row.right, row.ticks
        )
        .ok();
        write!(
            text,
            "  {:7}",
            row.metadata.as_ref().map_or("-".to_owned(), |(ratio, _)| format!("{ratio:.3}"))
        )
        .ok();
        writeln!(text, "{}", row.refused.as_ref().map_or(String::new(), |why| format!("  refused: {why}")))
            .ok();
    }
    for fault in rows.iter().flat_map(|row| &row.faults) {
        writeln!(text, "\n{fault}").ok();
    }
    let ratios: Vec<_> = rows.iter().filter_map(|row| Some((&row.name, row.metadata.as_ref()?))).collect();
    if !ratios.is_empty() {
        let mean = ratios.iter().map(|(_, (ratio, _))| ratio).sum::<f64>() / ratios.len() as f64;
        writeln!(text, "\nmetadata ÷ nginx's: {mean:.3} in the mean of {} films", ratios.len()).ok();
    }
    for (name, (ratio, larger)) in ratios.iter().filter(|(_, (ratio, _))| *ratio > 1.0) {
        writeln!(text, "{name}: {ratio:.3}, as {larger}").ok();
    }
    let served: Vec<_> = rows.iter().filter(|row| row.refused.is_none()).collect();
    let sum = |count: fn(&Row) -> usize| served.iter().map(|row| count(row)).sum::<usize>();
    let whole = served.iter().filter(|row| row.right == row.clips).count();
    let refused = rows.len() - served.len();
    writeln!(
        text,
        "\n{whole} of {} films and {} of {} clips are right; {refused} films are refused\n\
         read besides: {} clips in fragments, {} files of tracks and {} segments",
        served.len(),
        sum(|row| row.right),
        sum(|row| row.clips),
        sum(|row| row.forms.fragmented),
        sum(|row| row.forms.tracks),
        sum(|row| row.forms.segments)
    )
    .ok();
    text
}
