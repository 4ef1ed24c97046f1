//! The limits on what a file may ask of us, each with its reason. Those that refuse a file are far
//! above what a movie of 24 hours needs. At the others a clip of such a movie is still right, but
//! joins ranges, begins earlier or lacks an optional box.
//!
//! Those that tests set lower are fields of [`Limits`]: `Seeker::with_limits` takes them, and `FEW`
//! in `core/tests/common` is such a value. The others are constants.

use std::time::Duration;

/// Limits that a test sets lower, because its movies are short. The default is what the product
/// has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Extents of one answer that are kept, of 24 bytes each, also for a client that does not read.
    /// A clip of an interleaved movie has one. Where there are more, they are generated from the
    /// sample tables when they are sent. Chunks in no order are different: there the smallest gaps
    /// are sent along, up to as many bytes as are needed, and a clip that is scattered even more is
    /// refused.
    pub extents: usize,
    /// Bytes that are kept of one answer to generate its extents from. The audio alone of ten
    /// hours, a packet here and a packet there, has 1.7 million extents. Then some thousand chunks
    /// are passed to find the first of a window.
    pub checkpoints: usize,
    /// Steps from one of those checkpoints to the next, as long as there is room for all.
    pub checkpoint_stride: u64,
    /// Samples of a batch of fragments, unless its only fragment has more. A look-up reads one
    /// batch.
    pub batch_samples: u32,
    /// Fragments of a batch, unless they are tiny.
    pub batch_moofs: u32,
    /// A table is kept whole if its entries take no more bytes than this for each batch, on
    /// average: durations that seldom change, a chunk and a sync sample in each fragment. Keeping
    /// it then takes no more memory than what it could be generated from.
    pub kept_table: usize,
    /// The same for the sizes of chunks. Without them they are added up from those of samples.
    pub kept_chunk_sizes: usize,
    /// Bytes of the tables of fragments that are kept because they would take too long to generate
    /// again: those of fragments of more than some minutes, and of the samples that the `moov` of such
    /// a film has. See [`KEPT_BATCHES`].
    pub kept_batches: usize,
    /// Boxes at the top level of a fragmented file, besides those of [`Self::fragments`]: 24 hours in
    /// fragments of a second, of four boxes each, are 350,000. The movie ends before more.
    pub boxes: usize,
    /// Fragments with samples that do not count as such boxes, nor does the media behind them: an
    /// encoder may write one for each frame of video and packet of audio, which are 270,000 an hour.
    pub fragments: usize,
    /// Bytes of metadata that are read to plan one answer: see [`READS`].
    pub reads: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            extents: 2048,
            checkpoints: 32 << 10,
            checkpoint_stride: 16,
            batch_samples: 4096,
            batch_moofs: 16,
            kept_table: 256,
            kept_batches: KEPT_BATCHES,
            kept_chunk_sizes: 256,
            boxes: FRAGMENT_BOXES,
            fragments: 1 << 21,
            reads: READS,
        }
    }
}

/// Bytes of a box that is read as a whole (`mvhd`, `elst`, `stsd` …). The largest
/// seen in the wild is a 70 KiB `stsd` with embedded codec data.
pub const SMALL_BOX: usize = 1 << 20;

/// Bytes of all `pssh` boxes of a film that are described. Those of PlayReady have up to 15 KiB.
pub const PSSH: u64 = 32 << 10;

/// Bytes at the start of a decoder's configuration (`avcC`, `esds` …) that are looked at to describe
/// a track. Its numbers stand there; parameter sets may follow.
pub const CONFIGURATION: usize = 4096;

/// Bytes of sample descriptions of QuickTime that are written in the form of ISO/IEC 14496-12 in
/// fragments. Those of cameras and editors have some hundred. Longer ones are sent as they are.
pub const REWRITTEN_DESCRIPTIONS: usize = 16 << 10;

/// Bytes of the name of a track, or of another text about it, that are read. People read them in a
/// menu.
pub const NAME: usize = 256;

/// Purposes of a track (`kind`, `tagc`) that are read. The roles of DASH are some twenty.
pub const PURPOSES: usize = 32;

/// Entries of a table of durations that are looked at to find a frame rate. A rate that is not that
/// of the timescale has an entry for each frame or two: they are some seconds.
pub const RATE_ENTRIES: usize = 1024;

/// Boxes in one container, the top level of a flat file included, besides [`ADDED_BOXES`].
pub const CHILDREN: usize = 4096;

/// Boxes of a `moov` that are looked at, all tracks together, besides [`ADDED_BOXES`].
pub const MOOV_BOXES: usize = 1 << 16;

/// Boxes that a clip may have and its file does not, and how many of each in one container. They do
/// not count towards [`CHILDREN`], so that a clip can be cut again whenever its file can be cut.
pub const ADDED_BOXES: [(&[u8; 4], usize); 13] = [
    // For the media, if it lay elsewhere.
    (b"mdat", 1),
    // For samples that are decoded and not presented.
    (b"edts", 1),
    (b"elst", 1),
    (b"ctts", 1),
    // For detected sync samples.
    (b"stss", 1),
    // For what fragments say of their samples.
    (b"sdtp", 1),
    (b"subs", 1),
    (b"sbgp", GROUPINGS),
    (b"sgpd", GROUPINGS),
    (b"saiz", 1),
    (b"saio", 1),
    (b"senc", 1),
    (b"free", 1),
];

/// Track runs of one fragment. A run is a chunk: a fragment of a minute has some hundred.
pub const RUNS: usize = 1 << 16;

/// Tracks of a movie. The most seen in the wild is 32.
pub const TRACKS: usize = 256;

/// Tracks that the references of one track name, those of all types together. A video names its
/// audio, its subtitles and its chapters.
pub const REFERENCES: usize = 4 * TRACKS;

/// Edits of one track that present something. An editor's export may have hundreds.
pub const EDITS: usize = 16 * 1024;

/// Edits of one track, the empty ones included. A clip has at most one empty edit before each other
/// one, so it is within the limits if its file is.
pub const ALL_EDITS: usize = 2 * EDITS;

/// Scenes of a clip that joins several: a highlight reel of a match has some twenty. Each costs what
/// a clip of its own costs to plan.
pub const SCENES: usize = 32;

/// Ranges of samples of one track in a clip: as many as there are edits far apart. If there are
/// more, the nearest ones are joined, and the samples between them come along.
pub const SAMPLE_RANGES: usize = 1024;

/// Size of a `moov`. A 24-hour movie with three tracks has some 100 MB.
pub const MOOV: u64 = 1 << 30;

/// Size of a `moov` with what a clip adds to it. No clip has a larger one, so every clip can be cut
/// again.
pub const MOOV_OF_CLIP: u64 = MOOV + MOOV / 16;

/// Sync samples that are looked at to find the one to start from, besides the first. Sync samples
/// are presented in the order they are stored, in all but broken files.
pub const SYNC_STEPS: usize = 1024;

/// Seconds of decoding that a clip may begin before an open group of pictures, to begin with a
/// closed one.
pub const CLOSED_GOP_SECONDS: u64 = 10;

/// Bytes that are sent and decoded for that before the first picture is presented: some seconds of
/// HD video.
pub const CLOSED_GOP_BYTES: u64 = 4 << 20;

/// Sync samples that are looked into for that: some reads each.
pub const CLOSED_GOP_STEPS: usize = 32;

/// Bytes of media that a clip changes. A picture has some slices, and a clip some scenes.
pub const PATCHES: usize = 4096;

/// Samples before and after a sample that it is reordered with. Codecs allow 16 pictures to be held
/// back; hierarchical groups have 32 or 64 pictures.
pub const REORDER: u32 = 64;

/// The highest sampling rate that audio in packets commonly has, in Hz.
pub(crate) const SAMPLING_RATE: u32 = 192_000;

/// The finest media timescale that a clip raises a track's to. Players count in microseconds.
pub const MEDIA_TIMESCALE: u32 = 1_000_000;

/// Samples that are looked into to find one to start from, where no box lists any: some 2 minutes
/// of video.
pub const PICTURES: u32 = 4096;

/// Sync samples that are detected in a clip of such a track, for players that seek in it; and
/// samples that are looked into for each of them.
pub const DETECTED_SYNC: u32 = 64;

/// Bytes of metadata that are read to plan one answer: enough for a cut through a thousand edits …
pub const READS: u64 = 128 << 20;

/// … and this many times the size of the metadata besides, for a long movie that is gone through.
/// What is read measures all work that a file can cause.
pub const READS_OF_METADATA: u64 = 4;

/// Bytes of metadata that are read to find which part of an answer is played by a time, for its pace:
/// some kilobytes in most films. It is looked for again and again while the answer is sent. What is read
/// of the file counts, and what is read of tables, so that most bytes count twice.
pub const READS_OF_PACE: u64 = 16 << 20;

/// Bytes of metadata or media that are generated at once, and that an answer holds in memory while
/// its client does not read. With a header it stays below 64 KiB, which is what Apache
/// (`FlushMaxThreshold`) and the chunks of lighttpd are laid out for.
pub const WINDOW: usize = 48 * 1024;

/// The same, where more that is generated follows and nothing from the file could go out with it.
/// Answers of hours of film are such, and their clients the ones that stop for long.
pub const METADATA_WINDOW: usize = 28 * 1024;

/// Extents that are gathered before it is known which of them touch.
pub const GATHERED_EXTENTS: usize = 1 << 18;

/// Bytes of the tables of one clip that are cut in memory (`stsh`, `subs`, and what a `csgp` becomes),
/// those of all tracks together: the parts of the subtitles of eight languages of 24 hours, as images. A
/// `csgp` of 26 bytes takes [`SMALL_BOX`].
pub const SMALL_TABLES: usize = 8 << 20;

/// Sample groupings of one track. The most seen in the wild is 4.
pub const GROUPINGS: usize = 64;

/// Runs of samples that are in one group, in fragments, those of all groupings together; and no more
/// than twice the bytes of the file. It is one for each of [`FRAGMENT_SAMPLES`], where most films have
/// one for some seconds. They are in memory twice while the index is built, of 8 bytes each.
pub const GROUP_RUNS: u64 = FRAGMENT_SAMPLES;

/// Runs of a `csgp` that are kept to know where decoding can begin, of 8 bytes each. The patterns
/// of such groups are short. A `csgp` with more runs is still cut to the clip.
pub const COMPACT_RUNS: usize = 4096;

/// See [`Limits::boxes`].
pub const FRAGMENT_BOXES: usize = 1 << 20;

/// Fragments that `sidx` and `mfra` locate, to go on after damage: 24 hours in fragments of a
/// second, for three tracks. They are in memory while the index is built, some 30 bytes each.
pub const PLACES: usize = 1 << 18;

/// Damaged fragments that are found to be so only after they were taken, which makes it necessary
/// to read all fragments again without them. The movie ends before the next one.
pub const LEFT_OUT: usize = 8;

/// Bytes of tables that are kept of the batches of fragments that are not generated again, besides
/// entries that are like the one before: those of 24 hours in fragments of minutes. An index of more
/// would fit in no cache, and each answer that is being sent may hold one of its own.
pub const KEPT_BATCHES: usize = 192 << 20;

/// Bytes of memory that it may take to note where each track is in the fragments, batch by batch
/// (see `fragments`). It is a twentieth of that for 24 hours with three tracks, each in fragments of
/// a second of its own; and within it there are as many fragments of 32 tracks as
/// [`FRAGMENT_BOXES`] and [`FRAGMENT_SAMPLES`] allow.
pub const BATCHES: u64 = 128 << 20;

/// The same for the fragments that come next after damage. Each begins a batch, so a few bytes make
/// one. There may be 10,000 damaged places in a movie of three tracks. The movie ends before more.
pub const BATCHES_AFTER_DAMAGE: u64 = 4 << 20;

/// Samples in fragments; no more than the file has bytes. 24 hours with 60 video samples and two
/// times 47 audio samples a second have 13.3 million. Their tables are in memory while the index is
/// built, some 17 bytes a sample.
pub const FRAGMENT_SAMPLES: u64 = 1 << 24;

/// Size of a compressed `moov`, unpacked. They are of a time when movies lasted minutes.
pub const UNPACKED_MOOV: usize = 32 << 20;

/// How many times its own size a compressed `moov` of more than 64 KiB may unpack to. Tables shrink
/// to a tenth; zeros to a thousandth.
pub const UNPACKED_RATIO: usize = 64;

/// Different sample group descriptions of one grouping in fragments. A key that changes each minute
/// for 24 hours needs 1,440.
pub const DESCRIPTIONS: usize = 4096;

/// Samples without auxiliary information for which an entry is generated, where others have it: the
/// clear lead of an encrypted movie is some seconds long.
pub const CLEAR_SAMPLES: usize = 4096;

/// Bytes of sample auxiliary information in fragments, and no more than twice the size of the file:
/// some 16 bytes a sample for 24 hours. It is in memory twice while the index is built.
pub const AUXILIARY: u64 = 256 << 20;

/// Memory that the building of an index may take beside others. One that takes more waits until no
/// other does: three hours of fragments with one audio track.
pub const MEMORY_AT_ONCE: u64 = 16 << 20;

/// How long such a one waits. What another reads may be on a network that is gone, and a server whose
/// threads have one connection each would lose them one by one.
pub const MEMORY_TURN: Duration = Duration::from_secs(120);

/// Bytes of memory that a sample in fragments takes while the index is built, about.
pub const MEMORY_OF_SAMPLE: u64 = 17;

/// Bytes of a text sample that is shown as WebVTT: a text of 16 bits of length, with a style for
/// each of its characters.
pub const TEXT_SAMPLE: u64 = (64 << 10) * 13;

/// Samples of text that are looked at for one WebVTT text: 24 hours with three a second. Empty ones
/// count, and those that several edits present count for each of them.
pub const TEXT_SAMPLES: u32 = 1 << 18;

/// Bytes of those samples. A tenth of it is more than all text of 24 hours.
pub const TEXT_READ: u64 = 64 << 20;

/// Bytes of a WebVTT text, and of memory for its cues; later cues are left out. 24 hours with a cue
/// of 80 characters each second take 18 MB. It is in memory as a whole, and twice while it is
/// written.
pub const VTT: usize = 24 << 20;

/// Cues of one sample of WebVTT. Players show no more than some lines at once.
pub const CUES_OF_SAMPLE: usize = 64;

/// Colors of text in one WebVTT text. Each is a rule of its style sheet.
pub const TEXT_COLORS: usize = 64;

/// Files that cannot be cut and were reported, of 56 bytes each. If there are more, some are
/// reported more than once.
pub const REPORTS: usize = 1024;

/// The longest edit list fits into a box that is read as a whole.
const _: () = assert!(28 + ALL_EDITS * 20 <= SMALL_BOX);

/// A movie of 24 hours fits, in fragments of one second, with three tracks of 60, 47 and 47
/// samples.
const _: () = {
    let day: u64 = 24 * 60 * 60;
    assert!(day * 6 <= FRAGMENT_BOXES as u64);
    assert!(day * 3 <= PLACES as u64);
    assert!(day * (60 + 47 + 47) <= FRAGMENT_SAMPLES);
    assert!(day * (60 + 47 + 47) * 16 <= AUXILIARY);
    // A size for each sample, and for each of video its duration and composition offset.
    assert!(day * ((60 + 47 + 47) * 4 + 60 * 2 * 8) <= KEPT_BATCHES as u64);
};

/// Segments of one answer: a `sidx` counts them in 16 bits. A movie of more gets longer ones.
pub const SEGMENTS: usize = 0xffff;

/// Bytes of a segment in a playlist or manifest, and of what is known of it while that is written.
pub const SEGMENT_OF_TEXT: usize = 48;

/// Segments of a playlist or manifest, those of all its tracks and scenes together: 20 tracks of ten
/// hours in segments of two seconds are 360,000, and 32 of 24 hours in segments of six are 460,800.
pub const SEGMENTS_OF_TEXT: usize = 1 << 19;

/// Bytes of all of these, and of the query of each link.
pub const TEXT: usize = SEGMENTS_OF_TEXT * SEGMENT_OF_TEXT;

/// Bytes of a query that each link of a playlist has room for: more than signed links take whose
/// signature is an HMAC.
pub const QUERY_OF_LINK: usize = 256;

/// Bytes of queries beyond that, in all links of a playlist together. Each client whose query is another
/// holds a text of its own until it has read it, so that this is what a short request can take. In a
/// playlist of two hours in segments of six seconds a query may be 1,100 bytes long, as tokens with
/// claims are, and in one of ten hours 430, as links are that a network signs with RSA.
pub const LONG_QUERIES: usize = 1 << 20;

/// Links to a track in texts that do not name each of its segments.
pub const LINKS_TO_TRACK: usize = 3;

/// Codings of sound of one film that a multivariant playlist offers, each in a group of its own. Tracks
/// of AAC may be in each group, which multiplies the links to them.
pub const CODINGS_OF_SOUND: usize = 8;

/// Bytes of a playlist or manifest up to which it is written on a thread that may not be kept waiting.
pub const WRITTEN_AT_ONCE: usize = 256 << 10;

/// Bytes of one segment. Offsets of a `trun` have 31 bits, and so have the sizes of a `sidx`.
pub const SEGMENT_BYTES: u64 = 0x7fff_ffff;

/// Bytes of tables of a movie up to which the file of a track is planned on a thread that may not be
/// kept waiting. All sync samples and sizes are passed for that: some 2 MB and more than a millisecond
/// for two hours, in which a server of one thread answers a hundred others.
pub const PLANNED_AT_ONCE: u64 = 512 << 10;

/// Samples of one run (`trun`) of the reference whose entries take bytes; and entries of any run that
/// are generated at once, so this bounds the memory that takes.
pub const SAMPLES_OF_RUN: u32 = 4096;

/// Runs of a track in one segment. They are gone through to find one of them.
pub const RUNS_OF_SEGMENT: u32 = 1024;

/// Bytes of a key that signs links. A text of fewer can be found by trying.
pub const SHORTEST_KEY: usize = 16;

/// Keys that links are checked with. Some are enough to change them one after the other, and each
/// takes the time of an HMAC for a link that is refused.
pub const KEYS: usize = 16;

/// Bytes of a file of keys.
pub const KEY_FILE: u64 = 64 << 10;

/// Clips that a configuration can allow a client at a time: more would be no limit. A browser opens
/// six connections to a server.
pub const CLIPS_PER_CLIENT: u32 = 32;

/// Clips of limited clients that are known at a time, of 8 bytes each.
pub const CLIENT_PLACES: usize = 1 << 13;

/// Ten hours of 20 tracks fit into a playlist in segments of two seconds, and a day of 32 in those of
/// six.
const _: () = {
    let hour = 60 * 60;
    assert!(20 * 10 * hour / 2 <= SEGMENTS_OF_TEXT);
    assert!(32 * 24 * hour / 6 <= SEGMENTS_OF_TEXT);
};
