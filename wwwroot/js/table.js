// A curve as a table, for those who cannot see it: a sentence first, then steps evenly through what is shown, and
// every step that is not finite. Cells are kept and rewritten, so that a reader's place in the table stays.
import { number, xFull, xName } from "./numbers.js";

const ROWS = 40, MOST_NOT_FINITE = 40; // all points are in the CSV file

const element = (name, properties) => Object.assign(document.createElement(name), properties);
const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };

export class CurveTable {
    constructor(host, cell, view) {
        this.host = host; this.cell = cell; this.view = view;
        host.tabIndex = 0;
        host.setAttribute("role", "region");
        host.setAttribute("aria-label", `${cell.name} as a table`);
    }

    draw() {
        if (!this.body) {
            this.summary = this.host.appendChild(element("p", { className: "chart-summary" }));
            const table = this.host.appendChild(element("table", {}));
            this.head = table.createTHead().insertRow();
            this.body = table.createTBody();
        }
        const drawn = this.cell.series(), x = this.view.x, smoothing = this.cell.exact ? 0 : this.view.smoothing;
        const curves = drawn.map(s => ({ label: s.label, length: s.column.length, x: s.column[x], raw: s.column.value, y: smoothing > 0 ? s.column.smoothed(smoothing) : s.column.value }));
        write(this.summary, curves.map(c => `${curves.length > 1 ? `${c.label}: ` : ""}${describe(c, x)}`).join(" "));
        this.fill(this.head, "th", [xName[x], ...curves.map(c => curves.length > 1 ? c.label : smoothing > 0 ? "Smoothed" : "Value")]);
        const [lo, hi] = this.view.range ?? [-Infinity, Infinity];
        const places = [...new Set(curves.flatMap(c => steps(c, lo, hi)))].sort((a, b) => a - b);
        while (this.body.rows.length > places.length) this.body.deleteRow(-1);
        places.forEach((at, i) => this.fill(this.body.rows[i] ?? this.body.insertRow(), "td", [xFull[x](at), ...curves.map(c => number(valueAt(c, at)))]));
    }

    fill(row, kind, texts) {
        while (row.cells.length > texts.length) row.deleteCell(-1);
        texts.forEach((text, i) => {
            const head = kind === "th" || i === 0;
            const cell = row.cells[i] ?? row.appendChild(element(head ? "th" : "td", head ? { scope: kind === "th" ? "col" : "row" } : {}));
            write(cell, text);
        });
    }
}

function describe({ length, x: xs, raw }, x) {
    if (length === 0) return "No points.";
    let low = -1, high = -1, notFinite = 0;
    for (let i = 0; i < length; i++) {
        if (!Number.isFinite(raw[i])) { notFinite++; continue; }
        if (low < 0 || raw[i] < raw[low]) low = i;
        if (high < 0 || raw[i] > raw[high]) high = i;
    }
    const at = i => `${number(raw[i])} at ${xFull[x](xs[i])}`;
    if (length === 1) return `One point: ${at(0)}.`;
    return `${length.toLocaleString("en")} points, last ${at(length - 1)}${low < 0 ? "" : `, lowest ${at(low)}, highest ${at(high)}`}${notFinite ? `; ${notFinite.toLocaleString("en")} not finite` : ""}.`;
}

// Places of rows: evenly through the steps, the first and the last among them, and those that are not finite.
function steps({ length, x, raw }, lo, hi) {
    const shown = [];
    for (let i = 0; i < length; i++) if (x[i] >= lo && x[i] <= hi) shown.push(i);
    const count = Math.min(ROWS, shown.length);
    const even = Array.from({ length: count }, (_, k) => shown[Math.round(k * (shown.length - 1) / Math.max(1, count - 1))]);
    return [...even, ...shown.filter(i => !Number.isFinite(raw[i])).slice(0, MOST_NOT_FINITE)].map(i => x[i]);
}

// What a curve is at a place where another has a point: its last value at or before it.
function valueAt({ length, x, y }, at) {
    let lo = 0, hi = length;
    while (lo < hi) { const mid = (lo + hi) >> 1; if (x[mid] <= at) lo = mid + 1; else hi = mid; }
    return lo > 0 ? y[lo - 1] : null;
}
