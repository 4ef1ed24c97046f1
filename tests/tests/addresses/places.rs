//! What the configuration says of a film holds for what is behind it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use tests::films::film;
use tests::names;
use tests::on_all_engines;
use tests::servers::{APACHE, Builder, Engine, Site};

use crate::{OF_EACH_KIND, site};

on_all_engines!(
    a_password_is_asked_for_first,
    what_is_denied_stays_denied,
    what_cannot_be_read_is_not_opened,
    packaging_is_on_where_it_is_turned_on,
    other_files_have_nothing_behind_them,
    unusual_names_are_found,
    rewrites_and_aliases_lead_there,
    errors_have_the_documents_of_the_server,
);

/// Whether a playlist is behind a path.
fn is_on(site: &Site, path: &str) -> bool {
    let reply = site.get(&format!("{path}/hls/master.m3u8"));
    reply.status == 200 && reply.body.starts_with(b"#EXTM3U")
}

fn publish(site: &Site, name: &str) -> String {
    site.put(format!("{name}.txt"), "");
    site.publish_as(&film("chapters"), name);
    format!("/{name}")
}

fn a_password_is_asked_for_first(engine: Engine) {
    let site = site(
        engine,
        "<Directory {docroot}/private>\nAuthType Basic\nAuthName films\nAuthUserFile {docroot}/.users\n\
         Require valid-user\n</Directory>",
        "auth.backend = \"plain\"\nauth.backend.plain.userfile = \"{docroot}/.users\"\n\
         auth.require = (\"/private/\" => (\"method\" => \"basic\", \"realm\" => \"films\", \"require\" => \"valid-user\"))",
        "location /private/ {\nauth_basic films;\nauth_basic_user_file {docroot}/.users;\n}",
    );
    let hash = "film:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="; // of "password"
    site.put(".users", if engine == Engine::Lighttpd { "film:password" } else { hash });
    let path = publish(&site, "private/f.mp4");
    for address in OF_EACH_KIND.into_iter().chain(["/hls/"]) {
        let request = || site.request(&format!("{path}{address}"));
        assert_eq!(request().send().status, 401, "{address}");
        assert_eq!(request().head().send().status, 401, "{address}");
        assert_eq!(request().arg("--user").arg("film:wrong").send().status, 401, "{address}");
        let reply = request().arg("--user").arg("film:password").send();
        assert_eq!(reply.status, if address == "/hls/" { 404 } else { 200 }, "{address}\n{reply}");
    }
    site.allow_log(
        "AH01617|password mismatch|password doesn't match|get_password failed|nothing at this address",
    );
}

fn what_is_denied_stays_denied(engine: Engine) {
    let site = site(
        engine,
        "<Files \"secret.mp4\">\nRequire all denied\n</Files>\n<Location /private>\nRequire all denied\n</Location>\n\
         <LocationMatch \"\\.mpd$\">\nRequire all denied\n</LocationMatch>",
        "url.access-deny = (\"secret.mp4\", \".mpd\")\n\
         $HTTP[\"url\"] =~ \"^/private/\" {\nurl.access-deny = (\"\")\n}",
        "location ^~ /secret.mp4 { deny all; }\nlocation ^~ /private/ { deny all; }\n\
         location ~ \\.mpd$ { deny all; }",
    );
    for path in [publish(&site, "secret.mp4"), publish(&site, "private/f.mp4")] {
        for address in OF_EACH_KIND {
            let reply = site.get(&format!("{path}{address}"));
            let header = reply.header("x-mod-h264-streaming");
            assert_eq!((reply.status, header), (403, ""), "{path}{address}\n{reply}");
        }
    }
    let path = publish(&site, "f.mp4");
    assert!(is_on(&site, &path));
    assert_eq!(site.get(&format!("{path}/dash/manifest.mpd")).status, 403);
    site.allow_log("AH01630|access forbidden by rule");
}

fn what_cannot_be_read_is_not_opened(engine: Engine) {
    let site = site(
        engine,
        "<Directory {docroot}>\nOptions None\n</Directory>",
        "server.follow-symlink = \"disable\"",
        "disable_symlinks on;",
    );
    site.put("locked.mp4", fs::read(film("chapters").path).expect("a film"));
    fs::set_permissions(site.docroot().join("locked.mp4"), fs::Permissions::from_mode(0o000))
        .expect("a file of our own");
    publish(&site, "f.mp4");
    symlink("f.mp4", site.docroot().join("link.mp4")).expect("a document root that can be written");
    for name in ["locked.mp4", "link.mp4"] {
        for address in OF_EACH_KIND {
            let reply = site.get(&format!("/{name}{address}"));
            assert_eq!(
                reply.status,
                site.get(&format!("/{name}?start=3")).status,
                "{name}{address}\n{reply}"
            );
            assert_eq!(reply.status, 403, "{name}{address}\n{reply}");
        }
    }
    site.allow_log("AH00037|symlink|Too many levels|Permission denied");
}

fn packaging_is_on_where_it_is_turned_on(engine: Engine) {
    let site = Builder::new(engine)
        .config(match engine {
            Engine::Lighttpd => {
                "$HTTP[\"url\"] =~ \"^/on/\" {\nh264-streaming.packaging = (\"hls\")\n}\n\
                 $HTTP[\"url\"] =~ \"^/on/off/\" {\nh264-streaming.packaging = (\"none\")\n}\n\
                 $HTTP[\"url\"] =~ \"^/on/module/\" {\nh264-streaming.enable = \"disable\"\n}\n\
                 $HTTP[\"host\"] == \"on.test\" {\nh264-streaming.packaging = (\"hls\")\n}"
            }
            Engine::Nginx => {
                "listen 127.0.0.1:{port};\nserver_name on.test;\nh264_streaming_packaging hls;\n}\n\
                 server {\nlisten 127.0.0.1:{port} default_server;\nroot {docroot};\n\
                 location /on/ {\nh264_streaming_packaging hls;\n\
                 location /on/off/ { h264_streaming_packaging none; }\n\
                 location /on/module/ { h264_streaming off; }\n}"
            }
            _ => {
                "<Directory {docroot}/on>\nH264StreamingPackaging hls\n</Directory>\n\
                 <Directory {docroot}/on/off>\nH264StreamingPackaging none\n</Directory>\n\
                 <Location /on/module>\nH264Streaming Off\n</Location>\n\
                 <VirtualHost *:{port}>\nServerName localhost\n</VirtualHost>\n\
                 <VirtualHost *:{port}>\nServerName on.test\nH264StreamingPackaging hls\n</VirtualHost>"
            }
        })
        .start();
    for (name, wanted) in
        [("f.mp4", false), ("on/f.mp4", true), ("on/off/f.mp4", false), ("on/module/f.mp4", false)]
    {
        let path = publish(&site, name);
        assert_eq!(is_on(&site, &path), wanted, "{name}");
    }
    let request = site.request("/f.mp4/hls/master.m3u8").header("Host", "on.test");
    assert_eq!(request.send().header("content-type"), "application/vnd.apple.mpegurl");
    site.allow_log("AH00128|Not a directory");
}

#[test]
fn apache_reads_htaccess() {
    let site = Builder::new(APACHE).start();
    for (dir, text, wanted) in [
        ("none", "", false),
        ("on", "H264StreamingPackaging hls dash\nH264StreamingSegmentDuration 2\n", true),
        ("on/off", "H264StreamingPackaging off\n", false),
    ] {
        site.put(format!("{dir}/.htaccess"), text);
        let path = publish(&site, &format!("{dir}/f.mp4"));
        assert_eq!(is_on(&site, &path), wanted, "{dir}");
    }
    let text = site.get("/on/f.mp4/hls/v1.m3u8").text();
    assert!(text.contains("#EXT-X-TARGETDURATION:2"), "{text}");
    site.allow_log("AH00128|Not a directory");
}

/// The extension that counts is the film's.
fn other_files_have_nothing_behind_them(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingExtensions .vid .m3u8",
        "h264-streaming.extensions = (\".vid\", \".m3u8\")",
        "h264_streaming_extensions .vid .m3u8;",
    );
    for (name, wanted) in [("f.vid", true), ("f.mp4", false), ("f.txt", false)] {
        let path = publish(&site, name);
        assert_eq!(is_on(&site, &path), wanted, "{name}");
    }
    site.put("text.vid", "This is not a film. ".repeat(10));
    for address in OF_EACH_KIND {
        let reply = site.get(&format!("/text.vid{address}"));
        assert_eq!(reply.status, 415, "{address}\n{reply}");
    }
    site.allow_log("AH00128|Not a directory");
    site.expect_log("text.vid");
}

fn unusual_names_are_found(engine: Engine) {
    let site = site(engine, "", "", "");
    let film = film("chapters");
    for name in names::UNUSUAL {
        site.publish_as(&film, OsStr::from_bytes(name));
        let path = names::escaped(name);
        for address in OF_EACH_KIND {
            let reply = site.get(&format!("/{path}{address}?start=3"));
            assert_eq!(reply.status, 200, "{path}{address}\n{reply}");
            // It is the resource, and not the film.
            assert!(reply.header("etag").starts_with("\"h264s"), "{path}{address}\n{reply}");
            // Links are relative: no name of a film is in them.
            assert!(!reply.text().contains("/%") && !reply.text().contains(".mp4/"), "{path}{address}");
        }
    }
}

fn rewrites_and_aliases_lead_there(engine: Engine) {
    let site = site(
        engine,
        "RewriteEngine On\nRewriteRule ^/watch/(\\w+)/(.*)$ /$1.mp4/$2 [PT]\n\
         Alias /media {dir}/tmp/elsewhere\n<Directory {dir}/tmp/elsewhere>\nRequire all granted\n</Directory>",
        "url.rewrite-once = (\"^/watch/(\\w+)/(.*)$\" => \"/$1.mp4/$2\")\n\
         alias.url = (\"/media\" => \"{dir}/tmp/elsewhere\")",
        "rewrite ^/watch/(\\w+)/(.*)$ /$1.mp4/$2 last;\n\
         location /media/ { alias {dir}/tmp/elsewhere/; }",
    );
    publish(&site, "f.mp4");
    site.put("../tmp/elsewhere/none.txt", "");
    site.publish_as(&film("chapters"), "../tmp/elsewhere/f.mp4");
    for address in OF_EACH_KIND {
        let direct = site.get(&format!("/f.mp4{address}?start=3"));
        for path in ["/watch/f", "/media/f.mp4"] {
            let reply = site.get(&format!("{path}{address}?start=3"));
            assert!(reply.status == 200 && reply.body == direct.body, "{path}{address}\n{reply}");
            assert_eq!(reply.header("etag"), direct.header("etag"), "{path}{address}");
        }
    }
}

fn errors_have_the_documents_of_the_server(engine: Engine) {
    let site = site(
        engine,
        "ErrorDocument 404 /error-404.html\nErrorDocument 416 /error-416.html",
        "server.errorfile-prefix = \"{docroot}/error-\"",
        "error_page 404 /error-404.html;\nerror_page 416 /error-416.html;",
    );
    let path = publish(&site, "f.mp4");
    for status in [404, 416] {
        site.put(format!("error-{status}.html"), format!("sorry, {status}"));
    }
    for (address, status) in
        [("/hls/", 404), ("/cmaf/v9.mp4", 404), ("/cmaf/v1/999.m4s", 404), ("/hls/master.m3u8?start=99", 416)]
    {
        let reply = site.get(&format!("{path}{address}"));
        assert_eq!((reply.status, reply.text()), (status, format!("sorry, {status}")), "{address}\n{reply}");
    }
    // A line says which resource it is about.
    site.expect_log("f.mp4/cmaf/v9.mp4: .*nothing at this address");
    site.expect_log("f.mp4/hls/: .*nothing at this address");
    site.expect_log("f.mp4/hls/master.m3u8.start=99: .*start");
    site.allow_log("f.mp4/cmaf/v1/999.m4s");
}
