//! Bytes over time, of several clients at once, over each protocol.

use std::fs;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use mp4seek::pace::Pace;
use test_boxes::{Film, Sample, TrackSpec};
use tests::on_all_engines;
use tests::servers::{Builder, Engine, Mpm, Site, has_nginx};
use tests::tls;

use super::plot::{Line, draw};
use super::record::{Record, get};
use super::schedule::{Answered, film};

on_all_engines!(
    a_clip_is_sent_as_it_is_played,
    a_rate_takes_the_place_of_the_pace,
    what_is_behind_a_film_is_not_held_back,
);

/// A server with this pace.
pub(crate) fn paced(engine: Engine, Pace { lead_in, rate }: Pace) -> Builder {
    let lines = match engine {
        Engine::Lighttpd => {
            format!("h264-streaming.buffer-seconds = {lead_in}\nh264-streaming.rate = {rate}")
        }
        Engine::Nginx => {
            format!("h264_streaming_buffer_seconds {lead_in}s;\nh264_streaming_rate {rate};")
        }
        _ => format!("H264StreamingBufferSeconds {lead_in}\nH264StreamingRate {rate}"),
    };
    Builder::new(engine).config(&lines)
}

fn name_of(engine: Engine) -> &'static str {
    engine.lines("Apache", "lighttpd", "nginx")
}

/// Processor time that the processes of a site have taken.
fn processor_time(site: &Site) -> Duration {
    let stats = site.processes().into_iter().filter_map(|dir| fs::read_to_string(dir.join("stat")).ok());
    let ticks = stats.map(|stat| {
        let fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
        fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>()
    });
    Duration::from_millis(ticks.sum::<u64>() * 1000 / rustix::param::clock_ticks_per_second())
}

/// What a machine that does other things, too, may be late by.
const LATE: Duration = Duration::from_secs(4);

/// That a client got the bytes of the range, and none before its time, nor long after it.
fn assert_paced(name: &str, record: &Record, answered: &Answered, range: &Range<u64>) {
    assert_not_early(name, record, answered, range);
    let lag = lag(record, answered, range);
    assert!(lag < LATE, "{name}: waited for {lag:?} for what may be sent");
}

/// That a client got the bytes of the range, and none before its time.
pub(crate) fn assert_not_early(name: &str, record: &Record, answered: &Answered, range: &Range<u64>) {
    assert!(record.body == answered.bytes(range), "{name}: other bytes");
    let due = answered.schedule(range);
    for (time, bytes) in &record.points {
        let allowed = due.allowed(*time);
        assert!(*bytes <= allowed, "{name}: {bytes} bytes after {time:?}, where {allowed} may be sent");
    }
}

/// What may be sent, as a line.
fn ideal(answered: &Answered, range: &Range<u64>, until: Duration) -> Line {
    let times = (0u32..).map(|tenths| Duration::from_millis(100) * tenths).take_while(|time| *time < until);
    let due = answered.schedule(range);
    let points = times.map(|time| (time, due.allowed(time))).collect();
    Line { name: "allowed".into(), points }
}

/// The longest that a client had to wait for something that it could have had.
fn lag(record: &Record, answered: &Answered, range: &Range<u64>) -> Duration {
    let due_at = answered.schedule(range);
    let (mut longest, mut due) = (Duration::ZERO, Duration::ZERO);
    for pair in record.points.windows(2) {
        let [(_, had), (time, _)] = pair else { continue };
        while due_at.allowed(due) <= *had && due < *time {
            due += Duration::from_millis(50);
        }
        longest = longest.max(time.saturating_sub(due));
    }
    longest
}

/// A client: what it asks for, and how.
struct Client<'a> {
    name: &'static str,
    is_secure: bool,
    args: Vec<String>,
    answered: &'a Answered,
    range: Range<u64>,
}

impl<'a> Client<'a> {
    /// One that asks for all of an answer.
    fn of(name: &'static str, answered: &'a Answered, args: &[&str]) -> Self {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Self { name, is_secure: name.contains("TLS"), args, answered, range: 0..answered.len() }
    }

    /// One that asks for a byte range.
    fn in_range(mut self, range: Range<u64>) -> Self {
        self.args.extend(["-r".into(), format!("{}-{}", range.start, range.end - 1)]);
        Self { range, ..self }
    }

    fn get(&self, plain: &Site, secure: &Site) -> Record {
        let target = format!("/film.mp4?{}", self.answered.query);
        let url = match self.is_secure {
            true => secure.url(&target).replace("http:", "https:"),
            false => plain.url(&target),
        };
        get(&url, &self.args)
    }
}

fn a_clip_is_sent_as_it_is_played(engine: Engine) {
    let pace = Pace { lead_in: 2, rate: 0 };
    let (plain, secure) =
        (paced(engine, pace).start(), paced(engine, pace).config(&tls::config(engine)).start());
    for site in [&plain, &secure] {
        site.put("film.mp4", film());
        // A notice of mod_ssl about its library.
        site.allow_log("AH01882");
    }
    let of = |query| Answered::of(&plain, "film.mp4", query, pace);
    let (clip, fragmented, whole) = (of("start=4&end=12"), of("start=4&end=12&format=fmp4"), of(""));
    let middle = clip.len() / 3..clip.len();
    let http2 = plain.http2_arguments();
    let http2: Vec<_> = http2.iter().map(String::as_str).collect();
    let clients = [
        Client::of("HTTP/1.1", &clip, &["--http1.1"]),
        Client::of("HTTP/1.1, another", &clip, &["--http1.1"]),
        Client::of("HTTP/2", &clip, &http2),
        Client::of("TLS", &clip, &["--http1.1"]),
        Client::of("HTTP/2 over TLS", &clip, &["--http2"]),
        Client::of("range", &clip, &["--http1.1"]).in_range(middle.clone()),
        Client::of("range, HTTP/2", &clip, &http2).in_range(middle.clone()),
        Client::of("range, TLS", &clip, &["--http1.1"]).in_range(middle),
        Client::of("fragmented", &fragmented, &["--http1.1"]),
        Client::of("film", &whole, &["--http1.1"]).in_range(0..whole.len() / 5),
    ];
    let began = Instant::now();
    let before = processor_time(&plain) + processor_time(&secure);
    let records: Vec<Record> = thread::scope(|threads| {
        let (plain, secure) = (&plain, &secure);
        let started: Vec<_> =
            clients.iter().map(|client| threads.spawn(move || client.get(plain, secure))).collect();
        started.into_iter().map(|client| client.join().expect("a client")).collect()
    });
    let took = began.elapsed();
    let worked = processor_time(&plain) + processor_time(&secure) - before;
    let mut lines = vec![ideal(&clip, &(0..clip.len()), took)];
    lines.extend(clients.iter().zip(&records).map(|(client, record)| {
        let lag = lag(record, client.answered, &client.range);
        Line { name: format!("{}, up to {lag:.1?} late", client.name), points: record.points.clone() }
    }));
    draw(&format!("{} buffer-seconds", name_of(engine)), &lines);
    for (client, record) in clients.iter().zip(&records) {
        assert_paced(client.name, record, client.answered, &client.range);
    }
    // To wait takes no work.
    assert!(worked < took / 2, "{worked:?} of {took:?}");
}

fn a_rate_takes_the_place_of_the_pace(engine: Engine) {
    let pace = Pace { lead_in: 0, rate: 400_000 };
    let site = paced(engine, pace).start();
    site.put("film.mp4", film());
    let clip = Answered::of(&site, "film.mp4", "start=4&end=8", pace);
    let all = 0..clip.len();
    let record = get(&site.url("/film.mp4?start=4&end=8"), &[]);
    let ideal = ideal(&clip, &all, record.points.last().expect("a point").0);
    draw(
        &format!("{} rate", name_of(engine)),
        &[ideal, Line { name: "HTTP/1.1".into(), points: record.points.clone() }],
    );
    assert_paced("rate", &record, &clip, &all);
}

fn what_is_behind_a_film_is_not_held_back(engine: Engine) {
    let site = paced(engine, Pace { lead_in: 1, rate: 1 }).packaging().start();
    site.put("film.mp4", film());
    let began = Instant::now();
    let reply = site.get("/film.mp4/cmaf/v1.mp4");
    assert_eq!(reply.status, 200);
    // At a byte a second, this would take months.
    assert!(reply.body.len() > 1_000_000 && began.elapsed() < Duration::from_secs(60));
}

/// Where a thread is the connection's own, it waits itself.
#[test]
fn other_ways_to_run_apache_keep_the_pace() {
    let pace = Pace { lead_in: 2, rate: 0 };
    thread::scope(|threads| {
        for mpm in [Mpm::Worker, Mpm::Prefork] {
            threads.spawn(move || {
                let site = paced(Engine::Apache(mpm), pace).start();
                site.put("film.mp4", film());
                let clip = Answered::of(&site, "film.mp4", "start=4&end=9", pace);
                let all = 0..clip.len();
                let middle = clip.len() / 2..clip.len();
                let url = site.url("/film.mp4?start=4&end=9");
                assert_paced("all", &get(&url, &[]), &clip, &all);
                let range = ["-r".to_owned(), format!("{}-", middle.start)];
                assert_paced("range", &get(&url, &range), &clip, &middle);
            });
        }
    });
}

/// nginx delays a connection by one timer, whoever asks for it.
#[test]
fn the_slower_of_a_pace_and_of_nginxs_own_rate_counts() {
    if !has_nginx() {
        return;
    }
    const KB: u64 = 1024;
    let pace = Pace { lead_in: 2, rate: 0 };
    let lines = "location /slow/ { limit_rate 600k; alias {docroot}/; }\n\
         location /late/ { limit_rate 600k; limit_rate_after 1m; alias {docroot}/; }\n\
         location /fast/ { limit_rate 20m; alias {docroot}/; }";
    let site = paced(Engine::Nginx, pace).config(lines).start();
    site.put("film.mp4", film());
    let clip = Answered::of(&site, "film.mp4", "start=4&end=8", pace);
    let all = 0..clip.len();
    thread::scope(|threads| {
        for (folder, rate, at_once) in
            [("slow", 600 * KB, 0), ("late", 600 * KB, 1024 * KB), ("fast", 20_000 * KB, 0)]
        {
            let (site, clip, all) = (&site, &clip, &all);
            threads.spawn(move || {
                let record = get(&site.url(&format!("/{folder}/film.mp4?start=4&end=8")), &[]);
                assert_not_early(folder, &record, clip, all);
                for (time, bytes) in &record.points {
                    // It counts whole seconds, and the first has begun at once.
                    let most = at_once + rate * (time.as_secs() + 2);
                    assert!(*bytes <= most, "{folder}: {bytes} bytes after {time:?}, where {most} are most");
                }
                let last = record.points.last().expect("a point").0;
                let due = Duration::from_secs(2) + Duration::from_millis(clip.len() * 1000 / rate);
                assert!(last < due + LATE, "{folder}: {last:?}, where {due:?} is enough");
            });
        }
    });
}

/// lighttpd closes connections to which nothing could be written for a while. Where nothing is due, that
/// is not the client's doing.
#[test]
fn a_connection_stays_while_nothing_is_due() {
    let slide = Sample { delta: 6000, offset: 0, sync: true, size: 1000 };
    let slides = Film::of(vec![TrackSpec::new(b"vide", b"avc1", 1000, vec![slide; 3])]).build();
    let site =
        paced(Engine::Lighttpd, Pace { lead_in: 1, rate: 0 }).config("server.max-write-idle = 2").start();
    site.put("slides.mp4", slides);
    let began = Instant::now();
    let reply = site.get("/slides.mp4?start=6");
    assert_eq!(reply.body.len().to_string(), reply.header("content-length"), "all of it");
    assert!(began.elapsed() > Duration::from_secs(3), "the second is due after five seconds");
}
