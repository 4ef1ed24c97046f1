//! Films that are sent for signed links alone.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use regex::Regex;
use tests::client::Reply;
use tests::films::film;
use tests::pages::block;
use tests::probe::clip;
use tests::servers::{Builder, Engine, Site};
use tests::{built, key_file, on_all_engines, work_dir};

use super::elsewhere;

on_all_engines!(
    a_film_without_a_signature_is_not_opened,
    a_signed_link_is_let_through,
    a_link_that_was_changed_is_refused,
    a_link_expires,
    a_film_that_is_not_there_is_not_found_by_any_link,
    no_other_way_leads_to_the_film,
    a_film_that_cannot_be_opened_for_a_moment_is_refused,
    a_playlist_and_its_segments_need_one_signature,
    a_new_key_takes_the_place_of_an_old_one,
    a_narrower_place_has_other_keys_or_none,
    a_file_that_is_no_list_of_keys_keeps_the_server_from_starting,
    pages_sign_as_documented,
);

const KEY: &str = "a key that nobody knows";

fn directive(engine: Engine, file: &str) -> String {
    match engine {
        Engine::Lighttpd => format!("h264-streaming.secret-file = \"{file}\""),
        Engine::Nginx => format!("h264_streaming_secret_file \"{file}\";"),
        _ => format!("H264StreamingSecretFile \"{file}\""),
    }
}

fn site_with(engine: Engine, file: &Path) -> Site {
    let line = directive(engine, &file.to_string_lossy());
    let index =
        engine.lines("DirectoryIndex film.mp4", "index-file.names = (\"film.mp4\")", "index film.mp4;");
    let site = Builder::new(engine).config(&line).config(index).packaging().start();
    // The user that the server runs as has to read it, and the tests need not run as root.
    site.allow_log("can be read by every user");
    site.allow_log("no signature|is not that of|has expired|nothing at this address");
    site
}

fn site(engine: Engine) -> Site {
    site_with(engine, &key_file("one", &format!("# the key\n{KEY}\n")))
}

/// The link with its signature by a key.
fn signed_by(key: &str, link: &str) -> String {
    sign(key, &[link])
}

pub(crate) fn sign(key: &str, arguments: &[&str]) -> String {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), key).expect("a file of our own");
    let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
    command.args(["sign", "--secret-file"]).arg(file.path()).args(arguments);
    let output = command.output().expect("mp4seek");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

fn signed(link: &str) -> String {
    signed_by(KEY, link)
}

fn assert_refused(reply: &Reply, status: u16, reason: &str) {
    assert_eq!(reply.status, status, "{reply}");
    assert!(reply.text().contains(reason), "{reply}");
    assert!(!reply.header("x-mod-h264-streaming").is_empty(), "{reply}");
}

fn a_signed_link_is_let_through(engine: Engine) {
    let site = site(engine);
    let film = film("bframes");
    let path = site.publish(&film);
    site.publish_as(&film, "a b+ä.mp4");
    let whole = clip(&film.path, "").expect("the film, metadata first");
    let asked = "start=3.05&end=5";
    let expected = clip(&film.path, asked).expect("a clip");
    assert!(site.get(&signed(&path)).body == whole);
    for link in [
        signed(&format!("{path}?{asked}")),
        signed(&format!("/a%20b+%C3%A4.mp4?{asked}")),
        format!("{}&utm_source=x", signed(&format!("{path}?{asked}"))),
        sign(KEY, &["--valid-for", "3600", &format!("{path}?{asked}")]),
    ] {
        let reply = site.get(&link);
        assert!(reply.status == 200 && reply.body == expected, "{link}\n{reply}");
        let head = site.request(&link).head().send();
        assert_eq!((head.status, head.header("content-length")), (200, &*expected.len().to_string()));
        let part = site.request(&link).range("5-99").send();
        assert!(part.status == 206 && part.body == expected[5..100], "{part}");
        let again = site.request(&link).header("If-None-Match", reply.header("etag")).send();
        assert_eq!(again.status, 304, "{again}");
        assert_eq!(site.request(&link).http2().send().body, expected);
    }
}

fn a_link_that_was_changed_is_refused(engine: Engine) {
    let site = site(engine);
    let path = site.publish(&film("bframes"));
    site.publish_as(&film("bframes"), "other.mp4");
    let scenes = signed(&format!("{path}?clip=1-2&clip=3-4"));
    assert_eq!(site.get(&scenes).status, 200);
    let swapped = scenes.replace("clip=1-2&clip=3-4", "clip=3-4&clip=1-2");
    assert_refused(&site.get(&swapped), 403, "the signature is not that");
    let link = signed(&format!("{path}?start=3&end=5"));
    assert_eq!(site.get(&link).status, 200);
    let (asked, signature) = link.split_once("&sig=").expect("a signature");
    for tampered in [
        link.replace("end=5", "end=6"),
        link.replace("&end=5", ""),
        link.replace(&path, "/other.mp4"),
        format!("{link}&start=0"),
        format!("{link}&mode=keyframe"),
        format!("{link}&t=0"),
        format!("{link}&expires=9999999999"),
        format!("{link}&sig={signature}"),
        format!("{asked}&sig={}", "0".repeat(64)),
        format!("{asked}&sig=x"),
        format!("{path}?sig={signature}"),
        signed_by("a key of somebody else", asked),
    ] {
        assert_refused(&site.get(&tampered), 403, "the signature is not that");
        for reply in [
            site.request(&tampered).range("0-99").send(),
            site.request(&tampered).head().send(),
            site.request(&tampered).header("If-None-Match", "*").send(),
        ] {
            assert_eq!(reply.status, 403, "{tampered}\n{reply}");
        }
    }
}

fn a_link_expires(engine: Engine) {
    let site = site(engine);
    let path = site.publish(&film("bframes"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let link = |expires: u64| sign(KEY, &["--expires", &expires.to_string(), &format!("{path}?start=3")]);
    assert_eq!(site.get(&link(now + 600)).status, 200);
    assert_refused(&site.get(&link(now - 1)), 410, "the link has expired.");
    let later = link(now - 1).replace(&(now - 1).to_string(), &(now + 600).to_string());
    assert_refused(&site.get(&later), 403, "the signature is not that");
}

fn a_film_without_a_signature_is_not_opened(engine: Engine) {
    let site = site(engine);
    site.put("locked.mp4", fs::read(film("bframes").path).expect("a film"));
    let locked = site.docroot().join("locked.mp4");
    fs::set_permissions(locked, fs::Permissions::from_mode(0o000)).expect("a file of our own");
    for query in ["", "?start=3", "?start=x", "?sig=00"] {
        let reply = site.get(&format!("/locked.mp4{query}"));
        assert_eq!(reply.status, 403, "{reply}");
        assert!(reply.text().contains("signature"), "{reply}");
    }
    let log = site.error_log();
    assert!(!log.iter().any(|line| line.contains("ermission denied")), "{log:?}");
    // Now it is the file that cannot be opened, and the server that says so.
    let reply = site.get(&signed("/locked.mp4?start=3"));
    assert!(reply.status == 403 && !reply.text().contains("signature"), "{reply}");
    site.allow_log("Permission denied|may not be opened");
}

/// Whoever has no link learns no more than that, and the same from each server.
fn a_film_that_is_not_there_is_not_found_by_any_link(engine: Engine) {
    let site = site(engine);
    for link in
        ["/gone.mp4", "/gone.mp4?start=3", "/none/gone.mp4", "/gone.mp4/hls/master.m3u8", "/gone.mp4/x"]
    {
        for link in [link.to_owned(), signed(link)] {
            let reply = site.get(&link);
            assert!(reply.status == 404 && !reply.text().contains("signature"), "{link}\n{reply}");
        }
    }
    site.allow_log("No such file|AH00128");
}

fn no_other_way_leads_to_the_film(engine: Engine) {
    let site = site(engine);
    let path = site.publish(&film("bframes"));
    site.publish_as(&film("bframes"), "index/film.mp4");
    let av1 = site.publish(&film("av1"));
    for (target, method) in [
        (path.clone(), "GET"),
        (path.clone(), "POST"),
        (path.clone(), "QUERY"),
        (format!("{path}/anything"), "GET"),
        (format!("{path}/anything"), "POST"),
        (signed(&path).replace('?', "/anything?"), "GET"),
        ("/index/".to_owned(), "GET"),
        ("/index/?start=3".to_owned(), "GET"),
        (format!("{av1}?poster=1"), "GET"),
        (format!("/.{path}"), "GET"),
        (format!("/index/..{path}?start=3"), "GET"),
        (path.replace('.', "%2e"), "GET"),
        (format!("{path}/hls/anything"), "GET"),
        (format!("{path}/cmaf/v1.mp4"), "GET"),
        (format!("{path}/cmaf/v1.mp4"), "POST"),
        (format!("{path}/text/chapters.vtt"), "GET"),
        (format!("//{}", path.trim_start_matches('/')), "GET"),
    ] {
        let request = site.request(&target).arg("--path-as-is");
        let reply = if method == "GET" { request } else { request.method(method) }.send();
        let is_refusal = (400..500).contains(&reply.status) || reply.status == 501;
        assert!(is_refusal, "{method} {target}\n{reply}");
        assert!(reply.body.len() < 2000, "{method} {target}");
    }
    site.allow_log("does not accept the|AH00127|AH00135|AH00128|Cannot map|invalid method");
}

/// The server's own handler would try to open it again, and send all of it.
fn a_film_that_cannot_be_opened_for_a_moment_is_refused(engine: Engine) {
    let file = key_file("moment", &format!("{KEY}\n"));
    let line = directive(engine, &file.to_string_lossy());
    let site = Builder::new(engine).config(&line).unopened_once("moment.mp4").start();
    site.allow_log("can be read by every user|Too many open files|os error 24");
    site.publish_as(&film("bframes"), "moment.mp4");
    let link = signed("/moment.mp4?start=3&end=5");
    let reply = site.get(&link);
    let is_refusal = [403, 500].contains(&reply.status);
    assert!(is_refusal && reply.body.len() < 2000, "{reply}");
    // Each process of the server has such a moment.
    assert!((0..20).any(|_| site.get(&link).status == 200), "the moment is over");
}

/// lighttpd decides on conditions before it cuts off what is behind a file, where something asks then:
/// the page of counts, or an option of another module in the same block.
#[test]
fn conditions_on_the_address_of_a_film_hold_for_what_is_behind_it() {
    let file = key_file("condition", &format!("{KEY}\n"));
    let line = directive(Engine::Lighttpd, &file.to_string_lossy());
    let setenv = "server.modules += (\"mod_setenv\")\n";
    let guarded = format!("{setenv}h264-streaming.window = \"0-3600\"");
    for (outside, inside) in [
        ("", ""),
        ("h264-streaming.metrics-url = \"/counts\"", ""),
        (setenv, "setenv.add-response-header = (\"X-Film\" => \"1\")"),
        (&guarded, "setenv.add-response-header = (\"X-Film\" => \"1\")"),
    ] {
        let config = format!("{outside}\n$HTTP[\"url\"] =~ \"\\.mp4$\" {{\n{line}\n{inside}\n}}");
        let site = Builder::new(Engine::Lighttpd).config(&config).packaging().start();
        site.allow_log("can be read by every user|no signature|nothing at this address");
        let path = site.publish(&film("bframes"));
        assert_eq!(site.get(&signed(&format!("{path}/hls/master.m3u8"))).status, 200, "{config}");
        for behind in ["", "/x", "/hls/master.m3u8", "/cmaf/v1.mp4"] {
            let reply = site.get(&format!("{path}{behind}"));
            assert!(
                [403, 404].contains(&reply.status) && reply.body.len() < 2000,
                "{config}\n{behind}\n{reply}"
            );
        }
    }
}

#[test]
fn what_says_which_clips_there_are_takes_no_place_of_a_key() {
    let file = key_file("behind", &format!("{KEY}\n"));
    let line = directive(Engine::Lighttpd, &file.to_string_lossy());
    // Another module has the condition decided on the whole address.
    let config = format!(
        "server.modules += (\"mod_setenv\")\nh264-streaming.shortest-clip = 2\n\
         $HTTP[\"url\"] =~ \"/hls/\" {{\n{line}\nsetenv.add-response-header = (\"X-Film\" => \"1\")\n}}"
    );
    let site = Builder::new(Engine::Lighttpd).config(&config).packaging().start();
    site.allow_log("can be read by every user|no signature");
    let playlist = format!("{}/hls/master.m3u8", site.publish(&film("bframes")));
    assert_eq!(site.get(&playlist).status, 403);
    assert_eq!(site.get(&signed(&playlist)).status, 200);
}

fn a_playlist_and_its_segments_need_one_signature(engine: Engine) {
    let site = site(engine);
    let path = site.publish(&film("bframes"));
    let link = Regex::new("(?m)^([^#\\s<].*)$|URI=\"([^\"]+)\"|<BaseURL>([^<]+)").expect("an expression");
    for asked in ["", "?start=2&end=8.5"] {
        let of_film = signed(&format!("{path}{asked}"));
        let signature = of_film.split_once('?').expect("a signature").1;
        let mut next: Vec<_> = ["hls/master.m3u8", "dash/manifest.mpd", "dash/manifest-template.mpd"]
            .map(|address| format!("{path}/{address}?{signature}"))
            .into();
        assert_eq!(signed(&format!("{path}/hls/master.m3u8{asked}")), next[0], "mp4seek knows the film");
        let mut seen = BTreeSet::new();
        while let Some(target) = next.pop() {
            let reply = site.get(&target);
            assert_eq!(reply.status, 200, "{target}\n{reply}");
            assert_eq!(site.get(target.split('?').next().unwrap_or_default()).status, 403, "{target}");
            let is_list = target.contains(".m3u8") || target.contains(".mpd");
            let text = if is_list { reply.text() } else { String::new() };
            for found in link.captures_iter(&text) {
                let found =
                    (1..=3).find_map(|n| found.get(n)).expect("a link").as_str().replace("&amp;", "&");
                let folder =
                    target.split('?').next().and_then(|path| path.rsplit_once('/')).expect("a path").0;
                let link = match found.strip_prefix("../") {
                    Some(link) => format!("{}/{link}", folder.rsplit_once('/').expect("a path").0),
                    None => format!("{folder}/{found}"),
                };
                if !seen.contains(&link) {
                    next.push(link);
                }
            }
            seen.insert(target);
        }
        assert!(seen.iter().any(|link| link.contains("/cmaf/v1.mp4")), "{seen:?}");
        assert!(seen.iter().any(|link| link.contains("/hls/a1.m3u8")), "{seen:?}");
    }
    // A link to a picture is for the picture alone.
    let of_picture = signed(&format!("{path}?poster=0"));
    let signature = of_picture.split_once('?').expect("a signature").1;
    for address in ["hls/master.m3u8", "dash/manifest.mpd", "cmaf/v1.mp4", "cmaf/a1/init.mp4"] {
        assert_refused(&site.get(&format!("{path}/{address}?{signature}")), 404, "nothing at this address");
    }
}

fn a_new_key_takes_the_place_of_an_old_one(engine: Engine) {
    let file = key_file("rotated", &format!("{KEY}\n"));
    let site = site_with(engine, &file);
    let path = site.publish(&film("bframes"));
    let (old, new) = (signed(&path), signed_by("a key of this new year", &path));
    let status = |site: &Site| [&old, &new].map(|link| site.get(link).status);
    assert_eq!(status(&site), [200, 403]);
    drop(site);
    for (keys, expected) in [
        (format!("a key of this new year\n{KEY}\n"), [200, 200]),
        ("a key of this new year\n".to_owned(), [403, 200]),
    ] {
        fs::write(&file, keys).expect("a file of our own");
        let site = site_with(engine, &file);
        site.publish(&film("bframes"));
        assert_eq!(status(&site), expected);
    }
}

fn a_narrower_place_has_other_keys_or_none(engine: Engine) {
    let (one, two) = (key_file("wide", KEY), key_file("narrow", "a key for this folder"));
    let [one, two] = [one, two].map(|path| directive(engine, &path.to_string_lossy()));
    let none = directive(engine, engine.lines("none", "none", "off"));
    let lines = match engine {
        Engine::Lighttpd => format!(
            "{one}\n$HTTP[\"url\"] =~ \"^/two/\" {{\n{two}\n}}\n$HTTP[\"url\"] =~ \"^/free/\" {{\n{none}\n}}"
        ),
        Engine::Nginx => format!("{one}\nlocation /two/ {{\n{two}\n}}\nlocation /free/ {{\n{none}\n}}"),
        _ => format!("{one}\n<Location /two>\n{two}\n</Location>\n<Location /free>\n{none}\n</Location>"),
    };
    let site = Builder::new(engine).config(&lines).start();
    site.allow_log("can be read by every user|no signature|is not that of");
    for name in ["one", "two", "free"] {
        fs::create_dir(site.docroot().join(name)).expect("a document root that can be written");
        site.publish_as(&film("bframes"), format!("{name}/f.mp4"));
    }
    for (folder, statuses) in [("one", [403, 200, 403]), ("two", [403, 403, 200]), ("free", [200, 200, 200])]
    {
        let link = format!("/{folder}/f.mp4?start=3");
        let links = [link.clone(), signed(&link), signed_by("a key for this folder", &link)];
        assert_eq!(links.map(|link| site.get(&link).status), statuses, "{folder}");
    }
}

fn a_file_that_is_no_list_of_keys_keeps_the_server_from_starting(engine: Engine) {
    let name =
        engine.lines("H264StreamingSecretFile", "h264-streaming.secret-file", "h264_streaming_secret_file");
    let missing = work_dir("keys").join("missing");
    for (file, reason) in [
        (missing, "cannot be read: No such file"),
        (key_file("empty", "# none\n"), "has no key"),
        (key_file("short", "short\n"), "line 1: a key has 16 bytes or more"),
        (work_dir("keys"), "is no file"),
    ] {
        let file = file.to_string_lossy();
        let (passed, said) = Builder::new(engine).config(&directive(engine, &file)).test_config();
        assert!(!passed, "{file} passes: {said}");
        let is_named = |line: &str| [name, &*file, reason].iter().all(|word| line.contains(word));
        assert!(said.lines().any(is_named), "{file}: {said}");
    }
}

fn pages_sign_as_documented(engine: Engine) {
    let file = key_file("documented", KEY);
    let config = block("limits.md", "Signed links", engine.lines("apache", "lighttpd", "nginx"))
        .replace("/etc/h264-streaming.keys", &file.to_string_lossy())
        .replace("/var/www", "{docroot}");
    let site = Builder::new(engine).without_defaults().config(&config).config(elsewhere(engine)).start();
    site.allow_log("can be read by every user|no signature|is not that of");
    fs::create_dir(site.docroot().join("films")).expect("a document root that can be written");
    site.publish_as(&film("bframes"), "films/a ä#?.mp4");
    let times = [("start", "3.05"), ("end", "0:05"), ("expires", "4000000000"), ("mode", "exact")];
    let scenes = [("clip", "8-9,2-3"), ("scene", "2")];
    for (program, argument, language) in
        [("php", "-r", "php"), ("python3", "-c", "python"), ("node", "-e", "js")]
    {
        let function = block("limits.md", "Signed links", language);
        let link = |params: &[(&str, &str)]| {
            let call = call(language, "/films/a ä#?.mp4", params);
            let output = Command::new(program).args([argument, &format!("{function}\n{call}")]).output();
            let output = output.expect("an interpreter");
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).expect("text").trim().to_owned()
        };
        for (params, query) in [(&times[..], "start=3.05&end=5"), (&scenes, "start=2&end=3")] {
            let link = link(params);
            let reply = site.get(&link);
            assert_eq!(reply.status, 200, "{program}: {link}\n{reply}");
            assert!(reply.body == clip(&film("bframes").path, query).expect("a clip"), "{program}: {link}");
        }
        assert_eq!(site.get(&link(&times).replace("3.05", "3.1")).status, 403, "{program}");
    }
    assert_eq!(site.get("/films/a%20%C3%A4%23%3F.mp4").status, 403);
}

/// The line that calls the function of a page and prints its link.
fn call(language: &str, path: &str, params: &[(&str, &str)]) -> String {
    let (open, is, close) = if language == "php" { ("[", "=>", "]") } else { ("{", ":", "}") };
    let params: Vec<_> = params.iter().map(|(name, value)| format!("'{name}' {is} '{value}'")).collect();
    let call = format!("signed('{path}', '{KEY}', {open}{}{close})", params.join(", "));
    match language {
        "php" => format!("echo {call};"),
        "python" => format!("print({call})"),
        _ => format!("console.log({call})"),
    }
}

#[test]
fn the_text_of_the_page_is_what_is_signed() {
    let text = block("limits.md", "Signed links", "text");
    let lines: Vec<_> = text.trim_end().lines().collect();
    let (path, params) = lines.split_first().expect("a path");
    // By another program than ours.
    let line = format!("printf %s \"$1\" | openssl dgst -sha256 -hmac '{KEY}' | sed 's/.* //'");
    let output = Command::new("sh").args(["-ec", &line, "sh", text.trim_end()]).output().expect("a shell");
    let signature = String::from_utf8(output.stdout).expect("text");
    let file = key_file("text", &format!("{KEY}\n"));
    let link = format!("{path}?{}", params.join("&"));
    let mut sign = Command::new(built("H264_MP4SEEK", "mp4seek"));
    let output = sign.arg("sign").arg("--secret-file").args([&file]).arg(&link).output().expect("mp4seek");
    let signed = String::from_utf8(output.stdout).expect("text");
    assert!(params.len() == 3 && signature.trim().len() == 64, "{lines:?}, {signature}");
    assert!(signed.contains(&format!("sig={}", signature.trim())), "{signed} has not {signature}");
}
