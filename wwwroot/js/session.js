// Who signs out in one tab is signed out in all of them: the others still hold a live page of the person, which no
// cookie that is gone would end. The sign-in page is shown only where nobody is signed in.
(() => {
    const key = "smtweb-signed-out";
    try {
        if (location.pathname === "/sign-in") localStorage.setItem(key, `${Date.now()}`);
        else addEventListener("storage", e => { if (e.key === key) location.reload(); });
    } catch { /* storage is switched off: the other tabs stay as they are until they are loaded again */ }
})();
