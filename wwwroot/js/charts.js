// The charts of one run, or of several over each other: groups, toolbar, lazy drawing, live points.
import { Curves } from "./curves.js";
import { duration, number } from "./numbers.js";
import { Plot } from "./plot.js";

// Curves are named group/name; the order here is the order on the page, unknown groups come last under their own name.
const GROUPS = new Map([
    ["distance", "Distance to the data"], ["loss", "Losses"], ["alpha-weighted", "α-weighted terms"], ["gradient", "Gradient norms"],
    ["rate", "Learning rates"], ["speed", "Speed"], ["steps", "Steps"],
]);
const groupOf = key => key.includes("/") ? key.slice(0, key.indexOf("/")) : "other";
const orderOf = group => { const i = [...GROUPS.keys()].indexOf(group); return i < 0 ? GROUPS.size : i; };
const sentence = text => text.charAt(0).toUpperCase() + text.slice(1);
const titleOf = key => sentence(key.slice(key.indexOf("/") + 1).replace(/-/g, " ").replace("warm up", "warm-up").replace(/\bgan\b/, "GAN"));
const DISTANCES = { fid: "FID", sw2: "Sliced Wasserstein-2", swd: "Sliced Wasserstein-2 of pixels" };
// fid, or fid-full-10k: measured by another protocol than the run's own
const distanceName = metric => { const [name, ...protocol] = metric.split("-"); return `${DISTANCES[name] ?? name}${protocol.length ? `, ${protocol.join("-")}` : ""}`; };
const DISTANCE = "distance/"; // drawn from the evaluation records, not from the curve of the same name
const BUDGET_MS = 5; // drawing per animation frame; the rest of the frame belongs to scrolling

class Charts {
    constructor(root, options) {
        this.root = root; this.options = options; this.disposed = false;
        const query = new URLSearchParams(location.search);
        this.view = {
            key: `charts-${Math.random()}`, height: 190, runs: options.runs.length, range: null,
            x: ["iteration", "images", "seconds"].includes(query.get("x")) ? query.get("x") : "iteration",
            log: query.get("log") === "1", replaced: query.get("replaced") === "1", table: query.get("table") === "1", smoothing: Math.min(.999, Math.max(0, +(query.get("ema") ?? 0) || 0)),
            zoom: (lo, hi) => { this.view.range = lo == null ? null : [lo, hi]; this.reset.hidden = lo == null; this.invalidate(); },
            extent: () => this.extent,
            badSteps: () => this.badSteps(),
            attempts: () => this.longest, attemptStarts: column => this.attemptStarts(column),
        };
        this.runs = options.runs.map((run, i) => ({ ...run, colour: i, curves: new Curves(), replaced: new Curves(true), evaluations: run.evaluations ?? [], queue: [] }));
        this.plots = new Map();
        this.body = root.querySelector("[data-charts]");
        this.status = root.querySelector("[data-status]");
        this.reset = root.querySelector("[data-reset-zoom]");
        this.observer = new IntersectionObserver(entries => {
            for (const e of entries) e.target.plot.visible = e.isIntersecting;
            this.schedule();
        }, { rootMargin: "200px" });
        this.sizes = new ResizeObserver(() => this.invalidate());
        this.sizes.observe(this.body);
        this.abort = new AbortController();
        const { signal } = this.abort;
        addEventListener("themechange", () => this.plots.forEach(p => p.recolour()), { signal });
        addEventListener("reconnected", () => this.catchUp(), { signal });
        document.addEventListener("visibilitychange", () => document.hidden || this.catchUp(), { signal });
        this.bindToolbar(signal);
        this.catchUp();
    }

    bindToolbar(signal) {
        const q = name => this.root.querySelector(`[data-${name}]`);
        const buttons = [...this.root.querySelectorAll("[data-x]")], ema = q("ema"), shown = q("ema-value"), log = q("log"), replaced = q("replaced"), table = q("table");
        this.replacedSwitch = replaced;
        const reflect = () => {
            buttons.forEach(b => b.setAttribute("aria-pressed", b.dataset.x === this.view.x));
            log.setAttribute("aria-pressed", this.view.log); replaced.setAttribute("aria-pressed", this.view.replaced); table.setAttribute("aria-pressed", this.view.table);
            ema.value = this.view.smoothing; shown.textContent = this.view.smoothing.toFixed(2);
            const url = new URL(location), set = (k, v) => v ? url.searchParams.set(k, v) : url.searchParams.delete(k);
            set("x", this.view.x === "iteration" ? "" : this.view.x); set("log", this.view.log ? "1" : ""); set("replaced", this.view.replaced ? "1" : ""); set("table", this.view.table ? "1" : ""); set("ema", this.view.smoothing ? String(this.view.smoothing) : "");
            if (url.href !== location.href) history.replaceState(history.state, "", url);
        };
        buttons.forEach(b => b.addEventListener("click", () => { this.view.x = b.dataset.x; this.view.range = null; this.reset.hidden = true; reflect(); this.measure(); this.invalidate(); }, { signal }));
        log.addEventListener("click", () => { this.view.log = !this.view.log; reflect(); this.invalidate(); }, { signal });
        replaced.addEventListener("click", () => { this.view.replaced = !this.view.replaced; reflect(); this.catchUp(); this.changed(); }, { signal });
        table.addEventListener("click", () => { this.view.table = !this.view.table; reflect(); this.invalidate(); }, { signal });
        ema.addEventListener("input", () => { this.view.smoothing = +ema.value; reflect(); this.invalidate(); }, { signal });
        this.reset.addEventListener("click", () => this.view.zoom(null), { signal });
        reflect();
    }

    // Everything written after what is here. The server's rows are the truth; pushed points only arrive sooner.
    async catchUp() {
        await Promise.all(this.runs.map(run => this.fetchRun(run)));
        if (this.disposed) return;
        this.measure();
        this.layout();
        this.tell();
        this.root.dataset.loaded = "true";
    }

    // What there is to say where curves should be: a failure, or that there are none; never "loading" for what came or did not.
    tell() {
        const problem = this.runs.find(run => run.problem)?.problem;
        this.status.hidden = this.plots.size > 0 && !problem;
        if (!this.status.hidden && (problem || this.runs.every(run => !run.fetching))) this.status.textContent = problem ?? this.options.empty;
    }

    async fetchRun(run) {
        if (run.fetching) { run.again = true; return; }
        run.fetching = true;
        try {
            do {
                run.again = false;
                await run.curves.fetch(run.url, () => this.changed(), this.abort.signal);
                if (this.view.replaced) await run.replaced.fetch(`${run.url}?superseded=true`, () => this.changed(), this.abort.signal);
                const queued = run.queue.splice(0);
                for (const frame of queued) if (!run.curves.append(frame, 0, true)) run.again = true;
            } while (run.again && !this.disposed);
            run.problem = null;
        } catch (e) {
            if (this.disposed) return;
            run.problem = `${e.message} Trying again in 3 s.`;
            setTimeout(() => this.disposed || this.catchUp(), 3000);
        } finally { run.fetching = false; }
        this.changed();
    }

    // Points pushed by the server (a byte array from .NET).
    append(runId, bytes) {
        const run = this.runs.find(r => r.id === runId);
        if (!run) return;
        const frame = bytes.slice().buffer;
        if (run.fetching) { run.queue.push(frame); return; }
        if (!run.curves.append(frame, 0, true)) { this.fetchRun(run); return; }
        this.changed();
    }

    // All evaluations so far, each time: a few dozen records, and none can be missed.
    evaluations(runId, records) {
        const run = this.runs.find(r => r.id === runId);
        if (run) { run.evaluations = records; this.changed(); }
    }

    // Where the numbers of a run were no longer finite; null where they are.
    mark(runId, bad) {
        const run = this.runs.find(r => r.id === runId);
        if (run) { run.bad = bad; this.changed(); }
    }

    // An attempt was lost: its points after the last checkpoint are superseded.
    rewind(runId) {
        const run = this.runs.find(r => r.id === runId);
        if (run) { run.curves.clear(); run.replaced.clear(); this.fetchRun(run); }
    }

    changed() {
        if (this.pendingChange || this.disposed) return;
        this.pendingChange = true;
        requestAnimationFrame(() => {
            this.pendingChange = false;
            if (this.disposed) return;
            this.measure();
            this.layout();
            this.tell();
            this.invalidate();
        });
    }

    measure() {
        this.extent = 0; this.longest = null;
        for (const run of this.runs) for (const c of run.curves.columns.values()) {
            if (!c.length) continue;
            if (!this.longest || c.length > this.longest.length) this.longest = c;
            this.extent = Math.max(this.extent, c[this.view.x][c.length - 1]);
        }
        if (this.view.replaced) for (const run of this.runs) for (const c of run.replaced.columns.values()) this.extent = Math.max(this.extent, c[this.view.x][c.length - 1]);
        // a run in its first attempt has nothing that was replaced
        this.replacedSwitch.hidden = !this.view.replaced && !this.runs.some(run => [...run.curves.columns.values()].some(c => c.length && c.attempt[c.length - 1] > 1));
    }

    // The first bad step of each run that has one, on the axis that is shown: its points are there, finite or not.
    badSteps() {
        return this.runs.flatMap(run => {
            if (run.bad == null) return [];
            let x = this.view.x === "iteration" ? run.bad : null;
            for (const c of run.curves.columns.values()) for (let i = 0; x === null && i < c.length; i++) if (c.iteration[i] >= run.bad) x = c[this.view.x][i];
            return x === null ? [] : [{ x, iteration: run.bad }];
        });
    }

    attemptStarts(column) {
        const starts = [];
        for (let i = 0; i < column.length; i++) if (!starts.length || starts.at(-1).number !== column.attempt[i]) starts.push({ number: column.attempt[i], x: column[this.view.x][i] });
        return starts;
    }

    layout() {
        const keys = new Set(this.runs.flatMap(run => [...run.curves.columns.keys()]));
        for (const run of this.runs) for (const e of run.evaluations) keys.add(DISTANCE + e.metric);
        for (const key of keys) if (!this.plots.has(key)) this.add(key);
    }

    add(key) {
        const group = groupOf(key), order = orderOf(group);
        let section = [...this.body.children].find(s => s.dataset.group === group);
        if (!section) {
            section = document.createElement("section");
            section.dataset.group = group;
            section.innerHTML = `<h2></h2><div class="chart-grid"></div>`;
            section.firstChild.textContent = GROUPS.get(group) ?? sentence(group);
            this.body.insertBefore(section, [...this.body.children].find(s => orderOf(s.dataset.group) > order) ?? null);
        }
        const distance = key.startsWith(DISTANCE) ? key.slice(DISTANCE.length) : null;
        const cell = {
            key, exact: distance !== null, title: distance && DISTANCES[distance.split("-")[0]] ? distanceName(distance) : titleOf(key),
            // a share, or the distance of a further average, has a curve and no records
            series: () => this.runs.map(run => ({ label: run.name, colour: run.colour, column: (distance ? distanceColumn(run, distance) : null) ?? run.curves.columns.get(key) })).filter(s => s.column),
        };
        cell.name = `${GROUPS.get(group) ?? sentence(group)}: ${cell.title}`; // losses and gradients have equal titles
        cell.replaced = () => this.view.replaced ? this.runs.flatMap(run => [...run.replaced.columns.values()].filter(c => c.name === key).map(column => ({ colour: run.colour, column }))) : [];
        if (distance) cell.details = (at, x) => this.details(distance, at, x);
        const plot = new Plot(section.lastChild, cell, this.view);
        // alphabetical within the group, whatever order the points came in
        const grid = section.lastChild, after = [...grid.children].find(f => f !== plot.figure && f.dataset.metric > key);
        if (after) grid.insertBefore(plot.figure, after);
        this.plots.set(key, plot);
        this.observer.observe(plot.figure);
    }

    // The evaluation nearest to the cursor, as the record that it is.
    details(metric, at, x) {
        let best = null, run = null;
        for (const r of this.runs) for (const e of r.evaluations) if (e.metric === metric && (!best || Math.abs(e[x] - at) < Math.abs(best[x] - at))) { best = e; run = r; }
        if (!best) return null;
        const rows = [
            [distanceName(metric), number(best.value)], ["Iteration", best.iteration.toLocaleString("en")], ["Images seen", best.images.toLocaleString("en")],
            ["Time", duration(best.seconds)], ["Samples", best.samples.toLocaleString("en")], ["Seeds from", String(best.firstSeed)], ["Weights", best.weights],
            ["Labels", best.labelDistribution], ["Resize", best.resize], ["Reference", best.referenceHash.slice(0, 12)], ["Features", best.featureNetworkHash.slice(0, 12)],
        ].filter(([, v]) => v);
        if (this.runs.length > 1) rows.unshift(["Run", run.name]);
        const list = document.createElement("dl");
        for (const [k, v] of rows) list.append(Object.assign(document.createElement("dt"), { textContent: k }), Object.assign(document.createElement("dd"), { textContent: v }));
        return list;
    }

    invalidate() { this.plots.forEach(p => { p.dirty = true; }); this.schedule(); }

    // At most BUDGET_MS of drawing per frame; charts in view only, tables all: a reader comes to them without scrolling.
    schedule() {
        if (this.scheduled || this.disposed) return;
        this.scheduled = true;
        requestAnimationFrame(() => {
            this.scheduled = false;
            if (this.disposed) return;
            const start = performance.now();
            for (const plot of this.plots.values()) {
                if (!plot.dirty || !(plot.visible || this.view.table)) continue;
                if (performance.now() - start > BUDGET_MS) { this.schedule(); return; }
                plot.draw();
            }
        });
    }

    dispose() {
        this.disposed = true;
        this.abort.abort(); this.observer.disconnect(); this.sizes.disconnect();
        this.plots.forEach(p => p.dispose());
    }
}

function distanceColumn(run, metric) {
    // An older checkpoint may be measured after a newer one.
    const records = run.evaluations.filter(e => e.metric === metric).sort((a, b) => a.iteration - b.iteration);
    if (!records.length) return null;
    const take = part => Float64Array.from(records, e => e[part] ?? NaN);
    return { length: records.length, iteration: take("iteration"), images: take("images"), seconds: take("seconds"), attempt: take("attempt"), value: take("value"), smoothed() { return this.value; } };
}

export const mount = (root, options) => new Charts(root, options);
