"use strict";
// The page of archsim report. All of the data stands in #data; nothing is fetched.
const D = JSON.parse(document.getElementById("data").textContent);
const N = D.points.point.length;
const $ = (id) => document.getElementById(id);
const columns = Object.fromEntries(D.columns.map((c) => [c.name, c]));
const PALETTE = ["#332288", "#117733", "#DDCC77", "#CC6677", "#88CCEE", "#AA4499", "#44AA99", "#882255", "#999933"];
const FRONT = "#CC3311";
const FEW = 12; // values that get a switch each
const PREFIX = [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3], ["", 1], ["m", 1e-3], ["µ", 1e-6], ["n", 1e-9], ["p", 1e-12]];
const LAYOUT = { margin: { l: 70, r: 20, t: 20, b: 55 }, font: { family: "system-ui, DejaVu Sans, sans-serif", size: 12, color: "#1c2330" },
                 paper_bgcolor: "#fff", plot_bgcolor: "#fff", hovermode: "closest", hoverlabel: { align: "left", bgcolor: "#fff" } };
// Only buttons that stay on the page: plotly has others, which send a plot to a service.
const CONFIG = { displaylogo: false, responsive: true, modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]] };
const AXIS = { gridcolor: "#e6e9ef", zeroline: false, linecolor: "#8a93a3", ticks: "outside", automargin: true };

function value(name, i) { const c = D.points[name]; return c.codes ? c.values[c.codes[i]] : c[i]; }
function title(name) { const c = columns[name]; return c.label + (c.unit ? ` [${c.unit}]` : ""); }

function show(v, unit) {
  if (v === null || v === undefined) return "–";
  if (typeof v !== "number") return String(v);
  const size = Math.abs(v);
  if (unit === "B" && size >= 1024) {
    const k = Math.min(5, Math.floor(Math.log2(size) / 10));
    return `${+(v / 2 ** (10 * k)).toPrecision(4)} ${["", "Ki", "Mi", "Gi", "Ti", "Pi"][k]}B`;
  }
  if (["s", "J", "Hz", "B/s"].includes(unit) && size > 0) {
    const [p, f] = PREFIX.find((q) => size >= q[1] * 0.9999995) || PREFIX[PREFIX.length - 1];
    return `${+(v / f).toPrecision(4)} ${p}${unit}`;
  }
  const n = Number.isInteger(v) ? v.toLocaleString("en-US") : String(+v.toPrecision(5));
  return unit ? `${n} ${unit}` : n;
}

function make(tag, text, attributes) {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  for (const [k, v] of Object.entries(attributes || {})) if (k === "class") node.className = v; else node[k] = v;
  return node;
}
function plain(text) { return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"); }
function whole(n) { return n.toLocaleString("en-US"); }

// --- what varies ----------------------------------------------------------------------------------------------------
const inputs = D.columns.filter((c) => c.role === "input");
const distinct = {};
for (const c of D.columns) {
  const seen = new Set();
  for (let i = 0; i < N && seen.size <= 400; i++) { const v = value(c.name, i); if (v !== null) seen.add(v); }
  distinct[c.name] = [...seen].sort((a, b) => (typeof a === "number" ? a - b : String(a).localeCompare(String(b))));
}
const varying = inputs.filter((c) => distinct[c.name].length > 1);
// What can be drawn: columns that vary; where fewer than two do (one point, say), all that have a number at all.
const some = (least) => D.columns.filter((c) => c.numeric && distinct[c.name].length >= least);
const numbers = some(2).length > 1 ? some(2) : some(1);
const outputs = D.columns.filter((c) => c.role === "output");

function extent(name) {
  let low = Infinity, high = -Infinity;
  for (let i = 0; i < N; i++) { const v = value(name, i); if (v !== null && v < low) low = v; if (v !== null && v > high) high = v; }
  return [low, high];
}
const range = Object.fromEntries(numbers.map((c) => [c.name, extent(c.name)]));
const wide = (name) => range[name] && range[name][0] > 0 && range[name][1] > 30 * range[name][0];

// --- filters --------------------------------------------------------------------------------------------------------
const allowed = {}, limits = {};
const FIRST = D.points.feasible.some(Boolean) || !N ? "feasible" : "infeasible"; // where nothing runs, show what does not
let feasible = FIRST, chosen = -1;

function chips(box, name, values, kept, changed) {
  const row = make("div", null, { class: "chips" });
  for (const v of values) {
    const label = make("label", null, { class: kept.has(v) ? "on" : "" });
    const input = make("input", null, { type: "checkbox", checked: kept.has(v) });
    input.addEventListener("change", () => {
      if (input.checked) kept.add(v); else kept.delete(v);
      label.className = input.checked ? "on" : "";
      changed();
    });
    label.append(input, name === null ? v : show(v, columns[name].unit));
    row.append(label);
  }
  box.append(row);
}

function filters() {
  const box = $("filters");
  box.replaceChildren();
  const field = (text) => { const f = make("fieldset"); f.append(make("legend", text)); box.append(f); return f; };
  const kinds = make("select");
  for (const [k, text] of [["feasible", "feasible points"], ["infeasible", "infeasible points"], ["all", "both"]])
    kinds.append(make("option", text, { value: k, selected: k === feasible }));
  kinds.addEventListener("change", () => { feasible = kinds.value; draw(); });
  field("feasibility").append(kinds);
  for (const c of varying) {
    const values = distinct[c.name];
    const f = field(title(c.name));
    if (!c.numeric || values.length <= FEW) {
      allowed[c.name] = new Set(values);
      chips(f, c.name, values, allowed[c.name], draw);
    } else {
      limits[c.name] = [-Infinity, Infinity];
      const row = make("div", null, { class: "range" });
      for (const side of [0, 1]) {
        const input = make("input", null, { type: "number", step: "any", placeholder: String(+range[c.name][side].toPrecision(4)),
                                            ariaLabel: `${c.label} ${side ? "at most" : "at least"}` });
        input.addEventListener("input", () => {
          limits[c.name][side] = input.value === "" ? (side ? Infinity : -Infinity) : Number(input.value);
          draw();
        });
        row.append(input);
        if (!side) row.append("to");
      }
      f.append(row, make("p", `${show(range[c.name][0], c.unit)} to ${show(range[c.name][1], c.unit)}`, { class: "note" }));
    }
  }
}

function passing() {
  const found = [];
  const sets = Object.entries(allowed).filter(([n, kept]) => kept.size < distinct[n].length);
  const ranges = Object.entries(limits).filter(([, [a, b]]) => a > -Infinity || b < Infinity);
  for (let i = 0; i < N; i++) {
    const ok = D.points.feasible[i];
    if (feasible === "feasible" ? !ok : feasible === "infeasible" ? ok : false) continue;
    if (sets.every(([n, kept]) => kept.has(value(n, i)))
        && ranges.every(([n, [a, b]]) => { const v = value(n, i); return v >= a && v <= b; })) found.push(i);
  }
  return found;
}

// --- the design space -----------------------------------------------------------------------------------------------
function hover(i) {
  const lines = [`<b>point ${whole(D.points.point[i])}</b>${D.points.front[i] ? " · on the front" : ""}`];
  for (const c of varying) lines.push(`${plain(c.label)}: ${plain(show(value(c.name, i), c.unit))}`);
  for (const c of outputs) lines.push(`${plain(c.label)}: <b>${plain(show(value(c.name, i), c.unit))}</b>`);
  for (const c of D.columns) if (c.role === "verdict" && c.name !== "feasible" && value(c.name, i) !== null)
    lines.push(`${plain(c.label)}: ${plain(value(c.name, i))}`);
  return lines.join("<br>");
}

// Where there is no WebGL, SVG: slower, so fewer points.
const GL = (() => { try { const c = document.createElement("canvas"); return !!(c.getContext("webgl2") || c.getContext("webgl")); } catch (e) { return false; } })();
const KIND = GL ? "scattergl" : "scatter";
const SVG_MOST = 4000;
function thinned(at) { const s = GL ? 1 : Math.ceil(at.length / SVG_MOST); return s > 1 ? at.filter((_, k) => k % s === 0) : at; }

function trace(at, x, y, more) {
  return { type: KIND, mode: "markers", x: at.map((i) => value(x, i)), y: at.map((i) => value(y, i)), customdata: at,
           text: at.map(hover), hovertemplate: "%{text}<extra></extra>", showlegend: false, ...more };
}

function coloured(at, x, y, name) {
  const c = columns[name], size = at.length > 4000 ? 5 : 7;
  if (!name) return [trace(at, x, y, { marker: { size, opacity: 0.55, color: PALETTE[0] } })];
  if (!c.numeric || distinct[name].length <= 8) {
    const scale = ["#440154", "#414487", "#2a788e", "#22a884", "#5cc863", "#a0da39", "#d8e219", "#fde725"];
    return distinct[name].map((v, k) => trace(at.filter((i) => value(name, i) === v), x, y, {
      name: show(v, c.unit), showlegend: true,
      marker: { size, opacity: 0.7, color: c.numeric ? scale[Math.round(k * 7 / Math.max(1, distinct[name].length - 1))] : PALETTE[k % PALETTE.length] },
    }));
  }
  const log = wide(name);
  const tone = at.map((i) => { const v = value(name, i); return log ? Math.log10(v) : v; });
  const [low, high] = range[name].map((v) => (log ? Math.log10(v) : v));
  const ticks = [0, 1, 2, 3, 4].map((k) => low + (high - low) * k / 4);
  return [trace(at, x, y, { marker: { size, opacity: 0.7, color: tone, colorscale: "Viridis", cmin: low, cmax: high, showscale: true,
    colorbar: { title: { text: title(name), side: "right" }, thickness: 14, outlinewidth: 0, tickvals: ticks,
                ticktext: ticks.map((t) => show(+(log ? 10 ** t : t).toPrecision(3), c.unit)) } } })];
}

function staircase(at, x, y) {
  const sorted = at.filter((i) => value(x, i) !== null && value(y, i) !== null).sort((a, b) => value(x, a) - value(x, b) || value(y, a) - value(y, b));
  const found = [];
  let best = Infinity;
  for (const i of sorted) if (value(y, i) < best) { best = value(y, i); found.push(i); }
  return { type: "scatter", mode: "lines", line: { shape: "hv", color: FRONT, width: 1.5 }, hoverinfo: "skip", name: "least x and y of the points shown",
           showlegend: true, x: found.map((i) => value(x, i)), y: found.map((i) => value(y, i)) };
}

function axis(name, log) {
  const [low, high] = range[name];
  return { ...AXIS, title: { text: title(name) }, type: log ? "log" : "linear", exponentformat: log ? "power" : "SI",
           ...(log && high > 1000 * low ? { dtick: 1 } : {}) };
}

let shown = [];
function draw() {
  shown = passing();
  const x = $("x").value, y = $("y").value;
  const good = shown.filter((i) => D.points.feasible[i]), bad = shown.filter((i) => !D.points.feasible[i]);
  const traces = [];
  $("plot").hidden = !x; // no column has a number
  if (x && bad.length) traces.push(trace(thinned(bad), x, y, { name: "infeasible", showlegend: true, marker: { size: 4, symbol: "x-thin", line: { width: 1, color: "#9aa3b2" }, color: "#9aa3b2" } }));
  if (x) traces.push(...coloured(thinned(good), x, y, $("colour").value));
  const front = good.filter((i) => D.points.front[i]);
  if (x && $("front").checked && front.length) traces.push(trace(front, x, y, { name: "Pareto front of the study", showlegend: true,
    marker: { size: 11, symbol: "circle-open", color: FRONT, line: { width: 1.6, color: FRONT } } }));
  if (x && $("stairs").checked) traces.push(staircase(good, x, y));
  if (x && chosen >= 0) traces.push(trace([chosen], x, y, { name: "chosen point", showlegend: true, marker: { size: 15, symbol: "star", color: "#EE7733", line: { width: 1, color: "#000" } } }));
  if (x) Plotly.react("plot", traces, { ...LAYOUT, xaxis: axis(x, $("xlog").checked), yaxis: axis(y, $("ylog").checked),
    legend: { orientation: "h", y: 1.08, x: 0 }, uirevision: `${x} ${y} ${$("xlog").checked} ${$("ylog").checked}` }, CONFIG);
  $("count").textContent = `${whole(shown.length)} of the ${whole(N)} points of this page`;
  document.body.dataset.drawn = thinned(good).length + thinned(bad).length;
  frontTable(front);
  roofline();
  breakdown();
}

// --- tables ---------------------------------------------------------------------------------------------------------
function fill(node, heads, rows, options) {
  const o = options || {};
  const head = make("tr"), body = make("tbody");
  heads.forEach((h, k) => {
    const cell = make("th", h.text + (o.by === k ? (o.down ? " ▾" : " ▴") : ""), { class: h.n ? "n" : "" });
    if (o.sort) cell.addEventListener("click", () => o.sort(k));
    head.append(cell);
  });
  for (const row of rows) {
    const line = make("tr", null, { class: row.chosen ? "chosen" : "" });
    row.cells.forEach((text, k) => line.append(make("td", text, { class: heads[k].n ? "n" : heads[k].wrap ? "wrap" : "" })));
    if (row.click) line.addEventListener("click", row.click);
    body.append(line);
  }
  const top = make("thead");
  top.append(head);
  node.replaceChildren(top, body);
}

const MOST_ROWS = 300;
const order = { by: 0, down: false };
function frontTable(front) {
  const shownColumns = [...varying, ...outputs, ...D.columns.filter((c) => c.name === "bottleneck")];
  const key = order.by === 0 ? (i) => D.points.point[i] : (i) => value(shownColumns[order.by - 1].name, i);
  const sorted = [...front].sort((a, b) => {
    const u = key(a), v = key(b);
    return (order.down ? -1 : 1) * (typeof u === "number" ? u - v : String(u).localeCompare(String(v)));
  });
  const heads = [{ text: "point", n: true }, ...shownColumns.map((c) => ({ text: c.label, n: c.numeric }))];
  const rows = sorted.slice(0, MOST_ROWS).map((i) => ({ chosen: i === chosen, click: () => choose(i),
    cells: [whole(D.points.point[i]), ...shownColumns.map((c) => show(value(c.name, i), c.unit))] }));
  fill($("fronttable"), heads, rows, { by: order.by, down: order.down, sort: (k) => { order.down = order.by === k && !order.down; order.by = k; frontTable(front); } });
  const per = D.per.length ? `, a front for each ${D.per.map((n) => columns[n] ? columns[n].label : n).join(", ")}` : "";
  const cut = front.length > MOST_ROWS ? `; the first ${MOST_ROWS} rows are shown: sort by a click on a head, or filter` : "";
  $("frontnote").textContent = `Least ${D.objectives.map((n) => columns[n].label).join(", ")}${per}: ${whole(D.counts.front)} points in all, ${whole(front.length)} of them pass the filter${cut}.`;
}

function bestTable() {
  const heads = [...D.best.groups.map((n) => ({ text: columns[n].label })), { text: "least" }, { text: "value", n: true }, { text: "point", n: true },
                 ...varying.filter((c) => !D.best.groups.includes(c.name)).map((c) => ({ text: c.label, n: c.numeric }))];
  const rows = D.best.rows.map((r) => ({ cells: [...D.best.groups.map((n) => show(r.row[n], columns[n].unit)), columns[r.objective].label,
    show(r.row[r.objective], columns[r.objective].unit), whole(r.row.point),
    ...varying.filter((c) => !D.best.groups.includes(c.name)).map((c) => show(r.row[c.name], c.unit))] }));
  fill($("besttable"), heads, rows);
  $("bestnote").textContent = D.best.note;
}

function countTable(id, what, counts) {
  const all = counts.reduce((n, [, c]) => n + c, 0);
  if (!counts.length) { $(id).replaceChildren(make("caption", "none", { class: "note" })); return; }
  fill($(id), [{ text: what, wrap: true }, { text: "points", n: true }, { text: "share", n: true }],
       counts.map(([t, c]) => ({ cells: [t === null ? "not said" : t, whole(c), `${(100 * c / all).toFixed(1)} %`] })));
}

// --- evaluated again: roofline and breakdowns -------------------------------------------------------------------------
const row = new Map(D.points.point.map((p, i) => [p, i]));
function detailed() { const ok = new Set(shown); return D.details.filter((d) => ok.has(row.get(d.point))); }
function label(i) { return `#${D.points.point[i]} ` + varying.map((c) => show(value(c.name, i), c.unit)).join(" · "); }

function roofline() {
  const found = detailed();
  $("roofnote").textContent = D.details.length
    ? `${whole(found.length)} of ${whole(D.details.length)} points of the front that were evaluated again. An operation is one lane of an array, busy for a cycle; the roofs are those of each point's own design (peak of all arrays, bandwidth of the far memory).`
    : D.details_note;
  if (!D.details.length) { $("roofline").hidden = true; return; }
  const intensity = (d) => d.work / d.dram;
  const drawn = found.filter((d) => d.dram > 0);
  const low = Math.min(...drawn.map(intensity)) / 4, high = Math.max(...drawn.map((d) => Math.max(intensity(d), d.bandwidth ? d.peak / d.bandwidth : 0))) * 4;
  const roofs = new Map();
  for (const d of drawn) roofs.set(`${d.peak} ${d.bandwidth}`, d);
  const line = (d, style) => {
    const knee = d.bandwidth ? d.peak / d.bandwidth : low;
    const xs = [low, Math.max(low, Math.min(knee, high)), high];
    return { type: "scatter", mode: "lines", x: xs, y: xs.map((q) => Math.min(d.peak, d.bandwidth ? q * d.bandwidth : d.peak)), hoverinfo: "skip", showlegend: false, line: style };
  };
  const traces = [...roofs.values()].slice(0, 40).map((d) => line(d, { color: "#c3c9d4", width: 1 }));
  const own = drawn.find((d) => row.get(d.point) === chosen);
  if (own) traces.push(line(own, { color: FRONT, width: 2 }));
  const at = drawn.map((d) => row.get(d.point));
  traces.push({ type: "scatter", mode: "markers", x: drawn.map(intensity), y: drawn.map((d) => d.work / d.latency), customdata: at, showlegend: false,
    marker: { size: at.map((i) => (i === chosen ? 14 : 7)), color: at.map((i) => (i === chosen ? "#EE7733" : PALETTE[0])), opacity: 0.8 },
    text: at.map((i, k) => `${hover(i)}<br>peak: ${show(drawn[k].peak, "")} op/s`), hovertemplate: "%{x:.4~s} op/B, %{y:.4~s} op/s<br>%{text}<extra></extra>" });
  Plotly.react("roofline", traces, { ...LAYOUT, xaxis: { ...AXIS, type: "log", title: { text: "operational intensity [operations / byte of DRAM traffic]" }, exponentformat: "power" },
    yaxis: { ...AXIS, type: "log", title: { text: "achieved [operations / s]" }, exponentformat: "power", dtick: 1 } }, CONFIG);
}

const BARS = 20;
function breakdown() {
  if (!D.details.length) { $("breakdown").hidden = true; $("breaknote").textContent = D.details_note; return; }
  const first = D.objectives[0];
  const found = detailed().sort((a, b) => value(first, row.get(a.point)) - value(first, row.get(b.point)));
  const step = Math.max(1, (found.length - 1) / (BARS - 1));
  let some = found.length <= BARS ? found : Array.from({ length: BARS }, (_, k) => found[Math.round(k * step)]);
  const own = found.find((d) => row.get(d.point) === chosen);
  if (own && !some.includes(own)) some = [own, ...some.slice(1)];
  const what = $("quantity").value, share = $("share").checked;
  const sums = some.map((d) => Object.values(d[what]).reduce((a, b) => a + b, 0));
  const totals = new Map();
  some.forEach((d, k) => Object.entries(d[what]).forEach(([c, v]) => totals.set(c, (totals.get(c) || 0) + v / sums[k])));
  const names = [...totals.keys()].filter((c) => totals.get(c) > 0).sort((a, b) => totals.get(b) - totals.get(a));
  const unit = what === "energy" ? "J" : "mm²";
  const ticks = some.map((d) => `#${d.point}`);
  const traces = names.map((c, k) => ({ type: "bar", name: c, x: ticks, marker: { color: PALETTE[k % PALETTE.length], opacity: k < PALETTE.length ? 1 : 0.5 },
    y: some.map((d, j) => (d[what][c] || 0) / (share ? sums[j] : 1)), customdata: some.map((d) => row.get(d.point)),
    hovertext: some.map((d, j) => `${plain(label(row.get(d.point)))}<br>${plain(c)}: ${show(d[what][c] || 0, unit)} (${(100 * (d[what][c] || 0) / sums[j]).toFixed(1)} %)`), hoverinfo: "text" }));
  Plotly.react("breakdown", traces, { ...LAYOUT, barmode: "stack", xaxis: { ...AXIS, type: "category", tickangle: -45 },
    yaxis: { ...AXIS, title: { text: share ? `share of ${what}` : `${what} [${unit}]` }, tickformat: share ? ".0%" : "~s" },
    legend: { traceorder: "normal", font: { size: 10 } } }, CONFIG);
  $("breaknote").textContent = `${some.length} points of the front, from the least ${columns[first].label} on; hover a bar for its configuration.`;
}

// --- one point --------------------------------------------------------------------------------------------------------
function choose(i) {
  chosen = i;
  const box = $("selected");
  box.hidden = false;
  box.replaceChildren(make("h2", `Point ${whole(D.points.point[i])}${D.points.front[i] ? ", on the front" : ""}`));
  const list = make("dl");
  for (const c of D.columns) {
    if (value(c.name, i) === null) continue;
    const line = make("div");
    line.append(make("dt", c.label), make("dd", c.name === "feasible" ? (D.points.feasible[i] ? "yes" : "no") : show(value(c.name, i), c.unit)));
    list.append(line);
  }
  box.append(list);
  draw();
}

// --- start ------------------------------------------------------------------------------------------------------------
function options(id, found, selected, none) {
  if (none) $(id).append(make("option", none, { value: "" }));
  for (const c of found) $(id).append(make("option", title(c.name), { value: c.name, selected: c.name === selected }));
}

function start() {
  $("name").textContent = D.name;
  $("description").textContent = D.description;
  $("scope").textContent = D.scope;
  for (const [text, v] of D.cards) { const card = make("div"); card.append(make("b", v), make("span", text)); $("cards").append(card); }
  const usable = D.objectives.filter((n) => range[n]);
  const y = usable[0] || (numbers[0] || { name: "" }).name;
  const x = usable.length > 1 ? usable[usable.length - 1] : (numbers.find((c) => c.name !== y) || { name: y }).name;
  options("x", numbers, x);
  options("y", numbers, y);
  const kinds = D.columns.filter((c) => c.name !== "feasible" && c.name !== "reason" && distinct[c.name].length > 1 && (c.numeric || distinct[c.name].length <= FEW));
  options("colour", kinds, (varying.find((c) => !D.per.includes(c.name)) || { name: "" }).name, "one colour");
  const logs = () => { $("xlog").checked = !!wide($("x").value); $("ylog").checked = !!wide($("y").value); };
  logs();
  for (const id of ["x", "y"]) $(id).addEventListener("change", () => { logs(); draw(); });
  for (const id of ["xlog", "ylog", "colour", "front", "stairs"]) $(id).addEventListener("change", draw);
  for (const id of ["quantity", "share"]) $(id).addEventListener("change", breakdown);
  $("reset").addEventListener("click", () => { feasible = FIRST; chosen = -1; $("selected").hidden = true;
    for (const n of Object.keys(limits)) delete limits[n]; filters(); draw(); });
  filters();
  bestTable();
  countTable("reasontable", "reason", D.reasons);
  countTable("limittable", "limit", D.limits);
  $("command").textContent = D.commands.join("\n");
  fill($("versions"), [{ text: "" }, { text: "", wrap: true }], D.versions.map((cells) => ({ cells })));
  $("yaml").textContent = D.yaml;
  fill($("hashes"), [{ text: "document" }, { text: "SHA-256" }], Object.entries(D.documents).map((cells) => ({ cells })));
  draw();
  for (const id of ["plot", "roofline", "breakdown"]) if ($(id).on)
    $(id).on("plotly_click", (e) => { const i = e.points[0].customdata; if (i !== undefined) choose(i); });
  document.body.dataset.requests = performance.getEntriesByType("resource").length;
  document.body.dataset.ready = "yes";
}
start();
