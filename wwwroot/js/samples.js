// Pictures of one run or of several side by side, through training: one slider, whole-number zoom, no smoothing.
// Every grid of every run has the same noise and class in the same cell, so that pictures can be compared cell by cell.

const NEIGHBOURS = 3;

class Samples {
    constructor(root, options) {
        this.root = root; this.runs = options.runs.map(run => ({ ...run, pictures: [] })); this.cache = new Map();
        const q = name => root.querySelector(`[data-${name}]`);
        [this.slider, this.label, this.body, this.status, this.play, this.zoomText] = ["step", "step-label", "pictures", "status", "play", "zoom"].map(q);
        this.abort = new AbortController();
        const { signal } = this.abort;
        const query = new URLSearchParams(location.search);
        this.wanted = query.has("step") ? +query.get("step") : null; // null: follow the newest
        this.zoom = +query.get("zoom") || null; // null: what fits
        this.slider.addEventListener("input", () => this.select(+this.slider.value), { signal });
        document.addEventListener("keydown", e => this.onKey(e), { signal });
        for (const button of root.querySelectorAll("[data-zoom-by]")) button.addEventListener("click", () => this.zoomBy(+button.dataset.zoomBy), { signal });
        this.play.addEventListener("click", () => this.togglePlay(), { signal });
        this.sizes = new ResizeObserver(() => this.fit());
        this.sizes.observe(this.body);
        this.changed();
    }

    // Pictures sent by the server; those that are here already are skipped.
    addAll(runId, pictures) {
        const run = this.runs.find(r => r.id === runId);
        const fresh = pictures.filter(p => run && !run.pictures.some(known => known.id === p.id));
        if (!fresh.length) return;
        run.pictures = [...run.pictures, ...fresh].sort((a, b) => a.id - b.id);
        this.changed();
    }

    changed() {
        this.steps = [...new Set(this.runs.flatMap(r => r.pictures.filter(p => p.kind !== "Interpolation").map(p => p.iteration)))].sort((a, b) => a - b);
        this.slider.max = Math.max(0, this.steps.length - 1);
        const none = this.steps.length === 0;
        this.status.hidden = !none;
        this.root.querySelector("[data-controls]").hidden = none;
        if (none) return;
        let index = this.steps.length - 1;
        if (this.wanted != null) { const at = this.steps.findLastIndex(s => s <= this.wanted); index = Math.max(0, at); }
        this.show(index);
    }

    select(index) {
        this.wanted = index === this.steps.length - 1 ? null : this.steps[index];
        const url = new URL(location);
        if (this.wanted == null) url.searchParams.delete("step"); else url.searchParams.set("step", this.wanted);
        history.replaceState(history.state, "", url);
        this.show(index);
    }

    show(index) {
        this.index = index;
        this.slider.value = index;
        const step = this.steps[index];
        const images = this.runs.flatMap(r => r.pictures).find(p => p.iteration === step)?.imagesSeen ?? 0;
        const newest = index === this.steps.length - 1 ? ", newest" : "";
        this.label.textContent = `iteration ${step.toLocaleString("en")} · ${images.toLocaleString("en")} images seen${newest}`;
        this.slider.setAttribute("aria-valuetext", this.label.textContent);
        this.body.style.setProperty("--runs", this.runs.length);
        for (const run of this.runs) this.showRun(run, step);
        for (let d = 1; d <= NEIGHBOURS; d++) for (const i of [index + d, index - d]) if (i >= 0 && i < this.steps.length) this.runs.forEach(r => this.at(r, this.steps[i]).forEach(p => this.load(p)));
    }

    // The newest picture of each kind at or before a step.
    at(run, step) {
        return ["Samples", "Scatter", "Interpolation"].map(kind => run.pictures.findLast(p => p.kind === kind && p.iteration <= step)).filter(p => p);
    }

    showRun(run, step) {
        run.column ??= this.body.appendChild(Object.assign(document.createElement("div"), { className: "samples-run" }));
        if (this.runs.length > 1 && !run.heading) run.heading = run.column.appendChild(Object.assign(document.createElement("h3"), { textContent: run.name }));
        run.figures ??= new Map();
        for (const picture of this.at(run, step)) {
            let f = run.figures.get(picture.kind);
            if (!f) run.figures.set(picture.kind, f = this.figure(run, picture));
            f.wanted = picture;
            // decoded before it is shown: no flash of nothing between two steps
            this.load(picture).then(image => {
                if (f.wanted !== picture) return;
                f.picture = picture;
                f.img.src = image.src;
                f.img.alt = `${run.name}: ${picture.kind.toLowerCase()} at iteration ${picture.iteration}`;
                f.link.href = image.src; f.link.download = `run-${run.id}-${picture.kind.toLowerCase()}-${picture.iteration}.png`;
                f.at.textContent = picture.iteration === step ? "" : `from iteration ${picture.iteration.toLocaleString("en")}`;
                f.natural = [image.naturalWidth, image.naturalHeight];
                this.fit();
            }, () => { f.at.textContent = "could not be loaded"; });
        }
    }

    figure(run, picture) {
        const el = document.createElement("figure");
        el.className = `samples-figure ${picture.kind.toLowerCase()}`;
        const titles = { Samples: "One-step samples", Scatter: "Samples over the data", Interpolation: "Spherical interpolation between seeds" };
        el.innerHTML = `<figcaption><span>${titles[picture.kind]} <span class="faint" data-at></span></span><a data-save>Save PNG</a></figcaption><div class="samples-scroll" tabindex="0" role="group" aria-label="${titles[picture.kind]}"><div class="samples-labels" aria-hidden="true"></div><img decoding="async"></div>`;
        run.column.append(el);
        const labels = el.querySelector(".samples-labels");
        for (const text of picture.rowLabels) labels.append(Object.assign(document.createElement("span"), { textContent: text, title: text }));
        return { el, labels, img: el.querySelector("img"), at: el.querySelector("[data-at]"), link: el.querySelector("[data-save]") };
    }

    load(picture) {
        let promise = this.cache.get(picture.id);
        if (!promise) {
            const image = new Image();
            image.src = picture.url;
            promise = image.decode().then(() => image);
            promise.catch(() => this.cache.delete(picture.id));
            this.cache.set(picture.id, promise);
        }
        return promise;
    }

    fit() {
        let used = null;
        for (const run of this.runs) for (const f of run.figures?.values() ?? []) {
            if (!f.natural) continue;
            const [w, h] = f.natural, cells = f.picture.cellSize > 0;
            f.img.className = cells ? "pixels" : "";
            if (!cells) { f.img.style.width = `min(100%, ${w}px)`; f.img.style.height = "auto"; continue; }
            const labelWidth = f.labels.childElementCount ? f.labels.offsetWidth : 0;
            const room = run.column.clientWidth - labelWidth - 26;
            const auto = Math.max(1, Math.min(f.picture.kind === "Samples" ? 3 : 2, Math.floor(room / w)));
            const zoom = this.zoom ?? auto;
            if (f.picture.kind === "Samples") used ??= zoom;
            f.img.style.width = `${w * zoom}px`; f.img.style.height = `${h * zoom}px`;
            f.labels.style.gridAutoRows = `${h / f.picture.rows * zoom}px`;
        }
        this.zoomText.textContent = used ? `${used}×` : "";
        this.root.querySelector("[data-zoom-controls]").hidden = used == null;
        this.used = used;
    }

    zoomBy(by) {
        this.zoom = Math.max(1, Math.min(8, (this.used ?? 1) + by));
        const url = new URL(location);
        url.searchParams.set("zoom", this.zoom);
        history.replaceState(history.state, "", url);
        this.fit();
    }

    togglePlay() {
        const playing = this.timer != null;
        clearInterval(this.timer); this.timer = null;
        this.play.textContent = playing ? "Play" : "Pause";
        if (playing) return;
        if (this.index === this.steps.length - 1) this.select(0);
        this.timer = setInterval(() => {
            if (this.index >= this.steps.length - 1) { this.togglePlay(); return; }
            this.select(this.index + 1);
        }, 350);
    }

    onKey(e) {
        if (e.altKey || e.ctrlKey || e.metaKey || e.target.closest?.("input, textarea, select, [role=dialog]")) return;
        const to = { ArrowLeft: this.index - 1, ArrowRight: this.index + 1, Home: 0, End: this.steps.length - 1 }[e.key];
        if (to == null || to < 0 || to >= this.steps.length) return;
        e.preventDefault();
        this.select(to);
    }

    dispose() { this.abort.abort(); this.sizes.disconnect(); clearInterval(this.timer); this.body.replaceChildren(); }
}

export const mount = (root, options) => new Samples(root, options);
