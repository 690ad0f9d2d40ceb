// Takes jobs over HTTP, and does them later: each is a text whose SHA-256 is wanted. A job that keeps failing is noted as failed.

interface Env {
  JOBS: Queue<Job>;
  RESULTS: KVNamespace;
}

interface Job {
  id: string;
  text: string;
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (request.method === "POST" && pathname === "/jobs") {
      const job = { id: crypto.randomUUID(), text: await request.text() };
      await env.JOBS.send(job);
      return new Response(`/jobs/${job.id}\n`, { status: 202, headers: { location: `/jobs/${job.id}` } });
    }
    const id = pathname.match(/^\/jobs\/([0-9a-f-]{36})$/)?.[1];
    if (request.method !== "GET" || id === undefined) return new Response("POST a text to /jobs\n", { status: 404 });
    return new Response(`${(await env.RESULTS.get(id)) ?? "waiting"}\n`);
  },

  async queue(batch, env) {
    for (const message of batch.messages) {
      const { id, text } = message.body;
      try {
        const result = batch.queue === "failed-jobs" ? "failed" : await sha256(text);
        await env.RESULTS.put(id, result, { expirationTtl: 24 * 60 * 60 });
        message.ack();
      } catch (error) {
        console.warn(`job ${id}, attempt ${message.attempts}: ${error}`);
        message.retry({ delaySeconds: message.attempts });
      }
    }
  },
} satisfies ExportedHandler<Env, Job>;

async function sha256(text: string): Promise<string> {
  if (text === "") throw new Error("there is nothing to sum");
  const sum = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(sum), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
