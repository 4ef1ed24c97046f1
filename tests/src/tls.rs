//! Servers that speak TLS.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use tempfile::NamedTempFile;

use crate::servers::{Engine, Mpm};
use crate::work_dir;

/// A key and a certificate for localhost, in one file.
pub static PEM: LazyLock<PathBuf> = LazyLock::new(|| {
    let pem = work_dir("tls").join("localhost.pem");
    // Servers of other test programs read it meanwhile.
    let part = NamedTempFile::new_in(work_dir("tls")).expect("a directory of our own");
    let certificate = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(part.path())
        .output()
        .expect("openssl");
    assert!(certificate.status.success(), "{}", String::from_utf8_lossy(&certificate.stderr));
    let key = std::fs::read(part.path()).expect("a key");
    std::fs::write(part.path(), [key, certificate.stdout].concat()).expect("a directory of our own");
    part.persist(&pem).expect("a directory of our own");
    pem
});

/// Configuration with which a server speaks HTTP/1.1 and, where it can, HTTP/2 over TLS.
pub fn config(engine: Engine) -> String {
    let pem = PEM.display();
    match engine {
        Engine::Apache(mpm) => {
            let protocols = if mpm == Mpm::Prefork { "http/1.1" } else { "h2 http/1.1" };
            format!(
                "LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so\n\
                 LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n\
                 SSLSessionCache shmcb:{{dir}}/sessions\nSSLEngine on\nSSLCertificateFile \"{pem}\"\nProtocols {protocols}\nProtocolsHonorOrder Off"
            )
        }
        Engine::Nginx => format!(
            "listen 127.0.0.1:{{port}} ssl http2;\nssl_certificate \"{pem}\";\nssl_certificate_key \"{pem}\";"
        ),
        _ => format!("server.modules += (\"mod_openssl\")\nssl.engine = \"enable\"\nssl.pemfile = \"{pem}\""),
    }
}
