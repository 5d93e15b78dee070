// Small things that pages need of the browser.
export async function copy(text) {
    try { await navigator.clipboard.writeText(text); return true; }
    catch {
        // http without TLS has no clipboard API
        const area = Object.assign(document.createElement("textarea"), { value: text });
        document.body.append(area); area.select();
        const done = document.execCommand("copy");
        area.remove();
        return done;
    }
}

// What is typed into a form survives a restart of the server.
export const keep = (key, value) => value == null ? sessionStorage.removeItem(key) : sessionStorage.setItem(key, value);
export const kept = key => sessionStorage.getItem(key);

// A field that may have been unfolded just now.
export function focus(id) {
    const field = document.getElementById(id);
    field?.scrollIntoView({ block: "center" });
    field?.focus();
}

// A list that follows its end until one scrolls away from it.
export function followTail(box, onChange) {
    let at = true;
    const toEnd = () => { box.scrollTop = box.scrollHeight; };
    const atEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    let grown = box.scrollHeight;
    const onScroll = () => {
        // growth moves the end away without anyone having scrolled
        if (box.scrollHeight !== grown) { grown = box.scrollHeight; if (at) { toEnd(); return; } }
        at = atEnd();
    };
    box.addEventListener("scroll", onScroll, { passive: true });
    toEnd();
    return {
        grew() { if (at) requestAnimationFrame(() => { grown = box.scrollHeight; toEnd(); }); },
        toEnd() { at = true; toEnd(); },
        dispose() { box.removeEventListener("scroll", onScroll); },
    };
}
