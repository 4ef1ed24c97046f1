//! Films that are almost right: mutations that know what a box is.
#![no_main]

#[expect(dead_code, reason = "not all of it is for this target")]
#[path = "../../tests/hostile/allocator.rs"]
mod allocator;
#[path = "../../tests/hostile/judge.rs"]
mod judge;
#[path = "../../tests/hostile/queries.rs"]
mod queries;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|data: &[u8]| {
    judge::judge_descriptions(data);
    for query in queries::of(data) {
        judge::judge(data, &query);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = Dice(u64::from(seed) | 1 << 40);
    let mut film = data[..size].to_vec();
    let mut boxes = Vec::new();
    find_boxes(&film, 0, film.len(), &mut Vec::new(), &mut boxes);
    if boxes.is_empty() || dice.roll(8) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    for _ in 0..=dice.roll(3) {
        mutate(&mut film, &boxes, &mut dice);
        boxes.clear();
        find_boxes(&film, 0, film.len(), &mut Vec::new(), &mut boxes);
        if boxes.is_empty() {
            break;
        }
    }
    let len = film.len().min(max_size);
    data[..len].copy_from_slice(&film[..len]);
    len
});

/// xorshift: the same seed gives the same mutation.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.next() % sides.max(1) as u64).unwrap_or(0)
    }

    /// A number that hurts.
    fn number(&mut self) -> u32 {
        const PAINFUL: [u32; 12] = [
            0,
            1,
            2,
            3,
            0xff,
            0x1_0000,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_fffe,
            0xffff_ffff,
            0x4000_0000,
            1000,
        ];
        match self.roll(20) {
            n @ 0..12 => PAINFUL[n],
            12..16 => u32::try_from(self.next() % 64).unwrap_or(0),
            _ => u32::try_from(self.next() >> 32).unwrap_or(0),
        }
    }
}

#[derive(Clone)]
struct Found {
    start: usize,
    end: usize,
    /// Where the boxes around it begin.
    around: Vec<usize>,
}

const CONTAINERS: [&[u8; 4]; 14] = [
    b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"moof", b"traf", b"mvex", b"tref",
    b"cmov", b"mfra", b"dinf",
];

fn word(b: &[u8], at: usize) -> usize {
    b.get(at..at + 4)
        .map_or(0, |w| usize::try_from(u32::from_be_bytes([w[0], w[1], w[2], w[3]])).unwrap_or(0))
}

fn find_boxes(film: &[u8], from: usize, end: usize, around: &mut Vec<usize>, out: &mut Vec<Found>) {
    let mut at = from;
    while at + 8 <= end && out.len() < 4096 {
        let size = word(film, at);
        if size < 8 || size > end - at {
            return;
        }
        out.push(Found { start: at, end: at + size, around: around.clone() });
        if CONTAINERS.iter().any(|c| film[at + 4..at + 8] == c[..]) && around.len() < 8 {
            around.push(at);
            find_boxes(film, at + 8, at + size, around, out);
            around.pop();
        }
        at += size;
    }
}

/// Puts `with` in the place of a range inside a box and keeps the sizes around it right.
fn splice(film: &mut Vec<u8>, around: &[usize], range: std::ops::Range<usize>, with: &[u8]) {
    for &at in around {
        let size = (word(film, at) + with.len()).saturating_sub(range.len());
        let size = u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
        film[at..at + 4].copy_from_slice(&size);
    }
    film.splice(range, with.iter().copied());
}

fn mutate(film: &mut Vec<u8>, boxes: &[Found], dice: &mut Dice) {
    // The media is not what is read.
    let picked =
        (0..4).map(|_| &boxes[dice.roll(boxes.len())]).find(|b| &film[b.start + 4..b.start + 8] != b"mdat");
    let Some(found) = picked.cloned() else { return };
    let words = (found.end - found.start - 8) / 4;
    let field = |n: usize| found.start + 8 + 4 * n;
    let mut around = found.around.clone();
    match dice.roll(12) {
        0..5 if words > 0 => {
            // The first words are versions and counts, and worth more.
            let n = if dice.roll(2) == 0 { dice.roll(words.min(6)) } else { dice.roll(words) };
            let at = field(n);
            film[at..at + 4].copy_from_slice(&dice.number().to_be_bytes());
        }
        5 if words > 0 => {
            let at = field(dice.roll(words)) + dice.roll(4);
            film[at] = film[at].wrapping_add([1, 0xff, 0x80, 0x10][dice.roll(4)]);
        }
        6 => {
            let copy = film[found.start..found.end].to_vec();
            splice(film, &around, found.end..found.end, &copy);
        }
        7 => splice(film, &around, found.start..found.end, &[]),
        // A box of another place.
        8 => {
            let other = &boxes[dice.roll(boxes.len())];
            if other.end - other.start < 4096 {
                let copy = film[other.start..other.end].to_vec();
                splice(film, &around, found.end..found.end, &copy);
            }
        }
        // Entries more or fewer.
        9 | 10 if words > 2 => {
            let first = dice.roll(words);
            let n = (1 + dice.roll(3)).min(words - first);
            let copy = film[field(first)..field(first + n)].to_vec();
            around.push(found.start);
            if dice.roll(2) == 0 {
                splice(film, &around, field(first)..field(first), &copy.repeat(1 + dice.roll(4)));
            } else {
                splice(film, &around, field(first)..field(first + n), &[]);
            }
        }
        // Another name.
        11 => {
            const NAMES: [&[u8; 4]; 28] = [
                b"stco", b"co64", b"stsz", b"stz2", b"stts", b"ctts", b"stsc", b"stss", b"stps", b"sdtp",
                b"stdp", b"sbgp", b"sgpd", b"elst", b"edts", b"free", b"moof", b"trun", b"tfdt", b"meta",
                b"saiz", b"senc", b"subs", b"trak", b"saio", b"csgp", b"stsh", b"padb",
            ];
            film[found.start + 4..found.start + 8].copy_from_slice(NAMES[dice.roll(NAMES.len())]);
        }
        _ => {
            let size = dice.number().to_be_bytes();
            film[found.start..found.start + 4].copy_from_slice(&size);
        }
    }
}
