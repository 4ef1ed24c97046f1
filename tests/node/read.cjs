// What mp4box.js, GPAC's reader, finds in films: one path a line in, one line of JSON out.
// H264_NPM names the directory that it is installed in.

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { createInterface } = require('node:readline');

const { createFile, Log } = createRequire(join(process.env.H264_NPM, 'read.cjs'))('mp4box');

// What it says is kept for the answer, not mixed into it.
const said = new Set();
for (const level of ['error', 'warn']) Log[level] = (who, what) => said.add(`${who}: ${what}`);

// The samples of all fragments, by track: mp4box.js itself takes every run to begin where the last one ends, and knows
// the time of a track's first fragment only.
function fragmentSamples(file, bytes) {
    const tracks = new Map();
    const ends = new Map();
    for (const { tkhd, mdia } of file.moov.traks) {
        const { sample_counts: counts, sample_deltas: deltas } = mdia.minf.stbl.stts;
        ends.set(tkhd.track_id, counts.reduce((sum, n, i) => sum + n * deltas[i], 0));
    }
    for (const moof of file.moofs) {
        let next = moof.start;
        for (const traf of moof.trafs) {
            const { tfhd } = traf;
            const id = tfhd.track_id;
            const trex = file.getTrexById(id) ?? {};
            const or = (flag, name) => (tfhd.flags & flag ? tfhd[name] : (trex[name] ?? 0));
            const duration = or(8, 'default_sample_duration');
            const size = or(16, 'default_sample_size');
            const flags = or(32, 'default_sample_flags');
            let base = next;
            if (tfhd.flags & 1) base = tfhd.base_data_offset;
            else if (tfhd.flags & 0x20000) base = moof.start;
            next = base;
            let dts = traf.tfdt?.baseMediaDecodeTime ?? smoothTime(traf, bytes) ?? ends.get(id);
            const list = tracks.get(id) ?? [];
            tracks.set(id, list);
            for (const run of traf.truns) {
                if (run.flags & 1) next = base + run.data_offset;
                for (let n = 0; n < run.sample_count; n++) {
                    const own = (flag, name, otherwise) => (run.flags & flag ? run[name][n] : otherwise);
                    const usual = n === 0 && run.flags & 4 ? run.first_sample_flags : flags;
                    const sample = {
                        dts,
                        cts: dts + own(0x800, 'sample_composition_time_offset', 0),
                        duration: own(0x100, 'sample_duration', duration),
                        is_sync: ((own(0x400, 'sample_flags', usual) >> 16) & 1) === 0,
                        size: own(0x200, 'sample_size', size),
                        offset: next,
                    };
                    list.push(sample);
                    dts += sample.duration;
                    next += sample.size;
                }
            }
            ends.set(id, dts);
        }
    }
    beginAtZero(file, tracks);
    return tracks;
}

// What Smooth Streaming had before tfdt; signed, as sound begins before 0.
function smoothTime({ boxes }, bytes) {
    const kind = '6d1d9b0542d544e680e2141daff757b2';
    for (const { start, size, type } of boxes ?? []) {
        if (type !== 'uuid' || bytes.toString('hex', start + 8, start + 24) !== kind || size < 36) continue;
        const wide = bytes[start + 24] === 1;
        return wide ? Number(bytes.readBigInt64BE(start + 28)) : bytes.readUInt32BE(start + 28);
    }
    return undefined;
}

// A film that is all in fragments begins with the earliest of them.
function beginAtZero(file, tracks) {
    const timescales = new Map(file.moov.traks.map(({ tkhd, mdia }) => [tkhd.track_id, mdia.mdhd.timescale]));
    if (file.moov.traks.some(({ mdia }) => mdia.minf.stbl.stts.sample_counts.length > 0)) return;
    const firsts = [...tracks].filter(([, list]) => list.length > 0);
    const origin = Math.min(...firsts.map(([id, [first]]) => first.dts / timescales.get(id)));
    for (const [id, list] of firsts) {
        const ticks = Math.floor(origin * timescales.get(id) + 1e-6);
        for (const sample of list) {
            sample.dts -= ticks;
            sample.cts -= ticks;
        }
    }
}

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
    const fragmented = fragmentSamples(file, bytes);
    const samples = (id, { sample_counts: counts, sample_deltas: deltas }) => {
        const listed = counts.reduce((sum, n) => sum + n, 0);
        const flat = file.getTrackSamplesInfo(id).slice(0, listed);
        // mp4box.js takes the last duration from mdhd, whatever stts says.
        if (flat.length === listed && listed > 0) flat[listed - 1].duration = deltas.at(-1);
        return [...flat, ...(fragmented.get(id) ?? [])];
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
