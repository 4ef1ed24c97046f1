//! The configuration of each server.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::builder::Builder;
use super::{Mpm, NGINX_MODULE};
use crate::built;
use crate::place::{can_enter, worker};

const APACHE_MODULES: &str = "/usr/lib/apache2/modules";
const LIGHTTPD_MODULES: &str = "/usr/lib/lighttpd";

impl Builder {
    pub(super) fn apache_config(&self, mpm: Mpm) -> String {
        let mpm = match mpm {
            Mpm::Event => "event",
            Mpm::Prefork => "prefork",
            Mpm::Worker => "worker",
        };
        let mut text = String::new();
        let modules = [
            "authn_core",
            "authn_file",
            "authz_core",
            "authz_host",
            "authz_user",
            "auth_basic",
            "alias",
            "dir",
            "env",
            "headers",
            "mime",
            "ratelimit",
            "reqtimeout",
            "rewrite",
            "setenvif",
            "status",
        ];
        writeln!(text, "LoadModule mpm_{mpm}_module {APACHE_MODULES}/mod_mpm_{mpm}.so").ok();
        for name in modules {
            writeln!(text, "LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so").ok();
        }
        if mpm != "prefork" {
            writeln!(text, "LoadModule http2_module {APACHE_MODULES}/mod_http2.so\nProtocols h2c http/1.1")
                .ok();
        }
        if self.module {
            let module = built("H264_APACHE_MODULE", "libmod_h264_streaming_apache.so");
            writeln!(text, "LoadModule h264_streaming_module \"{}\"", module.display()).ok();
        }
        if self.access_log {
            text.push_str("LogFormat \"%r %>s %B\" test\nCustomLog {dir}/access.log test\n");
        }
        if let Some(worker) = worker() {
            writeln!(text, "User #{}\nGroup #{}", worker.user, worker.group).ok();
        }
        writeln!(
            text,
            "ServerRoot {{dir}}\nDefaultRuntimeDir {{dir}}\nPidFile {{dir}}/server.pid\nErrorLog {{dir}}/error.log\n\
             Listen 127.0.0.1:{{port}}\nServerName localhost:{{port}}\nTypesConfig /etc/mime.types\n\
             StartServers {workers}\nMaxConnectionsPerChild 0\nKeepAliveTimeout 30\nMaxKeepAliveRequests 0\n\
             DocumentRoot {{docroot}}\n\
             <Directory />\nRequire all denied\nOptions None\nAllowOverride None\n</Directory>\n\
             <Directory {{docroot}}>\nRequire all granted\nOptions FollowSymLinks\nAllowOverride All\n</Directory>",
            workers = self.workers
        )
        .ok();
        text + &self.defaults + &self.config
    }

    pub(super) fn lighttpd_config(&self) -> String {
        let mut text = String::from(
            "server.modules = (\"mod_rewrite\", \"mod_redirect\", \"mod_alias\", \"mod_access\", \"mod_auth\", \
             \"mod_authn_file\", \"mod_setenv\", \"mod_status\"",
        );
        if self.access_log {
            text.push_str(", \"mod_accesslog\"");
        }
        if self.module {
            text.push_str(", \"mod_h264_streaming\"");
        }
        text.push_str(")\n");
        if self.access_log {
            text.push_str("accesslog.filename = \"{dir}/access.log\"\naccesslog.format = \"%r %>s %B\"\n");
        }
        if let Some(worker) = worker() {
            let (user, group) = (&worker.user_name, &worker.group_name);
            writeln!(text, "server.username = \"{user}\"\nserver.groupname = \"{group}\"").ok();
        }
        text.push_str(
            "server.bind = \"127.0.0.1\"\nserver.port = {port}\nserver.document-root = \"{docroot}\"\n\
             server.errorlog = \"{dir}/error.log\"\nserver.pid-file = \"{dir}/server.pid\"\n\
             server.upload-dirs = (\"{dir}/tmp\")\n\
             server.max-keep-alive-requests = 65535\nserver.max-keep-alive-idle = 30\n\
             server.feature-flags += (\"server.h2proto\" => \"enable\", \"server.h2c\" => \"enable\")\n\
             mimetype.assign = (\".mp4\" => \"video/mp4\", \".m4v\" => \"video/x-m4v\", \".m4a\" => \"audio/mp4\", \
             \".mov\" => \"video/quicktime\", \".flv\" => \"video/x-flv\", \".html\" => \"text/html\", \
             \".txt\" => \"text/plain\")\n",
        );
        if self.workers != 2 {
            writeln!(text, "server.max-worker = {}", self.workers).ok();
        }
        text + &self.defaults + &self.config
    }

    pub(super) fn link_lighttpd_modules(&self, dir: &Path) {
        for entry in fs::read_dir(LIGHTTPD_MODULES).unwrap_or_else(|e| panic!("{LIGHTTPD_MODULES}: {e}")) {
            let entry = entry.expect("a directory that can be read");
            symlink(entry.path(), dir.join(entry.file_name())).expect("a directory of our own");
        }
        let ours = dir.join("mod_h264_streaming.so");
        if self.module {
            let module = built("H264_LIGHTTPD_MODULE", "libmod_h264_streaming_lighttpd.so");
            // An installed module of ours is not the one under test.
            if ours.is_symlink() {
                fs::remove_file(&ours).expect("a directory of our own");
            }
            // The server loads it again when it restarts, and then no longer as root.
            if can_enter(module.parent().expect("a file in a directory")) {
                symlink(module, ours).expect("a directory of our own");
            } else {
                fs::copy(module, ours).expect("a directory of our own");
            }
        }
    }

    pub(super) fn nginx_config(&self, http2_port: u16) -> String {
        let user = worker().map(|w| format!("user {} {};", w.user_name, w.group_name)).unwrap_or_default();
        let access_log = if self.access_log { "{dir}/access.log test" } else { "off" };
        let load = if self.module {
            let module = built("H264_NGINX_MODULE", NGINX_MODULE);
            format!("load_module \"{}\";\n", module.display())
        } else {
            String::new()
        };
        // Else its workers get none of them.
        let env: String = self.env.iter().map(|(name, _)| format!("env {name};\n")).collect();
        // Lines with ports of their own say everything of them.
        let listen = if self.config.contains("listen ") {
            String::new()
        } else {
            format!("listen 127.0.0.1:{{port}};\nlisten 127.0.0.1:{http2_port} http2;")
        };
        let daemon = if self.is_daemon { "on" } else { "off" };
        format!(
            "{load}{env}{user}\ndaemon {daemon};\nworker_processes {};\npid {{dir}}/server.pid;\nerror_log {{dir}}/error.log notice;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\nsendfile on;\nkeepalive_requests 1000000;\n\
             log_format test '$request $status $body_bytes_sent';\naccess_log {access_log};\n\
             default_type application/octet-stream;\n\
             types {{ video/mp4 mp4; video/x-m4v m4v; audio/mp4 m4a; video/quicktime mov; video/x-flv flv; \
             text/html html; text/plain txt; text/javascript js; text/css css; application/json json; }}\n\
             client_body_temp_path {{dir}}/tmp;\nproxy_temp_path {{dir}}/tmp;\nfastcgi_temp_path {{dir}}/tmp;\n\
             uwsgi_temp_path {{dir}}/tmp;\nscgi_temp_path {{dir}}/tmp;\n{}{}\n\
             server {{\n{listen}\nroot {{docroot}};\n{}\n}}\n}}\n",
            self.workers, self.defaults, self.http, self.config
        )
    }
}
