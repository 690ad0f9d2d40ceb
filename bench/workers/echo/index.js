// `/` hands the body straight back; `/transform` sends every chunk through JavaScript.
export default {
  async fetch(request) {
    if (new URL(request.url).pathname === "/transform") {
      const chunks = new TransformStream({ transform: (chunk, controller) => controller.enqueue(chunk) });
      return new Response(request.body.pipeThrough(chunks));
    }
    return new Response(request.body);
  },
};
