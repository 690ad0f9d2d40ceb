// `/spin?n=` burns a bounded amount of CPU; `/forever` burns until the runtime stops it.
export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/forever") for (;;);
    const turns = Number(url.searchParams.get("n"));
    let state = 1;
    for (let i = 0; i < turns; i++) state = (state * 1103515245 + 12345) & 0x7fffffff;
    return new Response(String(state));
  },
};
