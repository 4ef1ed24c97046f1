//! `make demo`: a film on Apache and on lighttpd, and on nginx where that and its module are there,
//! and a page to cut it on.

use std::error::Error;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tests::demo_film::showpiece;
use tests::servers::{APACHE, Builder, Engine, has_nginx};
use tests::{put_page, put_players};

fn main() -> Result<(), Box<dyn Error>> {
    let (stop, stopped) = channel();
    ctrlc::set_handler(move || stop.send(()).unwrap_or(()))?;

    let film = showpiece()?;
    let mut servers = vec![("Apache", APACHE), ("lighttpd", Engine::Lighttpd)];
    servers.extend(runs_nginx().then_some(("nginx", Engine::Nginx)));
    let start = |(name, engine)| (name, Builder::new(engine).packaging().demo_page().start());
    let sites: Vec<_> = servers.into_iter().map(start).collect();

    for (_, site) in &sites {
        // What the log says is shown below; here it is no failure.
        site.allow_log("");
        site.publish_as(&film, "film.mp4");
        put_page(site, sites.iter().map(|(name, site)| (*name, site.url("/film.mp4"))));
        put_players(site);
    }

    println!("\nOpen one of these, and cut a scene:\n");
    for (name, site) in &sites {
        println!("  {:<28} served by {name}", site.url("/"));
    }
    println!("\nOr ask for one yourself:\n");
    for (_, site) in &sites {
        println!("  {}", site.url("/film.mp4?start=10.5&end=15"));
    }
    let count = if sites.len() == 2 { "both" } else { "all of them" };
    println!("\nThe servers' error logs follow. Ctrl-C stops {count}.\n");

    let mut shown: Vec<_> = sites.iter().map(|(_, site)| site.error_log().len()).collect();
    while stopped.recv_timeout(Duration::from_millis(300)) == Err(RecvTimeoutError::Timeout) {
        for ((name, site), shown) in sites.iter().zip(&mut shown) {
            let log = site.error_log();
            log.iter().skip(*shown).for_each(|line| println!("{name}: {line}"));
            *shown = log.len();
        }
    }
    println!("\nStopping.");
    Ok(())
}

/// The module may be built where nginx is not installed, or another nginx than it is for.
fn runs_nginx() -> bool {
    let is_installed = ["/usr/sbin/nginx", "/usr/bin/nginx"].iter().any(|path| Path::new(path).exists());
    is_installed && has_nginx() && Builder::new(Engine::Nginx).test_config().0
}
