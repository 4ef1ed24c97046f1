//! How many answers a client gets at a time.

use std::array;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

use crate::limits::{CLIENT_PLACES, CLIPS_PER_CLIENT};

use super::processes::is_alive;

/// The answers that are being sent where those of a client are limited, in memory that all processes
/// share.
///
/// Each has a place: one number that says which process sends it and who gets it. Nothing else is
/// counted, so that the places of a process that was killed are free when it is gone. Those of one
/// client are among the [`PROBED`] that follow where its address leads.
#[repr(C)]
pub(super) struct Clients {
    /// Drawn by the first to ask: nobody can choose an address that leads where another does.
    salt: AtomicU64,
    places: [AtomicU64; CLIENT_PLACES],
}

/// Places that are looked at for one client. Where others have taken all, it is not counted.
const PROBED: usize = 64;

const _: () = assert!(CLIPS_PER_CLIENT as usize * 2 <= PROBED && PROBED <= CLIENT_PLACES);

/// A client gets as many answers as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no more than {0} clips of films are sent to a client at a time")]
pub struct TooMany(pub(super) u32);

impl TooMany {
    /// The HTTP status to answer with: that of all that a publisher does not allow. No cache may
    /// keep this one, which is not so for others, and later not for this client.
    pub fn status(self) -> u16 {
        403
    }
}

/// A place that an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    index: usize,
    value: u64,
}

impl Default for Clients {
    fn default() -> Self {
        Self { salt: AtomicU64::default(), places: array::from_fn(|_| AtomicU64::default()) }
    }
}

impl Clients {
    /// Takes a place for an answer that the process `owner` sends to `client`, an address as the
    /// server writes it. `None` where it is not counted: it has no address, or there is no place.
    pub(super) fn take(&self, owner: u32, client: &[u8], most: u32) -> Result<Option<Place>, TooMany> {
        let Some(client) = network(client) else { return Ok(None) };
        let hash = self.hash(client);
        let value = u64::from(owner) << 32 | hash >> 32;
        let put =
            |is_free: fn(u64) -> bool| self.probe(hash).find_map(|index| self.put(index, value, is_free));
        // The system is asked about other processes only where nothing else helps.
        let place = put(|found| found == 0).or_else(|| put(|found| !is_alive(owner_of(found))));
        // Another that comes at the same time sees this place, or this one sees that: then at most
        // both are refused, and never are both let in.
        let is_same = |index: &usize| {
            let found = self.places.get(*index).map_or(0, |place| place.load(SeqCst));
            let sender = owner_of(found);
            found != 0 && found << 32 == value << 32 && (sender == owner || is_alive(sender))
        };
        let with_this = self.probe(hash).filter(is_same).count() + usize::from(place.is_none());
        if with_this > most as usize {
            place.into_iter().for_each(|place| self.free(place));
            return Err(TooMany(most));
        }
        Ok(place)
    }

    /// Frees a place, if it is still that answer's.
    pub(super) fn free(&self, place: Place) {
        if let Some(free) = self.places.get(place.index) {
            let _ = free.compare_exchange(place.value, 0, SeqCst, Relaxed);
        }
    }

    /// Frees all places of a process.
    pub(super) fn free_all_of(&self, owner: u32) {
        for place in &self.places {
            let value = place.load(Relaxed);
            if value != 0 && owner_of(value) == owner {
                let _ = place.compare_exchange(value, 0, SeqCst, Relaxed);
            }
        }
    }

    /// Takes this place, if what it has now is free.
    fn put(&self, index: usize, value: u64, is_free: fn(u64) -> bool) -> Option<Place> {
        let place = self.places.get(index)?;
        let found = place.load(Relaxed);
        let is_taken = is_free(found) && place.compare_exchange(found, value, SeqCst, Relaxed).is_ok();
        is_taken.then_some(Place { index, value })
    }

    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let first = usize::try_from(hash % CLIENT_PLACES as u64).unwrap_or_default();
        (first..first + PROBED).map(|index| index % CLIENT_PLACES)
    }

    fn hash(&self, client: IpAddr) -> u64 {
        let mut salt = self.salt.load(Relaxed);
        if salt == 0 {
            let drawn = RandomState::new().hash_one(0) | 1;
            salt =
                self.salt.compare_exchange(0, drawn, Relaxed, Relaxed).map_or_else(|other| other, |_| drawn);
        }
        // The same in all processes, as a `RandomState` is not.
        let mut hasher = DefaultHasher::new();
        (salt, client).hash(&mut hasher);
        hasher.finish()
    }
}

fn owner_of(value: u64) -> u32 {
    u32::try_from(value >> 32).unwrap_or_default()
}

/// What one client has of addresses: one of IPv4, 2^64 of IPv6.
fn network(client: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(client).ok()?;
    // Behind it stands the interface of a link-local address.
    let address = text.split('%').next()?.parse::<IpAddr>().ok()?.to_canonical();
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> u32 {
        std::process::id()
    }

    /// The number of a process that has ended.
    fn ended() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn a_client_is_an_address_or_a_network() {
        let same = |a: &str, b: &str| network(a.as_bytes()).unwrap() == network(b.as_bytes()).unwrap();
        assert!(same("192.0.2.1", "::ffff:192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
        assert!(same("2001:db8::1", "2001:db8:0:0:ffff::2") && !same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("fe80::1%eth0", "fe80::2"));
        for nobody in ["", "/run/proxy.sock", "localhost", "1.2.3"] {
            assert_eq!(network(nobody.as_bytes()), None);
        }
    }

    #[test]
    fn a_client_has_no_more_than_it_may() {
        let clients = Clients::default();
        let take = |client: &str| clients.take(own(), client.as_bytes(), 2);
        let first = take("192.0.2.1").unwrap().unwrap();
        take("192.0.2.1").unwrap().unwrap();
        assert_eq!(take("192.0.2.1"), Err(TooMany(2)));
        take("192.0.2.2").unwrap().unwrap();
        clients.free(first);
        take("192.0.2.1").unwrap().unwrap();
        assert_eq!(take("192.0.2.1"), Err(TooMany(2)));
        assert_eq!(take("/run/proxy.sock"), Ok(None));
        assert_eq!(clients.places.iter().filter(|place| place.load(Relaxed) != 0).count(), 3);
    }

    #[test]
    fn places_of_a_process_that_has_ended_are_free() {
        let (clients, ended) = (Clients::default(), ended());
        clients.take(ended, b"192.0.2.1", 1).unwrap().unwrap();
        clients.take(own(), b"192.0.2.1", 1).unwrap().unwrap();
        assert!(clients.take(own(), b"192.0.2.1", 1).is_err());
        clients.free_all_of(ended);
        assert!(clients.take(own(), b"192.0.2.1", 1).is_err());
        clients.free_all_of(own());
        assert!(clients.take(own(), b"192.0.2.1", 1).is_ok());
    }

    #[test]
    fn where_all_places_are_taken_a_client_is_let_through() {
        let clients = Clients::default();
        let others = u64::from(own()) << 32;
        clients.places.iter().for_each(|place| place.store(others, Relaxed));
        assert_eq!(clients.take(own(), b"192.0.2.1", 1), Ok(None));
        // Unless one is that of a process that has ended.
        let ended = u64::from(ended()) << 32 | 1;
        clients.places.iter().step_by(PROBED).for_each(|place| place.store(ended, Relaxed));
        let (before, after) =
            (Place { index: 0, value: ended }, clients.take(own(), b"192.0.2.1", 1).unwrap().unwrap());
        assert!(clients.take(own(), b"192.0.2.1", 1).is_err());
        // What that one frees late is not its own any more.
        clients.free(Place { index: after.index, ..before });
        assert!(clients.take(own(), b"192.0.2.1", 1).is_err());
    }

    #[test]
    fn clients_that_come_at_the_same_time_are_no_more_than_may() {
        let clients = Clients::default();
        let now = AtomicU64::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        if let Ok(place) = clients.take(own(), b"192.0.2.1", 2) {
                            assert!(now.fetch_add(1, SeqCst) < 2, "there are more");
                            now.fetch_sub(1, SeqCst);
                            clients.free(place.unwrap());
                        }
                    }
                });
            }
        });
        assert!(clients.places.iter().all(|place| place.load(Relaxed) == 0));
    }
}
