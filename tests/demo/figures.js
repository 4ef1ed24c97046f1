// What answers weigh, and how soon they show something. What is asked for here stays out of the
// browser's cache, so that it makes nothing faster.

const fresh = { cache: "no-store" };

// The answer to HEAD: its status, size and ETag; null where nobody answers.
export async function head(url) {
  const reply = await fetch(url, { ...fresh, method: "HEAD" }).catch(() => null);
  if (!reply) return null;
  return { ok: reply.ok, status: reply.status, size: Number(reply.headers.get("content-length") ?? NaN), etag: reply.headers.get("etag") };
}

// Why the server refuses, in its own words.
export async function refusal(url) {
  const reply = await fetch(url, fresh).catch(() => null);
  if (reply?.ok) reply.body?.cancel();
  if (!reply || reply.ok) return null;
  const text = await reply.text();
  const body = new DOMParser().parseFromString(text, "text/html").body;
  const said = (body.querySelector("p") ?? body).textContent.trim().split("\n")[0];
  return { status: reply.status, said };
}

// The bytes of an MP4 that are no media: all but what its `mdat` boxes hold. A flat answer is read
// up to its `mdat`, in front of which the metadata stands, and a fragmented one to its end, unless
// `signal` says that nobody asks any longer.
export async function metadataBytes(url, signal) {
  const stop = new AbortController();
  signal?.addEventListener("abort", () => stop.abort());
  const reply = await fetch(url, { ...fresh, signal: stop.signal });
  const source = reply.body.getReader();
  let [metadata, skip, header, fragmented] = [0, 0, [], false];
  for (;;) {
    const { done, value } = await source.read();
    if (done) return metadata;
    for (let at = 0; at < value.length;) {
      if (skip > 0) {
        const skipped = Math.min(skip, value.length - at);
        skip -= skipped;
        at += skipped;
        continue;
      }
      header.push(value[at++]);
      const box = readHeader(header);
      if (!box) continue;
      const isMedia = box.type === "mdat";
      fragmented ||= box.type === "moof" || box.type === "sidx";
      metadata += isMedia ? header.length : box.size;
      // One without a size lasts to the end of the file.
      if (isMedia && (!fragmented || !box.size)) {
        stop.abort();
        return metadata;
      }
      if (!box.size) {
        stop.abort();
        return NaN;
      }
      skip = box.size - header.length;
      header = [];
    }
  }
}

// The type and size of a box (ISO/IEC 14496-12, 4.2); nothing while its header is not complete.
function readHeader(bytes) {
  const number = (from, to) => bytes.slice(from, to).reduce((total, byte) => total * 256 + byte, 0);
  const isLong = number(0, 4) === 1;
  if (bytes.length < (isLong ? 16 : 8)) return null;
  return { type: String.fromCharCode(...bytes.slice(4, 8)), size: isLong ? number(8, 16) : number(0, 4) };
}

// How long a browser takes to show the plain file from `start` on, in ms. A parameter that nobody
// reads keeps the browser from what it has of the file.
export function plainFirstFrame(url, start) {
  const player = Object.assign(document.createElement("video"), { muted: true, preload: "auto" });
  const began = performance.now();
  return new Promise((done) => {
    const end = (value) => { player.removeAttribute("src"); player.load(); done(value); };
    player.onloadeddata = () => {
      if (player.seeking) player.onseeked = () => end(performance.now() - began);
      else end(performance.now() - began);
    };
    player.onerror = () => end(NaN);
    player.src = `${url}?nonce=${Date.now()}#t=${start}`;
  });
}

// Counts what a library fetches of a film from now on: playlists and manifests, and all.
export function countTransfers(film, report) {
  let [texts, all] = [0, 0];
  const observer = new PerformanceObserver((list) => {
    for (const { name, encodedBodySize } of list.getEntries()) {
      if (!name.startsWith(`${film}/`)) continue;
      all += encodedBodySize;
      if (/\.(m3u8|mpd)(\?|$)/.test(name)) texts += encodedBodySize;
    }
    report({ all, texts });
  });
  observer.observe({ type: "resource" });
  return () => observer.disconnect();
}
