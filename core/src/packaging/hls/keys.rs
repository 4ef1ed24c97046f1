//! `EXT-X-KEY` and `EXT-X-SESSION-KEY` (RFC 8216bis, 4.4.4.4 and 4.4.6.5), as far as a film says who
//! gives out its keys. Where it does not, nothing is written: the address of a key or of a license
//! is not in the film.

use std::collections::BTreeSet;

use crate::boxes::PsshBox;
use crate::describe::TrackDescription;
use crate::packaging::protection::{base64, hex};

use super::attributes::Attributes;

/// Systems whose `KEYFORMAT` is known, by their IDs.
const WIDEVINE: [u8; 16] =
    [0xed, 0xef, 0x8b, 0xa9, 0x79, 0xd6, 0x4a, 0xce, 0xa3, 0xc8, 0x27, 0xdc, 0xd5, 0x1d, 0x21, 0xed];
const PLAYREADY: [u8; 16] =
    [0x9a, 0x04, 0xf0, 0x79, 0x98, 0x40, 0x42, 0x86, 0xab, 0x92, 0xe6, 0x5b, 0xe0, 0x88, 0x5f, 0x95];

/// How a track is encrypted, for one system.
struct Key {
    method: &'static str,
    uri: String,
    id: Option<[u8; 16]>,
    format: &'static str,
}

impl Key {
    fn line(&self, tag: &str) -> String {
        Attributes::of(tag)
            .plain("METHOD", self.method)
            .quoted("URI", &self.uri)
            .some(self.id, |list, id| list.plain("KEYID", format_args!("0x{}", hex(id))))
            .quoted("KEYFORMAT", self.format)
            .quoted("KEYFORMATVERSIONS", "1")
            .line()
    }
}

/// The lines that say how the segments of a track are encrypted, one for each system.
pub(super) fn keys(track: &TrackDescription) -> impl Iterator<Item = String> + '_ {
    of_track(track).map(|key| key.line("EXT-X-KEY"))
}

/// The same of all tracks together. No two lines may differ in nothing but the key's ID (RFC 8216bis,
/// 4.4.6.5): the first of them is there.
pub(super) fn session_keys<'t>(tracks: impl Iterator<Item = &'t TrackDescription>) -> String {
    let mut said = BTreeSet::new();
    let keys = tracks.flat_map(of_track).filter(|key| said.insert((key.method, key.format, key.uri.clone())));
    keys.map(|key| key.line("EXT-X-SESSION-KEY")).collect()
}

fn of_track(track: &TrackDescription) -> impl Iterator<Item = Key> + '_ {
    let protection = track.protection.as_ref();
    let scheme = protection.and_then(|protection| protection.scheme);
    let method = match scheme.as_ref().map(|scheme| &scheme.0) {
        Some(b"cenc") => Some("SAMPLE-AES-CTR"),
        Some(b"cbcs") => Some("SAMPLE-AES"),
        _ => None,
    };
    let systems = protection.map_or(&[][..], |protection| &protection.systems);
    let id = protection.and_then(|protection| protection.key_id);
    systems.iter().filter_map(move |pssh| {
        let (format, uri) = format(pssh)?;
        Some(Key { method: method?, uri, id, format })
    })
}

/// The format of a system's keys, and the address that has in it what the system is told.
fn format(pssh: &PsshBox) -> Option<(&'static str, String)> {
    match pssh.system_id {
        WIDEVINE => {
            let uri = format!("data:text/plain;base64,{}", base64(&pssh.whole));
            Some(("urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", uri))
        }
        PLAYREADY => {
            let uri = format!("data:text/plain;charset=UTF-16;base64,{}", base64(pssh.data()));
            Some(("com.microsoft.playready", uri))
        }
        _ => None,
    }
}
