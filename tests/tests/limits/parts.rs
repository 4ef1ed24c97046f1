//! Parts of films that may be seen, and how long clips are.

use std::fs;

use tests::client::Reply;
use tests::films::film;
use tests::on_all_engines;
use tests::pages::block;
use tests::probe::clip;
use tests::servers::{Builder, Engine, Site};

use super::elsewhere;

on_all_engines!(
    of_a_window_nothing_else_is_sent,
    playlists_end_with_the_window,
    what_is_no_film_is_not_sent_whole,
    clips_have_a_length,
    what_is_refused_may_not_be_named,
    a_narrower_place_allows_more,
    the_documented_window_holds,
);

fn site(engine: Engine, apache: &str, lighttpd: &str, nginx: &str) -> Site {
    let lines = engine.lines(apache, lighttpd, nginx);
    let site = Builder::new(engine).config(lines).packaging().start();
    site.allow_log("may be seen|a clip of this film has|may not be asked for|nothing at this address");
    site
}

fn assert_refused(reply: &Reply, reason: &str) {
    assert_eq!(reply.status, 403, "{reply}");
    assert!(reply.text().contains(reason), "{reply}");
}

fn of_a_window_nothing_else_is_sent(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingWindow 2-6",
        "h264-streaming.window = \"2-6\"",
        "h264_streaming_window 2-6;",
    );
    let film = film("bframes");
    let path = site.publish(&film);
    for (query, same) in [
        ("", "start=2&end=6"),
        ("start=3", "start=3&end=6"),
        ("end=5", "start=2&end=5"),
        ("t=1700000000", "start=2&end=6"),
        ("start=3&end=5&format=fmp4", "start=3&end=5&format=fmp4"),
        ("tracks=video", "start=2&end=6&tracks=video"),
        ("clip=5-6&clip=2-3", "clip=5-6&clip=2-3"),
    ] {
        let expected = clip(&film.path, same).expect("a clip");
        let reply = site.get(&format!("{path}?{query}"));
        assert!(reply.status == 200 && reply.body == expected, "{query}\n{reply}");
        let part = site.request(&format!("{path}?{query}")).range("100-").send();
        assert!(part.status == 206 && part.body == expected[100..], "{query}\n{part}");
    }
    let outside = ["start=1", "start=3&end=7", "end=2", "start=6", "t=1,5", "vbegin=0&vend=9", "start=0"];
    for query in outside.into_iter().chain(["clip=2-3&clip=5-7", "clip=1-3&clip=5-6"]) {
        let target = format!("{path}?{query}");
        assert_refused(&site.get(&target), "of this film only 2 to 6 seconds may be seen");
        for request in [site.request(&target).head(), site.request(&target).range("0-99")] {
            assert_eq!(request.send().status, 403, "{query}");
        }
    }
    for (target, method) in [
        (path.clone(), "POST"),
        (path.clone(), "QUERY"),
        (format!("{path}/anything"), "GET"),
        (format!("{path}/anything"), "POST"),
    ] {
        let reply = site.request(&target).method(method).send();
        let is_refusal = (400..500).contains(&reply.status) || reply.status == 501;
        assert!(is_refusal && reply.body.len() < 2000, "{method} {target}\n{reply}");
    }
    site.allow_log("does not accept the|AH00135|invalid method");
}

fn playlists_end_with_the_window(engine: Engine) {
    let short =
        site(engine, "H264StreamingWindow -6", "h264-streaming.window = \"-6\"", "h264_streaming_window -6;");
    let all = Builder::new(engine).packaging().start();
    let path = short.publish(&film("bframes"));
    all.publish(&film("bframes"));
    for address in ["cmaf/v1.mp4", "cmaf/a1.mp4", "cmaf/v1/1.m4s", "cmaf/v1/init.mp4"] {
        let reply = short.get(&format!("{path}/{address}"));
        assert_eq!(reply.status, 200, "{reply}");
        assert!(reply.body == all.get(&format!("{path}/{address}?end=6")).body, "{address}");
        assert!(reply.body != all.get(&format!("{path}/{address}")).body || address.ends_with("1.m4s"));
        let refused = short.get(&format!("{path}/{address}?start=0&end=10"));
        assert_refused(&refused, "only 0 to 6 seconds may be seen");
    }
    let segments = |site: &Site| site.get(&format!("{path}/hls/v1.m3u8")).text().matches("#EXTINF").count();
    assert!(segments(&short) < segments(&all), "{} segments", segments(&short));
    let next = segments(&short) + 1;
    let beyond = format!("{path}/cmaf/v1/{next}.m4s");
    assert_eq!((short.get(&beyond).status, all.get(&beyond).status), (404, 200));
    assert_refused(&short.get(&format!("{path}/dash/manifest.mpd?end=7")), "may be seen");
}

fn what_is_no_film_is_not_sent_whole(engine: Engine) {
    let site =
        site(engine, "H264StreamingWindow -6", "h264-streaming.window = \"-6\"", "h264_streaming_window -6;");
    site.put("a.mp4", "This is not a film. ".repeat(99));
    site.put("a.flv", [&b"FLV\x01"[..], &[0; 999]].concat());
    let reply = site.get("/a.mp4");
    assert!(reply.status == 415 && !reply.text().contains("This is not a film"), "{reply}");
    for target in ["/a.flv", "/a.flv?start=100"] {
        assert_refused(&site.get(target), "no part of an FLV is known by its time");
    }
    site.expect_log("not an MP4");
}

fn clips_have_a_length(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingLongestClip 4\nH264StreamingShortestClip 2",
        "h264-streaming.longest-clip = 4\nh264-streaming.shortest-clip = 2",
        "h264_streaming_longest_clip 4;\nh264_streaming_shortest_clip 2;",
    );
    let film = film("bframes");
    let path = site.publish(&film);
    for query in ["start=3&end=7", "start=3&end=5", "start=3&end=5&format=fmp4", "start=9"] {
        let reply = site.get(&format!("{path}?{query}"));
        assert!(reply.body == clip(&film.path, query).expect("a clip"), "{query}\n{reply}");
    }
    for query in ["", "start=3&end=7.5", "start=1", "end=5", "tracks=video", "utm=x", "clip=0-3&clip=5-8"] {
        let reply = site.get(&format!("{path}?{query}"));
        assert_refused(&reply, "a clip of this film has at most 4 seconds");
    }
    for query in ["start=3&end=4.9", "t=3,4", "end=1"] {
        assert_refused(&site.get(&format!("{path}?{query}")), "a clip of this film has at least 2 seconds");
    }
    for address in ["hls/master.m3u8", "cmaf/v1.mp4", "dash/manifest.mpd"] {
        assert_refused(&site.get(&format!("{path}/{address}")), "at most 4 seconds");
        assert_eq!(site.get(&format!("{path}/{address}?start=3&end=6")).status, 200);
        assert_eq!(site.get(&format!("{path}/{address}?poster=0&tracks=video-audio")).status, 404);
    }
    let posted = site.request(&path).arg("--data").arg("x").send();
    assert_eq!(posted.status, 405, "{posted}");
}

fn what_is_refused_may_not_be_named(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingRefuse times fmp4 keyframe",
        "h264-streaming.refuse = (\"times\", \"fmp4\", \"keyframe\")",
        "h264_streaming_refuse times fmp4 keyframe;",
    );
    let film = film("bframes");
    let path = site.publish(&film);
    for (query, word) in [
        ("start=1", "times"),
        ("end=5", "times"),
        ("t=1,2", "times"),
        ("vbegin=1", "times"),
        ("clip=1-2&clip=3-4", "times"),
        ("poster=3", "times"),
        ("format=fmp4", "fmp4"),
        ("format=auto", "fmp4"),
        ("mode=keyframe", "keyframe"),
    ] {
        let reply = site.get(&format!("{path}?{query}"));
        assert_refused(&reply, &format!("{word} may not be asked for here"));
    }
    assert_refused(&site.get(&format!("{path}/hls/master.m3u8?start=1")), "times may not be asked for");
    for query in ["", "tracks=video", "mode=exact", "format=flat"] {
        let reply = site.get(&format!("{path}?{query}"));
        assert!(reply.body == clip(&film.path, query).expect("a clip"), "{query}\n{reply}");
    }
    assert_eq!(site.get(&format!("{path}/hls/master.m3u8")).status, 200);
}

fn a_narrower_place_allows_more(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingWindow -3\nH264StreamingLongestClip 2\nH264StreamingRefuse tracks\n\
         <Location /all>\nH264StreamingWindow none\nH264StreamingLongestClip 0\nH264StreamingRefuse none\n</Location>",
        "h264-streaming.window = \"-3\"\nh264-streaming.longest-clip = 2\nh264-streaming.refuse = (\"tracks\")\n\
         $HTTP[\"url\"] =~ \"^/all/\" {\nh264-streaming.window = \"none\"\nh264-streaming.longest-clip = 0\n\
         h264-streaming.refuse = (\"none\")\n}",
        "h264_streaming_window -3;\nh264_streaming_longest_clip 2;\nh264_streaming_refuse tracks;\n\
         location /all/ {\nh264_streaming_window none;\nh264_streaming_longest_clip 0;\nh264_streaming_refuse none;\n}",
    );
    let film = film("bframes");
    let path = site.publish(&film);
    fs::create_dir(site.docroot().join("all")).expect("a document root that can be written");
    site.publish_as(&film, "all/f.mp4");
    for query in ["start=1&end=5", "start=0.5", "tracks=video&start=1"] {
        assert_eq!(site.get(&format!("{path}?{query}")).status, 403, "{query}");
        assert_eq!(site.get(&format!("/all/f.mp4?{query}")).status, 200, "{query}");
    }
    assert_eq!(site.get(&format!("{path}?start=1")).status, 200);
    assert_eq!(site.get("/all/f.mp4").status, 200);
}

fn the_documented_window_holds(engine: Engine) {
    let lines = block("limits.md", "A part of the film", engine.lines("apache", "lighttpd", "nginx"));
    let lines = lines.replace("/var/www", "{docroot}").replace("0-1:30", "0-0:03");
    let site = Builder::new(engine).without_defaults().config(&lines).config(elsewhere(engine)).start();
    site.allow_log("may be seen");
    fs::create_dir(site.docroot().join("previews")).expect("a document root that can be written");
    site.publish_as(&film("bframes"), "previews/f.mp4");
    assert!(site.get("/previews/f.mp4").body == clip(&film("bframes").path, "end=3").expect("a clip"));
    assert_eq!(site.get("/previews/f.mp4?start=4").status, 403);
}
