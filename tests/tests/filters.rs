//! What stands between the module and the client: TLS, compression, a limit on the rate.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, Instant};

use test_boxes::{Film, Sample, TrackSpec};
use tests::client::{Connection, Reply, Request};
use tests::films::film;
use tests::probe::clip;
use tests::servers::{APACHE, Builder, Engine, Mpm, Site, has_nginx};
use tests::tls;

const QUERY: &str = "start=3.05&end=7";

/// A film of which a clip is longer than any window or threshold.
const FILM: &str = "pcm";

fn with_tls(engine: Engine) -> Site {
    Builder::new(engine).config(&tls::config(engine)).start()
}

fn over_tls(site: &Site, target: &str) -> Request {
    Request::get(site.url(target).replace("http:", "https:")).arg("--insecure")
}

fn over_tls_as_alone(engine: Engine) {
    let (site, film) = (with_tls(engine), film(FILM));
    let alone = clip(&film.path, QUERY).expect("a clip");
    let target = format!("{}?{QUERY}", site.publish(&film));
    let versions: &[&str] = match engine {
        Engine::Apache(Mpm::Prefork) => &["--http1.1"],
        _ => &["--http1.1", "--http2"],
    };
    for version in versions {
        let ask = || over_tls(&site, &target).arg(version);
        let reply = ask().send();
        assert_eq!(reply.version, version.trim_start_matches("--").to_uppercase().replace("HTTP", "HTTP/"));
        assert!(reply.status == 200 && reply.body == alone, "{version}\n{reply}");
        let part = ask().range("5000-200000").send();
        assert!(part.status == 206 && part.body == alone[5000..=200_000], "{version}\n{part}");
        let slow = ask().arg("--limit-rate").arg("3M").send();
        assert!(slow.body == alone, "{version}\n{slow}");
    }
    // The distribution's mod_ssl and its library may be of different days.
    site.allow_log("AH01882");
    // lighttpd 1.4.79 says that curl, which has all it asked for, does not wait for the end of TLS.
    site.allow_log(r"\(mod_openssl.*error:80000020:system library::Broken pipe");
}

#[test]
fn apache_sends_clips_over_tls() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        over_tls_as_alone(Engine::Apache(mpm));
    }
}

#[test]
fn lighttpd_sends_clips_over_tls() {
    over_tls_as_alone(Engine::Lighttpd);
}

/// Films are packed as tightly as can be: no server's compression is to touch them, even where
/// it is configured to compress everything, for then a byte range would not be one of the film.
fn compression(engine: Engine) {
    let config = match engine {
        Engine::Apache(_) => {
            "LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so\n\
             LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so\n\
             SetOutputFilter DEFLATE"
        }
        Engine::Nginx => "gzip on;\ngzip_types *;\ngzip_http_version 1.0;\ngzip_min_length 1;",
        _ => {
            "server.modules += (\"mod_deflate\")\ndeflate.mimetypes = (\"video/\", \"text/\")\n\
             deflate.allowed-encodings = (\"gzip\", \"deflate\")"
        }
    };
    let site = Builder::new(engine).config(config).start();
    site.put("page.html", "compress me, ".repeat(1000));
    let ask = |target: &str| site.request(target).header("Accept-Encoding", "gzip");
    assert_eq!(ask("/page.html").send().header("content-encoding"), "gzip");
    let film = film("bframes");
    let path = site.publish(&film);
    for query in [QUERY, "start=1&end=1.04"] {
        let alone = clip(&film.path, query).expect("a clip");
        let target = format!("{path}?{query}");
        let is_plain = |reply: &Reply| reply.header("content-encoding").is_empty();
        let reply = ask(&target).send();
        assert!(is_plain(&reply) && reply.body == alone, "{reply}");
        let part = ask(&target).range("100-4999").send();
        assert!(part.status == 206 && is_plain(&part) && part.body == alone[100..5000], "{part}");
    }
}

#[test]
fn apache_compresses_no_film() {
    compression(APACHE);
}

#[test]
fn lighttpd_compresses_no_film() {
    compression(Engine::Lighttpd);
}

/// Clients that take a long playlist slowly share it.
#[test]
fn lighttpd_copies_no_text_that_nothing_compresses() {
    let site = Builder::new(Engine::Lighttpd)
        .config("h264-streaming.segment-duration = 1\nserver.max-worker = 1")
        .packaging()
        .start();
    let slide = Sample { delta: 1000, offset: 0, sync: true, size: 10 };
    let slides = Film::of(vec![TrackSpec::new(b"vide", b"avc1", 1000, vec![slide; 20_000])]).build();
    site.put("slides.mp4", slides);
    // Of a film that has just changed, nothing is kept.
    std::thread::sleep(Duration::from_secs(3));
    // Each of the links has all of this.
    let target = format!("/slides.mp4/hls/v1.m3u8?token={}", "a".repeat(300));
    let len = site.get(&target).body.len();
    assert!(len > 6_000_000, "{len}");
    let clients: Vec<_> = (0..12)
        .map(|_| {
            let mut client = Connection::open_narrow(site.address());
            client.write(&format!("GET {target} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"));
            assert!(client.read(100) > 0);
            client
        })
        .collect();
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid())).expect("a server that runs");
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    let memory: usize = memory.expect("a line of it").parse().expect("a number");
    // Of a server under valgrind, most of it is valgrind's.
    assert!(memory < 6 * len / 1000 || std::env::var_os("H264_VALGRIND").is_some(), "{memory} kB");
    drop(clients);
}

/// Whichever module comes first: the page that says why is not the one that mod_deflate compresses.
#[test]
fn lighttpd_says_why_in_words_that_can_be_read() {
    for modules in ["\"mod_deflate\", \"mod_h264_streaming\"", "\"mod_h264_streaming\", \"mod_deflate\""] {
        let config = format!(
            "server.modules := ({modules}, \"mod_accesslog\")\ndeflate.mimetypes = (\"text/\")\n\
             deflate.allowed-encodings = (\"gzip\")\ndeflate.min-compress-size = 1"
        );
        let site = Builder::new(Engine::Lighttpd).config(&config).start();
        let target = format!("{}?start=x", site.publish(&film("bframes")));
        for request in [site.request(&target), site.request(&target).http2()] {
            let reply = request.arg("--compressed").send();
            assert!(reply.status == 400 && reply.text().contains("not a time"), "{modules}\n{reply}");
        }
        site.expect_log("start=x: ");
    }
}

/// The server's own limits on the rate hold for films as for files, and change no byte.
fn rate(engine: Engine) {
    let film = film(FILM);
    let alone = clip(&film.path, QUERY).expect("a clip");
    // In three seconds, of which a server may send the first at once.
    let kilobytes = alone.len() / 1024 / 3;
    let config = engine.lines(
        "SetOutputFilter RATE_LIMIT\nSetEnv rate-limit {rate}",
        "connection.kbytes-per-second = {rate}",
        "limit_rate {rate}k;",
    );
    let site = Builder::new(engine).config(&config.replace("{rate}", &kilobytes.to_string())).start();
    let target = format!("{}?{QUERY}", site.publish(&film));
    let begun = Instant::now();
    let reply = site.get(&target);
    assert!(reply.status == 200 && reply.body == alone, "{reply}");
    assert!(begun.elapsed() > Duration::from_millis(1500), "sent in {:?}", begun.elapsed());
}

#[test]
fn apache_limits_the_rate() {
    rate(APACHE);
}

#[test]
fn lighttpd_limits_the_rate() {
    rate(Engine::Lighttpd);
}

/// Whoever names a filter of the module, as a directory may, gets the answers as they are.
#[test]
fn apache_does_nothing_by_the_filters_that_others_add() {
    let (film, page) = (film("bframes"), "a page".repeat(1000));
    let alone = clip(&film.path, QUERY).expect("a clip");
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let site = Builder::new(Engine::Apache(mpm)).config("H264StreamingBufferSeconds 60").start();
        for name in ["H264_STREAMING", "H264_STREAMING_PACE", "H264_STREAMING_SENT_FILE"] {
            site.publish_as(&film, format!("{name}/film.mp4"));
            site.put(format!("{name}/page.html"), &page);
            site.put(format!("{name}/.htaccess"), format!("SetOutputFilter {name}\n"));
            let targets = [format!("/{name}/page.html"), format!("/{name}/film.mp4?{QUERY}")];
            let mut kept = site.connect();
            for (target, expected) in targets.iter().chain(&targets).zip([page.as_bytes(), &alone].repeat(2))
            {
                kept.write(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
                let request = site.request(target);
                // mod_http2 does not go with prefork.
                let other = if mpm == Mpm::Event { request.http2() } else { request };
                for reply in [kept.reply(), other.send()] {
                    assert!(reply.status == 200 && reply.body == expected, "{target}\n{reply}");
                }
            }
        }
    }
}

#[test]
fn nginx_sends_clips_over_tls() {
    if has_nginx() {
        over_tls_as_alone(Engine::Nginx);
    }
}

#[test]
fn nginx_compresses_no_film() {
    if has_nginx() {
        compression(Engine::Nginx);
    }
}

#[test]
fn nginx_limits_the_rate() {
    if has_nginx() {
        rate(Engine::Nginx);
    }
}
