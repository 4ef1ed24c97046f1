//! What clips say to caches, and what caches in front make of several origins.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tests::client::Connection;
use tests::films::film;
use tests::pages::block;
use tests::probe::clip;
use tests::servers::{APACHE, Builder, Engine, Site, engines};
use tests::{key_file, on_all_engines};

on_all_engines!(
    a_clip_says_by_which_query_it_is_known,
    other_queries_lead_to_the_canonical_one,
    a_query_is_known_however_the_server_writes_it,
    signed_links_stay_as_they_are,
    a_clip_may_be_kept_for_a_while,
    a_clip_that_is_an_error_page_is_not_kept,
);

fn builder(engine: Engine, apache: &str, lighttpd: &str, nginx: &str) -> Builder {
    Builder::new(engine).config(engine.lines(apache, lighttpd, nginx))
}

/// Queries for one clip.
const SAME: [&str; 6] = [
    "end=7&start=3",
    "end=7.0&start=3",
    "t=3,7",
    "start=0:03&end=0:07&utm=1",
    "vbegin=3&vend=7",
    "%73tart=3&end=%37",
];

fn a_clip_says_by_which_query_it_is_known(engine: Engine) {
    let rewritten = "RewriteEngine On\nRewriteRule ^/scene/(.*)$ {docroot}/f.mp4?start=$1&end=7 [L]\n\
         RewriteRule ^/v/(.*)$ {docroot}/$1\nRewriteCond %{QUERY_STRING} film=(\\w)\n\
         RewriteRule ^/get$ {docroot}/%1.mp4\nRewriteCond %{QUERY_STRING} film=(\\w)\n\
         RewriteRule ^/pass$ /%1.mp4 [PT]";
    let rules = "url.rewrite-once = ( \"^/scene/(.*)$\" => \"/f.mp4?start=$1&end=7\", \"^/v/(.*)$\" => \"/$1\", \
         \"^/(?:get|pass)\\?(.*film=(\\w).*)$\" => \"/$2.mp4?$1\" )";
    let nginx = "rewrite ^/scene/(.*)$ /f.mp4?start=$1&end=7? last;\nrewrite ^/v/(.*)$ /$1 last;\n\
         rewrite ^/(?:get|pass)$ /$arg_film.mp4 last;";
    let site = builder(engine, rewritten, rules, nginx).packaging().start();
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    for query in SAME {
        for request in
            [site.request(&format!("/f.mp4?{query}")), site.request(&format!("/f.mp4?{query}")).range("5-99")]
        {
            let reply = request.clone().send();
            assert_eq!(reply.header("content-location"), "/f.mp4?end=7&start=3", "{query}\n{reply}");
            let known = request.header("If-None-Match", reply.header("etag")).send();
            assert_eq!((known.status, known.header("content-location")), (304, "/f.mp4?end=7&start=3"));
        }
    }
    let location = |target: &str| site.get(target).header("content-location").to_owned();
    // By another address, nobody knows by which query.
    assert_eq!(location("/scene/3"), "");
    assert_eq!(location("/v/f.mp4?t=3,7"), "/v/f.mp4?end=7&start=3");
    assert_eq!(location("/f.mp4/cmaf/v1.mp4?t=3,7&mode=exact"), "/f.mp4/cmaf/v1.mp4?end=7&start=3");
    // The links in a playlist have the query that came.
    assert_eq!(location("/f.mp4/hls/v1.m3u8?t=3,7"), "");
    assert_eq!(location("/f.mp4/hls/v1.m3u8?end=7&start=3"), "/f.mp4/hls/v1.m3u8?end=7&start=3");
    assert_eq!(location("/f.mp4?utm=1"), "/f.mp4");
    // A parameter that a rule goes by is not left out.
    for way in ["/get", "/pass"] {
        let reply = site.get(&format!("{way}?film=f&start=3&end=7"));
        let clip = clip(&film.path, SAME[0]).expect("a clip");
        assert!(reply.status == 200 && reply.body == clip, "{way}\n{reply}");
        assert_eq!(reply.header("content-location"), "", "{way}\n{reply}");
    }
}

fn other_queries_lead_to_the_canonical_one(engine: Engine) {
    let site = builder(
        engine,
        "H264StreamingCanonical redirect",
        "h264-streaming.canonical = \"redirect\"",
        "h264_streaming_canonical redirect;",
    )
    .packaging()
    .start();
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    for query in &SAME[1..] {
        let target = format!("/f.mp4?{query}");
        for request in
            [site.request(&target), site.request(&target).head(), site.request(&target).http2().range("1-2")]
        {
            let reply = request.send();
            assert_eq!(reply.status, 302, "{query}\n{reply}");
            let location = reply.header("location");
            assert!(
                [site.url("/f.mp4?end=7&start=3").as_str(), "/f.mp4?end=7&start=3"].contains(&location),
                "{reply}"
            );
            assert!(
                !reply.header("x-mod-h264-streaming").is_empty() && reply.header("etag").is_empty(),
                "{reply}"
            );
        }
        let followed = site.request(&target).arg("-L").send();
        assert!(followed.body.ends_with(&clip(&film.path, SAME[0]).expect("a clip")), "{query}");
    }
    for target in
        ["/f.mp4?end=7&start=3", "/f.mp4/hls/v1.m3u8?end=7&start=3", "/f.mp4/hls/master.m3u8", "/f.mp4"]
    {
        assert_eq!(site.get(target).status, 200, "{target}");
    }
    let playlist = site.get("/f.mp4/hls/v1.m3u8?t=3,7");
    assert!(playlist.header("location").ends_with("/f.mp4/hls/v1.m3u8?end=7&start=3"), "{playlist}");
    // What is refused is refused by each query.
    assert_eq!(site.get("/f.mp4?start=x").status, 400);
    // Nobody is sent to another server.
    let elsewhere = site.get("//f.mp4?t=3,7");
    assert!(elsewhere.status != 302 && elsewhere.header("content-location").is_empty(), "{elsewhere}");
    site.expect_log("start=x: not a time");
}

/// The options that Debian's lighttpd reads a query with, and one that its configuration offers.
const AS_IN_DEBIAN: &str = "server.http-parseopts = (\"url-normalize-unreserved\" => \"enable\", \
    \"url-normalize-required\" => \"enable\", \"url-ctrls-reject\" => \"enable\", \
    \"url-path-2f-decode\" => \"enable\", \"url-path-dotseg-remove\" => \"enable\", \
    \"url-query-20-plus\" => \"enable\")";

fn a_query_is_known_however_the_server_writes_it(engine: Engine) {
    for options in ["", engine.lines("", AS_IN_DEBIAN, "")] {
        let site = builder(
            engine,
            "H264StreamingCanonical redirect",
            "h264-streaming.canonical = \"redirect\"",
            "h264_streaming_canonical redirect;",
        )
        .config(options)
        .start();
        site.publish_as(&film("bframes"), "f.mp4");
        for query in ["start=3&end=7&x[]=2", "t=3%2C7", "t=3,7&x=%5b%40", "t=3,7&x=a%20b+c", "t=3,7&x={|}%3F"]
        {
            let reply = site.get(&format!("/f.mp4?{query}"));
            assert_eq!(reply.status, 302, "{query} with {options:?}\n{reply}");
            assert!(reply.header("location").ends_with("/f.mp4?end=7&start=3"), "{query}\n{reply}");
        }
    }
}

/// mod_negotiation names the film alone, which is another one than the clip.
#[test]
fn a_film_without_its_extension_has_one_place() {
    let lines = "LoadModule negotiation_module /usr/lib/apache2/modules/mod_negotiation.so\n\
         <Directory {docroot}>\nOptions +MultiViews\n</Directory>\n\
         <Location /strict>\nH264StreamingCanonical redirect\n</Location>\nAlias /strict {docroot}";
    let site = Builder::new(APACHE).config(lines).packaging().start();
    site.publish_as(&film("bframes"), "f.mp4");
    let places = |target: &str, status: u16| -> Vec<String> {
        let reply = site.get(target);
        assert_eq!(reply.status, status, "{target}\n{reply}");
        let places = reply.headers.iter().filter(|(name, _)| name == "content-location");
        places.map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(places("/f?t=3,7", 200), ["/f?end=7&start=3"]);
    assert_eq!(places("/f/hls/v1.m3u8?end=7&start=3", 200), ["/f/hls/v1.m3u8?end=7&start=3"]);
    assert_eq!(places("/f/hls/v1.m3u8?t=3,7", 200), [""; 0]);
    assert_eq!(places("/strict/f?t=3,7", 302), [""; 0]);
    assert_eq!(places("/f", 200), ["/f"]);
}

fn signed_links_stay_as_they_are(engine: Engine) {
    let apache = "H264StreamingCanonical redirect\n<Directory {docroot}>\nH264StreamingSecretFile {dir}/keys\n</Directory>";
    let lighttpd = "h264-streaming.canonical = \"redirect\"\nh264-streaming.secret-file = \"{dir}/keys\"";
    let nginx = "h264_streaming_canonical redirect;\nh264_streaming_secret_file {dir}/keys;";
    let keys = key_file("canonical", "a key of at least sixteen bytes\n");
    let path = keys.to_str().expect("a path in UTF-8");
    let [apache, lighttpd, nginx] = [apache, lighttpd, nginx].map(|lines| lines.replace("{dir}/keys", path));
    let site = builder(engine, &apache, &lighttpd, &nginx).start();
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    site.allow_log("can be read by every user");
    let target = signed(path, "/f.mp4?t=3,7");
    let reply = site.get(&target);
    assert_eq!((reply.status, reply.header("content-location")), (200, ""), "{target}\n{reply}");
    assert!(reply.body == clip(&film.path, "t=3,7").expect("a clip"), "{target} is another clip");
}

/// A link with its signature by the first of a file of keys.
fn signed(keys: &str, link: &str) -> String {
    let mp4seek = std::process::Command::new(tests::built("H264_MP4SEEK", "mp4seek"))
        .args(["sign", "--secret-file", keys, link])
        .output()
        .expect("a program that runs");
    String::from_utf8(mp4seek.stdout).expect("a link").trim().to_owned()
}

fn a_clip_may_be_kept_for_a_while(engine: Engine) {
    let site = builder(
        engine,
        "H264StreamingMaxAge 3600",
        "h264-streaming.max-age = 3600",
        "h264_streaming_max_age 1h;",
    )
    .packaging()
    .start();
    site.publish_as(&film("bframes"), "f.mp4");
    for target in ["/f.mp4?end=7&start=3", "/f.mp4/hls/v1.m3u8", "/f.mp4/cmaf/v1.mp4"] {
        let reply = site.get(target);
        assert_eq!((reply.status, reply.header("cache-control")), (200, "max-age=3600"), "{target}\n{reply}");
        let known = site.request(target).header("If-None-Match", reply.header("etag")).send();
        assert_eq!((known.status, known.header("cache-control")), (304, "max-age=3600"), "{known}");
    }
    // Neither a refusal nor a film that has just been written is kept.
    site.put("new.mp4", fs::read(film("bframes").path).expect("a film"));
    for target in ["/f.mp4?start=x", "/new.mp4?end=7&start=3"] {
        assert_eq!(site.get(target).header("cache-control"), "", "{target}");
    }
    site.expect_log("start=x: not a time");
    for (field, value, status) in [("If-Match", "\"other\"", 412), ("Range", "bytes=99999999-", 416)] {
        let refused = site.request("/f.mp4?end=7&start=3").header(field, value).send();
        assert_eq!((refused.status, refused.header("cache-control")), (status, ""), "{refused}");
    }
    // What caches keep although nothing says so: a recording may have it in a moment.
    for address in ["hls/v9.m3u8", "cmaf/v1/999.m4s", "cmaf/nothing"] {
        let request = site.request(&format!("/f.mp4/{address}"));
        for reply in [request.clone().send(), request.head().send()] {
            assert_eq!(
                (reply.status, reply.header("cache-control")),
                (404, "no-store"),
                "{address}\n{reply}"
            );
        }
    }
    site.allow_log("nothing at this address");
}

fn a_clip_that_is_an_error_page_is_not_kept(engine: Engine) {
    let site = builder(
        engine,
        "H264StreamingMaxAge 3600\nErrorDocument 404 /f.mp4?start=3&end=7",
        "h264-streaming.max-age = 3600\nserver.error-handler = \"/f.mp4?start=3&end=7\"",
        "h264_streaming_max_age 1h;\nerror_page 404 /f.mp4?start=3&end=7;\n\
         location /closed { deny all; error_page 403 =200 /f.mp4?start=3&end=7; }",
    )
    .start();
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    let page = site.get("/missing.txt");
    assert!(page.body == clip(&film.path, "start=3&end=7").expect("a clip"), "{page}");
    // On lighttpd, the status is that of the handler.
    let status = if engine == Engine::Lighttpd { 200 } else { 404 };
    assert_eq!((page.status, page.header("cache-control")), (status, ""), "{page}");
    site.allow_log("missing.txt");
    if engine == Engine::Nginx {
        let page = site.get("/closed");
        assert_eq!((page.status, page.header("cache-control")), (200, ""), "{page}");
        site.allow_log("access forbidden by rule");
    }
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in\n{text}");
    text.replace(from, to)
}

/// The second that all copies of a film were modified in.
const MODIFIED: Duration = Duration::from_secs(1_600_000_000);

/// An origin of each kind, with copies of a film that takes a while to send.
struct Origins([Site; 3]);

impl Origins {
    fn start() -> Self {
        let start = |engine: Engine| {
            let lines = ["How long", "One object for each clip"]
                .map(|section| block("caching.md", section, engine.lines("apache", "lighttpd", "nginx")));
            Builder::new(engine).config(&lines.concat()).start()
        };
        let sites = engines().map(start);
        let this = Self(sites);
        this.publish("loud", MODIFIED);
        this
    }

    /// Each gets a copy of its own, modified within the same second.
    fn publish(&self, kind: &'static str, modified: Duration) {
        Self::publish_on(&self.0, kind, modified);
    }

    fn publish_on(sites: &[Site], kind: &'static str, modified: Duration) {
        for (site, nanos) in sites.iter().zip([1, 999_999_999, 500_000_000]) {
            let path = site.docroot().join(".new");
            fs::copy(film(kind).path, &path).expect("a copy");
            let file = File::options().write(true).open(&path).expect("a file of our own");
            file.set_modified(SystemTime::UNIX_EPOCH + modified + Duration::from_nanos(nanos))
                .expect("a file of our own");
            fs::rename(path, site.docroot().join("f.mp4")).expect("a document root that can be written");
        }
    }

    /// The nginx of docs/caching.md in front of them, with smaller slices.
    fn behind_slices(&self) -> Site {
        self.behind_slices_with("")
    }

    /// The same, which is in no hurry: else it may have fetched all of a clip, and its socket have
    /// taken that, before a slow client has the first of it.
    fn behind_slow_slices(&self) -> Site {
        self.behind_slices_with("limit_rate 512k;")
    }

    fn behind_slices_with(&self, more: &str) -> Site {
        slices_of(self.0.each_ref(), more)
    }

    /// The Varnish of docs/caching.md in front of them.
    fn behind_varnish(&self) -> Site {
        varnish_of(self.0.each_ref())
    }

    /// How many lines of the log of each match.
    fn count(&self, matches: impl Fn(&str) -> bool) -> [usize; 3] {
        self.0.each_ref().map(|site| log(site).iter().filter(|line| matches(line)).count())
    }
}

/// The nginx of docs/caching.md in front of origins, with smaller slices.
fn slices_of(origins: [&Site; 3], more: &str) -> Site {
    let mut lines = block("caching.md", "nginx with slices", "nginx");
    // The page has one server less.
    let [first, second, third] = origins.map(|site| format!("server {};", site.address()));
    lines = replaced(&lines, "server apache.example;", &first);
    lines = replaced(&lines, "server lighttpd.example;", &format!("{second}\n{third}"));
    lines = replaced(&lines, "/var/cache/nginx/films", "{dir}/tmp/cache");
    lines = replaced(&lines, "slice 1m;", "slice 256k;");
    let (http, server) = lines.split_once("server {\n    listen 80;\n").expect("a server");
    let (server, _) = server.rsplit_once('}').expect("its end");
    Builder::new(Engine::Nginx).without_module().http(http).config(more).config(server).start()
}

/// The Varnish of docs/caching.md in front of two origins or three.
fn varnish_of<const N: usize>(origins: [&Site; N]) -> Site {
    let mut lines = block("caching.md", "Varnish", "vcl");
    if origins.len() > 2 {
        // The page has one backend less.
        let third = "backend nginx { .host = \"nginx.example\"; .port = \"80\"; }\n";
        lines = replaced(&lines, "sub vcl_init {", &format!("{third}\nsub vcl_init {{"));
        let last = "    origins.add_backend(lighttpd);\n";
        lines = replaced(&lines, last, &format!("{last}    origins.add_backend(nginx);\n"));
    }
    for (name, site) in ["apache", "lighttpd", "nginx"].into_iter().zip(origins) {
        let (host, port) = site.address().split_once(':').expect("an address");
        let to = format!("\"{host}\"; .port = \"{port}\";");
        lines = replaced(&lines, &format!("\"{name}.example\"; .port = \"80\";"), &to);
    }
    let site = Builder::new(Engine::Varnish).config(&lines).start();
    site.allow_log("^Debug: |^Info: |Child launched OK|Manager got SIGTERM");
    site
}

/// The access log up to now. A server writes a line when an answer has ended, and lighttpd keeps lines
/// back.
fn log(site: &Site) -> Vec<String> {
    static MARKS: AtomicU32 = AtomicU32::new(0);
    let mark = format!("/mark-{} ", MARKS.fetch_add(1, Ordering::Relaxed));
    // nginx says so of what is not there.
    site.allow_log("/mark-");
    site.get(mark.trim_end());
    let mut log = site.access_log(1);
    while !log.iter().any(|line| line.contains(&mark)) {
        log = site.access_log(log.len() + 1);
    }
    log
}

const QUERY: &str = "end=40&start=3.05";

fn wanted() -> Vec<u8> {
    clip(&film("loud").path, QUERY).expect("a clip")
}

#[test]
fn slices_of_a_clip_come_from_different_origins() {
    let origins = Origins::start();
    let cache = origins.behind_slices();
    let target = format!("/f.mp4?{QUERY}");
    let wanted = wanted();
    assert!(wanted.len() > 8 * 256 * 1024, "a clip of several slices");
    let reply = cache.get(&target);
    assert!(reply.status == 200 && reply.body == wanted, "{reply}");
    for origin in &origins.0 {
        assert_eq!(reply.header("etag"), origin.get(&target).header("etag"), "{:?}", origin.engine());
    }
    let media = |line: &str| line.contains(" 206 ");
    let before = origins.count(media);
    assert!(before.iter().all(|&count| count > 2), "{before:?}");
    // What it has, it has for good: any range, and any condition.
    let part = cache.request(&target).range("300000-900000").send();
    assert!(part.status == 206 && part.body == wanted[300_000..=900_000], "{part}");
    let known = cache.request(&target).header("If-None-Match", reply.header("etag")).send();
    assert_eq!(known.status, 304, "{known}");
    assert_eq!(origins.count(media), before);
}

/// The files in a directory and those below.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// The one that is killed behind a slice: the next is another's.
fn a_clip_goes_on_without(killed: usize) {
    const QUERY: &str = "end=8&start=3.05";
    let wanted = clip(&film("loud").path, QUERY).expect("a clip");
    let origins = Origins::start();
    let cache = origins.behind_slices_with("limit_rate 128k;");
    cache.allow_log("upstream prematurely closed|upstream server temporarily disabled|connect\\(\\) failed|Connection reset");
    let mut client = Connection::open_narrow(cache.address());
    client.write(&format!("GET /f.mp4?{QUERY} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    while client.received().len() < 300_000 {
        assert!(client.read(4096) > 0, "an answer that goes on");
    }
    // nginx cannot mend a slice that breaks off, so the origin goes right behind the end of one: the
    // next is asked for once this one has been sent on, two seconds later.
    let ended = |origins: &Origins| origins.count(|line| line.contains(" 206 ")).iter().sum::<usize>();
    let before = ended(&origins);
    while ended(&origins) == before {
        assert!(client.read(4096) > 0, "an answer that goes on");
    }
    let mut left = Vec::from(origins.0);
    left.remove(killed).kill();
    let reply = client.reply();
    assert!(reply.status == 200 && reply.body == wanted, "{reply}");
    for site in &left {
        let sent = site.access_log(1).iter().filter(|line| line.contains(" 206 ")).count();
        assert!(sent > 1, "{sent} slices of {:?}, which is left", site.engine());
    }
}

#[test]
fn an_apache_that_dies_between_slices_is_not_noticed() {
    a_clip_goes_on_without(0);
}

#[test]
fn a_lighttpd_that_dies_between_slices_is_not_noticed() {
    a_clip_goes_on_without(1);
}

/// What was received behind the head of an answer.
fn body_of(client: &Connection) -> &[u8] {
    let received = client.received();
    let head = received.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
    &received[head..]
}

#[test]
fn films_of_two_ages_are_never_mixed() {
    let origins = Origins::start();
    Origins::publish_on(&origins.0[..1], "pcm", MODIFIED + Duration::from_secs(1));
    let cache = origins.behind_slices();
    cache.allow_log("etag mismatch in slice response|unexpected status code 416 in slice response");
    let mut breaks = 0;
    for end in 35..41 {
        let query = format!("end={end}&start=3.05");
        let clips = ["loud", "pcm"].map(|kind| clip(&film(kind).path, &query).expect("a clip"));
        let mut client = cache.connect();
        client.write(&format!("GET /f.mp4?{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        while client.try_read(65_536).is_ok_and(|read| read > 0) {}
        let body = body_of(&client);
        let whole = clips.iter().find(|clip| clip.starts_with(body));
        let whole = whole.expect("bytes of one film alone");
        breaks += usize::from(body.len() < whole.len());
    }
    assert!(breaks > 0, "no film was asked for at both");
}

#[test]
fn a_film_that_changes_is_never_mixed_with_what_it_was() {
    let origins = Origins::start();
    let cache = origins.behind_slow_slices();
    cache.allow_log("etag mismatch in slice response|unexpected status code 416 in slice response");
    let old = wanted();
    let mut client = Connection::open_narrow(cache.address());
    client.write(&format!("GET /f.mp4?{QUERY} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    while client.received().len() < 300_000 {
        assert!(client.read(4096) > 0, "an answer that goes on");
    }
    origins.publish("pcm", MODIFIED + Duration::from_secs(1));
    while client.read(65_536) > 0 {}
    let received = body_of(&client);
    assert!(old.starts_with(received), "bytes of another film behind those of the first");
    assert!(received.len() < old.len(), "the film did not change in time");
    // The origins themselves have the new one, once they have looked at the file again.
    let new = clip(&film("pcm").path, QUERY).expect("a clip");
    let deadline = Instant::now() + Duration::from_secs(60);
    for site in &origins.0 {
        while site.get(&format!("/f.mp4?{QUERY}")).body != new {
            assert!(Instant::now() < deadline, "{:?} has the old film still", site.engine());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn a_cache_keeps_nothing_of_who_has_a_password() {
    let users = key_file("cached", "me:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
    let lines = "H264StreamingMaxAge 3600\n<Location />\nAuthType Basic\nAuthName films\n\
                 AuthUserFile {users}\nRequire valid-user\n</Location>";
    let origin = Builder::new(APACHE).config(&lines.replace("{users}", &users.to_string_lossy())).start();
    origin.publish_as(&film("loud"), "f.mp4");
    let target = format!("/f.mp4?{QUERY}");
    for cache in [slices_of([&origin; 3], ""), varnish_of([&origin; 2])] {
        for _ in 0..2 {
            let known = cache.request(&target).arg("--user").arg("me:secret").send();
            assert!(known.status == 200 && known.body == wanted(), "{known}");
            let reply = cache.get(&target);
            assert_eq!(reply.status, 401, "{reply}");
        }
    }
}

#[test]
fn varnish_keeps_one_object_for_each_clip() {
    let origins = Origins::start();
    let cache = origins.behind_varnish();
    let wanted = clip(&film("loud").path, "end=7&start=3").expect("a clip");
    for query in SAME {
        for _ in 0..2 {
            let reply = cache.request(&format!("/f.mp4?{query}")).arg("-L").send();
            assert!(reply.body.ends_with(&wanted), "{query}: {}", reply.status);
        }
    }
    let sent = origins.count(|line| line.ends_with(&format!(" 200 {}", wanted.len())));
    assert_eq!(sent.iter().sum::<usize>(), 1);
    let part = cache.request("/f.mp4?end=7&start=3").range("1000-1999").send();
    assert!(part.status == 206 && part.body == wanted[1000..2000], "{part}");
    // Without an origin it still has what it has.
    drop(origins);
    assert!(cache.get("/f.mp4?end=7&start=3").body == wanted);
}

#[test]
fn nginx_keeps_one_object_for_each_clip() {
    let origins = Origins::start();
    let cache = origins.behind_slices();
    let wanted = clip(&film("loud").path, "end=7&start=3").expect("a clip");
    let others =
        ["end=7&start=3&utm_source=mail&utm_medium=x&fbclid=y", "start=1&end=7&start=3", "start=3&&t=3,7"];
    for query in SAME.iter().chain(&others) {
        let reply = cache.request(&format!("/f.mp4?{query}")).arg("-L").send();
        assert!(reply.body.ends_with(&wanted), "{query}: {}", reply.status);
    }
    origins.0[2].allow_log("/mark-");
    // A file for each slice, each asked for once, beside the few bytes of each redirect.
    let is_slice = |file: &PathBuf| {
        let kept = fs::read(file).expect("a file of the cache");
        !kept[..kept.len().min(4096)].windows(13).any(|bytes| bytes == b"HTTP/1.1 302 ")
    };
    let mut kept = files_below(&cache.dir().join("tmp/cache"));
    kept.retain(is_slice);
    assert_eq!(kept.len(), wanted.len().div_ceil(256 * 1024), "{kept:?}");
    let slices =
        origins.0.each_ref().map(|site| log(site).iter().filter(|line| line.contains(" 206 ")).count());
    assert_eq!(slices.iter().sum::<usize>(), kept.len());
    // Scenes are known by their order.
    for query in ["clip=8-9&clip=2-3", "clip=2-3&clip=8-9"] {
        let wanted = clip(&film("loud").path, query).expect("a clip");
        assert!(
            cache.request(&format!("/f.mp4?{query}")).arg("-L").send().body.ends_with(&wanted),
            "{query}"
        );
    }
}

#[test]
fn varnish_takes_clips_from_each_origin() {
    let origins = Origins::start();
    let cache = origins.behind_varnish();
    for start in 0..6 {
        let query = if start == 0 { "end=7".into() } else { format!("end=7&start={start}") };
        let reply = cache.get(&format!("/f.mp4?{query}"));
        assert!(reply.body == clip(&film("loud").path, &query).expect("a clip"), "{query}\n{reply}");
        for origin in &origins.0 {
            let tag = origin.request(&format!("/f.mp4?{query}")).head().send().header("etag").to_owned();
            assert_eq!(reply.header("etag"), tag, "{:?}", origin.engine());
        }
    }
    let sent = origins.count(|line| line.contains("GET /f.mp4?") && line.contains(" 200 "));
    assert_eq!(sent, [2; 3]);
}

#[test]
fn varnish_leaves_the_meaning_of_a_query_as_it_is() {
    let keys = key_file("sorted", "a key of at least sixteen bytes\n");
    let path = keys.to_str().expect("a path in UTF-8");
    let lines = format!(
        "h264-streaming.max-age = 3600\n$HTTP[\"url\"] =~ \"^/signed/\" {{ h264-streaming.secret-file = \"{path}\" }}"
    );
    let origin = Builder::new(Engine::Lighttpd).config(&lines).start();
    origin.allow_log("can be read by every user");
    fs::create_dir(origin.docroot().join("signed")).expect("a document root that can be written");
    for name in ["f.mp4", "signed/f.mp4"] {
        origin.publish_as(&film("bframes"), name);
    }
    let cache = varnish_of([&origin; 2]);
    for query in [
        "clip=8-9&clip=2-3",
        "start=2&start=10",
        "start=9&start=10",
        "start=10&start=9",
        "t=6&start=2",
        "start=2&t=6",
        "utm_source=x&clip=8-9&fbclid=y&clip=2-3",
    ] {
        let wanted = clip(&film("bframes").path, query).expect("a clip");
        assert!(cache.get(&format!("/f.mp4?{query}")).body == wanted, "{query}");
        if query.contains("t=6") {
            continue;
        }
        let signed = signed(path, &format!("/signed/f.mp4?{query}"));
        let reply = cache.get(&signed);
        assert!(reply.status == 200 && reply.body == wanted, "{signed}\n{reply}");
    }
}

#[test]
fn varnish_sends_nothing_beyond_its_time() {
    let origin = Builder::new(Engine::Lighttpd).config("h264-streaming.max-age = 1").packaging().start();
    let cache = varnish_of([&origin; 2]);
    let target = "/f.mp4?start=3&end=7";
    // Not there yet.
    assert_eq!([target, "/f.mp4/hls/master.m3u8"].map(|target| cache.get(target).status), [404; 2]);
    origin.publish_as(&film("bframes"), "f.mp4");
    assert_eq!([target, "/f.mp4/hls/master.m3u8"].map(|target| cache.get(target).status), [200; 2]);
    fs::remove_file(origin.docroot().join("f.mp4")).expect("a document root that can be written");
    // lighttpd itself remembers for a moment what is there.
    tests::wait_until("the film is gone", 20, || origin.get(target).status == 404);
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(cache.get(target).status, 404);
}

#[test]
fn apaches_own_cache_keeps_clips() {
    let modules = ["cache", "cache_disk"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    let lines = replaced(
        &block("caching.md", "mod_cache", "apache"),
        "/var/cache/apache2/mod_cache_disk",
        "{dir}/tmp",
    );
    let who = "SetEnvIf X-Who me known\n<Location />\nRequire env known\n</Location>";
    let site = Builder::new(APACHE).config(&format!("{modules}{lines}\nCacheHeader on\n{who}")).start();
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    let wanted = clip(&film.path, "start=3&end=7").expect("a clip");
    let request = site.request("/f.mp4?start=3&end=7");
    let mine = || request.clone().header("X-Who", "me");
    for seen in ["MISS", "HIT"] {
        let reply = mine().send();
        assert!(reply.body == wanted && reply.header("x-cache").starts_with(seen), "{seen}: {reply}");
        // The last byte may be here before the clip is known to the cache.
        let deadline = Instant::now() + Duration::from_secs(60);
        let is_kept = |file: &PathBuf| file.extension().is_some_and(|name| name == "header");
        while !files_below(&site.dir().join("tmp")).iter().any(is_kept) {
            assert!(Instant::now() < deadline, "nothing is kept");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    let part = mine().range("1000-1999").send();
    assert!(part.status == 206 && part.body == wanted[1000..2000], "{part}");
    // Safari plays nothing of a server that answers its first question with 200.
    let other = clip(&film.path, "start=2&end=7").expect("a clip");
    let part = site.request("/f.mp4?start=2&end=7").header("X-Who", "me").range("0-1").send();
    assert!(part.header("x-cache").starts_with("MISS"), "{part}");
    assert!(part.status == 206 && part.body == other[..2], "{part}");
    // Nobody else gets what it has.
    assert_eq!(request.send().status, 403);
    site.allow_log("client denied by server configuration");
}
