// What a Worker does, as it does it: a tail, as wrangler opens one, for as long as the page is open.

import { ApiError, change, path } from "../api.js";
import { field } from "../dialog.js";
import { fill, h } from "../dom.js";
import { badge, button, failure, section } from "../parts.js";
import { eventItem, readEvent } from "../tail_event.js";

/** Events that are shown; older ones go. */
const KEPT = 300;

export async function logs({ name, signal }) {
  const base = path`/workers/scripts/${name}/tails`;
  const events = h("ol", { class: "events", "aria-label": `Events of ${name}` });
  const state = h("span", { role: "status" }, badge("connecting"));
  const waiting = h("p", { class: "empty" }, "Waiting for events. Each request to the Worker appears here with what it logs.");
  const filter = field({ name: "filter", label: h("span", { class: "unseen" }, "Filter"), kind: "search", placeholder: "Filter" });
  let isPaused = false;
  let seen = 0;

  const pause = button("Pause", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Go on" : "Pause";
    say(isPaused ? badge("paused", "warn") : badge("live", "good"));
  });
  const clear = button("Clear", () => fill(events));
  const matches = (item) => item.textContent.toLowerCase().includes(filter.value().toLowerCase());
  filter.input.addEventListener("input", () => {
    for (const item of events.children) item.hidden = !matches(item);
  });
  const content = h("div", {}, events, waiting);
  const say = (what) => fill(state, what);

  void follow();
  return section("Live logs", { tools: [state, filter.element, pause, clear] }, content);

  async function follow() {
    let tail;
    let socket;
    try {
      tail = await change("POST", base, { filters: [] });
      socket = connect(tail);
    } catch (error) {
      say(badge("off"));
      pause.disabled = true;
      fill(content, failure(error, null, "Following a Worker's logs"));
      return;
    }
    const leave = () => {
      socket.close(1000);
      // The page is gone: whether the server heard it is nobody's concern any more, and a tail ends by itself.
      change("DELETE", base + path`/${tail.id}`).catch(() => {});
    };
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave);
  }

  function connect({ url }) {
    const socket = new WebSocket(own(url), "trace-v1");
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ debug: false }));
      say(badge("live", "good"));
    });
    socket.addEventListener("message", ({ data }) => {
      const event = readEvent(data);
      if (event && !isPaused) add(event);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (signal.aborted) return;
      pause.disabled = true;
      say([badge("ended", "warn"), " ", reason || (code === 1006 ? "The connection broke off. " : ""), button("Connect again", () => {
        pause.disabled = false;
        say(badge("connecting"));
        void follow();
      }, "small")]);
    });
    return socket;
  }

  function add(event) {
    waiting.hidden = true;
    seen += 1;
    const item = eventItem(event, seen);
    item.hidden = !matches(item);
    events.prepend(item);
    while (events.children.length > KEPT) events.lastChild.remove();
  }
}

/** The socket's address at the host that this page came from: the one that the server says may be its own name for itself. */
function own(url) {
  let address;
  try {
    address = new URL(url);
  } catch {
    throw new ApiError(0, 0, "The server gave no address for the logs.");
  }
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${address.pathname}${address.search}`;
}
