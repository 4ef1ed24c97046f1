//! Apache, lighttpd and nginx from the distribution's packages, each with a
//! configuration, a directory, a port and a session of its own.
//!
//! - `builder`: a server to be, its directory and its start.
//! - `config`: the configuration of each server.
//! - `site`: a running server, its files and its logs.
//! - `process`: its processes and sockets.

mod builder;
mod config;
mod process;
mod site;

use std::env;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;

pub use builder::Builder;
pub use site::Site;

use crate::{target_dir, work_dir};

/// A web server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Apache httpd 2.4.
    Apache(Mpm),
    /// lighttpd 1.4.
    Lighttpd,
    /// nginx. Without our module ([`Builder::without_module`]) it is a peer with an mp4 module of
    /// its own to measure against, or a cache in front.
    Nginx,
    /// Varnish, a cache in front. Its configuration is all of a VCL file.
    Varnish,
}

impl Engine {
    /// The configuration of this one of the servers, where a scenario is for all.
    ///
    /// # Panics
    /// For a server that our module is not for.
    pub fn lines<'a>(self, apache: &'a str, lighttpd: &'a str, nginx: &'a str) -> &'a str {
        match self {
            Self::Apache(_) => apache,
            Self::Lighttpd => lighttpd,
            Self::Nginx => nginx,
            Self::Varnish => panic!("a cache has no module"),
        }
    }
}

/// How Apache spreads its work over processes and threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mpm {
    /// The default.
    Event,
    /// A process for each connection.
    Prefork,
    /// A thread for each connection.
    Worker,
}

/// Apache as the distribution sets it up.
pub const APACHE: Engine = Engine::Apache(Mpm::Event);

/// Runs each scenario, a function of `&Site`, on both servers.
#[macro_export]
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {
        mod apache {
            $(#[test] fn $scenario() { super::$scenario(&$crate::servers::Site::any($crate::servers::APACHE)) })+
        }
        mod lighttpd {
            $(#[test] fn $scenario() { super::$scenario(&$crate::servers::Site::any($crate::servers::Engine::Lighttpd)) })+
        }
    };
}

/// Runs each scenario, a function of the engine, on both servers.
#[macro_export]
macro_rules! on_both_engines {
    ($($scenario:ident),+ $(,)?) => {
        mod apache {
            $(#[test] fn $scenario() { super::$scenario($crate::servers::APACHE) })+
        }
        mod lighttpd {
            $(#[test] fn $scenario() { super::$scenario($crate::servers::Engine::Lighttpd) })+
        }
    };
}

/// Runs each scenario, a function of `&Site`, on all servers.
#[macro_export]
macro_rules! on_all {
    ($($scenario:ident),+ $(,)?) => {
        $crate::on_both!($($scenario),+);
        mod nginx {
            $(#[test] fn $scenario() {
                if $crate::servers::has_nginx() {
                    super::$scenario(&$crate::servers::Site::any($crate::servers::Engine::Nginx));
                }
            })+
        }
    };
}

/// Runs each scenario, a function of the engine, on all servers.
#[macro_export]
macro_rules! on_all_engines {
    ($($scenario:ident),+ $(,)?) => {
        $crate::on_both_engines!($($scenario),+);
        mod nginx {
            $(#[test] fn $scenario() {
                if $crate::servers::has_nginx() {
                    super::$scenario($crate::servers::Engine::Nginx);
                }
            })+
        }
    };
}

/// Whether there is a module of nginx to test. `make build` leaves it out where nginx's development
/// files cannot be had.
pub fn has_nginx() -> bool {
    let is_built = target_dir().join("release").join(NGINX_MODULE).exists();
    let has_headers = Path::new("/usr/share/nginx/src/conf_flags").exists();
    let is_named =
        ["H264_NGINX_MODULE", "H264_NGINX_URL", "NGINX_SRC"].iter().any(|name| env::var_os(name).is_some());
    is_tested("nginx", is_built || has_headers || is_named)
}

/// Whether something is there that tests need and a machine may lack. What is not goes into a list,
/// which `make test` ends with: nobody reads what a test prints that passes. What `H264_REQUIRE`
/// names has to be there.
///
/// # Panics
/// Where it is not.
pub fn is_tested(name: &str, is_there: bool) -> bool {
    let required = env::var("H264_REQUIRE").unwrap_or_default();
    assert!(is_there || !required.split_whitespace().any(|it| it == name), "{name} is required, and missing");
    if !is_there {
        let list = work_dir("").join("untested");
        let list = fs::File::options().create(true).append(true).open(list);
        list.and_then(|mut list| writeln!(list, "{name}")).expect("a directory of the tests' own");
    }
    is_there
}

/// The servers. Where there is no module of nginx, another lighttpd stands in for it.
pub fn engines() -> [Engine; 3] {
    [APACHE, Engine::Lighttpd, if has_nginx() { Engine::Nginx } else { Engine::Lighttpd }]
}

/// nginx's module, as cargo names it.
const NGINX_MODULE: &str = "libmod_h264_streaming_nginx.so";

/// Apache with one process, which so remembers of every request what a process remembers.
pub const ONE_PROCESS: &str =
    "ServerLimit 1\nThreadLimit 8\nThreadsPerChild 8\nMaxRequestWorkers 8\nMinSpareThreads 1\n";

/// The file, in a server's directory, of its port for HTTP/2 without TLS: where nginx is older than
/// 1.25.1, a port speaks either that or HTTP/1.1.
const HTTP2_PORT: &str = "http2_port";

/// Whether `H264_VALGRIND` asks for servers whose every use of memory is checked.
pub(crate) fn under_valgrind() -> bool {
    std::env::var_os("H264_VALGRIND").is_some()
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
