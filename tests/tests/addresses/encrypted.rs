//! Encrypted films: what a player with the key decodes of them is what the plain film has.

use std::path::Path;
use std::process::Command;

use tests::films::film;
use tests::on_all_engines;
use tests::servers::{Engine, Site};

use super::site;

on_all_engines!(a_player_with_the_key_decodes_what_the_plain_film_has);

const KEY: &str = "00112233445566778899aabbccddeeff";
const KEY_ID: &str = "0123456789abcdef0123456789abcdef";

/// Clips and tracks of a film, behind its name.
const ADDRESSES: [&str; 6] = [
    "?format=fmp4&start=0",
    "?format=fmp4&start=3.3",
    "?format=fmp4&start=2&end=4.5&mode=keyframe",
    "/cmaf/v1.mp4",
    "/cmaf/v1.mp4?start=3.3&end=9",
    "/cmaf/a1.mp4?start=3.3",
];

/// A film of pictures and sound, encrypted in parts and in whole.
fn encrypt(plain: &Path, out: &Path) {
    let scheme = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY_ID];
    let encrypted = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(plain)
        .args(["-map", "0", "-c", "copy"])
        .args(scheme)
        .arg(out)
        .status();
    assert!(encrypted.expect("ffmpeg").success());
}

/// What ffmpeg finds in a film: times, sizes and checksums of the packets of all tracks.
fn packets(film: &Path, key: &[&str]) -> String {
    let found = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(key)
        .arg("-i")
        .arg(film)
        .args(["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", "framemd5", "-"])
        .output()
        .expect("ffmpeg");
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    let packets = String::from_utf8_lossy(&found.stdout).into_owned();
    packets.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

fn a_player_with_the_key_decodes_what_the_plain_film_has(engine: Engine) {
    let site = site(engine, "", "", "");
    let plain = film("bframes");
    site.publish_as(&plain, "plain.mp4");
    site.put("encrypted.mp4", "");
    encrypt(&plain.path, &site.docroot().join("encrypted.mp4"));
    for address in ADDRESSES {
        let [due, found] = [("plain", &[][..]), ("encrypted", &["-decryption_key", KEY])]
            .map(|(name, key)| packets(&fetch(&site, &format!("{name}.mp4"), address), key));
        assert!(due.lines().count() > 20, "{address}: {due}");
        assert_eq!(found, due, "{address}");
        // Without the key it is something else.
        assert_ne!(packets(&fetch(&site, "encrypted.mp4", address), &[]), due, "{address}");
    }
}

/// The bytes of an address, as a file.
fn fetch(site: &Site, name: &str, address: &str) -> std::path::PathBuf {
    let reply = site.get(&format!("/{name}{address}"));
    assert_eq!(reply.status, 200, "{name}{address}\n{reply}");
    let path = site.dir().join(format!("fetched-{name}"));
    std::fs::write(&path, &reply.body).expect("a file of our own");
    path
}
