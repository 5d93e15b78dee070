// One chart: a uPlot that is made when it first comes into view and redrawn only while it is in view.
import uPlot from "../lib/uplot/uPlot.esm.js";
import { reduce } from "./curves.js";
import { CurveTable } from "./table.js";
import { number, xText } from "./numbers.js";

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const lineColour = i => css(`--line-${i % 8 + 1}`);

const AXIS_FONT = 11, AXIS_ROOM = 14, AXIS_LEAST = 52; // pixels; the room is for the mark and the gap beside a label
const MOST_DIGITS = 16;

// 0.25, 1e22, −2.5e-7: no longer than its digits
const short = (v, digits) => v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e6)
    ? v.toExponential(digits - 1).replace(/\.?0*e\+?/, "e") : `${+v.toPrecision(digits)}`;
// as many digits as tell the marks of an axis apart
const labels = splits => {
    const shown = splits.filter(v => v != null), distinct = new Set(shown).size;
    for (let digits = 4; ; digits++) {
        const text = v => v == null ? "" : short(v, digits);
        if (digits === MOST_DIGITS || new Set(shown.map(text)).size === distinct) return splits.map(text);
    }
};
// The width that an axis needs for its labels: none is ever cut off. uPlot asks again when that moved the marks; the
// second answer stands.
const labelWidth = (u, texts, axis, cycle) => {
    if (cycle > 1) return u.axes[axis]._size;
    if (!texts) return AXIS_LEAST;
    const { ctx } = u;
    ctx.save();
    ctx.font = `${AXIS_FONT * devicePixelRatio}px ${css("--sans")}`;
    const widest = Math.max(...texts.map(t => ctx.measureText(t ?? "").width), 0) / devicePixelRatio;
    ctx.restore();
    return Math.max(AXIS_LEAST, Math.ceil(widest) + AXIS_ROOM);
};
const lastOf = ({ column: c }, smoothing) => c.length ? (smoothing > 0 ? c.smoothed(smoothing) : c.value)[c.length - 1] : null;

// One point makes no line: it is drawn as a dot.
const isAlone = ys => {
    let n = 0;
    for (const y of ys) if (y != null && ++n > 1) return false;
    return n === 1;
};

export class Plot {
    // cell: { title, name (with its group), series: () => [{ column, label, colour }], replaced: () => [{ column, colour }] of earlier attempts, details?: index => html }
    constructor(host, cell, view) {
        this.cell = cell; this.view = view; this.dirty = true; this.visible = false; this.markers = [];
        this.figure = document.createElement("figure");
        this.figure.className = "chart";
        this.figure.innerHTML = `<figcaption><span class="chart-title"></span><span class="chart-value num" aria-hidden="true"></span></figcaption><div class="chart-plot" role="img"></div><div class="chart-table" hidden></div>`;
        this.figure.querySelector(".chart-title").textContent = cell.title;
        this.figure.dataset.metric = cell.key;
        this.figure.plot = this;
        this.value = this.figure.querySelector(".chart-value");
        this.box = this.figure.querySelector(".chart-plot");
        this.box.setAttribute("aria-label", `Curve of ${cell.name}`); // until it is in view and drawn
        this.table = new CurveTable(this.figure.querySelector(".chart-table"), cell, view);
        host.append(this.figure);
    }

    options(width) {
        const grid = { stroke: () => css("--border"), width: 1 }, ticks = { ...grid, size: 4 };
        const font = `${AXIS_FONT}px ${css("--sans")}`, axis = { stroke: () => css("--faint"), grid, ticks, font };
        const drawn = this.cell.series(), smoothing = this.smoothing > 0;
        const points = { show: (u, i) => this.cell.exact === true || isAlone(u.data[i]), size: 6 };
        const line = (s, extra) => ({ label: s.label, stroke: () => lineColour(s.colour), spanGaps: true, width: 1.5, points, ...extra });
        return {
            width, height: this.view.height, padding: [8, 18, 0, 0], pxAlign: 0,
            cursor: { sync: { key: this.view.key, scales: ["x", null] }, points: { size: 6 }, drag: { x: true, y: false, setScale: false } },
            legend: { show: false },
            scales: { x: { time: false, range: () => this.range }, y: { distr: this.view.log ? 3 : 1, range: this.view.log ? undefined : (u, lo, hi) => lo == null ? [0, 1] : lo === hi ? [lo - (Math.abs(lo) * .1 || 1), hi + (Math.abs(hi) * .1 || 1)] : [lo - (hi - lo) * .06, hi + (hi - lo) * .06] } },
            axes: [
                { ...axis, size: 28, space: 70, values: (u, splits) => splits.map(xText[this.view.x]) },
                { ...axis, size: labelWidth, space: 32, values: (u, splits) => labels(splits) },
            ],
            series: [
                {}, ...drawn.flatMap(s => smoothing ? [line(s, { alpha: .25, width: 1, points: { show: false } }), line(s)] : [line(s)]),
                ...this.cell.replaced().map(s => line({ ...s, label: "replaced" }, { alpha: .55, width: 1, dash: [3, 3] })),
            ],
            hooks: {
                setCursor: [u => this.showValues(u)],
                setSelect: [u => { if (u.select.width > 4) this.view.zoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")); u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false); }],
                drawClear: [u => this.drawAttempts(u), u => this.drawBadSteps(u)],
                draw: [u => this.drawMarkers(u)],
            },
        };
    }

    draw() {
        this.dirty = false;
        this.box.hidden = this.view.table; this.table.host.hidden = !this.view.table;
        if (this.view.table) { this.table.draw(); this.showLast(); return; }
        const width = this.box.clientWidth;
        if (width < 60) return;
        const drawn = this.cell.series(), smoothing = this.smoothing > 0;
        let lo = Infinity, hi = -Infinity;
        for (const { column: c } of drawn) if (c.length) { lo = Math.min(lo, c[this.view.x][0]); hi = Math.max(hi, c[this.view.x][c.length - 1]); }
        if (lo > hi) { lo = 0; hi = 1; }
        // every chart starts at 0 and ends where the longest does, so that they can be read one below the other
        this.range = this.view.range ?? [Math.min(0, lo), Math.max(hi, this.view.extent(), lo + 1e-9)];
        const series = drawn.flatMap(({ column: c }) => {
            const raw = { x: c[this.view.x], y: c.value, length: c.length };
            return smoothing ? [raw, { ...raw, y: c.smoothed(this.view.smoothing) }] : [raw];
        });
        const replaced = this.cell.replaced();
        for (const { column: c } of replaced) series.push({ x: c[this.view.x], y: smoothing ? c.smoothed(this.view.smoothing) : c.value, length: c.length });
        const { data, markers } = reduce(series, this.range[0], this.range[1], Math.max(100, width - 60), this.view.log);
        this.markers = markers;
        const shape = `${this.view.log}|${smoothing}|${drawn.map(s => s.colour).join()}|${replaced.map(s => s.colour).join()}`;
        if (this.uplot && this.shape !== shape) { this.uplot.destroy(); this.uplot = null; }
        this.shape = shape;
        if (!this.uplot) {
            this.uplot = new uPlot(this.options(width), data, this.box);
            this.uplot.over.addEventListener("dblclick", () => this.view.zoom(null));
            if (this.cell.details) this.tip = this.uplot.over.appendChild(Object.assign(document.createElement("div"), { className: "chart-tip", hidden: true }));
        } else {
            if (this.uplot.width !== width) this.uplot.setSize({ width, height: this.view.height });
            this.uplot.setData(data);
        }
        this.showValues(this.uplot);
        this.box.setAttribute("aria-label", `Curve of ${this.cell.name}, ${drawn.map(s => `${drawn.length > 1 ? `${s.label}: ` : ""}last ${number(lastOf(s, this.smoothing))}`).join(", ")}. ${this.view.badSteps().map(b => ` Not finite from iteration ${b.iteration} on.`).join("")} “As table” shows the numbers.`);
    }

    // Distances are drawn as they were measured.
    get smoothing() { return this.cell.exact ? 0 : this.view.smoothing; }

    // The last value of each run, where nothing is pointed at.
    showLast() { this.value.innerHTML = this.valueTexts(s => lastOf(s, this.smoothing)); }

    valueTexts(valueOf) {
        const drawn = this.cell.series();
        return drawn.map((s, i) => `${drawn.length > 1 ? `<i style="background:${lineColour(s.colour)}"></i>` : ""}${number(valueOf(s, i))}`).join(" ");
    }

    showValues(u) {
        const i = u.cursor.idx, stride = this.smoothing > 0 ? 2 : 1;
        if (i == null || u.cursor.left < 0) {
            this.showLast();
            if (this.tip) this.tip.hidden = true;
            return;
        }
        const at = (s, k) => {
            const ys = u.data[stride * k + stride];
            for (let d = 0; d < 8; d++) { const y = ys?.[i - d] ?? ys?.[i + d]; if (y != null) return y; }
            return null;
        };
        this.value.innerHTML = (u.data[0][i] != null ? `<span class="chart-at">${xText[this.view.x](u.data[0][i])}</span> ` : "") + this.valueTexts(at);
        if (!this.tip) return;
        const html = this.cell.details(u.posToVal(u.cursor.left, "x"), this.view.x, u);
        this.tip.hidden = !html;
        if (html) {
            this.tip.replaceChildren(html);
            const room = u.over.clientWidth - this.tip.offsetWidth;
            this.tip.style.left = `${Math.max(0, Math.min(room, u.cursor.left + 14))}px`;
        }
    }

    // Attempts as bands: every second one is shaded, each start is a line.
    drawAttempts(u) {
        if (this.view.runs > 1) return;
        const column = this.view.attempts();
        if (!column) return;
        const { ctx } = u, { left, top, width, height } = u.bbox;
        ctx.save();
        ctx.beginPath(); ctx.rect(left, top, width, height); ctx.clip();
        const starts = this.view.attemptStarts(column);
        ctx.textAlign = "left"; ctx.textBaseline = "alphabetic"; ctx.font = `${10 * devicePixelRatio}px ${css("--sans")}`;
        let free = left + width; // a label is drawn where it does not run into that of the next attempt
        for (let i = starts.length - 1; i > 0; i--) {
            const { number: attempt, x } = starts[i];
            const from = u.valToPos(x, "x", true), to = i + 1 < starts.length ? u.valToPos(starts[i + 1].x, "x", true) : left + width;
            if (i % 2) { ctx.fillStyle = css("--sunken"); ctx.fillRect(from, top, Math.max(0, to - from), height); }
            ctx.fillStyle = css("--border-strong"); ctx.fillRect(from, top, devicePixelRatio, height);
            const label = `attempt ${attempt}`, at = from + 4 * devicePixelRatio;
            if (at + ctx.measureText(label).width > free) continue;
            ctx.fillStyle = css("--faint");
            ctx.fillText(label, at, top + 11 * devicePixelRatio);
            free = from;
        }
        ctx.restore();
    }

    // The first step of a run whose numbers were not finite: a red line, with its name where there is room.
    drawBadSteps(u) {
        const { ctx } = u, { left, top, width, height } = u.bbox, r = devicePixelRatio;
        ctx.save();
        ctx.beginPath(); ctx.rect(left, top, width, height); ctx.clip();
        ctx.strokeStyle = ctx.fillStyle = css("--red"); ctx.lineWidth = r; ctx.setLineDash([4 * r, 3 * r]);
        ctx.textAlign = "right"; ctx.textBaseline = "alphabetic"; ctx.font = `${10 * r}px ${css("--sans")}`;
        for (const { x } of this.view.badSteps()) {
            const at = u.valToPos(x, "x", true);
            ctx.beginPath(); ctx.moveTo(at, top); ctx.lineTo(at, top + height); ctx.stroke();
            if (at - left > ctx.measureText("not finite").width + 8 * r) ctx.fillText("not finite", at - 4 * r, top + 22 * r);
        }
        ctx.restore();
    }

    // NaN and infinities are never dropped: a cross (NaN) or a triangle (±∞) stands where they were.
    drawMarkers(u) {
        if (!this.markers.length) return;
        const { ctx } = u, r = devicePixelRatio, { top, height } = u.bbox;
        ctx.save();
        ctx.strokeStyle = ctx.fillStyle = css("--red"); ctx.lineWidth = 1.5 * r;
        for (const { x, value } of this.markers) {
            if (x < this.range[0] || x > this.range[1]) continue;
            const at = u.valToPos(x, "x", true), up = value === Infinity, y = up ? top + 6 * r : top + height - 7 * r;
            ctx.beginPath();
            if (Number.isNaN(value)) { ctx.moveTo(at - 3 * r, y - 3 * r); ctx.lineTo(at + 3 * r, y + 3 * r); ctx.moveTo(at + 3 * r, y - 3 * r); ctx.lineTo(at - 3 * r, y + 3 * r); ctx.stroke(); }
            else { const d = up ? -4 * r : 4 * r; ctx.moveTo(at, y + d); ctx.lineTo(at - 4 * r, y - d); ctx.lineTo(at + 4 * r, y - d); ctx.fill(); }
        }
        ctx.restore();
    }

    recolour() { this.uplot?.redraw(false, true); this.uplot && this.showValues(this.uplot); }

    dispose() { this.uplot?.destroy(); this.figure.remove(); }
}
