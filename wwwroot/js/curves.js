// Curves of one run in memory: typed columns per metric, appended in the order in which they were written.

const GROW = 1.6;
const STALL_MS = 20_000; // a server that says nothing for so long is asked again

class Column {
    constructor(name) {
        this.name = name;
        this.length = 0;
        this.capacity = 256;
        for (const part of Column.parts) this[part] = new Float64Array(this.capacity);
        this.smooth = null;
    }

    static parts = ["iteration", "images", "seconds", "attempt", "value"];

    push(iteration, images, seconds, attempt, value) {
        // A newer attempt replaced what is here from its first point on; the word of it may have come while nobody listened.
        if (this.length && attempt > this.attempt[this.length - 1] && this.iteration[this.length - 1] >= iteration) {
            while (this.length && this.iteration[this.length - 1] >= iteration) this.length--;
            this.smooth = null;
        }
        if (this.length === this.capacity) {
            this.capacity = Math.ceil(this.capacity * GROW);
            for (const part of Column.parts) {
                const grown = new Float64Array(this.capacity);
                grown.set(this[part]);
                this[part] = grown;
            }
        }
        const i = this.length++;
        this.iteration[i] = iteration; this.images[i] = images; this.seconds[i] = seconds; this.attempt[i] = attempt; this.value[i] = value;
    }

    // Exponential moving average as TensorBoard draws it: debiased, non-finite values pass through and are not averaged in.
    // Kept and extended, so that a live point costs one step, not the whole curve.
    smoothed(weight) {
        if (weight <= 0) return this.value;
        let s = this.smooth;
        if (s?.weight !== weight) s = this.smooth = { weight, done: 0, count: 0, last: 0, out: new Float64Array(this.capacity) };
        if (s.out.length < this.length) { const grown = new Float64Array(this.capacity); grown.set(s.out); s.out = grown; }
        for (; s.done < this.length; s.done++) {
            const v = this.value[s.done];
            if (!Number.isFinite(v)) { s.out[s.done] = v; continue; }
            s.last = s.last * weight + (1 - weight) * v;
            s.count++;
            s.out[s.done] = s.last / (1 - weight ** s.count);
        }
        return s.out;
    }
}

export class Curves {
    // byAttempt: a column per metric and attempt, for points that later attempts replaced: only within one attempt do
    // they come in order.
    constructor(byAttempt = false) { this.byAttempt = byAttempt; this.clear(); }

    clear() { this.columns = new Map(); this.last = 0; }

    column(name, attempt) {
        const key = this.byAttempt ? `${name}\n${attempt}` : name;
        let c = this.columns.get(key);
        if (!c) this.columns.set(key, c = new Column(name));
        return c;
    }

    // A frame as CurveFrame.cs writes it: [u32 JSON bytes][JSON, padded to 8][f64 iteration, images, seconds, attempt: one per step]
    // [f64 value: one per point][u32 step, u32 name: one per point]. Little endian. Returns the header, or null where a
    // live frame does not join what is here: then the caller fetches what is missing.
    append(buffer, offset = 0, live = false) {
        const jsonBytes = new DataView(buffer).getUint32(offset, true);
        const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, offset + 4, jsonBytes)));
        if (live && header.last <= this.last) return header;
        if (live && header.first <= this.last) return null;
        let at = offset + 4 + jsonBytes;
        at += (8 - (at - offset) % 8) % 8;
        const { steps, points } = header;
        const take = (type, n) => { const a = new type(buffer, at, n); at += a.byteLength; return a; };
        const iteration = take(Float64Array, steps), images = take(Float64Array, steps), seconds = take(Float64Array, steps), attempt = take(Float64Array, steps);
        const value = take(Float64Array, points), step = take(Uint32Array, points), name = take(Uint32Array, points);
        for (let i = 0; i < points; i++) {
            const s = step[i];
            this.column(header.names[name[i]], attempt[s]).push(iteration[s], images[s], seconds[s], attempt[s], value[i]);
        }
        this.last = Math.max(this.last, header.last);
        return header;
    }

    // Reads the history as it streams in; onFrame after every frame, so that the curves draw while they load.
    async fetch(url, onFrame, signal) {
        const stalled = new AbortController();
        const heard = () => { clearTimeout(heard.timer); heard.timer = setTimeout(() => stalled.abort(new Error("The curves do not come.")), STALL_MS); };
        heard();
        try {
            await this.read(await fetch(`${url}${url.includes("?") ? "&" : "?"}after=${this.last}`, { signal: AbortSignal.any([signal, stalled.signal]) }), onFrame, heard);
        } finally { clearTimeout(heard.timer); }
    }

    async read(response, onFrame, heard) {
        if (!response.ok) throw new Error(`The curves could not be loaded (${response.status}).`);
        const reader = response.body.getReader();
        let pending = new Uint8Array(0);
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            heard();
            const joined = new Uint8Array(pending.length + value.length);
            joined.set(pending); joined.set(value, pending.length);
            pending = joined;
            while (pending.length >= 8) {
                const size = new DataView(pending.buffer, pending.byteOffset).getUint32(0, true);
                if (pending.length < 8 + size) break;
                // a copy, so that typed arrays over it are aligned
                this.append(pending.slice(8, 8 + size).buffer);
                pending = pending.slice(8 + size);
                onFrame();
            }
        }
    }
}

const firstAtOrAbove = (xs, x, n) => {
    let lo = 0, hi = n;
    while (lo < hi) { const mid = (lo + hi) >> 1; if (xs[mid] < x) lo = mid + 1; else hi = mid; }
    return lo;
};

// What to draw of some series over [lo, hi]: aligned data for uPlot plus the places of non-finite values.
// Few points are drawn as they are; many are reduced to the lowest and highest of each pixel column, in the order in
// which they came, which draws the same picture.
export function reduce(series, lo, hi, pixels, log) {
    const markers = [];
    const parts = series.map(({ x, y, length }) => {
        // one point beyond either edge, so that lines run out of the picture
        const from = Math.max(0, firstAtOrAbove(x, lo, length) - 1), to = Math.min(length, firstAtOrAbove(x, hi, length) + 1);
        return { x, y, from, to };
    });
    const usable = v => Number.isFinite(v) && (!log || v > 0);
    const total = Math.max(0, ...parts.map(p => p.to - p.from));
    if (total <= 2 * pixels) {
        const xs = [...new Set(parts.flatMap(p => Array.from(p.x.subarray(p.from, p.to))))].sort((a, b) => a - b);
        const at = new Map(xs.map((x, i) => [x, i]));
        const ys = parts.map((p, s) => {
            const out = new Array(xs.length).fill(null);
            for (let i = p.from; i < p.to; i++) {
                if (usable(p.y[i])) out[at.get(p.x[i])] = p.y[i];
                else if (!Number.isFinite(p.y[i])) markers.push({ x: p.x[i], value: p.y[i], series: s });
            }
            return out;
        });
        return { data: [xs, ...ys], markers };
    }
    const width = (hi - lo) / pixels || 1, xs = new Array(2 * pixels);
    for (let b = 0; b < pixels; b++) { xs[2 * b] = lo + (b + .25) * width; xs[2 * b + 1] = lo + (b + .75) * width; }
    const ys = parts.map((p, s) => {
        const out = new Array(2 * pixels).fill(null);
        let bucket = -1, min = 0, max = 0, minAt = 0, maxAt = 0, any = false, marked = -1;
        const flush = () => {
            if (!any) return;
            out[2 * bucket] = minAt <= maxAt ? min : max;
            out[2 * bucket + 1] = minAt <= maxAt ? max : min;
        };
        for (let i = p.from; i < p.to; i++) {
            const b = Math.min(pixels - 1, Math.max(0, Math.floor((p.x[i] - lo) / width)));
            if (b !== bucket) { flush(); bucket = b; any = false; }
            const v = p.y[i];
            if (!usable(v)) {
                if (!Number.isFinite(v) && marked !== b) { markers.push({ x: p.x[i], value: v, series: s }); marked = b; }
                continue;
            }
            if (!any) { min = max = v; minAt = maxAt = i; any = true; }
            else if (v < min) { min = v; minAt = i; }
            else if (v > max) { max = v; maxAt = i; }
        }
        flush();
        return out;
    });
    return { data: [xs, ...ys], markers };
}
