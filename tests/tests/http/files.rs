//! Files, their names, and methods that are not for clips.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use tests::films::film;
use tests::names;
use tests::on_all;
use tests::probe::clip;
use tests::servers::Site;

use crate::{ask, with_clip};

on_all!(
    what_cannot_be_cut_is_415,
    what_cannot_be_cut_is_sent_without_times,
    a_missing_film_is_404,
    other_methods_are_the_servers,
    flv_starts_at_a_byte,
    unusual_names_are_found,
);

fn what_cannot_be_cut_is_415(site: &Site) {
    site.put("text.mp4", "This is not a film, whatever its name says. ".repeat(100));
    site.put("empty.mp4", "");
    site.put("short.mp4", &fs::read(film("moov_first").path).expect("a film")[..2000]);
    for name in ["text.mp4", "empty.mp4", "short.mp4"] {
        let reply = ask(site, &format!("/{name}?start=1"), &[]);
        assert_eq!(reply.status, 415, "{name}\n{reply}");
        site.expect_log(&format!("{name}.*"));
    }
}

fn what_cannot_be_cut_is_sent_without_times(site: &Site) {
    with_clip(site);
    let text = "This is not a film either. ".repeat(100);
    site.put_old("plain.mp4", &text);
    site.put_old("void.mp4", "");
    let reply = ask(site, "/plain.mp4", &[]);
    assert_eq!((reply.status, reply.text()), (200, text));
    let reply = ask(site, "/void.mp4", &[]);
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    site.allow_log("plain.mp4|void.mp4");
}

fn a_missing_film_is_404(site: &Site) {
    let path = site.publish(&film("bframes"));
    fs::create_dir_all(site.docroot().join("folder.mp4")).expect("a document root that can be written");
    for target in ["/none.mp4?start=1".to_owned(), format!("{path}.mp4?start=1")] {
        let reply = ask(site, &target, &[]);
        assert_eq!(reply.status, 404, "{target}\n{reply}");
    }
    site.put("static.txt", "static");
    for query in ["?start=1", "?start=x", "?end=1&v=2"] {
        let more = ask(site, &format!("{path}/more{query}"), &[]);
        assert_eq!(more.status, 404, "{query}\n{more}");
    }
    // Without a clip, what the server makes of it.
    for query in ["", "?v=2"] {
        let more = ask(site, &format!("{path}/more{query}"), &[]);
        assert_eq!(more.status, ask(site, "/static.txt/more", &[]).status, "{more}");
        assert_eq!(more.header("x-mod-h264-streaming"), "", "{more}");
    }
    let folder = ask(site, "/folder.mp4?start=1", &[]).status;
    assert!([301, 403, 404].contains(&folder), "{folder}");
    // What the servers themselves say of missing files.
    site.allow_log("none.mp4|AH00128|AH01276|folder.mp4|more|.mp4.mp4");
}

fn other_methods_are_the_servers(site: &Site) {
    let (_, target) = with_clip(site);
    site.put("static.bin", "static");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let ours = site.request(&target).method(method).send();
        let theirs = site.request("/static.bin").method(method).send();
        assert_eq!(ours.status, theirs.status, "{method}\n{ours}\n{theirs}");
        assert_eq!(ours.header("allow"), theirs.header("allow"), "{method}");
        assert_eq!(ours.header("x-mod-h264-streaming"), "", "{method}");
        if theirs.status == 200 {
            assert_eq!(
                ours.header("content-type"),
                theirs.header("content-type").replace("application/octet-stream", "video/mp4")
            );
        }
    }
    site.allow_log("AH00025|unknown|method");
}

fn flv_starts_at_a_byte(site: &Site) {
    let flv: Vec<u8> = [&b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..], &vec![7; 1000], &vec![9; 9000]].concat();
    site.put_old("old.flv", &flv);
    let reply = ask(site, "/old.flv?start=1013", &[]);
    assert_eq!(reply.status, 200, "{reply}");
    assert_eq!(&reply.body[..3], b"FLV");
    assert_eq!(reply.body.len(), 13 + 9000);
    assert!(reply.body[13..].iter().all(|&b| b == 9));
    let part = ask(site, "/old.flv?start=1013", &[("Range", "bytes=10-19")]);
    assert_eq!((part.status, part.body.as_slice()), (206, &reply.body[10..20]));
    for query in ["", "?start=0"] {
        let reply = ask(site, &format!("/old.flv{query}"), &[]);
        assert!(reply.status == 200 && reply.body == flv, "{query}\n{reply}");
    }
    assert_eq!(ask(site, "/old.flv?start=100000", &[]).status, 416);
    assert_eq!(ask(site, "/old.flv?start=x", &[]).status, 400);
    site.expect_log("old.flv");
}

fn unusual_names_are_found(site: &Site) {
    let film = film("bframes");
    let alone = clip(&film.path, "start=3&end=5").expect("a clip");
    let long = format!("{}.mp4", "n".repeat(251));
    let names = names::UNUSUAL.into_iter().chain([&b"UPPER.MP4"[..], long.as_bytes()]);
    for name in names {
        site.publish_as(&film, OsStr::from_bytes(name));
        let escaped = names::escaped(name);
        let reply = ask(site, &format!("/{escaped}?start=3&end=5"), &[]);
        assert_eq!(reply.status, 200, "{escaped}\n{reply}");
        assert!(reply.body == alone, "{escaped} is another clip");
    }
}
