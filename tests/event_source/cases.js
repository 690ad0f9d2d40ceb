// Questions about EventSource that need no server. What workerd says to them is answers.json.

const failure = (error) => `${error?.name}: ${error?.message}`;
const attempt = (run) => {
  try {
    return run();
  } catch (error) {
    return failure(error);
  }
};
const encoder = new TextEncoder();
const stream = (parts) => new ReadableStream({
  start(controller) {
    for (const part of parts) controller.enqueue(typeof part === "string" ? encoder.encode(part) : part);
    controller.close();
  },
});

/** What an EventSource of these parts dispatches until it has ended. */
function events(parts, types = ["message", "open"]) {
  const seen = [];
  const source = EventSource.from(stream(parts));
  for (const type of types) source.addEventListener(type, (event) => seen.push(type === "open" ? [type, source.readyState] : [event.type, event.data, event.lastEventId]));
  return new Promise((resolve) => {
    source.onerror = (event) => {
      seen.push([event.type, failure(event.error), source.readyState]);
      resolve(seen);
    };
  });
}

const cases = {
  shape() {
    const source = EventSource.from(stream([""]));
    const shape = [
      EventSource.CONNECTING, EventSource.OPEN, EventSource.CLOSED, String(source), source.url, source.withCredentials, source.onopen, source.onmessage, source.onerror,
      source instanceof EventTarget, typeof source.close, typeof source[Symbol.dispose],
    ];
    source.close();
    return [shape, source.readyState];
  },
  errors: () => [
    attempt(() => new EventSource()), attempt(() => new EventSource("nope")), attempt(() => new EventSource("https://example.com", { withCredentials: true })),
    attempt(() => EventSource.from()), attempt(() => EventSource.from("x")), attempt(() => new EventSource("https://example.com", 1)),
    attempt(() => { const s = stream(["x"]); s.getReader(); EventSource.from(s); }),
  ],
  simple: () => events(["data: one\n\n", "data: two\nid: 7\n\n", "data: three\n\n"]),
  fields: () => events([": a comment\n", "data:no space\ndata:  two spaces\ndata\n\n", "event: other\ndata: x\n\n", "nonsense: 1\nevent\ndata: y\n\n"], ["message", "other"]),
  empty: () => events(["\n\n", "data\n\n", "data:\n\n", "id: 1\n\n", "event: x\n\n", "data: after\n\n"]),
  lineEnds: () => events(["data: a\r\rdata: b\r\n\r\ndata: c\n\n"]),
  splits: () => events(["da", "ta: o", "n", "e\n", "\nda", "ta: two\n", "\n"]),
  bom: () => events(["\ufeffdata: x\n\n\ufeffdata: y\n\n"]),
  unicode: () => events([encoder.encode("data: \u2603 snow\n\n").slice(0, 7), encoder.encode("data: \u2603 snow\n\n").slice(7)]),
  unfinished: () => events(["data: a\n\ndata: b\n"]),
  ids: () => events(["id: 1\ndata: a\n\nid\ndata: b\n\nid: 3\n\ndata: c\n\n"]),
  async failing() {
    const seen = [];
    const source = EventSource.from(new ReadableStream({ pull() { throw new RangeError("broken"); } }));
    return new Promise((resolve) => { source.onerror = (event) => { seen.push(failure(event.error), source.readyState); resolve(seen); }; });
  },
  async closing() {
    let source;
    const seen = [];
    source = EventSource.from(stream(["data: a\n\n", "data: b\n\n"]));
    source.onmessage = (event) => { seen.push(event.data, event.isTrusted); source.close(); source.close(); };
    source.onerror = () => seen.push("error");
    await new Promise((resolve) => setTimeout(resolve, 30));
    return [seen, source.readyState];
  },
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === "") return Response.json(Object.keys(cases));
    try {
      return Response.json(await cases[name]() ?? null);
    } catch (error) {
      return Response.json(`uncaught ${failure(error)}`);
    }
  },
};
