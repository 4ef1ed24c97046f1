// Libraries that play HLS and DASH through Media Source Extensions in `page.js`.
'use strict';

const LIBRARIES = {
    'hls.js': {
        script: 'hls.js',
        attach(player, url, fail) {
            const hls = new window.Hls({ maxBufferLength: 60 });
            hls.on(window.Hls.Events.ERROR, (_, { fatal, type, details, reason }) => {
                warnings.push(`${type} ${details}`);
                if (fatal) fail(`${type} ${details} ${reason ?? ''}`);
            });
            hls.loadSource(url);
            hls.attachMedia(player);
            return () => hls.destroy();
        },
    },
    'dash.js': {
        script: 'dash.js',
        attach(player, url, fail) {
            const dash = window.dashjs.MediaPlayer().create();
            dash.on('error', ({ error }) => fail(`${error.code} ${error.message}`));
            dash.updateSettings({ debug: { logLevel: 0 } });
            dash.initialize(player, url, false);
            return () => dash.destroy();
        },
    },
    Shaka: {
        script: 'shaka.js',
        attach(player, url, fail) {
            window.shaka.polyfill.installAll();
            const shaka = new window.shaka.Player();
            const failed = (e) => fail(`Shaka: error ${e.code} ${JSON.stringify(e.data)}`);
            shaka.addEventListener('error', ({ detail }) => failed(detail));
            shaka.attach(player).then(() => shaka.load(url)).catch(failed);
            return () => shaka.destroy();
        },
    },
};

// What libraries say that they recovered from.
let warnings = [];
// All source buffers since the player was loaded.
let sources = [];
let detach = () => {};

if (window.MediaSource) {
    const add = window.MediaSource.prototype.addSourceBuffer;
    window.MediaSource.prototype.addSourceBuffer = function (type) {
        const source = add.call(this, type);
        sources.push([type, source]);
        return source;
    };
}

// Loads the library's script, if it is not there yet.
async function fetchLibrary(name) {
    const { script } = LIBRARIES[name];
    if (document.querySelector(`script[src="${script}"]`)) return;
    const element = Object.assign(document.createElement('script'), { src: script });
    await new Promise((done, failed) => {
        element.onload = done;
        element.onerror = () => failed(new Error(`${script} cannot be loaded`));
        document.head.append(element);
    });
}

// Has a library play what is at `url`. `fail` is called with what goes wrong for good.
function attach(name, player, url, fail) {
    detach();
    [sources, warnings] = [[], []];
    detach = LIBRARIES[name].attach(player, url, fail);
}

// For each source buffer its type, and from when to when it has media.
function buffered() {
    return sources.map(([type, source]) => {
        try {
            const { buffered: times } = source;
            return [type, Array.from({ length: times.length }, (_, n) => [times.start(n), times.end(n)])];
        } catch {
            // A source buffer that was removed.
            return [type, []];
        }
    });
}

window.libraries = { fetch: fetchLibrary, attach, buffered, warnings: () => warnings };
