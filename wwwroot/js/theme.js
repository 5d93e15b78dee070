// Runs before the first paint (a plain script in <head>): no flash of the wrong theme. The choice lives in a cookie so
// that the server renders the right one; without a choice the system's preference counts. The browser's time zone goes the same way.
(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const year = "path=/; max-age=31536000; samesite=lax";
    const chosen = () => /(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1];
    const apply = () => {
        const theme = chosen() ?? (dark.matches ? "dark" : "light");
        document.documentElement.dataset.theme = theme;
        dispatchEvent(new CustomEvent("themechange", { detail: theme }));
    };
    apply();
    dark.addEventListener("change", apply);
    // Delegated: the button belongs to Blazor, which may replace it at any time.
    document.addEventListener("click", e => {
        if (!e.target.closest?.("[data-toggle-theme]")) return;
        const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
        document.cookie = `theme=${next}; ${year}`;
        apply();
    });

    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && !document.cookie.includes(`zone=${zone}`)) document.cookie = `zone=${zone}; ${year}`;
})();
