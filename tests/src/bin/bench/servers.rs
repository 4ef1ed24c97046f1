//! The servers that are measured, and the cores that they run on.

use std::process::{Command, Stdio};
use std::sync::LazyLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tests::servers::{APACHE, Builder, Engine, Site, has_nginx};

use crate::Result;

/// One process, whose threads are enough for all connections: a server that is short of threads
/// closes connections that wait.
pub(crate) const APACHE_CONFIG: &str = "EnableSendfile On\nServerLimit 1\nThreadLimit 128\nThreadsPerChild 128\nMaxRequestWorkers 128\n\
     MinSpareThreads 1\n";

const NGINX_CONFIG: &str = "location ~ [.]mp4$ { mp4; mp4_buffer_size 1m; mp4_max_buffer_size 100m; }";

/// The servers that our modules run in, with their names.
pub(crate) fn engines() -> Vec<(&'static str, Engine, &'static str)> {
    let mut engines = vec![("Apache", APACHE, APACHE_CONFIG), ("lighttpd", Engine::Lighttpd, "")];
    // nginx alone is a peer with its own mp4 module.
    engines.extend(has_nginx().then_some(("our nginx", Engine::Nginx, "")));
    engines
}

/// Starts a server with one worker, on a core of its own where there are two.
pub(crate) fn start(engine: Engine, config: &str) -> Result<Site> {
    start_with(Builder::new(engine).config(config).workers(1), true)
}

/// Starts nginx with its mp4 module, where it is installed with that.
pub(crate) fn start_nginx() -> Result<Option<Site>> {
    let version = Command::new("nginx").arg("-V").stdin(Stdio::null()).output();
    let has_mp4 = version.is_ok_and(|version| {
        let text = [version.stdout, version.stderr].concat();
        String::from_utf8_lossy(&text).contains("--with-http_mp4_module")
    });
    let peer = || Builder::new(Engine::Nginx).without_module().config(NGINX_CONFIG).workers(1);
    has_mp4.then(|| start_with(peer(), true)).transpose()
}

/// Starts a server, on a core of its own or on all. The load has another core where there are two.
pub(crate) fn start_with(server: Builder, on_one_core: bool) -> Result<Site> {
    pin_to(|place| place == 0 || !on_one_core)?;
    let site = server.without_access_log().start();
    site.allow_log("");
    pin_to(|place| place == 1)?;
    Ok(site)
}

/// The cores that this program may run on, before it chose among them.
static CORES: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let cores = sched_getaffinity(None).unwrap_or_default();
    (0..CpuSet::MAX_CPU).filter(|&core| cores.is_set(core)).collect()
});

/// Whether this machine has a core for the servers and another for the load: neither takes the
/// other's time then.
pub(crate) fn may_pin() -> bool {
    CORES.len() > 1
}

/// Lets this thread, and what it starts, run on all cores: browsers have much to do.
pub(crate) fn unpin() -> Result<()> {
    pin_to(|_| true)
}

/// Pins this thread, and what it starts, to some of the cores.
fn pin_to(wanted: impl Fn(usize) -> bool) -> Result<()> {
    let mut cores = CpuSet::new();
    for (place, &core) in CORES.iter().enumerate() {
        if wanted(place) {
            cores.set(core);
        }
    }
    if may_pin() {
        sched_setaffinity(None, &cores)?;
    }
    Ok(())
}
