// Draws one-step samples through the REST endpoint of generations and lays them out by seed.
let running = null;

// Every class in turn: that of a seed is the same wherever the range begins that it is drawn in.
const inTurn = (first, count, classes) => Array.from({ length: count }, (_, i) => Number((BigInt(first) + BigInt(i)) % BigInt(classes)));

// label: one class for all; without it and with some classes, every class in turn.
export async function draw(root, run, checkpoint, label, classes, first, count, steps) {
    running?.abort();
    const abort = running = new AbortController();
    const status = root.querySelector("[data-status]"), tiles = root.querySelector("[data-tiles]");
    const say = (text, bad) => { status.hidden = !text; status.textContent = text ?? ""; status.classList.toggle("bad", bad === true); };
    say("Drawing…");
    // numbers beyond 2^53 would be rounded by JSON.stringify: the seed is put in as text
    const body = `{"model":${checkpoint == null ? run : `{"run":${run},"checkpoint":${checkpoint}}`},"num_images":${count},"seed":${first}${label != null ? `,"class_label":${label}` : classes > 0 ? `,"class_labels":[${inTurn(first, count, classes)}]` : ""}${steps == null ? "" : `,"num_steps":${steps}`},"output_format":"png"}`;
    for (let attempt = 0; ; attempt++) {
        let response;
        try {
            response = await fetch("api/v1/generations", { method: "POST", body, headers: { "Content-Type": "application/json", Accept: "application/json" }, signal: abort.signal });
        } catch (e) {
            if (!abort.signal.aborted) say(`The server cannot be reached: ${e.message}`, true);
            return;
        }
        if ((response.status === 429 || response.status === 503) && attempt < 5) {
            const wait = +(response.headers.get("Retry-After") ?? 2);
            say(`The server is busy; trying again in ${wait} s.`);
            await new Promise(next => setTimeout(next, wait * 1000));
            if (abort.signal.aborted) return;
            continue;
        }
        const answer = await response.json().catch(() => ({}));
        if (abort.signal.aborted) return;
        if (!response.ok) { say([answer.detail ?? answer.title ?? `The server answered ${response.status}.`, ...Object.values(answer.errors ?? {}).flat()].join(" "), true); return; }
        show(tiles, run, answer, BigInt(first), label == null);
        say(null);
        root.dataset.drawn = `${answer.images.length}`;
        return;
    }
}

// mixed: the images are of different classes, and each says its own.
function show(tiles, run, answer, first, mixed) {
    tiles.replaceChildren(...answer.images.map((png, i) => {
        const url = `data:image/png;base64,${png}`, seed = first + BigInt(i), label = answer.class_labels?.[i];
        const name = label == null ? "" : `${label} · ${answer.class_names?.[i] ?? ""}`;
        const tile = document.createElement("a");
        tile.className = "tile"; tile.href = url; tile.download = `run-${run}-seed-${seed}${name ? `-class-${label}` : ""}.png`;
        tile.title = `Seed ${seed}${name ? `, ${name}` : ""}: save`;
        const img = Object.assign(document.createElement("img"), { src: url, alt: `Sample of seed ${seed}${name ? `, ${name}` : ""}`, className: "pixels" });
        // whole-number zoom, whatever the images' size
        img.decode().then(() => { const zoom = Math.max(1, Math.ceil(96 / img.naturalWidth)); img.style.width = img.style.height = `${img.naturalWidth * zoom}px`; tiles.style.setProperty("--tile", `${img.naturalWidth * zoom + 14}px`); }, () => { });
        tile.append(img, Object.assign(document.createElement("span"), { textContent: seed, className: "num" }));
        if (mixed && name) tile.append(Object.assign(document.createElement("span"), { textContent: name, title: name, className: "tile-class" }));
        return tile;
    }));
}
