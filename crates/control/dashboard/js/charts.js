// Charts of what Workers used: bars drawn here as SVG, a cursor for pointer and keys, and the same figures as a table.

import { get } from "./api.js";
import { fill, h, s } from "./dom.js";
import { count, millis } from "./format.js";
import { loading } from "./parts.js";
import { table } from "./table.js";

const PERIODS = [["hour", "Last hour"], ["day", "Last day"]];
const CHARTS = [
  ["requests", "Requests", (value) => count(value, "request")],
  ["errors", "Errors", (value) => count(value, "error")],
  ["cpu_ms", "CPU time", millis],
];
/** The figures are asked for again so often while the page is seen. */
const REFRESH = 15_000;
/** A drawing's own units; the page stretches it. */
const WIDTH = 600;
const HEIGHT = 100;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** What a Worker used, or all of the account where none is named. */
export function usage({ worker, signal }) {
  let period = "hour";
  let series = null;
  const charts = CHARTS.map(([key, title, say]) => [key, chart(title, say)]);
  const figures = h("div", { class: "figures" });
  const asTable = h("details", { class: "as-table", on: { toggle: () => drawTable() } }, h("summary", {}, "As a table"), figures);
  const content = [h("div", { class: "charts" }, charts.map(([, { element }]) => element)), asTable];

  async function load() {
    const wanted = period;
    const loaded = await get("/skerry/metrics", { period: wanted, worker }, signal);
    // Another period may have been chosen meanwhile.
    if (wanted !== period) return content;
    series = loaded;
    for (const [key, { draw }] of charts) draw(series[key], times(series));
    drawTable();
    return content;
  }

  function drawTable() {
    if (!asTable.open || !series) return;
    const rows = times(series).map((time, index) => ({ time, index })).filter(({ index }) => CHARTS.some(([key]) => series[key][index] > 0)).reverse();
    fill(figures, rows.length === 0 ? h("p", { class: "quiet" }, "Nothing was used.") : table({
      caption: `What was used, ${label(period).toLowerCase()}`,
      rows,
      columns: [
        { title: "From", cell: ({ time }) => clock.format(time) },
        ...CHARTS.map(([key, title, say]) => ({ title, align: "right", cell: ({ index }) => (key === "cpu_ms" ? say(series[key][index]) : series[key][index].toLocaleString("en")) })),
      ],
    }).element);
  }

  const view = loading(load, { unavailable: "What Workers used" });
  const buttons = PERIODS.map(([id, text]) => h("button", {
    type: "button", class: "small", data: { period: id }, "aria-pressed": String(id === period), on: { click: () => choose(id) },
  }, text));
  function choose(id) {
    period = id;
    for (const element of buttons) element.ariaPressed = String(element.dataset.period === id);
    void view.reload();
  }

  const timer = setInterval(() => {
    // What fails while nobody asked is shown when somebody does.
    if (document.visibilityState === "visible" && series) load().catch(() => {});
  }, REFRESH);
  signal.addEventListener("abort", () => clearInterval(timer));
  return h("section", { class: "box usage" },
    h("div", { class: "box-head" }, h("h2", {}, "Usage"), h("div", { class: "choice", role: "group", "aria-label": "Period" }, buttons)),
    view.element);
}

function label(period) {
  return PERIODS.find(([id]) => id === period)[1];
}

/** When each step begins. */
function times({ from, step_seconds: step, requests }) {
  return requests.map((_, index) => (from + index * step) * 1000);
}

/** One chart: its element, and `draw(values, times)`. */
function chart(title, say) {
  const sum = h("strong", { class: "sum" });
  const most = h("span", { class: "most" });
  const readout = h("span", { class: "readout", "aria-hidden": "true" });
  const start = h("span");
  const plot = s("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "plot", role: "slider", tabindex: "0", "aria-label": title, "aria-valuemin": "0",
  });
  let values = [];
  let moments = [];
  /** The step that is looked at; null: none. */
  let at = null;

  function draw(newValues, newMoments) {
    [values, moments] = [newValues, newMoments];
    const highest = Math.max(...values);
    const width = WIDTH / values.length;
    const bars = values.map((value, index) => {
      if (value === 0) return null;
      const height = Math.max((value / highest) * (HEIGHT - 4), 1.5);
      return s("rect", { class: "chart-bar", x: round(index * width + width * 0.1), y: round(HEIGHT - height), width: round(width * 0.8), height: round(height) });
    });
    const mark = s("rect", { class: "chart-mark", y: 0, height: HEIGHT, width: round(width), x: 0, visibility: "hidden" });
    plot.replaceChildren(mark, ...bars.filter(Boolean), s("line", { class: "chart-ground", x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }));
    fill(sum, say(values.reduce((one, other) => one + other, 0)));
    fill(most, highest > 0 ? `at most ${say(highest)}` : null);
    fill(start, clock.format(moments[0]));
    plot.setAttribute("aria-valuemax", String(values.length - 1));
    look(at === null ? null : Math.min(at, values.length - 1));
  }

  function look(index) {
    at = index;
    const shown = index ?? values.length - 1;
    const text = `${clock.format(moments[shown])}: ${say(values[shown])}`;
    plot.setAttribute("aria-valuenow", String(shown));
    plot.setAttribute("aria-valuetext", text);
    const mark = plot.querySelector(".chart-mark");
    mark.setAttribute("visibility", index === null ? "hidden" : "visible");
    mark.setAttribute("x", round((shown * WIDTH) / values.length));
    fill(readout, index === null ? null : text);
  }

  plot.addEventListener("pointermove", (event) => {
    const { left, width } = plot.getBoundingClientRect();
    const index = Math.floor(((event.clientX - left) / width) * values.length);
    if (values.length > 0) look(Math.min(Math.max(index, 0), values.length - 1));
  });
  plot.addEventListener("pointerleave", () => values.length > 0 && look(null));
  plot.addEventListener("focus", () => values.length > 0 && at === null && look(values.length - 1));
  plot.addEventListener("blur", () => values.length > 0 && look(null));
  plot.addEventListener("keydown", (event) => {
    const last = values.length - 1;
    const now = at ?? last;
    const next = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageUp: now + 10, PageDown: now - 10, Home: 0, End: last }[event.key];
    if (next === undefined || last < 0) return;
    event.preventDefault();
    look(Math.min(Math.max(next, 0), last));
  });

  const element = h("figure", { class: "chart" },
    h("figcaption", {}, h("span", { class: "quiet" }, title), sum),
    h("div", { class: "above" }, readout, most),
    plot,
    h("div", { class: "below" }, start, h("span", {}, "now")));
  return { element, draw };
}

function round(number) {
  return String(Math.round(number * 100) / 100);
}
