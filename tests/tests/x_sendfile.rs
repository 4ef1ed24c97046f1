//! Scripts that send a film with `X-Sendfile`.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tests::client::Reply;
use tests::films::film;
use tests::pages::block;
use tests::probe::clip;
use tests::scripts::{APACHE_CGI, LIGHTTPD_CGI, php, put_script, x_sendfile};
use tests::servers::{APACHE, Builder, Engine, Mpm, Site};

const QUERY: &str = "start=3.05&end=7";

/// A film of which a clip is longer than any window or threshold.
const LONG: &str = "pcm";

/// Apache whose `/film.cgi` sends a film, which has a URL too: `/f.mp4`.
struct Fixture {
    site: Site,
    film: Vec<u8>,
    clip: Vec<u8>,
}

/// `None` where mod_xsendfile cannot be had.
fn apache(config: &str) -> Option<Fixture> {
    let site = Builder::new(APACHE).config(&format!("{APACHE_CGI}\n{}\n{config}", x_sendfile()?)).start();
    let film = film(LONG);
    site.publish_as(&film, "f.mp4");
    put_sender(&site, "film.cgi", "f.mp4", "");
    let clip = clip(&film.path, QUERY).expect("a clip");
    Some(Fixture { film: fs::read(&film.path).expect("a film"), site, clip })
}

fn path(site: &Site, name: &str) -> PathBuf {
    site.docroot().join(name)
}

/// A script that sends the file `name` with some more headers.
fn put_sender(site: &Site, script: &str, name: &str, headers: &str) {
    let path = path(site, name);
    let head = format!("Content-Type: video/mp4\\n{headers}X-Sendfile: {}\\n\\nnot this", path.display());
    put_script(site, script, &head);
}

#[test]
fn apache_cuts_the_film_that_a_script_sends() {
    for sendfile in ["On", "Off"] {
        let Some(Fixture { site, film, clip }) = apache(&format!("EnableSendfile {sendfile}")) else {
            return;
        };
        let target = format!("/film.cgi?user=7&{QUERY}");
        for http2 in [false, true] {
            let ask = |target| if http2 { site.request(target).http2() } else { site.request(target) };
            let (direct, request) = (ask(&format!("/f.mp4?{QUERY}")).send(), ask(&target));
            let reply = request.clone().send();
            assert!(reply.status == 200 && reply.body == clip, "{reply}");
            let same = [
                "etag",
                "last-modified",
                "content-length",
                "content-type",
                "accept-ranges",
                "x-mod-h264-streaming",
            ];
            for name in same {
                assert_eq!(reply.header(name), direct.header(name), "{name}\n{reply}");
            }
            // What the query of the script would have to be, nobody knows.
            assert_eq!(reply.header("content-location"), "", "{reply}");
            assert_eq!(reply.headers.len() + 1, direct.headers.len(), "{reply}\n{direct}");

            let head = request.clone().head().send();
            assert_eq!((head.status, head.length()), (200, clip.len() as u64), "{head}");
            assert_eq!(head.header("etag"), direct.header("etag"));

            let part = request.clone().range("100-199").send();
            assert!(part.status == 206 && part.body == clip[100..200], "{part}");
            assert_eq!(part.header("content-range"), format!("bytes 100-199/{}", clip.len()));
            // The film is that long, the clip is not.
            let past = request.clone().range(&format!("{}-", clip.len())).send();
            assert!(film.len() > clip.len() && past.status == 416, "{past}");
            assert_eq!(past.header("content-range"), format!("bytes */{}", clip.len()));
            assert!(past.text().contains(&clip.len().to_string()), "{past}");

            let etag = direct.header("etag");
            let unchanged = request.clone().header("If-None-Match", etag).send();
            assert!(unchanged.status == 304 && unchanged.body.is_empty(), "{unchanged}");
            assert_eq!(unchanged.header("etag"), etag);
            let date = direct.header("last-modified");
            assert_eq!(request.clone().header("If-Modified-Since", date).send().status, 304);
            let resumed = request.clone().range("100-199").header("If-Range", etag).send();
            assert!(resumed.status == 206 && resumed.body == clip[100..200], "{resumed}");
            let other = request.clone().range("100-199").header("If-Range", "\"other\"").send();
            assert!(other.status == 200 && other.body == clip, "{other}");
        }
        let several = site.request(&target).range("0-9,100-109").send();
        assert!(several.status == 206 && several.body.len() > 20, "{several}");
        assert!(several.header("content-type").starts_with("multipart/byteranges"), "{several}");
        for bytes in [&clip[..10], &clip[100..110]] {
            assert!(several.body.windows(10).any(|w| w == bytes), "{several}");
        }
    }
}

#[test]
fn apache_sends_no_more_than_the_window_of_what_a_script_sends() {
    let Some(Fixture { site, .. }) = apache("H264StreamingWindow -6") else { return };
    let expected = clip(&film(LONG).path, "end=6").expect("a clip");
    for request in [site.request("/film.cgi"), site.request("/film.cgi?user=7").method("POST")] {
        let reply = request.send();
        assert!(reply.status == 200 && reply.body == expected, "{reply}");
    }
    let refused = site.get("/film.cgi?start=1&end=7");
    assert!(refused.status == 403 && refused.text().contains("only 0 to 6 seconds"), "{refused}");
    site.expect_log("may be seen");
}

#[test]
fn apache_refuses_in_the_place_of_the_script() {
    let Some(Fixture { site, film, .. }) = apache("KeepAlive On") else { return };
    site.put("text.mp4", "This is not a film. ".repeat(10));
    put_sender(&site, "text.cgi", "text.mp4", "");
    site.expect_log("f.mp4.start=x: ");
    site.expect_log("text.mp4.start=1: ");
    site.allow_log("f.mp4.start=9999|f.mp4.start=5&end=4");
    for (target, status, reason) in [
        ("/film.cgi?start=x", 400, "not a time"),
        ("/film.cgi?start=5&end=4", 400, "ends"),
        ("/film.cgi?start=9999", 416, "past the end"),
        ("/text.cgi?start=1", 415, "not an MP4"),
    ] {
        for request in [site.request(target), site.request(target).http2()] {
            let reply = request.send();
            assert!(
                reply.status == status && reply.text().contains(reason),
                "{target}\n{reply}{}",
                reply.text()
            );
            assert!(reply.header("x-mod-h264-streaming").starts_with("version="), "{reply}");
            assert_eq!(reply.header("etag"), "", "{reply}");
            assert!(reply.header("content-type").starts_with("text/html"), "{reply}");
        }
        // Nothing of the script's comes after the refusal. Apache ends the connection after 400.
        let mut connection = site.connect();
        for left in (0..3).rev() {
            connection.write(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
            assert_eq!(connection.reply().status, status, "{target}");
            if status == 400 {
                while connection.read(4096) > 0 {}
                assert_eq!(connection.received(), b"");
                connection = site.connect();
            }
            if left == 0 {
                connection.write("GET /film.cgi HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
                assert!(connection.reply().body == film, "{target}");
                while connection.read(4096) > 0 {}
                assert_eq!(connection.received(), b"");
            }
        }
    }
}

#[test]
fn apache_has_its_own_document_for_the_refusal() {
    let Some(Fixture { site, .. }) = apache("ErrorDocument 400 /sorry.html") else { return };
    site.put("sorry.html", "sorry");
    site.expect_log("f.mp4.start=x: ");
    let mut connection = site.connect();
    connection.write("GET /film.cgi?start=x HTTP/1.1\r\nHost: a\r\n\r\n");
    while connection.read(4096) > 0 {}
    let reply = String::from_utf8_lossy(connection.received());
    assert!(reply.starts_with("HTTP/1.1 400") && reply.ends_with("\r\n\r\nsorry"), "{reply}");
}

#[test]
fn apache_sends_what_is_no_clip_as_it_is() {
    let off =
        "<Location /off>\nH264Streaming Off\n</Location>\n<Location /plain>\nXSendFile Off\n</Location>";
    let Some(Fixture { site, film, clip }) = apache(off) else { return };
    fs::create_dir(site.docroot().join("off")).expect("a document root that can be written");
    fs::create_dir(site.docroot().join("plain")).expect("a document root that can be written");
    put_sender(&site, "off/film.cgi", "f.mp4", "");
    put_sender(&site, "plain/film.cgi", "f.mp4", "");
    site.put("film.bin", &film);
    put_sender(&site, "bin.cgi", "film.bin", "");
    let targets =
        ["/film.cgi", "/film.cgi?user=7", "/film.cgi?start=", "/film.cgi?t=TOKEN", "/bin.cgi?start=3"];
    for target in targets.into_iter().chain(["/off/film.cgi?start=3"]) {
        let reply = site.get(target);
        assert!(reply.status == 200 && reply.body == film, "{target}\n{reply}");
        assert_eq!(reply.header("x-mod-h264-streaming"), "", "{target}\n{reply}");
    }
    // The script's own words, and files that no script sends.
    put_script(&site, "page.cgi", "Content-Type: text/plain\\n\\na page");
    for target in ["/page.cgi?start=3", "/page.cgi?start=x"] {
        assert_eq!(site.get(target).text(), "a page");
    }
    assert_eq!(site.get("/plain/film.cgi?start=3").text(), "not this");
    site.put("page.txt", "a page");
    assert_eq!(site.get("/page.txt?start=x").text(), "a page");
    assert!(site.get(&format!("/f.mp4?{QUERY}")).body == clip);
    let posted = site.request(&format!("/film.cgi?{QUERY}")).method("POST").send();
    assert!(posted.status == 200 && posted.body == film, "{posted}");
    let gone = "X-Sendfile: /nowhere/f.mp4\\n\\n";
    put_script(&site, "gone.cgi", &format!("Content-Type: video/mp4\\n{gone}"));
    assert_eq!(site.get("/gone.cgi?start=3").status, 404);
    site.allow_log("xsendfile");
}

/// What a script says of the film does not hold for a clip.
#[test]
fn apache_describes_the_clip_and_not_the_film() {
    for config in ["", "FileETag None"] {
        let Some(Fixture { site, clip, .. }) = apache(config) else { return };
        let headers = "ETag: \"whole\"\\nLast-Modified: Sat, 01 Jan 2000 00:00:00 GMT\\n\
                       Cache-Control: private\\nAccept-Ranges: none\\n";
        put_sender(&site, "said.cgi", "f.mp4", headers);
        let reply = site.get(&format!("/said.cgi?{QUERY}"));
        assert!(reply.status == 200 && reply.body == clip, "{reply}");
        assert_eq!(reply.header("cache-control"), "private");
        let direct = site.get(&format!("/f.mp4?{QUERY}"));
        assert_eq!(direct.header("etag").is_empty(), !config.is_empty());
        for name in ["etag", "last-modified", "accept-ranges"] {
            let values = reply.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
            assert_eq!(values.collect::<Vec<_>>().join("|"), direct.header(name), "{reply}");
        }
    }
}

/// What stands behind the script in its address is the script's.
#[test]
fn apache_keeps_the_pace_of_what_a_script_with_a_path_sends() {
    let Some(Fixture { site, clip, .. }) = apache("H264StreamingRate 200000") else { return };
    for target in ["/film.cgi", "/film.cgi/movie.mp4"] {
        let began = Instant::now();
        let reply = site.get(&format!("{target}?{QUERY}"));
        assert!(reply.status == 200 && reply.body == clip, "{reply}");
        assert!(clip.len() > 400_000 && began.elapsed() > Duration::from_secs(1), "{target}");
    }
    assert_eq!(site.get("/film.cgi/movie.mp4?start=x").status, 400);
    site.expect_log(r"/f\.mp4\?start=x: ");
}

/// What scripts say of how long caches may keep the film: nothing, or something by which they keep it for
/// nobody else.
const OF_CACHES: [&str; 4] =
    ["", "Cache-Control: private", "Expires: Thu, 19 Nov 1981 08:52:00 GMT", "Pragma: no-cache"];

/// Asserts what an answer says of that: what the script does, and what the directive does where the
/// script says nothing.
fn assert_of_caches(reply: &Reply, script: &str) {
    let lines: Vec<String> = reply
        .headers
        .iter()
        .filter(|(name, _)| ["cache-control", "expires", "pragma"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let expected = if script.is_empty() { "Cache-Control: max-age=600" } else { script };
    assert!(reply.status == 200 && lines.len() == 1 && lines[0].eq_ignore_ascii_case(expected), "{reply}");
}

#[test]
fn apache_leaves_to_the_script_how_long_caches_keep_the_film() {
    let Some(Fixture { site, clip, .. }) = apache("H264StreamingMaxAge 600") else { return };
    for said in OF_CACHES {
        let line = if said.is_empty() { String::new() } else { format!("{said}\\n") };
        put_sender(&site, "sends.cgi", "f.mp4", &line);
        put_script(&site, "leads.cgi", &format!("{line}Location: /f.mp4?{QUERY}\\n\\n"));
        for target in [format!("/sends.cgi?{QUERY}"), "/leads.cgi".into()] {
            let reply = site.get(&target);
            assert!(reply.body == clip, "{target}\n{reply}");
            assert_of_caches(&reply, said);
        }
    }
}

/// The module's own, if the script names none.
#[test]
fn apache_leaves_to_the_script_where_the_film_is() {
    let Some(Fixture { site, clip, .. }) = apache("") else { return };
    for (line, own) in [("Content-Location: /films/7\\n", "/films/7"), ("", "")] {
        put_script(&site, "leads.cgi", &format!("{line}Location: /f.mp4?{QUERY}\\n\\n"));
        for target in ["/leads.cgi".to_owned(), format!("/leads.cgi?{QUERY}")] {
            let reply = site.get(&target);
            assert!(reply.body == clip, "{target}\n{reply}");
            let places = reply.headers.iter().filter(|(name, _)| name == "content-location");
            let places: Vec<_> = places.map(|(_, place)| place.as_str()).collect();
            assert!(places.len() <= 1, "{target}\n{reply}");
            assert!(own.is_empty() || places == [own], "{target}\n{reply}");
        }
    }
}

#[test]
fn apache_leaves_to_php_how_long_caches_keep_the_film() {
    let (Some(php), Some(x_sendfile)) = (php(), x_sendfile()) else { return };
    let config = format!("{php}\n{x_sendfile}\nH264StreamingMaxAge 600");
    let site = Builder::new(Engine::Apache(Mpm::Prefork)).config(&config).start();
    site.publish_as(&film("bframes"), "f.mp4");
    let path = path(&site, "f.mp4");
    for (n, said) in OF_CACHES.iter().enumerate() {
        let header = if said.is_empty() { String::new() } else { format!("header('{said}');") };
        let page = format!(
            "<?php header('Content-Type: video/mp4'); {header} header('X-Sendfile: {}');",
            path.display()
        );
        site.put(format!("{n}.php"), page);
        assert_of_caches(&site.get(&format!("/{n}.php?{QUERY}")), said);
    }
}

/// The server compresses what the script says, and not the clip.
#[test]
fn apache_compresses_no_clip_that_a_script_sends() {
    let deflate =
        "LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so\nSetOutputFilter DEFLATE";
    let Some(Fixture { site, clip, .. }) = apache(deflate) else { return };
    let reply = site.request(&format!("/film.cgi?{QUERY}")).header("Accept-Encoding", "gzip").send();
    assert!(reply.status == 200 && reply.body == clip, "{reply}");
    assert_eq!(reply.header("content-encoding"), "");
    assert_eq!(reply.header("etag"), site.get(&format!("/f.mp4?{QUERY}")).header("etag"));
}

#[test]
fn php_sends_a_clip_with_x_sendfile() {
    let (Some(php), Some(x_sendfile)) = (php(), x_sendfile()) else { return };
    let config = format!("{php}\n{x_sendfile}");
    let site = Builder::new(Engine::Apache(Mpm::Prefork)).config(&config).start();
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    let clip = clip(&film.path, QUERY).expect("a clip");
    let path = path(&site, "f.mp4");
    // A script may go on for long after its headers are sent.
    let page = format!(
        "<?php header('Content-Type: video/mp4'); header('X-Sendfile: {}'); \
         for ($i = 0; $i < 20; $i++) {{ echo str_repeat('not this', 1000); flush(); }}",
        path.display()
    );
    site.put("video.php", page);
    site.expect_log("f.mp4.start=x: ");
    site.expect_log("f.mp4.start=999: ");
    for target in [format!("/video.php?{QUERY}"), "/video.php?start=999".into(), "/video.php?start=x".into()]
    {
        let mut connection = site.connect();
        for _ in 0..3 {
            connection.write(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
            let reply = connection.reply();
            if reply.status == 200 {
                assert!(reply.body == clip, "{reply}");
            } else {
                let reason = if reply.status == 400 { "not a time" } else { "past the end" };
                assert!(
                    [400, 416].contains(&reply.status) && reply.text().contains(reason),
                    "{target}\n{reply}"
                );
            }
            if reply.status == 400 {
                while connection.read(4096) > 0 {}
                assert_eq!(connection.received(), b"");
                connection = site.connect();
            }
        }
        connection.write("GET /f.mp4?start=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(connection.reply().status, 200);
        while connection.read(4096) > 0 {}
        assert_eq!(connection.received(), b"");
    }
}

#[test]
fn the_paywall_of_the_recipes_sends_what_may_be_watched() {
    let (Some(php), Some(x_sendfile)) = (php(), x_sendfile()) else { return };
    // All but the module is on the page.
    let load = x_sendfile.lines().next().expect("a module");
    let config = block("recipes.md", "A paywall", "apache").replace("/srv/films", "{dir}/films");
    let config = format!("{load}\n{php}\n{config}");
    let site = Builder::new(Engine::Apache(Mpm::Prefork)).without_defaults().config(&config).start();
    let film = film("bframes");
    // Where nothing else leads.
    let films = site.dir().join("films");
    fs::create_dir(&films).expect("a directory of our own");
    fs::copy(&film.path, films.join("7.mp4")).expect("a copy");
    let script = block("recipes.md", "A paywall", "php").replace("/srv/films", &films.to_string_lossy());
    let may_watch = "<?php\nfunction may_watch($film) { return $film === 7; }\n";
    site.put("watch.php", script.replacen("<?php\n", may_watch, 1));
    let reply = site.get(&format!("/watch.php?film=7&{QUERY}"));
    assert!(reply.status == 200 && reply.body == clip(&film.path, QUERY).expect("a clip"), "{reply}");
    for query in ["film=8&start=3", "start=3"] {
        let reply = site.get(&format!("/watch.php?{query}"));
        assert!(reply.status == 403 && reply.body.is_empty(), "{query}\n{reply}");
    }
}

/// As documented: lighttpd sends such a file itself, and asks no module.
#[test]
fn lighttpd_sends_the_whole_film() {
    let config = format!("{LIGHTTPD_CGI}\ncgi.x-sendfile = \"enable\"");
    let site = Builder::new(Engine::Lighttpd).config(&config).start();
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    put_sender(&site, "film.cgi", "f.mp4", "");
    for target in ["/film.cgi", "/film.cgi?start=3&end=5"] {
        let reply = site.get(target);
        assert!(
            reply.status == 200 && reply.body == fs::read(&film.path).expect("a film"),
            "{target}\n{reply}"
        );
        assert_eq!(reply.header("x-mod-h264-streaming"), "", "{target}\n{reply}");
    }
}
