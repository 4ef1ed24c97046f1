//! What each directive does, and where it holds.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use tests::films::film;
use tests::on_all_engines;
use tests::probe::clip;
use tests::servers::{APACHE, Builder, Engine};

use crate::{Got, QUERY, builder, got, site};

on_all_engines!(
    off_is_off,
    the_mode_has_a_default_and_a_setting,
    the_format_is_that_of_seeks_without_an_end,
    only_the_named_extensions_are_cut,
    a_narrower_place_keeps_what_it_does_not_set,
    virtual_hosts_have_their_own_settings,
    parameters_can_have_other_names,
    a_cache_of_any_size_gives_the_same,
    the_version_can_be_left_out,
);

fn off_is_off(engine: Engine) {
    let site = site(
        engine,
        "<Directory {docroot}/off>\nH264Streaming Off\n</Directory>\n<Location /off/on>\nH264Streaming On\n</Location>",
        "$HTTP[\"url\"] =~ \"^/off/\" {\nh264-streaming.enable = \"disable\"\n}\n\
         $HTTP[\"url\"] =~ \"^/off/on/\" {\nh264-streaming.enable = \"enable\"\n}",
        "location /off/ {\nh264_streaming off;\nlocation /off/on/ { h264_streaming on; }\n}",
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
        "location /key/ { h264_streaming_mode keyframe; }\nlocation /exact/ { h264_streaming_mode exact; }",
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

fn the_format_is_that_of_seeks_without_an_end(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingFormat fmp4\n<Location /auto>\nH264StreamingFormat auto\n</Location>\n\
         <Location /flat>\nH264StreamingFormat flat\n</Location>",
        "h264-streaming.format = \"fmp4\"\n\
         $HTTP[\"url\"] =~ \"^/auto/\" {\nh264-streaming.format = \"auto\"\n}\n\
         else $HTTP[\"url\"] =~ \"^/flat/\" {\nh264-streaming.format = \"flat\"\n}",
        "h264_streaming_format fmp4;\nlocation /auto/ { h264_streaming_format auto; }\n\
         location /flat/ { h264_streaming_format flat; }",
    );
    let film = film("bframes");
    let [flat, fragments] = ["flat", "fmp4"]
        .map(|format| clip(&film.path, &format!("start=3.05&format={format}")).expect("a clip"));
    // The metadata of this film are few: so `auto` means flat.
    for (name, wanted) in [("f.mp4", &fragments), ("auto/f.mp4", &flat), ("flat/f.mp4", &flat)] {
        site.publish_as(&film, name);
        let body = |query: &str| site.get(&format!("/{name}?{query}")).body;
        assert!(body("start=3.05") == *wanted, "{name}");
        assert!(body(QUERY) == clip(&film.path, QUERY).expect("a clip"), "{name}, with an end");
        assert!(body("start=3.05&format=flat") == flat, "{name}: the query decides");
        assert!(body("start=3.05&format=fmp4") == fragments, "{name}: the query decides");
    }
}

fn only_the_named_extensions_are_cut(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingExtensions .vid .film\nAddType video/x-vid .vid",
        "h264-streaming.extensions = (\".vid\", \".film\")\nmimetype.assign += (\".vid\" => \"video/x-vid\")",
        "h264_streaming_extensions .vid .film;\ntypes { video/x-vid vid; }",
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

#[test]
fn lighttpd_takes_an_empty_list_of_extensions_as_none() {
    let config = "h264-streaming.extensions = ()\n$HTTP[\"url\"] =~ \"^/b\" {\nh264-streaming.extensions = (\".mp4\")\n}";
    let site = site(Engine::Lighttpd, "", config, "");
    let film = film("bframes");
    for (path, wanted) in [("/a.mp4", Got::Plain), ("/b.mp4", Got::Exact)] {
        site.publish_as(&film, &path[1..]);
        assert_eq!(got(&site, &film, path, "localhost"), wanted, "{path}");
    }
}

fn a_narrower_place_keeps_what_it_does_not_set(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingExtensions .vid\nH264StreamingVersionHeader Off\n\
         <Directory {docroot}/sub>\nH264StreamingMode keyframe\n</Directory>",
        "h264-streaming.extensions = (\".vid\")\nh264-streaming.version-header = \"disable\"\n\
         $HTTP[\"url\"] =~ \"^/sub/\" {\nh264-streaming.mode = \"keyframe\"\n}",
        "h264_streaming_extensions .vid;\nh264_streaming_version_header off;\n\
         location /sub/ { h264_streaming_mode keyframe; }",
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

fn virtual_hosts_have_their_own_settings(engine: Engine) {
    let builder = builder(
        engine,
        "<VirtualHost *:{port}>\nServerName on.test\n</VirtualHost>\n\
         <VirtualHost *:{port}>\nServerName off.test\nH264Streaming Off\n</VirtualHost>\n\
         <VirtualHost *:{port}>\nServerName key.test\nH264StreamingMode keyframe\n</VirtualHost>",
        "$HTTP[\"host\"] == \"off.test\" {\nh264-streaming.enable = \"disable\"\n}\n\
         else $HTTP[\"host\"] == \"key.test\" {\nh264-streaming.mode = \"keyframe\"\n}",
        "server_name on.test;",
    );
    let host = |name: &str, line: &str| {
        format!("server {{\nlisten 127.0.0.1:{{port}};\nserver_name {name};\nroot {{docroot}};\n{line}\n}}\n")
    };
    let hosts = host("off.test", "h264_streaming off;") + &host("key.test", "h264_streaming_mode keyframe;");
    let site = builder.http(&hosts).start();
    let film = film("bframes");
    let path = site.publish(&film);
    for (host, wanted) in [("on.test", Got::Exact), ("off.test", Got::Plain), ("key.test", Got::Keyframe)] {
        assert_eq!(got(&site, &film, &path, host), wanted, "{host}");
    }
}

fn parameters_can_have_other_names(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingParameters start=from \"end=to\"\n<Directory {docroot}/sub>\n\
         H264StreamingParameters end=until t=range\n</Directory>\n\
         <Location /swapped>\nH264StreamingParameters start=end end=start\n</Location>",
        "h264-streaming.parameters = (\"start\" => \"from\", \"end\" => \"to\")\n\
         $HTTP[\"url\"] =~ \"^/sub/\" {\nh264-streaming.parameters = (\"end\" => \"until\", \"t\" => \"range\")\n}\n\
         else $HTTP[\"url\"] =~ \"^/swapped/\" {\n\
         h264-streaming.parameters = (\"start\" => \"end\", \"end\" => \"start\")\n}",
        "h264_streaming_parameters start=from end=to;\n\
         location /sub/ { h264_streaming_parameters end=until t=range; }\n\
         location /swapped/ { h264_streaming_parameters start=end end=start; }",
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
        "/sub/f.mp4?range=3,5&t=1,2",
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
    for (apache, lighttpd, nginx, keeps) in
        [("0", "0", "0", false), ("4k", "4", "4k", false), ("8M", "8192", "8m", true)]
    {
        let one_process =
            "ServerLimit 1\nThreadLimit 8\nThreadsPerChild 8\nMaxRequestWorkers 8\nMinSpareThreads 1\n";
        let apache_config = format!("{one_process}H264StreamingCacheSize {apache}");
        let lighttpd_config = format!("h264-streaming.cache-size = {lighttpd}");
        let nginx_config = format!("h264_streaming_cache_size {nginx};\n");
        let builder = builder(engine, &apache_config, &lighttpd_config, "");
        let site = builder.http(&nginx_config).workers(1).start();
        let film = film("bframes");
        // One of its own: a link that another test makes changes the state of the file.
        site.put("own.mp4", fs::read(&film.path).expect("a film"));
        let path = "/own.mp4";
        // Nothing is kept of a film that was written just now.
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
    let site = site(
        engine,
        "H264StreamingVersionHeader Off",
        "h264-streaming.version-header = \"disable\"",
        "h264_streaming_version_header off;",
    );
    let film = film("bframes");
    let path = site.publish(&film);
    assert_eq!(got(&site, &film, &path, "localhost"), Got::Exact);
    let reply = site.get(&format!("{path}?{QUERY}"));
    assert_eq!((reply.status, reply.header("x-mod-h264-streaming")), (200, ""), "{reply}");
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
fn apache_does_nothing_until_it_is_configured() {
    let site = Builder::new(APACHE).without_defaults().start();
    let film = film("bframes");
    let path = site.publish(&film);
    assert_eq!(got(&site, &film, &path, "localhost"), Got::Plain);
}
