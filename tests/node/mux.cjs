// Puts a film's packets together again with mediabunny: from, to, and what it calls `fastStart`
// (`none`, `in-memory`, `fragmented`). H264_NPM names the directory that it is installed in.

const { readFileSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');

const bunny = createRequire(join(process.env.H264_NPM, 'mux.cjs'))('mediabunny');

async function mux(from, to, fastStart) {
    const source = new bunny.BufferSource(readFileSync(from));
    const input = new bunny.Input({ source, formats: bunny.ALL_FORMATS });
    const format = new bunny.Mp4OutputFormat({
        fastStart: fastStart === 'none' ? false : fastStart,
        minimumFragmentDuration: 0.7,
    });
    const output = new bunny.Output({ format, target: new bunny.BufferTarget() });
    const tracks = [];
    for (const track of await input.getTracks()) {
        const isVideo = track.type === 'video';
        const into = new (isVideo ? bunny.EncodedVideoPacketSource : bunny.EncodedAudioPacketSource)(track.codec);
        if (isVideo) output.addVideoTrack(into);
        else output.addAudioTrack(into);
        tracks.push({ track, into });
    }
    await output.start();
    const copy = async ({ track, into }) => {
        const meta = { decoderConfig: await track.getDecoderConfig() };
        for await (const packet of new bunny.EncodedPacketSink(track).packets()) await into.add(packet, meta);
        into.close();
    };
    await Promise.all(tracks.map(copy));
    await output.finalize();
    writeFileSync(to, new Uint8Array(output.target.buffer));
}

mux(...process.argv.slice(2));
