//! Films made box by box.

/// A box: size, type, content.
pub(crate) fn make_box(box_type: &[u8; 4], content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(box_type);
    out.extend_from_slice(content);
    out
}

/// A full box: version, no flags, then words.
pub(crate) fn full_box(box_type: &[u8; 4], version: u8, words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut content = vec![version, 0, 0, 0];
    content.extend(words.into_iter().flat_map(u32::to_be_bytes));
    make_box(box_type, content)
}

/// One sample.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) delta: u32,
    pub(crate) offset: i32,
    pub(crate) sync: bool,
    pub(crate) size: u32,
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sync = if self.sync { "!" } else { "" };
        write!(f, "{}{:+}{sync}:{}", self.delta, self.offset, self.size)
    }
}

/// A track to be made.
#[derive(Debug, Clone)]
pub(crate) struct TrackSpec {
    pub(crate) handler: [u8; 4],
    pub(crate) coding: [u8; 4],
    pub(crate) timescale: u32,
    pub(crate) samples: Vec<Sample>,
    /// Samples of each chunk, over and over.
    pub(crate) chunking: Vec<u32>,
    /// (duration in movie ticks, media time or -1, rate in 16.16)
    pub(crate) edits: Vec<(u32, i32, u32)>,
    pub(crate) enabled: bool,
    /// One entry for each sample or chunk, though neighbours are alike.
    pub(crate) one_entry_each: bool,
    pub(crate) wide_offsets: bool,
    /// The 15 bits of the `mdhd`.
    pub(crate) language: u32,
    /// More boxes for the sample description.
    pub(crate) in_entry: Vec<Vec<u8>>,
    /// More boxes for the `stbl`.
    pub(crate) more: Vec<Vec<u8>>,
    /// More boxes for the `mdia`.
    pub(crate) in_mdia: Vec<Vec<u8>>,
    /// More boxes for the `minf`.
    pub(crate) in_minf: Vec<Vec<u8>>,
    /// More boxes for the `trak`.
    pub(crate) in_trak: Vec<Vec<u8>>,
}

impl TrackSpec {
    pub(crate) fn new(handler: &[u8; 4], coding: &[u8; 4], timescale: u32, samples: Vec<Sample>) -> Self {
        Self {
            handler: *handler,
            coding: *coding,
            timescale,
            samples,
            chunking: vec![3],
            edits: Vec::new(),
            enabled: true,
            one_entry_each: false,
            wide_offsets: false,
            language: 0x55c4,
            in_entry: Vec::new(),
            more: Vec::new(),
            in_mdia: Vec::new(),
            in_minf: Vec::new(),
            in_trak: Vec::new(),
        }
    }

    /// Video of 10 frames a second: groups of `gop` frames, coded I P B P B …
    pub(crate) fn video(frames: u32, gop: u32) -> Self {
        let samples = (0..frames).map(|n| {
            let in_gop = n % gop;
            let last_alone = in_gop % 2 == 1 && (in_gop == gop - 1 || n == frames - 1);
            let offset = match in_gop {
                0 => 100,
                _ if last_alone => 100,
                n if n % 2 == 1 => 200,
                _ => 0,
            };
            Sample { delta: 100, offset, sync: in_gop == 0, size: 20 + n % 7 }
        });
        let mut track = Self::new(b"vide", b"avc1", 1000, samples.collect());
        track.edits = vec![(frames * 100, 100, 0x10000)];
        track
    }

    /// Sound in packets of 1024 frames at 8000 Hz.
    pub(crate) fn audio(packets: u32) -> Self {
        let samples = (0..packets).map(|n| Sample { delta: 1024, offset: 0, sync: true, size: 10 + n % 5 });
        Self { chunking: vec![2], ..Self::new(b"soun", b"mp4a", 8000, samples.collect()) }
    }

    fn chunks(&self) -> Vec<std::ops::Range<usize>> {
        let mut out = Vec::new();
        let mut at = 0;
        for n in self.chunking.iter().cycle() {
            if at >= self.samples.len() {
                break;
            }
            let end = (at + usize::try_from(*n).unwrap().max(1)).min(self.samples.len());
            out.push(at..end);
            at = end;
        }
        out
    }
}

/// A film to be made.
#[derive(Debug, Clone)]
pub(crate) struct Film {
    pub(crate) timescale: u32,
    pub(crate) tracks: Vec<TrackSpec>,
    pub(crate) moov_first: bool,
    /// All of one track's chunks before the next track's.
    pub(crate) sequential: bool,
    /// Unused bytes before each chunk.
    pub(crate) hole: usize,
    /// More boxes for the `moov`.
    pub(crate) more: Vec<Vec<u8>>,
}

impl Film {
    pub(crate) fn of(tracks: Vec<TrackSpec>) -> Self {
        Self { timescale: 1000, tracks, moov_first: false, sequential: false, hole: 0, more: Vec::new() }
    }

    /// The bytes of sample `n` of track `t`: told apart from every other's.
    pub(crate) fn sample_bytes(t: usize, n: usize, size: u32) -> Vec<u8> {
        let name = format!("<{t}:{n}>");
        name.bytes().cycle().take(usize::try_from(size).unwrap()).collect()
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let ftyp = make_box(b"ftyp", b"isom\0\0\x02\0isomiso2mp41");
        let moov_len = self.moov(&self.offsets(0)).len();
        let before_media = ftyp.len() + if self.moov_first { moov_len } else { 0 } + 8;
        let moov = self.moov(&self.offsets(before_media));
        let mdat = make_box(b"mdat", self.media());
        if self.moov_first { [ftyp, moov, mdat].concat() } else { [ftyp, mdat, moov].concat() }
    }

    /// The same film in fragments; the flags of its boxes are chosen by the bits of `style`.
    pub(crate) fn build_fragmented(&self, style: u32) -> Vec<u8> {
        let mut out = make_box(b"ftyp", b"iso5\0\0\x02\0iso5iso6mp41");
        let hollow = self.tracks.iter().map(|t| TrackSpec { samples: Vec::new(), ..t.clone() });
        let trex = (1..).zip(&self.tracks).flat_map(|(id, _)| full_box(b"trex", 0, [id, 1, 0, 0, 0]));
        let mvex = make_box(b"mvex", trex.collect::<Vec<_>>());
        let hollow = Self { tracks: hollow.collect(), more: vec![mvex], ..self.clone() };
        out.extend(hollow.moov(&vec![Vec::new(); self.tracks.len()]));
        let mut dts = vec![0u32; self.tracks.len()];
        let longest = self.tracks.iter().map(|t| t.samples.len()).max().unwrap();
        let size = 3 + style as usize % 5;
        for start in (0..longest).step_by(size) {
            let parts: Vec<_> =
                self.tracks.iter().enumerate().filter(|(_, t)| start < t.samples.len()).collect();
            let moof = |base: u32, dts: &mut [u32]| {
                let mut content = full_box(b"mfhd", 0, [1]);
                let mut at = base;
                for &(t, track) in &parts {
                    let end = (start + size).min(track.samples.len());
                    content.extend(traf(t, &track.samples[start..end], style, start, &mut at, &mut dts[t]));
                }
                make_box(b"moof", content)
            };
            let len = moof(0, &mut dts.clone()).len();
            let here = u32::try_from(out.len()).unwrap();
            // Offsets count from the moof or from the file, as the style says.
            let media = u32::try_from(len).unwrap() + 8 + if style & 1 == 0 { 0 } else { here };
            out.extend(moof(media, &mut dts));
            let bytes = parts.iter().flat_map(|&(t, track)| {
                let end = (start + size).min(track.samples.len());
                (start..end).flat_map(move |n| Self::sample_bytes(t, n, track.samples[n].size))
            });
            out.extend(make_box(b"mdat", bytes.collect::<Vec<_>>()));
            if style & 2 != 0 {
                out.extend(make_box(b"free", [0; 5]));
            }
        }
        out
    }

    /// (track, chunk) in the order of the file.
    fn order(&self) -> Vec<(usize, usize)> {
        let mut order = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            let mut time = 0.0;
            for (c, chunk) in track.chunks().into_iter().enumerate() {
                order.push((time, t, c));
                time += track.samples[chunk].iter().map(|s| f64::from(s.delta)).sum::<f64>()
                    / f64::from(track.timescale);
            }
        }
        if !self.sequential {
            order.sort_by(|a, b| a.partial_cmp(b).unwrap());
        }
        order.into_iter().map(|(_, t, c)| (t, c)).collect()
    }

    fn media(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let chunks: Vec<_> = self.tracks.iter().map(TrackSpec::chunks).collect();
        for (t, c) in self.order() {
            out.extend(std::iter::repeat_n(b'#', self.hole));
            for n in chunks[t][c].clone() {
                out.extend(Self::sample_bytes(t, n, self.tracks[t].samples[n].size));
            }
        }
        out
    }

    fn offsets(&self, start: usize) -> Vec<Vec<u32>> {
        let chunks: Vec<_> = self.tracks.iter().map(TrackSpec::chunks).collect();
        let mut out: Vec<Vec<u32>> = chunks.iter().map(|c| vec![0; c.len()]).collect();
        let mut at = start;
        for (t, c) in self.order() {
            at += self.hole;
            out[t][c] = u32::try_from(at).unwrap();
            let chunk = chunks[t][c].clone();
            at += self.tracks[t].samples[chunk].iter().map(|s| s.size as usize).sum::<usize>();
        }
        out
    }

    fn moov(&self, offsets: &[Vec<u32>]) -> Vec<u8> {
        let mut content = full_box(b"mvhd", 0, [&[0, 0, self.timescale, 0][..], &[0; 20]].concat());
        for (t, track) in self.tracks.iter().enumerate() {
            content.extend(trak(u32::try_from(t).unwrap() + 1, track, &offsets[t]));
        }
        content.extend(self.more.concat());
        make_box(b"moov", content)
    }
}

/// A track fragment; `at` is where its media is, `dts` its decode time.
fn traf(t: usize, samples: &[Sample], style: u32, start: usize, at: &mut u32, dts: &mut u32) -> Vec<u8> {
    let id = u32::try_from(t).unwrap() + 1;
    let word = |n: i32| u32::from_be_bytes(n.to_be_bytes());
    // Some writers only say that a sample is no sync sample, some only that it depends on others.
    let dependent = if style & 4 == 0 { 0x1_0000 } else { 0x100_0000 };
    let flags_of = |s: &Sample| if s.sync { 0x0200_0000 } else { dependent };
    let first = samples[0];
    let same_size = samples.iter().all(|s| s.size == first.size);
    let same_delta = samples.iter().all(|s| s.delta == first.delta) && style & 4 != 0;
    let mut tfhd = vec![id];
    let mut tfhd_flags = 0;
    if style & 1 == 0 {
        tfhd_flags |= 0x2_0000;
    } else {
        tfhd_flags |= 1;
        tfhd.extend([0, 0]);
    }
    if same_delta {
        tfhd_flags |= 8;
        tfhd.push(first.delta);
    }
    if same_size {
        tfhd_flags |= 0x10;
        tfhd.push(first.size);
    }
    let rest_flags = samples.get(1).map_or(0, flags_of);
    let same_flags = samples.iter().skip(1).all(|s| flags_of(s) == rest_flags) && style & 8 != 0;
    if same_flags {
        tfhd_flags |= 0x20;
        tfhd.push(rest_flags);
    }
    let flagged = |mut b: Vec<u8>, flags: u32| {
        b[9..12].copy_from_slice(&flags.to_be_bytes()[1..]);
        b
    };
    let mut content = flagged(full_box(b"tfhd", 0, tfhd), tfhd_flags);
    // The time may be left out where it only goes on.
    if style & 16 == 0 || start == 0 {
        content.extend(if style & 32 == 0 {
            full_box(b"tfdt", 0, [*dts])
        } else {
            full_box(b"tfdt", 1, [0, *dts])
        });
    }
    let half = if style & 64 == 0 { samples.len() } else { samples.len().div_ceil(2) };
    for (n, run) in samples.chunks(half).enumerate() {
        let mut words = vec![u32::try_from(run.len()).unwrap()];
        let mut flags = 0xa00;
        if n == 0 || style & 128 == 0 {
            flags |= 1;
            words.push(*at);
        }
        let each_flags = !same_flags || n > 0;
        if each_flags {
            flags |= 0x400;
        } else {
            flags |= 4;
            words.push(flags_of(&run[0]));
        }
        flags = if same_size { flags & !0x200 } else { flags };
        flags = if same_delta { flags } else { flags | 0x100 };
        for s in run {
            words.extend((!same_delta).then_some(s.delta));
            words.extend((!same_size).then_some(s.size));
            words.extend(each_flags.then(|| flags_of(s)));
            words.push(word(s.offset));
            *at += s.size;
            *dts += s.delta;
        }
        content.extend(flagged(full_box(b"trun", 1, words), flags));
    }
    make_box(b"traf", content)
}

fn trak(id: u32, track: &TrackSpec, offsets: &[u32]) -> Vec<u8> {
    let mut tkhd = full_box(b"tkhd", 0, [&[0, 0, id, 0, 0][..], &[0; 15]].concat());
    tkhd[11] = u8::from(track.enabled);
    let mut content = tkhd;
    if !track.edits.is_empty() {
        let count = u32::try_from(track.edits.len()).unwrap();
        let entries = track.edits.iter().flat_map(|&(d, m, r)| [d, u32::from_be_bytes(m.to_be_bytes()), r]);
        content.extend(make_box(b"edts", full_box(b"elst", 0, std::iter::once(count).chain(entries))));
    }
    let mut mdia = full_box(b"mdhd", 0, [0, 0, track.timescale, 0, track.language << 16]);
    let handler = [&[0; 8][..], &track.handler, &[0; 13]].concat();
    mdia.extend(make_box(b"hdlr", handler));
    mdia.extend(track.in_mdia.concat());
    mdia.extend(make_box(b"minf", [track.in_minf.concat(), stbl(track, offsets)].concat()));
    content.extend(track.in_trak.concat());
    content.extend(make_box(b"mdia", mdia));
    make_box(b"trak", content)
}

fn stbl(track: &TrackSpec, offsets: &[u32]) -> Vec<u8> {
    let mut fields = vec![0; 28];
    fields[7] = 1;
    fields.extend(track.in_entry.concat());
    let entry = make_box(&track.coding, fields);
    let mut content = make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &entry].concat());
    let each = track.one_entry_each;
    let times = runs(track.samples.iter().map(|s| s.delta), each);
    content.extend(full_box(b"stts", 0, times));
    if track.samples.iter().any(|s| s.offset != 0) {
        let offsets = track.samples.iter().map(|s| u32::from_be_bytes(s.offset.to_be_bytes()));
        let version = u8::from(track.samples.iter().any(|s| s.offset < 0));
        content.extend(full_box(b"ctts", version, runs(offsets, each)));
    }
    let mut entries: Vec<[u32; 3]> = Vec::new();
    for (c, chunk) in track.chunks().iter().enumerate() {
        let samples = u32::try_from(chunk.len()).unwrap();
        if each || entries.last().is_none_or(|e| e[1] != samples) {
            entries.push([u32::try_from(c).unwrap() + 1, samples, 1]);
        }
    }
    let count = u32::try_from(entries.len()).unwrap();
    content.extend(full_box(b"stsc", 0, std::iter::once(count).chain(entries.into_iter().flatten())));
    let count = u32::try_from(track.samples.len()).unwrap();
    content.extend(full_box(b"stsz", 0, [0, count].into_iter().chain(track.samples.iter().map(|s| s.size))));
    if track.samples.iter().any(|s| !s.sync) {
        let numbers = (1..).zip(&track.samples).filter(|(_, s)| s.sync).map(|(n, _)| n);
        let numbers: Vec<u32> = numbers.collect();
        let count = u32::try_from(numbers.len()).unwrap();
        content.extend(full_box(b"stss", 0, std::iter::once(count).chain(numbers)));
    }
    content.extend(track.more.concat());
    let count = u32::try_from(offsets.len()).unwrap();
    if track.wide_offsets {
        let words = offsets.iter().flat_map(|&o| [0, o]);
        content.extend(full_box(b"co64", 0, std::iter::once(count).chain(words)));
    } else {
        content.extend(full_box(b"stco", 0, std::iter::once(count).chain(offsets.iter().copied())));
    }
    make_box(b"stbl", content)
}

fn runs(values: impl Iterator<Item = u32>, each: bool) -> Vec<u32> {
    let mut entries: Vec<[u32; 2]> = Vec::new();
    for value in values {
        match entries.last_mut() {
            Some(last) if last[1] == value && !each => last[0] += 1,
            _ => entries.push([1, value]),
        }
    }
    std::iter::once(u32::try_from(entries.len()).unwrap()).chain(entries.into_iter().flatten()).collect()
}
