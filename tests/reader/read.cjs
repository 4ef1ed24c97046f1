// What mp4box.js, GPAC's reader, finds in films: one path a line in, one line of JSON out.
// H264_MP4BOX names the directory that it is installed in.

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { createInterface } = require('node:readline');

const { createFile, Log } = createRequire(join(process.env.H264_MP4BOX, 'read.cjs'))('mp4box');

// What it says is kept for the answer, not mixed into it.
const said = new Set();
for (const level of ['error', 'warn']) Log[level] = (who, what) => said.add(`${who}: ${what}`);

function read(path) {
    const bytes = fs.readFileSync(path);
    const whole = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    whole.fileStart = 0;
    const file = createFile();
    file.appendBuffer(whole, true);
    file.flush();
    if (!file.moov?.mvhd) throw new Error([...said].join('; ') || 'no moov');
    const hash = ({ offset, size }) => {
        const sample = bytes.subarray(offset, offset + size);
        // Samples of raw sound are many, and shorter than a hash of them.
        return size <= 8 ? sample.toString('hex') : createHash('md5').update(sample).digest('hex').slice(0, 16);
    };
    // The last sample of a flat track: mp4box.js takes its duration from mdhd, whatever stts says.
    const samples = (id, { sample_counts: counts, sample_deltas: deltas }) => {
        const all = file.getTrackSamplesInfo(id);
        const listed = counts.reduce((sum, n) => sum + n, 0);
        if (listed === all.length && listed > 0) all[listed - 1].duration = deltas.at(-1);
        return all;
    };
    const tracks = file.moov.traks.map(({ tkhd, edts, mdia }) => ({
        id: tkhd.track_id,
        enabled: (tkhd.flags & 1) === 1,
        kind: mdia.hdlr.handler,
        codec: mdia.minf.stbl.stsd.entries[0]?.type ?? '',
        timescale: mdia.mdhd.timescale,
        duration: Number(tkhd.duration),
        edits: (edts?.elst?.entries ?? []).map((e) => [
            Number(e.segment_duration),
            Number(e.media_time),
            e.media_rate_integer + e.media_rate_fraction / 65536,
        ]),
        samples: samples(tkhd.track_id, mdia.minf.stbl.stts).map((s) => [
            s.dts,
            s.cts,
            s.duration,
            s.is_sync,
            s.size,
            hash(s),
        ]),
    }));
    const { timescale, duration } = file.moov.mvhd;
    return { timescale, duration: Number(duration), tracks };
}

createInterface({ input: process.stdin }).on('line', (path) => {
    said.clear();
    let answer;
    try {
        answer = read(path);
    } catch (error) {
        answer = { error: error.message };
    }
    process.stdout.write(`${JSON.stringify({ ...answer, said: [...said] })}\n`);
});
