//! Films in fragments come out flat, also where no clip is asked for.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Command;

use tests::films::film;
use tests::on_all;
use tests::probe::clip;
use tests::servers::Site;

on_all!(fragments_are_flattened);

/// Flags of ffmpeg: a `sidx` for the film, and none.
const INDEX: &str = "cmaf+frag_keyframe+global_sidx";
const NO_INDEX: &str = "frag_keyframe+empty_moov+default_base_moof";

const MARK: &str = "x-mod-h264-streaming";

/// Puts a film into fragments, and gives the bytes of the file.
fn publish(site: &Site, name: &str, flags: &str) -> Vec<u8> {
    site.put(name, "");
    let path = site.docroot().join(name);
    let fragmented = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(film("bframes").path)
        .args(["-map", "0", "-c", "copy", "-movflags", flags])
        .arg(&path)
        .status();
    assert!(fragmented.expect("ffmpeg").success());
    fs::read(path).expect("a file of our own")
}

/// The file with a `mehd` that says 12 seconds.
fn with_duration(film: &[u8]) -> Vec<u8> {
    let mehd = [&[0, 0, 0, 16][..], b"mehd", &[0; 4], &12_000_u32.to_be_bytes()].concat();
    let find = |name: &[u8; 4]| film.windows(4).position(|w| w == name).expect("a box") - 4;
    let mut film = film.to_vec();
    let (moov, mvex) = (find(b"moov"), find(b"mvex"));
    for at in [moov, mvex] {
        let size = u32::from_be_bytes(film[at..at + 4].try_into().expect("four bytes")) + 16;
        film[at..at + 4].copy_from_slice(&size.to_be_bytes());
    }
    film.splice(mvex + 8..mvex + 8, mehd);
    film
}

fn fragments_are_flattened(site: &Site) {
    for (name, flags) in [
        ("none.mp4", NO_INDEX),
        ("sidx.mp4", INDEX),
        ("mehd.mp4", NO_INDEX),
        ("both.mp4", INDEX),
        // A `sidx` for each fragment, and none for the film.
        ("each.mp4", "dash+frag_keyframe"),
    ] {
        let mut plain = publish(site, name, flags);
        assert_eq!(plain.windows(4).any(|w| w == b"sidx"), flags != NO_INDEX);
        if !["none.mp4", "sidx.mp4"].contains(&name) {
            plain = with_duration(&plain);
            site.put(name, &plain);
        }
        let reply = site.get(&format!("/{name}"));
        assert!(
            reply.status == 200 && !reply.header(MARK).is_empty() && reply.body != plain,
            "{name}\n{reply}"
        );
        assert!(!reply.body.windows(4).any(|w| w == b"moof"), "{name} is in fragments");
        let alone = clip(&site.docroot().join(name), "").expect("a film");
        assert!(reply.body == alone, "{name} is not what the core makes");
    }
}
