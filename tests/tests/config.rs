//! The directives of both servers, and the servers' own: what they refuse, rename,
//! log and report for a file, they do for a clip.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::thread::sleep;
use std::time::Duration;

use tests::films::{Film, film};
use tests::on_both_engines;
use tests::probe::clip;
use tests::servers::{APACHE, Builder, Engine, Mpm, Site};

on_both_engines!(
    off_is_off,
    the_mode_has_a_default_and_a_setting,
    only_the_extensions_named,
    a_narrower_place_keeps_what_it_does_not_set,
    hosts_are_apart,
    wrong_values_fail_the_test_of_the_configuration,
    parameters_can_have_other_names,
    a_cache_of_any_size_gives_the_same,
    the_version_can_be_left_out,
    a_password_is_asked_for_first,
    what_is_denied_stays_denied,
    what_cannot_be_read_is_not_opened,
    links_are_refused_as_for_files,
    links_are_followed_as_for_files,
    an_alias_leads_to_a_film,
    a_rewrite_leads_to_a_clip,
    errors_have_the_documents_of_the_server,
    the_access_log_is_right,
    sendfile_changes_nothing,
);

fn builder(engine: Engine, apache: &str, lighttpd: &str) -> Builder {
    Builder::new(engine).config(if engine == Engine::Lighttpd { lighttpd } else { apache })
}

fn site(engine: Engine, apache: &str, lighttpd: &str) -> Site {
    builder(engine, apache, lighttpd).start()
}

const QUERY: &str = "start=3.05&end=5";

#[derive(Debug, PartialEq, Eq)]
enum Got {
    Plain,
    Exact,
    Keyframe,
}

/// What a film's path answers to [`QUERY`].
fn got(site: &Site, film: &Film, path: &str, host: &str) -> Got {
    let reply = site.request(&format!("{path}?{QUERY}")).header("Host", host).send();
    assert_eq!(reply.status, 200, "{path}\n{reply}");
    let is = |query: &str| clip(&film.path, query).is_ok_and(|clip| clip == reply.body);
    match reply.body {
        _ if is(QUERY) => Got::Exact,
        _ if is(&format!("{QUERY}&mode=keyframe")) => Got::Keyframe,
        ref body if *body == fs::read(&film.path).expect("a film") => Got::Plain,
        _ => panic!("{path} is neither the film nor a clip of it\n{reply}"),
    }
}

fn off_is_off(engine: Engine) {
    let site = site(
        engine,
        "<Directory {docroot}/off>\nH264Streaming Off\n</Directory>\n<Location /off/on>\nH264Streaming On\n</Location>",
        "$HTTP[\"url\"] =~ \"^/off/\" {\nh264-streaming.enable = \"disable\"\n}\n\
         $HTTP[\"url\"] =~ \"^/off/on/\" {\nh264-streaming.enable = \"enable\"\n}",
    );
    let film = film("bframes");
    for dir in ["off", "off/on"] {
        fs::create_dir(site.docroot().join(dir)).expect("a document root that can be written");
    }
    for (path, wanted) in [("/f.mp4", Got::Exact), ("/off/f.mp4", Got::Plain), ("/off/on/f.mp4", Got::Exact)]
    {
        site.publish_as(&film, &path[1..]);
        assert_eq!(got(&site, &film, path, "localhost"), wanted, "{path}");
    }
}

fn the_mode_has_a_default_and_a_setting(engine: Engine) {
    let site = site(
        engine,
        "<Location /key>\nH264StreamingMode keyframe\n</Location>\n<Location /exact>\nH264StreamingMode exact\n</Location>",
        "$HTTP[\"url\"] =~ \"^/key/\" {\nh264-streaming.mode = \"keyframe\"\n}\n\
         else $HTTP[\"url\"] =~ \"^/exact/\" {\nh264-streaming.mode = \"exact\"\n}",
    );
    let film = film("bframes");
    for (path, wanted) in
        [("/f.mp4", Got::Exact), ("/key/f.mp4", Got::Keyframe), ("/exact/f.mp4", Got::Exact)]
    {
        fs::create_dir_all(site.docroot().join(&path[1..]).parent().expect("a parent"))
            .expect("a writable root");
        site.publish_as(&film, &path[1..]);
        assert_eq!(got(&site, &film, path, "localhost"), wanted, "{path}");
    }
    let asked = site.get(&format!("/key/f.mp4?{QUERY}&mode=exact"));
    assert!(asked.body == clip(&film.path, QUERY).expect("a clip"), "the query decides");
}

fn only_the_extensions_named(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingExtensions .vid .film\nAddType video/x-vid .vid",
        "h264-streaming.extensions = (\".vid\", \".film\")\nmimetype.assign += (\".vid\" => \"video/x-vid\")",
    );
    let film = film("bframes");
    for (name, wanted) in [
        ("a.vid", Got::Exact),
        ("b.FILM", Got::Exact),
        ("c.mp4", Got::Plain),
        ("d.vidx", Got::Plain),
        ("vid", Got::Plain),
    ] {
        site.publish_as(&film, name);
        assert_eq!(got(&site, &film, &format!("/{name}"), "localhost"), wanted, "{name}");
    }
    assert_eq!(site.get(&format!("/a.vid?{QUERY}")).header("content-type"), "video/x-vid");
}

fn a_narrower_place_keeps_what_it_does_not_set(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingExtensions .vid\nH264StreamingVersionHeader Off\n\
         <Directory {docroot}/sub>\nH264StreamingMode keyframe\n</Directory>",
        "h264-streaming.extensions = (\".vid\")\nh264-streaming.version-header = \"disable\"\n\
         $HTTP[\"url\"] =~ \"^/sub/\" {\nh264-streaming.mode = \"keyframe\"\n}",
    );
    let film = film("bframes");
    fs::create_dir(site.docroot().join("sub")).expect("a document root that can be written");
    for (path, wanted) in [("/f.vid", Got::Exact), ("/sub/f.vid", Got::Keyframe), ("/sub/f.mp4", Got::Plain)]
    {
        site.publish_as(&film, &path[1..]);
        assert_eq!(got(&site, &film, path, "localhost"), wanted, "{path}");
    }
    assert_eq!(site.get(&format!("/sub/f.vid?{QUERY}")).header("x-mod-h264-streaming"), "");
}

fn hosts_are_apart(engine: Engine) {
    let site = site(
        engine,
        "<VirtualHost *:{port}>\nServerName on.test\n</VirtualHost>\n\
         <VirtualHost *:{port}>\nServerName off.test\nH264Streaming Off\n</VirtualHost>\n\
         <VirtualHost *:{port}>\nServerName key.test\nH264StreamingMode keyframe\n</VirtualHost>",
        "$HTTP[\"host\"] == \"off.test\" {\nh264-streaming.enable = \"disable\"\n}\n\
         else $HTTP[\"host\"] == \"key.test\" {\nh264-streaming.mode = \"keyframe\"\n}",
    );
    let film = film("bframes");
    let path = site.publish(&film);
    for (host, wanted) in [("on.test", Got::Exact), ("off.test", Got::Plain), ("key.test", Got::Keyframe)] {
        assert_eq!(got(&site, &film, &path, host), wanted, "{host}");
    }
}

fn wrong_values_fail_the_test_of_the_configuration(engine: Engine) {
    let apache: &[(&str, &[&str])] = &[
        ("H264Streaming maybe", &["H264Streaming", "On or Off"]),
        ("H264StreamingMode fast", &["H264StreamingMode", "keyframe", "exact"]),
        ("H264StreamingMode", &["H264StreamingMode", "keyframe", "exact"]),
        ("H264StreamingMode exact keyframe", &["H264StreamingMode", "keyframe", "exact"]),
        ("H264StreamingExtensions", &["H264StreamingExtensions", ".mp4"]),
        ("H264StreamingExtensions .", &["H264StreamingExtensions", ".mp4"]),
        ("H264StreamingCacheSize 8MB", &["H264StreamingCacheSize", "number of bytes", "K, M or G"]),
        ("H264StreamingCacheSize -1", &["H264StreamingCacheSize", "number of bytes", "K, M or G"]),
        ("H264StreamingCacheSize", &["H264StreamingCacheSize", "such as 16M"]),
        (
            "<VirtualHost *:{port}>\nH264StreamingCacheSize 1M\n</VirtualHost>",
            &["H264StreamingCacheSize", "VirtualHost"],
        ),
        (
            "<Directory {docroot}>\nH264StreamingCacheSize 1M\n</Directory>",
            &["H264StreamingCacheSize", "not allowed"],
        ),
        ("H264StreamingParameters", &["H264StreamingParameters", "start=from"]),
        ("H264StreamingParameters start", &["H264StreamingParameters", "parameter=name"]),
        ("H264StreamingParameters begin=from", &["H264StreamingParameters", "start, end, vbegin"]),
        ("H264StreamingParameters start=", &["H264StreamingParameters", "letters, digits"]),
        ("H264StreamingParameters start=a&b", &["H264StreamingParameters", "letters, digits"]),
        ("H264StreamingParameters start=x end=x", &["H264StreamingParameters", "no two names"]),
        ("H264StreamingParameters start=end", &["H264StreamingParameters", "no two names"]),
        ("H264StreamingVersionHeader 2", &["H264StreamingVersionHeader", "On or Off"]),
    ];
    let lighttpd: &[(&str, &[&str])] = &[
        ("h264-streaming.enable = \"maybe\"", &["h264-streaming.enable", "enable", "disable"]),
        ("h264-streaming.mode = \"fast\"", &["h264-streaming.mode", "keyframe", "exact"]),
        ("h264-streaming.mode = 5", &["h264-streaming.mode"]),
        ("h264-streaming.extensions = (\".\")", &["h264-streaming.extensions", ".mp4"]),
        ("h264-streaming.extensions = (\"\")", &["h264-streaming.extensions", ".mp4"]),
        ("h264-streaming.extensions = (5)", &["h264-streaming.extensions"]),
        ("h264-streaming.cache-size = \"8M\"", &["h264-streaming.cache-size", "expected an integer"]),
        ("h264-streaming.cache-size = (8)", &["h264-streaming.cache-size", "expected an integer"]),
        (
            "$HTTP[\"url\"] =~ \"^/a/\" {\nh264-streaming.cache-size = 8\n}",
            &["h264-streaming.cache-size", "outside of all conditions"],
        ),
        ("h264-streaming.parameters = \"from\"", &["h264-streaming.parameters"]),
        ("h264-streaming.parameters = (\"from\")", &["h264-streaming.parameters"]),
        ("h264-streaming.parameters = (\"start\" => 5)", &["h264-streaming.parameters"]),
        (
            "h264-streaming.parameters = (\"begin\" => \"from\")",
            &["h264-streaming.parameters", "start, end, vbegin"],
        ),
        (
            "h264-streaming.parameters = (\"start\" => \"\")",
            &["h264-streaming.parameters", "letters, digits"],
        ),
        (
            "h264-streaming.parameters = (\"start\" => \"a&b\")",
            &["h264-streaming.parameters", "letters, digits"],
        ),
        (
            "h264-streaming.parameters = (\"start\" => \"x\", \"end\" => \"x\")",
            &["h264-streaming.parameters", "the same name"],
        ),
        (
            "h264-streaming.parameters = (\"start\" => \"end\")",
            &["h264-streaming.parameters", "the same name"],
        ),
        ("h264-streaming.version-header = \"2\"", &["h264-streaming.version-header"]),
        ("h264-streaming.log-client-errors = \"2\"", &["h264-streaming.log-client-errors"]),
        (
            "$HTTP[\"url\"] =~ \"^/a/\" {\nh264-streaming.mode = \"fast\"\n}",
            &["h264-streaming.mode", "keyframe"],
        ),
    ];
    for (lines, wanted) in if engine == APACHE { apache } else { lighttpd } {
        // Without the defaults: lighttpd takes an option only once in one place.
        let (passed, said) = Builder::new(engine).without_defaults().config(lines).test_config();
        assert!(!passed, "{lines} passes: {said}");
        let line = said.lines().any(|line| wanted.iter().all(|word| line.contains(word)));
        assert!(line, "{lines}: no line names {wanted:?}:\n{said}");
    }
    let (passed, said) = Builder::new(engine).test_config();
    assert!(passed, "{said}");
}

fn parameters_can_have_other_names(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingParameters start=from \"end=to\"\n<Directory {docroot}/sub>\n\
         H264StreamingParameters end=until t=clip\n</Directory>\n\
         <Location /swapped>\nH264StreamingParameters start=end end=start\n</Location>",
        "h264-streaming.parameters = (\"start\" => \"from\", \"end\" => \"to\")\n\
         $HTTP[\"url\"] =~ \"^/sub/\" {\nh264-streaming.parameters = (\"end\" => \"until\", \"t\" => \"clip\")\n}\n\
         else $HTTP[\"url\"] =~ \"^/swapped/\" {\n\
         h264-streaming.parameters = (\"start\" => \"end\", \"end\" => \"start\")\n}",
    );
    let film = film("bframes");
    for dir in ["sub", "swapped"] {
        fs::create_dir(site.docroot().join(dir)).expect("a document root that can be written");
        site.publish_as(&film, format!("{dir}/f.mp4"));
    }
    site.publish_as(&film, "f.mp4");
    let clip = clip(&film.path, "start=3&end=5").expect("a clip");
    for target in [
        "/f.mp4?from=3&to=5",
        "/f.mp4?from=3&to=5&start=x&end=0",
        "/f.mp4?t=3,5",
        "/sub/f.mp4?from=3&until=5&to=4",
        "/sub/f.mp4?clip=3,5&t=1,2",
        "/swapped/f.mp4?end=3&start=5&from=4",
    ] {
        let reply = site.get(target);
        assert!(reply.status == 200 && reply.body == clip, "{target}\n{reply}");
    }
    let whole = site.get("/f.mp4");
    for target in ["/f.mp4?start=3&end=5", "/sub/f.mp4?start=3&to=5&t=3,5"] {
        let reply = site.get(target);
        assert!(reply.status == 200 && reply.body == whole.body, "{target}\n{reply}");
    }
    let reply = site.get("/f.mp4?from=x");
    assert_eq!(reply.status, 400, "{reply}");
    site.allow_log("from=x");
}

fn a_cache_of_any_size_gives_the_same(engine: Engine) {
    for (apache, lighttpd, keeps) in [("0", "0", false), ("4k", "4", false), ("8M", "8192", true)] {
        let one_process =
            "ServerLimit 1\nThreadLimit 8\nThreadsPerChild 8\nMaxRequestWorkers 8\nMinSpareThreads 1\n";
        let apache_config = format!("{one_process}H264StreamingCacheSize {apache}");
        let lighttpd_config = format!("h264-streaming.cache-size = {lighttpd}");
        let site = builder(engine, &apache_config, &lighttpd_config).workers(1).start();
        let film = film("bframes");
        // One of its own: a link that another test makes changes the state of the file.
        site.put("own.mp4", fs::read(&film.path).expect("a film"));
        let path = "/own.mp4";
        // Of a film that was written just now nothing is kept.
        sleep(Duration::from_millis(3100));
        for _ in 0..3 {
            assert_eq!(got(&site, &film, path, "localhost"), Got::Exact, "{apache}");
        }
        let before = site.bytes_read();
        for _ in 0..20 {
            site.request(&format!("{path}?{QUERY}")).head().send();
        }
        let each = (site.bytes_read() - before) / 20;
        assert!(
            if keeps { each < 4096 } else { each > 4096 },
            "{apache}: {each} bytes read for each request"
        );
    }
}

fn the_version_can_be_left_out(engine: Engine) {
    let site = site(engine, "H264StreamingVersionHeader Off", "h264-streaming.version-header = \"disable\"");
    let path = site.publish(&film("bframes"));
    let reply = site.get(&format!("{path}?{QUERY}"));
    assert_eq!((reply.status, reply.header("x-mod-h264-streaming")), (200, ""), "{reply}");
}

fn a_password_is_asked_for_first(engine: Engine) {
    let site = site(
        engine,
        "<Location />\nAuthType Basic\nAuthName films\nAuthUserFile {docroot}/.users\nRequire valid-user\n</Location>",
        "auth.backend = \"plain\"\nauth.backend.plain.userfile = \"{docroot}/.users\"\n\
         auth.require = (\"\" => (\"method\" => \"basic\", \"realm\" => \"films\", \"require\" => \"valid-user\"))",
    );
    let apache_hash = "film:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="; // of "password"
    site.put(".users", if engine == APACHE { apache_hash } else { "film:password" });
    let film = film("bframes");
    let path = site.publish(&film);
    let request = || site.request(&format!("{path}?{QUERY}"));
    assert_eq!(request().send().status, 401);
    assert_eq!(request().arg("--user").arg("film:wrong").send().status, 401);
    let reply = request().arg("--user").arg("film:password").send();
    assert!(reply.status == 200 && reply.body == clip(&film.path, QUERY).expect("a clip"), "{reply}");
    site.allow_log("AH01617|password doesn't match|get_password failed");
}

fn what_is_denied_stays_denied(engine: Engine) {
    let site = site(
        engine,
        "<Files \"secret.mp4\">\nRequire all denied\n</Files>\n<Location /private>\nRequire all denied\n</Location>",
        "url.access-deny = (\"secret.mp4\")\n$HTTP[\"url\"] =~ \"^/private/\" {\nurl.access-deny = (\"\")\n}",
    );
    fs::create_dir(site.docroot().join("private")).expect("a document root that can be written");
    for name in ["secret.mp4", "private/f.mp4"] {
        site.publish_as(&film("bframes"), name);
        for query in [format!("?{QUERY}"), String::new(), "?start=x".to_owned()] {
            let reply = site.get(&format!("/{name}{query}"));
            assert_eq!(
                (reply.status, reply.header("x-mod-h264-streaming")),
                (403, ""),
                "{name}{query}\n{reply}"
            );
        }
    }
    site.allow_log("AH01630");
}

fn what_cannot_be_read_is_not_opened(engine: Engine) {
    let site = site(engine, "", "");
    let bytes = fs::read(film("bframes").path).expect("a film");
    site.put("locked.mp4", &bytes);
    site.put("locked.txt", "text");
    for name in ["locked.mp4", "locked.txt"] {
        let path = site.docroot().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("a file of our own");
    }
    let (ours, theirs) = (site.get(&format!("/locked.mp4?{QUERY}")), site.get("/locked.txt"));
    assert_eq!((ours.status, theirs.status), (403, 403), "{ours}\n{theirs}");
    site.allow_log("Permission denied");
}

fn links_are_refused_as_for_files(engine: Engine) {
    let site = site(
        engine,
        "<Directory {docroot}>\nOptions None\n</Directory>",
        "server.follow-symlink = \"disable\"",
    );
    let film = film("bframes");
    site.put("a.txt", "text");
    site.publish_as(&film, "f.mp4");
    symlink("a.txt", site.docroot().join("link.txt")).expect("a document root that can be written");
    symlink("f.mp4", site.docroot().join("link.mp4")).expect("a document root that can be written");
    let (ours, theirs) = (site.get(&format!("/link.mp4?{QUERY}")), site.get("/link.txt"));
    assert_eq!((ours.status, theirs.status), (403, 403), "{ours}\n{theirs}");
    assert_eq!(got(&site, &film, "/f.mp4", "localhost"), Got::Exact);
    site.allow_log("AH00037|symlink|Too many levels");
}

fn links_are_followed_as_for_files(engine: Engine) {
    let site = site(engine, "", "");
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    symlink("f.mp4", site.docroot().join("link.mp4")).expect("a document root that can be written");
    assert_eq!(got(&site, &film, "/link.mp4", "localhost"), Got::Exact);
}

fn an_alias_leads_to_a_film(engine: Engine) {
    let site = site(
        engine,
        "Alias /media {dir}/tmp/elsewhere\n<Directory {dir}/tmp/elsewhere>\nRequire all granted\n</Directory>",
        "alias.url = (\"/media\" => \"{dir}/tmp/elsewhere\")",
    );
    let film = film("bframes");
    site.put("../tmp/elsewhere/none.txt", "");
    site.publish_as(&film, "../tmp/elsewhere/f.mp4");
    assert_eq!(got(&site, &film, "/media/f.mp4", "localhost"), Got::Exact);
}

fn a_rewrite_leads_to_a_clip(engine: Engine) {
    let site = site(
        engine,
        "RewriteEngine On\nRewriteRule ^/v/(\\w+)/(\\d+)-(\\d+)$ /$1.mp4?start=$2&end=$3 [PT]\n\
         RewriteRule ^/w/(\\w+)$ /$1.mp4 [PT,QSA]",
        "url.rewrite-once = (\"^/v/(\\w+)/(\\d+)-(\\d+)$\" => \"/$1.mp4?start=$2&end=$3\", \
         \"^/w/(\\w+)(\\?.*)?$\" => \"/$1.mp4$2\")",
    );
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    let reply = site.get("/v/f/3-5");
    assert!(
        reply.status == 200 && reply.body == clip(&film.path, "start=3&end=5").expect("a clip"),
        "{reply}"
    );
    assert_eq!(got(&site, &film, "/w/f", "localhost"), Got::Exact);
}

fn errors_have_the_documents_of_the_server(engine: Engine) {
    let site = site(
        engine,
        "ErrorDocument 400 /error-400.html\nErrorDocument 415 /error-415.html\nErrorDocument 416 /error-416.html",
        "server.errorfile-prefix = \"{docroot}/error-\"",
    );
    let path = site.publish(&film("bframes"));
    site.put("text.mp4", "not a film");
    for status in [400, 415, 416] {
        site.put(format!("error-{status}.html"), format!("sorry, {status}"));
    }
    for (target, status) in [
        (format!("{path}?start=x"), 400),
        ("/text.mp4?start=1".to_owned(), 415),
        (format!("{path}?start=99"), 416),
    ] {
        let reply = site.get(&target);
        assert_eq!((reply.status, reply.text()), (status, format!("sorry, {status}")), "{target}\n{reply}");
        assert!(reply.header("content-type").starts_with("text/html"), "{target}\n{reply}");
    }
    site.expect_log("bframes.*start");
    site.expect_log("text.mp4");
}

fn the_access_log_is_right(engine: Engine) {
    let site = site(engine, "", "");
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    let target = format!("/f.mp4?{QUERY}");
    let clip = clip(&film.path, QUERY).expect("a clip");
    let full = site.get(&target);
    site.request(&target).range("100-199").send();
    site.request(&target).header("If-None-Match", full.header("etag")).send();
    site.request(&target).head().send();
    // Apache's processes write when they get to it, not in the order of the requests.
    let mut log = site.access_log(4);
    log.sort();
    let mut wanted = [
        format!("GET {target} HTTP/1.1 200 {}", clip.len()),
        format!("GET {target} HTTP/1.1 206 100"),
        format!("GET {target} HTTP/1.1 304 0"),
        format!("HEAD {target} HTTP/1.1 200 0"),
    ];
    wanted.sort();
    assert_eq!(log, wanted);
}

fn sendfile_changes_nothing(engine: Engine) {
    let film = film("pcm");
    let alone = clip(&film.path, QUERY).expect("a clip");
    for (apache, lighttpd) in
        [("EnableSendfile On", "sendfile"), ("EnableSendfile Off\nEnableMMAP Off", "writev")]
    {
        let site = site(engine, apache, &format!("server.network-backend = \"{lighttpd}\""));
        let target = format!("{}?{QUERY}", site.publish(&film));
        for request in [site.request(&target), site.request(&target).http2()] {
            let reply = request.clone().send();
            assert!(reply.body == alone, "{apache} {lighttpd}\n{reply}");
            let part = request.range("5000-90000").send();
            assert!(part.body == alone[5000..=90000], "{apache} {lighttpd}\n{part}");
        }
    }
}

#[test]
fn every_mpm_sends_the_same() {
    let film = film("pcm");
    let alone = clip(&film.path, QUERY).expect("a clip");
    for mpm in [Mpm::Event, Mpm::Prefork, Mpm::Worker] {
        let site = Builder::new(Engine::Apache(mpm)).start();
        let target = format!("{}?{QUERY}", site.publish(&film));
        let reply = site.get(&target);
        assert!(reply.status == 200 && reply.body == alone, "{mpm:?}\n{reply}");
        let part = site.request(&target).range("100-199,5000-90000").send();
        assert_eq!(part.status, 206, "{mpm:?}\n{part}");
        assert!(part.body.windows(85001).any(|w| w == &alone[5000..=90000]), "{mpm:?}");
        assert_eq!(site.get(&format!("{target}&end=1")).status, 400, "{mpm:?}");
        site.expect_log("pcm.*end");
    }
}

/// Not on lighttpd, which takes control characters out of every path.
#[test]
fn apache_finds_a_name_with_a_line_break() {
    let site = Builder::new(APACHE).start();
    let film = film("bframes");
    site.publish_as(&film, OsStr::from_bytes(b"line\nbreak\x01.mp4"));
    assert_eq!(got(&site, &film, "/line%0Abreak%01.mp4", "localhost"), Got::Exact);
    // Nor may it write lines of its own into the log.
    let reply = site.get("/line%0Abreak%01.mp4?start=x");
    assert_eq!(reply.status, 400, "{reply}");
    site.expect_log("line.*break.*start");
}

#[test]
fn apache_reads_htaccess() {
    let site = Builder::new(APACHE).start();
    let film = film("bframes");
    for (dir, text) in [
        ("off", "H264Streaming Off\n"),
        ("key", "H264StreamingMode keyframe\n"),
        ("vid", "H264StreamingExtensions .vid\n"),
        ("wrong", "H264StreamingMode fast\n"),
    ] {
        site.put(format!("{dir}/.htaccess"), text);
        site.publish_as(&film, format!("{dir}/f.mp4"));
    }
    assert_eq!(got(&site, &film, "/off/f.mp4", "localhost"), Got::Plain);
    assert_eq!(got(&site, &film, "/key/f.mp4", "localhost"), Got::Keyframe);
    assert_eq!(got(&site, &film, "/vid/f.mp4", "localhost"), Got::Plain);
    assert_eq!(site.get("/wrong/f.mp4").status, 500);
    site.expect_log(".htaccess: H264StreamingMode.*keyframe.*exact");
}

#[test]
fn apache_takes_the_originals_directives() {
    let site = Builder::new(APACHE)
        .without_defaults()
        .config("AddHandler h264-streaming.extensions .mp4\n<Location /off>\nH264Streaming Off\n</Location>")
        .start();
    let film = film("bframes");
    fs::create_dir(site.docroot().join("off")).expect("a document root that can be written");
    for (path, wanted) in [("/f.mp4", Got::Exact), ("/f.m4v", Got::Plain), ("/off/f.mp4", Got::Plain)] {
        site.publish_as(&film, &path[1..]);
        assert_eq!(got(&site, &film, path, "localhost"), wanted, "{path}");
    }
}

#[test]
fn lighttpd_takes_the_originals_directives() {
    let site = Builder::new(Engine::Lighttpd)
        .without_defaults()
        .config("h264-streaming.extensions = (\".mp4\", \".f4v\")")
        .start();
    let film = film("bframes");
    for (path, wanted) in [("/f.mp4", Got::Exact), ("/f.f4v", Got::Exact), ("/f.m4v", Got::Plain)] {
        site.publish_as(&film, &path[1..]);
        assert_eq!(got(&site, &film, path, "localhost"), wanted, "{path}");
    }
}

#[test]
fn apache_does_nothing_unless_told() {
    let site = Builder::new(APACHE).without_defaults().start();
    let film = film("bframes");
    let path = site.publish(&film);
    assert_eq!(got(&site, &film, &path, "localhost"), Got::Plain);
}

/// As a byte range of a file that is refused: the server calls no handler there.
#[test]
fn a_range_that_is_refused_says_how_long_the_clip_is_where_there_is_an_error_handler() {
    let site = Builder::new(Engine::Lighttpd)
        .config("server.error-handler = \"/sorry.html\"\nserver.errorfile-prefix = \"{docroot}/error-\"")
        .start();
    site.put("sorry.html", "sorry");
    site.put("error-416.html", "no such part");
    site.put("a.txt", "text");
    let film = film("bframes");
    let path = format!("{}?{QUERY}", site.publish(&film));
    let len = clip(&film.path, QUERY).expect("a clip").len() as u64;
    for target in [&path, "/a.txt"] {
        let reply = site.request(target).range("99999999-").send();
        assert_eq!((reply.status, reply.text().as_str()), (416, "no such part"), "{reply}");
        // With a document, the server says it of its own files no more.
        assert!(target == "/a.txt" || reply.header("content-range") == format!("bytes */{len}"), "{reply}");
    }
    assert_eq!(site.get(&format!("{path}0:0x")).text(), "sorry");
    site.expect_log("bframes.*end");
}
