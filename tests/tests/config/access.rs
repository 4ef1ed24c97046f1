//! What a server refuses for a file, it refuses for a clip.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use tests::films::film;
use tests::on_all_engines;
use tests::probe::clip;
use tests::servers::Engine;

use crate::{Got, QUERY, got, site};

on_all_engines!(
    a_password_is_asked_for_first,
    what_is_denied_stays_denied,
    what_cannot_be_read_is_not_opened,
    links_are_refused_as_for_files,
    links_are_followed_as_for_files,
);

fn a_password_is_asked_for_first(engine: Engine) {
    let site = site(
        engine,
        "<Location />\nAuthType Basic\nAuthName films\nAuthUserFile {docroot}/.users\nRequire valid-user\n</Location>",
        "auth.backend = \"plain\"\nauth.backend.plain.userfile = \"{docroot}/.users\"\n\
         auth.require = (\"\" => (\"method\" => \"basic\", \"realm\" => \"films\", \"require\" => \"valid-user\"))",
        "auth_basic films;\nauth_basic_user_file {docroot}/.users;",
    );
    let hash = "film:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="; // of "password"
    site.put(".users", if engine == Engine::Lighttpd { "film:password" } else { hash });
    let film = film("bframes");
    let path = site.publish(&film);
    let request = || site.request(&format!("{path}?{QUERY}"));
    assert_eq!(request().send().status, 401);
    assert_eq!(request().arg("--user").arg("film:wrong").send().status, 401);
    let reply = request().arg("--user").arg("film:password").send();
    assert!(reply.status == 200 && reply.body == clip(&film.path, QUERY).expect("a clip"), "{reply}");
    site.allow_log("AH01617|password mismatch|password doesn't match|get_password failed");
}

fn what_is_denied_stays_denied(engine: Engine) {
    let site = site(
        engine,
        "<Files \"secret.mp4\">\nRequire all denied\n</Files>\n<Location /private>\nRequire all denied\n</Location>",
        "url.access-deny = (\"secret.mp4\")\n$HTTP[\"url\"] =~ \"^/private/\" {\nurl.access-deny = (\"\")\n}",
        "location = /secret.mp4 { deny all; }\nlocation /private/ { deny all; }",
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
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    assert_eq!(got(&site, &film, "/f.mp4", "localhost"), Got::Exact);
    site.allow_log("AH01630|access forbidden by rule");
}

fn what_cannot_be_read_is_not_opened(engine: Engine) {
    let site = site(engine, "", "", "");
    let film = film("bframes");
    let bytes = fs::read(&film.path).expect("a film");
    site.publish_as(&film, "f.mp4");
    assert_eq!(got(&site, &film, "/f.mp4", "localhost"), Got::Exact);
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
        "disable_symlinks on;",
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
    let site = site(engine, "", "", "");
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    symlink("f.mp4", site.docroot().join("link.mp4")).expect("a document root that can be written");
    assert_eq!(got(&site, &film, "/link.mp4", "localhost"), Got::Exact);
}
