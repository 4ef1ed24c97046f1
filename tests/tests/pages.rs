//! What docs/recipes.md and docs/migration.md say, on real servers.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Command;

use tests::client::Reply;
use tests::films::film;
use tests::pages::{block, blocks, page};
use tests::probe::clip;
use tests::servers::{Builder, Engine, Site, has_nginx};
use tests::{built, key_file, on_all_engines};

on_all_engines!(
    old_addresses_lead_to_the_new_ones,
    clips_begin_as_those_of_the_original,
    visitors_see_a_part,
    a_rule_for_the_names_of_films_holds_for_what_is_behind_them,
    old_players_get_key_frames,
    what_is_recorded_as_documented_grows,
    a_chapter_of_a_podcast_is_a_clip,
    links_of_the_recipes_are_clips,
    other_names_are_those_of_the_page,
    whoever_asks_whether_it_is_on_is_answered,
);

/// The examples of a section, for this server.
fn examples(page: &str, section: &str, engine: Engine) -> String {
    blocks(page, section, engine.lines("apache", "lighttpd", "nginx")).join("\n")
}

fn builder(page: &str, section: &str, engine: Engine) -> Builder {
    Builder::new(engine).config(&examples(page, section, engine))
}

/// Whether an answer is the clip of a film by this query.
fn is_clip(site: &Site, target: &str, kind: &'static str, query: &str) -> bool {
    site.get(target).body == clip(&film(kind).path, query).expect("a clip")
}

fn old_addresses_lead_to_the_new_ones(engine: Engine) {
    let site = builder("migration.md", "From nginx-vod-module", engine).start();
    site.publish_as(&film("bframes"), "f.mp4");
    for (old, new, content) in [
        ("/hls/f.mp4/index.m3u8", "/f.mp4/hls/master.m3u8", "#EXTM3U"),
        ("/hls/f.mp4/master.m3u8", "/f.mp4/hls/master.m3u8", "#EXTM3U"),
        ("/hls/f.mp4/index.m3u8?a=1", "/f.mp4/hls/master.m3u8?a=1", "#EXTM3U"),
        ("/dash/f.mp4/manifest.mpd", "/f.mp4/dash/manifest.mpd", "<MPD"),
        ("/dash/f.mp4/manifest.mpd?a=1", "/f.mp4/dash/manifest.mpd?a=1", "<MPD"),
    ] {
        let reply = site.get(old);
        assert!((300..400).contains(&reply.status) && reply.header("location").ends_with(new), "{reply}");
        assert!(site.request(old).arg("-L").send().text().contains(content), "{old}");
    }
    // By way of the old address of the whole film.
    let clip = "/clipFrom/3000/clipTo/7050";
    for (old, new) in [
        (format!("/hls/f.mp4{clip}/index.m3u8"), "/f.mp4/hls/master.m3u8?start=3.000&end=7.050"),
        (format!("/dash/f.mp4{clip}/manifest.mpd"), "/f.mp4/dash/manifest.mpd?start=3.000&end=7.050"),
        (
            format!("/hls/f.mp4{clip}/index-v1-a1.m3u8"),
            "/f.mp4/hls/master.m3u8?tracks=v1-a1&start=3.000&end=7.050",
        ),
        (
            "/hls/f.mp4/clipFrom/0/clipTo/500/index.m3u8".to_owned(),
            "/f.mp4/hls/master.m3u8?start=.0&end=.500",
        ),
        ("/hls/f.mp4/index-v1.m3u8?a=1".to_owned(), "/f.mp4/hls/master.m3u8?tracks=v1&a=1"),
        ("/hls/f.mp4/master-v1-a1.m3u8".to_owned(), "/f.mp4/hls/master.m3u8?tracks=v1-a1"),
        ("/dash/f.mp4/manifest-v1-a1.mpd?a=1".to_owned(), "/f.mp4/dash/manifest.mpd?tracks=v1-a1&a=1"),
    ] {
        let (at, reply) = followed(&site, &old);
        assert_eq!((at.as_str(), reply.status), (new, 200), "{old}");
    }
    assert_eq!(site.get("/hls/f.mp4/clipFrom/10/clipTo/7000/index.m3u8").status, 404, "no second");
    site.allow_log("No such file");
}

/// Where a target leads to in the end, and what is there. Nothing leads on for ever.
fn followed(site: &Site, target: &str) -> (String, Reply) {
    let (mut at, mut reply) = (target.to_owned(), site.get(target));
    for _ in 0..5 {
        if (300..400).contains(&reply.status) {
            let location = reply.header("location");
            at = location.strip_prefix(&site.url("")).unwrap_or(location).to_owned();
            reply = site.get(&at);
        }
    }
    (at, reply)
}

fn clips_begin_as_those_of_the_original(engine: Engine) {
    let site = builder("migration.md", "From mod_h264_streaming 2.x", engine).start();
    site.publish_as(&film("bframes"), "f.mp4");
    let wanted = "start=3.05&end=7&mode=keyframe";
    for query in
        ["start=3.05&end=7", "client=FLASH&start=3.05&end=7", "start=3.05&end=7&input=flv&adaptive=1"]
    {
        assert!(is_clip(&site, &format!("/f.mp4?{query}"), "bframes", wanted), "{query}");
    }
}

fn visitors_see_a_part(engine: Engine) {
    let users = key_file("courses", "me:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
    let lines = examples("recipes.md", "A course site", engine).replace("0-2:00", "0-0:02");
    let path = regex::Regex::new("/etc/[a-z0-9]+/courses[.]users").expect("a regular expression");
    assert!(path.is_match(&lines), "{lines}");
    let lines = path.replace(&lines, users.to_string_lossy());
    let site = Builder::new(engine).without_defaults().config(&lines).packaging().start();
    for folder in ["courses", "courses/enrolled"] {
        fs::create_dir(site.docroot().join(folder)).expect("a document root that can be written");
        site.publish_as(&film("bframes"), format!("{folder}/f.mp4"));
    }
    let part = clip(&film("bframes").path, "end=2").expect("a clip");
    assert_eq!(site.get("/courses/f.mp4").body.len(), part.len());
    assert_eq!(site.get("/courses/f.mp4?start=1&end=5").status, 403);
    site.allow_log("may be seen");
    // The others say who they are.
    for behind in BEHIND {
        let target = format!("/courses/enrolled/f.mp4{behind}");
        assert_eq!(site.get(&target).status, 401, "{behind}");
        let wrong = site.request(&target).arg("--user").arg("me:guess").send();
        assert_eq!(wrong.status, 401, "{behind}");
    }
    site.allow_log("password|Password");
    let known = site.request("/courses/enrolled/f.mp4?start=1&end=5").arg("--user").arg("me:secret").send();
    assert!(known.body == clip(&film("bframes").path, "start=1&end=5").expect("a clip"), "{known}");
}

/// Passwords for lighttpd to ask for.
const NOBODY: &str = "auth.backend = \"htpasswd\"\nauth.backend.htpasswd.userfile = \"/dev/null\"";

const BEHIND: [&str; 5] = ["", "/hls/master.m3u8", "/hls/v1.m3u8", "/cmaf/v1/1.m4s", "/x"];

fn a_rule_for_the_names_of_films_holds_for_what_is_behind_them(engine: Engine) {
    let example = examples("streaming.md", "As the film does", engine);
    let users = engine.lines("", NOBODY, "");
    let site = Builder::new(engine).without_defaults().packaging().config(users).config(&example).start();
    site.allow_log("denied|forbidden");
    let path = site.publish(&film("bframes"));
    for behind in BEHIND {
        assert!([401, 403].contains(&site.get(&format!("{path}{behind}")).status), "{behind}");
    }
}

/// What the page warns of: were it no longer so, the page could say less.
#[test]
fn a_rule_for_the_end_of_an_address_holds_for_that_alone() {
    let lighttpd = examples("streaming.md", "As the film does", Engine::Lighttpd).replace("(/|$)", "$");
    let refused = "Require all denied";
    let apache = |section: &str| {
        format!("<{section}>\n{refused}\n</{}>", section.split(' ').next().unwrap_or_default())
    };
    for (engine, lines) in [
        (Engine::Lighttpd, lighttpd),
        (tests::servers::APACHE, apache("LocationMatch \"\\.mp4$\"")),
        (tests::servers::APACHE, apache("If \"%{REQUEST_URI} =~ /\\.mp4$/\"")),
    ] {
        let users = engine.lines("", NOBODY, "");
        let site = Builder::new(engine).packaging().config(users).config(&lines).start();
        site.allow_log("denied");
        let path = site.publish(&film("bframes"));
        assert!([401, 403].contains(&site.get(&path).status), "{lines}");
        assert_eq!(site.get(&format!("{path}/hls/master.m3u8")).status, 200, "{lines}");
    }
}

fn old_players_get_key_frames(engine: Engine) {
    let site = builder("recipes.md", "Old players", engine).start();
    site.publish_as(&film("bframes"), "f.mp4");
    let target = "/f.mp4?start=3.05&end=7";
    let exact = clip(&film("bframes").path, "start=3.05&end=7").expect("a clip");
    let keyframe = clip(&film("bframes").path, "start=3.05&end=7&mode=keyframe").expect("a clip");
    assert!(site.get(target).body == exact);
    let old = site.request(target).header("User-Agent", "Mozilla/5.0 (SmartTV-2012)").send();
    assert!(old.body == keyframe, "{old}");
}

fn what_is_recorded_as_documented_grows(engine: Engine) {
    let site = builder("recipes.md", "CCTV and other recordings", engine).start();
    let commands = blocks("recipes.md", "CCTV and other recordings", "sh");
    let command = commands.first().expect("a command");
    let input = film("bframes").path;
    let command = command.replace("-i INPUT", &format!("-v error -nostdin -i {}", input.display()));
    let recorded = Command::new("sh").args(["-c", &command]).current_dir(site.docroot()).status();
    assert!(recorded.expect("a shell").success(), "{command}");
    let playlist = site.get("/live.mp4/hls/v1.m3u8").text();
    assert!(playlist.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"), "{playlist}");
    assert_eq!(site.get("/live.mp4?start=1&end=2").status, 200);
}

fn a_chapter_of_a_podcast_is_a_clip(engine: Engine) {
    let site = Builder::new(engine).packaging().start();
    let path = "/episode.m4b";
    site.publish_as(&film("chapters"), "episode.m4b");
    let sound = site.get(&format!("{path}?tracks=audio&start=1"));
    assert!(sound.body == clip(&film("chapters").path, "tracks=audio&start=1").expect("a clip"), "{sound}");
    let chapters = site.get(&format!("{path}/text/chapters.vtt"));
    assert!(chapters.status == 200 && chapters.text().starts_with("WEBVTT"), "{chapters}");
}

fn links_of_the_recipes_are_clips(engine: Engine) {
    let site = Builder::new(engine).start();
    let links = regex::Regex::new(r#"<(?:video|audio|a) (?:src|href)="([^"]+)""#).expect("an expression");
    for (section, kind, count) in
        [("A course site", "bframes", 3), ("A podcast with chapters", "chapters", 2)]
    {
        let html = block("recipes.md", section, "html");
        assert_eq!((links.captures_iter(&html).count(), html.lines().count()), (count, count), "{html}");
        for link in links.captures_iter(&html) {
            // What is behind `#` no server sees. The films here have some seconds, not minutes.
            let mut link = link[1].split('#').next().unwrap_or_default().to_owned();
            for (long, short) in
                [("12:30", "0:02"), ("21:05", "0:04"), ("5:00", "0:05"), ("=300", "=3"), ("60", "1")]
            {
                link = link.replace(long, short);
            }
            let link = link.replace("end=31", "end=6");
            let (name, query) = link.split_once('?').unwrap_or((&link, ""));
            site.publish_as(&film(kind), name);
            let reply = site.get(&format!("/{link}"));
            assert!(reply.body == clip(&film(kind).path, query).expect("a clip"), "{link}\n{reply}");
        }
    }
}

fn other_names_are_those_of_the_page(engine: Engine) {
    let site = builder("query.md", "Other names", engine).start();
    site.publish_as(&film("bframes"), "f.mp4");
    for query in ["from=3.05&to=7", "range=3.05,7"] {
        assert!(is_clip(&site, &format!("/f.mp4?{query}"), "bframes", "start=3.05&end=7"), "{query}");
    }
    assert!(is_clip(&site, "/f.mp4?start=3.05&end=7", "bframes", ""));
}

fn whoever_asks_whether_it_is_on_is_answered(engine: Engine) {
    let command = block("operations.md", "Is it on?", "sh");
    assert!(command.contains("//localhost/film.mp4?start=10'"), "{command}");
    for (is_on, builder) in [(true, Builder::new(engine)), (false, Builder::new(engine).without_module())] {
        let site = builder.start();
        site.publish_as(&film("bframes"), "film.mp4");
        let line = command.replace("localhost", site.address()).replace("start=10", "start=3");
        let output = Command::new("sh").args(["-c", &line]).env("no_proxy", "*").output().expect("a shell");
        assert_eq!(output.status.success(), is_on, "{line}: {output:?}");
    }
}

#[test]
fn apache_takes_the_examples_that_need_other_modules() {
    let modules = ["proxy", "proxy_http"];
    let load =
        modules.map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
    let origin = Builder::new(Engine::Lighttpd).start();
    fs::create_dir(origin.docroot().join("films")).expect("a document root that can be written");
    origin.publish_as(&film("bframes"), "films/f.mp4");
    let proxy = blocks("recipes.md", "Behind a reverse proxy", "apache").join("\n");
    let proxy = proxy.replace("127.0.0.1:8080", origin.address());
    let apache = Builder::new(tests::servers::APACHE).config(&(load.concat() + &proxy));
    // What the page says in words.
    let words = ["proxy_pass", "proxy_http_version 1.1", "proxy_buffering off"];
    let text = page("recipes.md");
    assert!(words.iter().all(|word| text.contains(&format!("`{word}`"))), "{words:?}");
    let [pass, version, buffering] = words;
    let nginx = format!("location /films/ {{ {pass} http://{}; {version}; {buffering}; }}", origin.address());
    let nginx = Builder::new(Engine::Nginx).without_module().config(&nginx);
    let wanted = clip(&film("bframes").path, "start=3.05&end=7").expect("a clip");
    for site in [apache.start(), nginx.start()] {
        let request = site.request("/films/f.mp4?start=3.05&end=7");
        let reply = request.clone().send();
        assert!(reply.status == 200 && reply.body == wanted, "{reply}");
        assert_eq!(reply.length(), wanted.len() as u64);
        let etag = reply.header("etag");
        let part = request.clone().range("1000-1999");
        for (part, is_part) in [
            (part.clone(), true),
            (part.clone().header("If-Range", etag), true),
            (part.header("If-Range", "\"of another film\""), false),
        ] {
            let reply = part.send();
            let (status, bytes) = if is_part { (206, &wanted[1000..2000]) } else { (200, &wanted[..]) };
            assert!(reply.status == status && reply.body == bytes, "{status}\n{reply}");
        }
        let known = request.header("If-None-Match", etag).send();
        assert_eq!(known.status, 304, "{known}");
    }
}

/// nginx with an example of docs/nginx.md, its films in the document root.
fn nginx_of(section: &str, config: impl Fn(&str) -> String) -> Option<Site> {
    if !has_nginx() {
        return None;
    }
    let example = block("nginx.md", section, "nginx").replace("/srv/films", "{docroot}");
    let site = Builder::new(Engine::Nginx).without_defaults().config(&config(&example)).start();
    site.publish_as(&film("bframes"), "f.mp4");
    Some(site)
}

#[test]
fn nginx_sees_addresses_behind_a_film_as_documented() {
    // As Debian's default site has it.
    let all = "location / { try_files $uri $uri/ =404; }";
    let Some(site) = nginx_of("Addresses behind a film", |example| format!("{all}\n{example}")) else {
        return;
    };
    assert!(is_clip(&site, "/f.mp4?start=3.05&end=7", "bframes", "start=3.05&end=7"));
    assert_eq!(site.get("/f.mp4/hls/master.m3u8").status, 200);
    // What the page warns of.
    let text = blocks("nginx.md", "Addresses behind a film", "text").join("\n");
    let location = text.replace("…", "h264_streaming on; h264_streaming_packaging hls dash;");
    let site = Builder::new(Engine::Nginx).without_defaults().config(&format!("{all}\n{location}")).start();
    site.publish_as(&film("bframes"), "f.mp4");
    assert!(is_clip(&site, "/f.mp4?start=3.05&end=7", "bframes", "start=3.05&end=7"));
    assert_eq!(site.get("/f.mp4/hls/master.m3u8").status, 404);
}

#[test]
fn nginx_sends_the_clip_that_an_application_names() {
    if !has_nginx() {
        return;
    }
    let header = block("nginx.md", "Who may see a film", "text").replace("film.mp4", "f.mp4");
    let header = header.replace("start=61.5&end=90", "start=3.05&end=7");
    let (name, value) = header.trim_end().split_once(": ").expect("a header");
    let application = format!("location / {{ add_header {name} \"{value}\"; return 200; }}");
    let application = Builder::new(Engine::Nginx).without_module().config(&application).start();
    let site =
        nginx_of("Who may see a film", |example| example.replace("127.0.0.1:9000", application.address()));
    let site = site.expect("a module of nginx");
    assert!(is_clip(&site, "/watch/7", "bframes", "start=3.05&end=7"));
    assert_eq!(site.get("/protected/f.mp4?start=3.05").status, 404);
}

#[test]
fn nginx_has_its_own_mp4_module_beside_ours() {
    if !has_nginx() {
        return;
    }
    let ours = block("migration.md", "From nginx's mp4 module", "nginx");
    let config = format!("{ours}\nlocation /own/ {{ h264_streaming on; mp4; }}");
    let site = Builder::new(Engine::Nginx).without_defaults().config(&config).start();
    for folder in ["videos", "own"] {
        fs::create_dir(site.docroot().join(folder)).expect("a document root that can be written");
        site.publish_as(&film("bframes"), format!("{folder}/f.mp4"));
    }
    assert!(is_clip(&site, "/videos/f.mp4?start=3.05&end=7", "bframes", "start=3.05&end=7"));
    let own = site.get("/own/f.mp4?start=3.05&end=7");
    assert!(own.status == 200 && own.header("x-mod-h264-streaming").is_empty(), "{own}");
}

#[test]
fn nginx_takes_the_examples_of_whole_configurations() {
    if !has_nginx() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", dir.path().display()))
        .concat();
    let [whole, threads] =
        ["# nginx", "What waits for the disk"].map(|section| blocks("nginx.md", section, "nginx"));
    let [pool, aio] = threads.as_slice() else { panic!("two examples: {threads:?}") };
    let module = built("H264_NGINX_MODULE", "libmod_h264_streaming_nginx.so");
    let lines = whole
        .first()
        .expect("an example")
        .replace("modules/ngx_http_h264_streaming_module.so", &module.display().to_string());
    let lines = lines.replace("http {", &format!("events {{}}\n{pool}http {{\n{places}{aio}"));
    let conf = dir.path().join("nginx.conf");
    fs::write(&conf, format!("pid {}/pid;\nerror_log stderr;\n{lines}", dir.path().display()))
        .expect("a directory of our own");
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let output =
        Command::new("nginx").env("PATH", path).arg("-t").arg("-c").arg(&conf).output().expect("nginx");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && lines.contains("h264_streaming on;"), "{said}\n{lines}");
}
