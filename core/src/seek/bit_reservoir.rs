//! How many packets of MP3 are decoded before the first one that is heard.
//!
//! A packet of MPEG-1 or MPEG-2 audio, layer 3, may keep part of its data in the packets before it:
//! `main_data_begin` says how many bytes back its data begins (ISO/IEC 11172-3, 2.4.2.7). What is
//! heard of it also depends on the packet before it, whose second half overlaps with it (2.4.3.4).
//!
//! ```text
//! first    = the packet before the first one that is heard
//! missing  = main_data_begin of first
//! while missing > 0: go one packet back, missing -= the bytes of main data in that packet
//! ```

use crate::boxes::FormatError;
use crate::index::SampleTable;
use crate::movie::read_up_to;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

/// The packets that any packet may depend on: 511 bytes of data, in packets that hold 60 each.
pub(super) const MOST_PACKETS: u32 = 10;

/// Bytes of a packet that hold its header, its checksum, and `main_data_begin`.
const HEAD: usize = 8;

/// Bytes of a header (11172-3, 2.4.1.3).
const HEADER: u16 = 4;

/// What the start of a packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packet {
    /// How many bytes before the main data of this packet its data begins.
    main_data_begin: u16,
    /// Bytes of main data in this packet.
    main_data: u16,
}

/// The number of packets to decode before `sample`, or `None` where that cannot be seen: the
/// packets are encrypted, cut off, or one of them is not exactly one frame of layer 3.
pub(super) fn packets_before<R: ReadAt>(
    samples: &SampleTable,
    source: &R,
    sample: SampleNumber,
) -> Result<Option<u32>, FormatError> {
    let Some(first) = sample.previous() else { return Ok(Some(0)) };
    let mut chunk = samples.chunk_of(source, first)?;
    let mut missing: Option<u16> = None;
    for packets in 1..=MOST_PACKETS {
        if packets > sample - SampleNumber::FIRST {
            return Ok(Some(packets - 1));
        }
        let place = samples.place_of(source, &mut chunk, sample - packets)?;
        let mut head = [0; HEAD];
        let size = place.end - place.start;
        let Ok(&head) = <&[u8; HEAD]>::try_from(read_up_to(source, place, &mut head)?) else {
            return Ok(None);
        };
        let Some(packet) = Packet::read(head, size) else { return Ok(None) };
        let left = match missing {
            None => packet.main_data_begin,
            Some(missing) => missing.saturating_sub(packet.main_data),
        };
        if left == 0 {
            return Ok(Some(packets));
        }
        missing = Some(left);
    }
    Ok(None)
}

impl Packet {
    /// Reads the start of a packet of `size` bytes, if that is one frame of layer 3.
    fn read(head: [u8; HEAD], size: u64) -> Option<Self> {
        let [sync, version, rates, mode, ..] = head;
        if sync != 0xff || version & 0xe0 != 0xe0 {
            return None;
        }
        let (id, layer, has_crc) = (version >> 3 & 3, version >> 1 & 3, version & 1 == 0);
        // 0b11 is MPEG-1, 0b10 MPEG-2, 0b00 its extension to low rates; 0b01 is layer 3.
        let (is_mpeg1, halvings) = match id {
            0b11 => (true, 0),
            0b10 => (false, 1),
            0b00 => (false, 2),
            _ => return None,
        };
        if layer != 0b01 {
            return None;
        }
        let rates = (usize::from(rates >> 4), usize::from(rates >> 2 & 3), u32::from(rates >> 1 & 1));
        let kilobits: u32 = match is_mpeg1 {
            true => [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
            false => [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        }
        .get(rates.0)
        .copied()
        .filter(|rate| *rate > 0)?;
        let frequency = [44_100u32, 48_000, 32_000].get(rates.1)? >> halvings;
        let slots = if is_mpeg1 { 144_000 } else { 72_000 };
        if u64::from(slots * kilobits / frequency + rates.2) != size {
            return None;
        }
        let is_mono = mode >> 6 == 3;
        let side_information = match (is_mpeg1, is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        let before = HEADER + if has_crc { 2 } else { 0 };
        let [high, low] = match has_crc {
            true => [head[6], head[7]],
            false => [head[4], head[5]],
        };
        let main_data_begin = match is_mpeg1 {
            // Nine bits, or eight.
            true => u16::from_be_bytes([high, low]) >> 7,
            false => high.into(),
        };
        let main_data = u16::try_from(size).ok()?.checked_sub(before + side_information)?;
        Some(Self { main_data_begin, main_data })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Film, Sample, TrackSpec, clip, expand};

    use super::{HEAD, Packet};

    /// The head of a packet of MPEG-1, stereo, 48 kHz, 64 kbit/s (192 bytes, 156 of them main
    /// data), without a checksum.
    fn head(main_data_begin: u16) -> [u8; HEAD] {
        let [high, low] = (main_data_begin << 7).to_be_bytes();
        [0xff, 0xfb, 0x54, 0, high, low, 0, 0]
    }

    #[test]
    fn the_head_of_a_packet_says_where_its_data_begins() {
        let read = |head, size| Packet::read(head, size).map(|p| (p.main_data_begin, p.main_data));
        assert_eq!(read(head(511), 192), Some((511, 156)));
        assert_eq!(read(head(511), 193), None, "not one frame");
        // A checksum; mono.
        assert_eq!(read([0xff, 0xfa, 0x54, 0xc0, 1, 2, 0xff, 0x80], 192), Some((511, 169)));
        // MPEG-2, mono, 24 kHz, 32 kbit/s, with a slot of padding; its extension at 12 kHz.
        assert_eq!(read([0xff, 0xf3, 0x46, 0xc0, 200, 9, 9, 9], 97), Some((200, 84)));
        assert_eq!(read([0xff, 0xe3, 0x44, 0xc0, 200, 9, 9, 9], 192), Some((200, 179)));
        for (byte, wrong) in [(0, 0xfe), (1, 0xfd), (1, 0xeb), (2, 0xf4), (2, 0x04), (2, 0x5c)] {
            let mut head = head(0);
            head[byte] = wrong;
            assert_eq!(read(head, 192), None, "{wrong:x} in byte {byte}");
        }
    }

    /// The samples of a clip from `start` on that are decoded and not heard, of a film whose
    /// packets begin with these heads.
    fn hidden(start: f64, film: &[[u8; HEAD]]) -> usize {
        let packet = Sample { delta: 1152, offset: 0, sync: true, size: 192 };
        let track = TrackSpec::new(b"soun", b".mp3", 48_000, vec![packet; film.len()]);
        let mut bytes = Film::of(vec![track]).build();
        let samples = expand(&bytes).swap_remove(0).samples;
        for (sample, head) in samples.iter().zip(film) {
            let place = bytes.windows(192).position(|bytes| bytes == sample.bytes).unwrap();
            bytes[place..place + HEAD].copy_from_slice(head);
        }
        let clip = expand(&clip(&bytes, &format!("start={start}")).unwrap()).swap_remove(0);
        let [(_, media_time, _)] = clip.edits[..] else { panic!("{:?}", clip.edits) };
        usize::try_from(media_time / 1152).unwrap()
    }

    #[test]
    fn as_many_packets_are_decoded_as_the_one_before_the_first_heard_depends_on() {
        // A packet lasts 24 ms.
        let film = |begin| vec![head(begin); 50];
        assert_eq!(hidden(0.72, &film(0)), 1);
        assert_eq!(hidden(0.72, &film(156)), 2);
        assert_eq!(hidden(0.72, &film(157)), 3);
        assert_eq!(hidden(0.72, &film(511)), 5);
        assert_eq!(hidden(0.03, &film(511)), 1, "there are no more");
        let mut broken = film(511);
        broken[28][1] = 0;
        assert_eq!(hidden(0.72, &broken), 10, "as many as there may be");
    }
}
