// Shows whether the page is live. Blazor reconnects by itself while the server still holds the page; when the server
// has restarted, everything that was on the page is in its URL and in the database, so loading it again loses nothing.
// Blazor reports by setting a class on #components-reconnect-modal.
const modal = document.getElementById("components-reconnect-modal");
const show = state => {
    document.documentElement.dataset.connection = state;
    const text = document.getElementById("connection-text");
    if (text) text.textContent = state === "live" ? "Live" : state === "lost" ? "Reconnecting…" : "Connecting…";
};

// Any answer of the node itself counts, also one that says that there is no worker; a proxy's error page does not.
async function isBack() {
    try { return "database" in await (await fetch("health", { cache: "no-store" })).json(); }
    catch { return false; }
}

// What is not in the address is kept over the reload by the tab: where one was, and what was typed into fields with a name of their own.
const kept = `left at ${location.pathname}${location.search}`;
const edited = new Set();
document.addEventListener("input", e => {
    const field = e.target;
    if (field.id && field.matches("input:not([type=password], [type=file], [type=range], [readonly]), textarea")) edited.add(field.id);
}, true);

function keep() {
    const fields = [...edited].map(id => document.getElementById(id)).filter(f => f).map(f => [f.id, f.value]);
    try { sessionStorage.setItem(kept, JSON.stringify({ y: scrollY, fields })); } catch { /* no storage: the page begins at its top */ }
}

function comeBack() {
    let left;
    try { left = JSON.parse(sessionStorage.getItem(kept)); sessionStorage.removeItem(kept); } catch { /* as above */ }
    if (!left) return;
    for (const [id, value] of left.fields) {
        const field = document.getElementById(id);
        if (!field || field.value === value) continue;
        field.value = value;
        for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, { bubbles: true }));
    }
    if (!left.y) return;
    // curves and pictures make the page long again bit by bit; whoever scrolls meanwhile wants to be elsewhere
    let tries = 0;
    const step = setInterval(() => { scrollTo(0, left.y); if (Math.abs(scrollY - left.y) < 2 || ++tries > 50) stop(); }, 100);
    const stop = () => { clearInterval(step); for (const type of ["wheel", "touchstart", "keydown"]) removeEventListener(type, stop); };
    for (const type of ["wheel", "touchstart", "keydown"]) addEventListener(type, stop, { passive: true });
}

let reloading = false;
async function reloadWhenBack() {
    if (reloading) return;
    reloading = true;
    keep();
    for (;;) {
        if (await isBack()) { location.reload(); return; }
        await new Promise(next => setTimeout(next, 1000));
    }
}

new MutationObserver(() => {
    const has = name => modal.classList.contains(`components-reconnect-${name}`);
    if (has("rejected") || has("failed")) { show("lost"); reloadWhenBack(); }
    else if (has("show") || has("retrying")) { show("lost"); }
    else { show("live"); dispatchEvent(new Event("reconnected")); }
}).observe(modal, { attributes: true, attributeFilter: ["class"] });

// A server that is killed comes back with none of its circuits: ask it rather than wait for Blazor's growing delays.
setInterval(async () => {
    if (document.documentElement.dataset.connection !== "lost" || reloading) return;
    if (!await isBack()) return;
    try { if (!await Blazor.reconnect()) reloadWhenBack(); }
    catch { /* gone again */ }
}, 1500);

show("connecting");
export const live = () => { show("live"); comeBack(); };
