//! What is set of this page turns the module on, where nothing else says whether it is.

use std::fs;

use tests::films::film;
use tests::probe::clip;
use tests::servers::{APACHE, Builder, Engine, Site, has_nginx};
use tests::{key_file, on_all_engines};

on_all_engines!(what_is_set_turns_the_module_on, off_is_off, what_is_taken_back_turns_nothing_on);

/// A folder, and what guards its films.
struct Guard {
    folder: &'static str,
    /// Behind the names that all directives of a server begin with.
    apache: &'static str,
    lighttpd: &'static str,
    nginx: &'static str,
    /// What is refused, behind the film's path.
    refused: &'static [&'static str],
}

const GUARDS: [Guard; 5] = [
    Guard {
        folder: "signed",
        apache: "SecretFile {key}",
        lighttpd: "secret-file = \"{key}\"",
        nginx: "secret_file {key};",
        refused: &["", "?start=3", "/hls/master.m3u8", "/cmaf/v1.mp4", "/x"],
    },
    Guard {
        folder: "window",
        apache: "Window 2-6",
        lighttpd: "window = \"2-6\"",
        nginx: "window 2-6;",
        refused: &["?start=1", "/hls/master.m3u8?end=7", "/cmaf/v1.mp4?start=0", "/x"],
    },
    Guard {
        folder: "longest",
        apache: "LongestClip 4",
        lighttpd: "longest-clip = 4",
        nginx: "longest_clip 4s;",
        refused: &["", "?start=1", "/hls/master.m3u8", "/cmaf/v1.mp4", "/x"],
    },
    Guard {
        folder: "shortest",
        apache: "ShortestClip 3",
        lighttpd: "shortest-clip = 3",
        nginx: "shortest_clip 3s;",
        refused: &["?start=1&end=2", "/hls/master.m3u8?start=1&end=2"],
    },
    Guard {
        folder: "refuse",
        apache: "Refuse times",
        lighttpd: "refuse = (\"times\")",
        nginx: "refuse times;",
        refused: &["?start=1", "/hls/master.m3u8?start=1"],
    },
];

impl Guard {
    fn line(&self, engine: Engine) -> String {
        let key = key_file("switch", "a key that nobody knows\n");
        let line = match engine {
            Engine::Lighttpd => format!("h264-streaming.{}", self.lighttpd),
            Engine::Nginx => format!("h264_streaming_{}", self.nginx),
            _ => format!("H264Streaming{}", self.apache),
        };
        line.replace("{key}", &key.to_string_lossy())
    }
}

/// Lines that hold for a folder of the site.
fn within(engine: Engine, folder: &str, lines: &str) -> String {
    match engine {
        Engine::Lighttpd => format!("$HTTP[\"url\"] =~ \"^/{folder}/\" {{\n{lines}\n}}\n"),
        Engine::Nginx => format!("location /{folder}/ {{\n{lines}\n}}\n"),
        _ => format!("<Location /{folder}>\n{lines}\n</Location>\n"),
    }
}

fn switch(engine: Engine, is_on: bool) -> &'static str {
    match (engine, is_on) {
        (Engine::Lighttpd, true) => "h264-streaming.enable = \"enable\"",
        (Engine::Lighttpd, false) => "h264-streaming.enable = \"disable\"",
        (Engine::Nginx, true) => "h264_streaming on;",
        (Engine::Nginx, false) => "h264_streaming off;",
        (_, true) => "H264Streaming On",
        (_, false) => "H264Streaming Off",
    }
}

/// A site where nothing but `lines` says whether the module is on.
fn site(engine: Engine, lines: &str) -> Site {
    let site = Builder::new(engine).without_defaults().config(lines).packaging().start();
    site.allow_log("can be read by every user|\"h264_streaming off\" holds in location");
    site
}

fn put_film(site: &Site, folder: &str) {
    fs::create_dir_all(site.docroot().join(folder)).expect("a document root that can be written");
    site.publish_as(&film("bframes"), format!("{folder}/f.mp4"));
}

fn assert_holds(site: &Site, guard: &Guard, folder: &str) {
    for refused in guard.refused {
        let reply = site.get(&format!("/{folder}/f.mp4{refused}"));
        assert!([403, 404].contains(&reply.status) && reply.body.len() < 2000, "{folder}{refused}\n{reply}");
    }
}

fn assert_whole(site: &Site, folder: &str) {
    let whole = fs::read(film("bframes").path).expect("a film");
    for query in ["", "?start=1&end=2"] {
        let reply = site.get(&format!("/{folder}/f.mp4{query}"));
        assert!(reply.status == 200 && reply.body == whole, "{folder}{query}\n{reply}");
    }
}

fn what_is_set_turns_the_module_on(engine: Engine) {
    let lines: String =
        GUARDS.iter().map(|guard| within(engine, guard.folder, &guard.line(engine))).collect();
    let narrow = site(engine, &lines);
    for guard in &GUARDS {
        put_film(&narrow, guard.folder);
        assert_holds(&narrow, guard, guard.folder);
    }
    let window = clip(&film("bframes").path, "start=2&end=6").expect("a clip");
    assert!(narrow.get("/window/f.mp4").body == window);
    put_film(&narrow, "free");
    if engine != Engine::Lighttpd {
        assert_whole(&narrow, "free");
    }
    for guard in &GUARDS {
        // What holds for all of a site holds where a folder sets something else.
        let lines = guard.line(engine) + "\n" + &within(engine, "deep", switch_mode(engine));
        let wide = site(engine, &lines);
        for folder in ["all", "deep"] {
            put_film(&wide, folder);
            assert_holds(&wide, guard, folder);
        }
    }
}

fn switch_mode(engine: Engine) -> &'static str {
    engine.lines(
        "H264StreamingMode keyframe",
        "h264-streaming.mode = \"keyframe\"",
        "h264_streaming_mode keyframe;",
    )
}

fn off_is_off(engine: Engine) {
    let [on, off] = [switch(engine, true), switch(engine, false)];
    let each = |lines: &str| -> String {
        let within_its_folder =
            |guard: &Guard| within(engine, guard.folder, &format!("{lines}\n{}", guard.line(engine)));
        GUARDS.iter().map(within_its_folder).collect()
    };
    let all: String = GUARDS.iter().map(|guard| guard.line(engine) + "\n").collect();
    let off_within: String = GUARDS.iter().map(|guard| within(engine, guard.folder, off)).collect();
    for lines in [format!("{off}\n{}", each("")), each(off), all + &off_within] {
        let site = site(engine, &lines);
        for guard in &GUARDS {
            put_film(&site, guard.folder);
            assert_whole(&site, guard.folder);
        }
    }
    let site = site(engine, &format!("{off}\n{}", each(on)));
    for guard in &GUARDS {
        put_film(&site, guard.folder);
        assert_holds(&site, guard, guard.folder);
    }
}

fn what_is_taken_back_turns_nothing_on(engine: Engine) {
    let set = engine.lines(
        "H264StreamingWindow 2-6\nH264StreamingLongestClip 4\nH264StreamingRefuse times",
        "h264-streaming.window = \"2-6\"\nh264-streaming.longest-clip = 4\nh264-streaming.refuse = (\"times\")",
        "h264_streaming_window 2-6;\nh264_streaming_longest_clip 4s;\nh264_streaming_refuse times;",
    );
    let taken_back = engine.lines(
        "H264StreamingWindow none\nH264StreamingLongestClip 0\nH264StreamingRefuse none",
        "h264-streaming.window = \"none\"\nh264-streaming.longest-clip = 0\nh264-streaming.refuse = (\"none\")",
        "h264_streaming_window none;\nh264_streaming_longest_clip 0;\nh264_streaming_refuse none;",
    );
    let site = site(engine, &format!("{set}\n{}", within(engine, "free", taken_back)));
    put_film(&site, "free");
    let reply = site.get("/free/f.mp4?start=1&end=2");
    let is_whole = reply.body == fs::read(film("bframes").path).expect("a film");
    // lighttpd's module is on by itself.
    assert!(reply.status == 200 && is_whole != (engine == Engine::Lighttpd), "{reply}");
}

#[test]
fn apache_is_turned_on_by_an_access_file() {
    let site = site(APACHE, "");
    for guard in GUARDS.iter().filter(|guard| guard.folder != "signed") {
        site.put(format!("{}/.htaccess", guard.folder), guard.line(APACHE));
        put_film(&site, guard.folder);
        assert_holds(&site, guard, guard.folder);
    }
    site.put("off/.htaccess", format!("{}\nH264Streaming Off", GUARDS[1].line(APACHE)));
    put_film(&site, "off");
    assert_whole(&site, "off");
}

/// A page cannot include, and an application cannot lead to, what a client could not ask for.
#[test]
fn answers_within_answers_are_refused_what_clients_are() {
    let includes = "LoadModule include_module /usr/lib/apache2/modules/mod_include.so\n<Directory {docroot}>\n\
         Options +Includes\nAddOutputFilter INCLUDES .html\n</Directory>\n";
    for engine in [Some(APACHE), has_nginx().then_some(Engine::Nginx)].into_iter().flatten() {
        let mut lines = engine.lines(includes, "", "ssi on;\n").to_owned();
        for guard in &GUARDS {
            lines += &within(engine, guard.folder, &guard.line(engine));
        }
        if engine == Engine::Nginx {
            lines += "location /ask/ { proxy_pass http://127.0.0.1:{port}/to/; }\n\
                location ~ ^/to(/.*)$ { add_header X-Accel-Redirect $1$is_args$args; return 200 x; }\n";
        }
        let site = site(engine, &lines);
        let include = |target: &str| {
            site.put("page.html", format!("a<!--#include virtual=\"{target}\" -->b"));
            site.get("/page.html")
        };
        for guard in &GUARDS {
            put_film(&site, guard.folder);
            for refused in guard.refused {
                let target = format!("/{}/f.mp4{refused}", guard.folder);
                let page = include(&target);
                let text = page.text();
                let is_whole = text.starts_with('a') && text.ends_with('b');
                let has_none = page.body.len() < 2000 && !text.contains("#EXTM3U") && !text.contains("<MPD");
                assert!(is_whole && has_none, "{engine:?} {target}\n{page}");
                if engine == Engine::Nginx {
                    let led = site.get(&format!("/ask{target}"));
                    assert!([403, 404].contains(&led.status) && led.body.len() < 2000, "{target}\n{led}");
                }
            }
        }
        // What is allowed is a part of the page.
        let within = clip(&film("bframes").path, "start=3&end=5").expect("a clip");
        for folder in ["window", "longest"] {
            let page = include(&format!("/{folder}/f.mp4?start=3&end=5"));
            assert!(page.body == [b"a", &within[..], b"b"].concat(), "{engine:?} {folder}\n{page}");
        }
        site.allow_log("unable to include|nothing at this address|no signature|may be seen|is not allowed|s long|refused");
    }
}

/// Of a window, parts of other answers and the page of a folder are no way around it.
#[test]
fn answers_within_answers_turn_it_on() {
    let lines = [
        "LoadModule include_module /usr/lib/apache2/modules/mod_include.so\n<Directory {docroot}>\n\
         Options +Includes\nAddType text/html .shtml\nAddOutputFilter INCLUDES .shtml\n\
         DirectoryIndex f.mp4\n</Directory>",
        "ssi on;\nindex f.mp4;",
    ];
    let window = clip(&film("bframes").path, "start=2&end=6").expect("a clip");
    for engine in [Some(APACHE), has_nginx().then_some(Engine::Nginx)].into_iter().flatten() {
        let (lines, page) = if engine == APACHE { (lines[0], "page.shtml") } else { (lines[1], "page.html") };
        let site = site(engine, &format!("{lines}\n{}", within(engine, "window", &GUARDS[1].line(engine))));
        put_film(&site, "window");
        site.put(page, "a<!--#include virtual=\"/window/f.mp4\" -->b");
        let reply = site.get(&format!("/{page}"));
        let expected = [b"a", &window[..], b"b"].concat();
        assert!(reply.body == expected, "{engine:?}\n{reply}");
        assert!(site.get("/window/").body == window, "{engine:?}");
    }
}
