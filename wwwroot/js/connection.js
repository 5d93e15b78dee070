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

let reloading = false;
async function reloadWhenBack() {
    if (reloading) return;
    reloading = true;
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
export const live = () => show("live");
