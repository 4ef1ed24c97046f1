//! `make demo`: a film on Apache and on lighttpd, and a page to cut it on.

use std::error::Error;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tests::demo_film::showpiece;
use tests::servers::{APACHE, Builder, Engine};
use tests::{put_page, put_players};

fn main() -> Result<(), Box<dyn Error>> {
    let (stop, stopped) = channel();
    ctrlc::set_handler(move || stop.send(()).unwrap_or(()))?;

    let film = showpiece()?;
    let sites = [("Apache", APACHE), ("lighttpd", Engine::Lighttpd)]
        .map(|(name, engine)| (name, Builder::new(engine).packaging().demo_page().start()));

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
    println!("\nThe servers' error logs follow. Ctrl-C stops both.\n");

    let mut shown = sites.each_ref().map(|(_, site)| site.error_log().len());
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
