// Numbers as charts and their tables write them.

const suffixed = v => {
    const a = Math.abs(v);
    if (a >= 1e9) return `${+(v / 1e9).toPrecision(4)}G`;
    if (a >= 1e6) return `${+(v / 1e6).toPrecision(4)}M`;
    if (a >= 1e4) return `${+(v / 1e3).toPrecision(4)}k`;
    return `${+v.toPrecision(4)}`;
};

export const number = v => v == null ? "–" : !Number.isFinite(v) ? String(v).replace("Infinity", "∞")
    : v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e6) ? v.toExponential(2) : `${+v.toPrecision(4)}`;

export const duration = s => s < 90 ? `${+s.toFixed(s < 10 ? 1 : 0)} s` : s < 5400 ? `${+(s / 60).toFixed(1)} min` : `${+(s / 3600).toFixed(2)} h`;

// A place on the horizontal axis: in few characters, and in full.
export const xText = { iteration: suffixed, images: suffixed, seconds: duration };
export const xFull = { iteration: v => v.toLocaleString("en"), images: v => v.toLocaleString("en"), seconds: duration };
export const xName = { iteration: "Iteration", images: "Images seen", seconds: "Wall time" };
