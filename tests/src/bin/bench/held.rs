//! What a server holds, and whom it keeps waiting, while clients do not read or its disk is slow.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tests::films::Film;
use tests::servers::{APACHE, Builder, Engine, Site};
use tests::slow_disk::SLOW;

use crate::asks::{Ask, Asks};
use crate::bar::{Bar, Limit};
use crate::film::{Length, blank};
use crate::load::{Load, Until};
use crate::servers::APACHE_CONFIG;
use crate::{Bench, Result, progress, quantile};

/// Clients of a server, each with an answer under way that it does not read.
struct Stalled {
    _clients: Vec<TcpStream>,
}

impl Stalled {
    fn new(site: &Site, target: &str, clients: usize) -> Result<Self> {
        let address: SocketAddr = site.address().parse()?;
        let mut stalled = Vec::with_capacity(clients);
        for _ in 0..clients {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            // Over short segments, a server's socket takes only so much: what waits, waits in the
            // server.
            client.set_tcp_mss(536)?;
            client.set_recv_buffer_size(4 << 10)?;
            client.connect(&address.into())?;
            let mut client = TcpStream::from(client);
            client.set_read_timeout(Some(Duration::from_secs(30)))?;
            write!(client, "GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
            let mut head = [0; 12];
            client.read_exact(&mut head)?;
            if !head.ends_with(b" 200") {
                return Err(format!("{target}: {}", String::from_utf8_lossy(&head)).into());
            }
            stalled.push(client);
        }
        Ok(Self { _clients: stalled })
    }
}

/// What a stalled client costs, and whom it or a slow disk keeps waiting.
pub(crate) fn held(bench: &mut Bench) -> Result<()> {
    let apache = format!("{APACHE_CONFIG}AsyncRequestWorkerFactor 100\nTimeout 300");
    for (server, engine, config, limit) in [
        ("Apache", APACHE, apache.as_str(), 64.0),
        ("lighttpd", Engine::Lighttpd, "server.max-fds = 8192", 48.0),
    ] {
        progress(&format!("memory of {server}"));
        let builder = Builder::new(engine).config(config).workers(1).without_access_log();
        let ten_hours = memory_per_answer(&builder, &Length::TenHours.film(), "?start=1")?;
        let fragmented = memory_per_answer(&builder, &Length::TenHours.film(), "?start=1&format=fmp4")?;
        let ten_minutes = memory_per_answer(&builder, &Length::TenMinutes.film(), "?start=1")?;
        let plain = memory_per_answer(&builder, &blank(u64::from(Length::TenHours.seconds()) << 20)?, "")?;
        progress("");
        let mut bar = |answer: &str, name: &str, bytes: f64, limit| {
            let name = format!("{server}: stalled {answer} of ten hours − {name}, memory, KiB");
            bench.report(Bar { name, value: bytes / 1024.0, limit: Limit::AtMost(limit) });
        };
        bar("answer", "plain file", ten_hours - plain, limit);
        bar("answer", "of ten minutes", ten_hours - ten_minutes, 1.0);
        bar("fmp4 answer", "plain file", fragmented - plain, limit);
    }
    progress("slow clients, slow disk");
    let status = status_of_apache(&Length::TenHours.film(), "?start=1")?;
    let p99 = others_of_a_slow_disk(&Length::TenMinutes.film(), "start=100&end=110")?;
    progress("");
    bench.report(Bar {
        name: "Apache: /server-status with 200 stalled clients and 4 threads, worst of 20, ms".into(),
        value: status * 1e3,
        limit: Limit::AtMost(100.0),
    });
    bench.report(Bar {
        name: "lighttpd: others' clips while reads of a film take 1 s, 99th percentile, ms".into(),
        value: p99 * 1e3,
        limit: Limit::AtMost(10.0),
    });
    Ok(())
}

/// Bytes of memory of its own that a server holds for each of 500 answers that wait for their
/// clients.
fn memory_per_answer(server: &Builder, film: &Film, query: &str) -> Result<f64> {
    const CLIENTS: usize = 500;
    let site = server.clone().start();
    site.allow_log("");
    let target = format!("{}{query}", site.publish(film));
    // A film that changed just now (its link count, too) is not kept, and each answer would hold an
    // index of its own.
    sleep(Duration::from_secs(3));
    // All that is kept once: the film's index, the server's own.
    drop(Stalled::new(&site, &target, 20)?);
    sleep(Duration::from_millis(500));
    let before = memory(&site);
    let stalled = Stalled::new(&site, &target, CLIENTS)?;
    sleep(Duration::from_secs(2));
    let held = memory(&site) - before;
    drop(stalled);
    Ok(held / CLIENTS as f64)
}

/// Bytes of anonymous memory of the server's processes.
fn memory(site: &Site) -> f64 {
    let status = site.processes().into_iter().filter_map(|dir| fs::read_to_string(dir.join("status")).ok());
    let kibibytes = status.filter_map(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        line.trim().split(' ').next()?.parse::<f64>().ok()
    });
    kibibytes.sum::<f64>() * 1024.0
}

/// Seconds that `/server-status` takes at worst of 20 times, with four threads and 200 clients that
/// do not read.
fn status_of_apache(film: &Film, query: &str) -> Result<f64> {
    let config = "ServerLimit 1\nThreadLimit 4\nThreadsPerChild 4\nMaxRequestWorkers 4\nMinSpareThreads 1\n\
        AsyncRequestWorkerFactor 100\nEnableSendfile On\n<Location /server-status>\nSetHandler server-status\n</Location>";
    let site = Builder::new(APACHE).config(config).workers(1).without_access_log().start();
    site.allow_log("");
    let stalled = Stalled::new(&site, &format!("{}{query}", site.publish(film)), 200)?;
    let worst = (0..20).map(|_| {
        let began = Instant::now();
        let reply = site.get("/server-status?auto");
        if reply.status == 200 { Ok(began.elapsed().as_secs_f64()) } else { Err(reply.to_string().into()) }
    });
    let worst = worst.collect::<Result<Vec<f64>>>()?;
    drop(stalled);
    Ok(worst.into_iter().fold(0.0, f64::max))
}

/// Seconds that 99 of 100 clips take at most, while lighttpd's disk takes a second for each read of
/// another film.
fn others_of_a_slow_disk(film: &Film, query: &str) -> Result<f64> {
    let site = Builder::new(Engine::Lighttpd)
        .slow_disk(Duration::from_secs(1))
        .workers(1)
        .without_access_log()
        .start();
    site.allow_log("");
    site.publish_as(film, format!("{SLOW}.mp4"));
    let target = format!("{}?{query}", site.publish(film));
    let measured = scope(|threads| -> Result<_> {
        for _ in 0..4 {
            threads.spawn(|| {
                let mut client = site.connect();
                client
                    .write(&format!("GET /{SLOW}.mp4?{query} HTTP/1.1\r\nHost: {}\r\n\r\n", site.address()));
                // Whether it is answered in that time does not matter here.
                sleep(Duration::from_secs(4));
            });
        }
        sleep(Duration::from_millis(200));
        let duration = Duration::from_secs(3);
        let load = Load { site: &site, connections: 1, duration, until: Until::Whole };
        Ok(load.run(&mut Asks::Same(Ask::get(target)))?)
    })?;
    Ok(quantile(measured.last_bytes.iter().map(Duration::as_secs_f64), 0.99))
}
