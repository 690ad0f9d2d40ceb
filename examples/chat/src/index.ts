// Chat rooms: a Durable Object each, which sleeps while nobody says anything and its guests stay connected.
//
//   GET /<room>            the page
//   GET /<room>/socket     a WebSocket: { "name": … } first, then { "text": … }; what is said comes to everybody as JSON

import { DurableObject } from "cloudflare:workers";
import page from "./page.html";

const HISTORY = 100;
const MAX_NAME = 32;
const MAX_TEXT = 1000;

interface Env {
  ROOMS: DurableObjectNamespace<Room>;
}

interface Guest {
  name: string;
}

export class Room extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS said (id INTEGER PRIMARY KEY, name TEXT, text TEXT, at INTEGER)");
    // Answered without waking the room.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  async fetch(request: Request) {
    if (request.headers.get("Upgrade") !== "websocket") return new Response("Expected a WebSocket\n", { status: 426 });
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer) {
    const guest: Guest | null = socket.deserializeAttachment();
    const said = parse(message);
    if (said === undefined) return socket.close(1003, "Messages are JSON");
    if (guest === null) return this.enter(socket, said);
    if (typeof said.text !== "string" || said.text === "") return;
    const entry = { name: guest.name, text: said.text.slice(0, MAX_TEXT), at: Date.now() };
    this.ctx.storage.sql.exec("INSERT INTO said (name, text, at) VALUES (?, ?, ?)", entry.name, entry.text, entry.at);
    this.ctx.storage.sql.exec("DELETE FROM said WHERE id <= (SELECT max(id) FROM said) - ?", HISTORY);
    this.tell(entry);
  }

  webSocketClose(socket: WebSocket) {
    this.leave(socket);
  }

  webSocketError(socket: WebSocket) {
    this.leave(socket);
  }

  enter(socket: WebSocket, { name }: { name?: unknown }) {
    if (typeof name !== "string" || name.trim() === "") return socket.close(1008, "Who are you?");
    const guest: Guest = { name: name.trim().slice(0, MAX_NAME) };
    // The attachment outlives this instance, as the socket does.
    socket.serializeAttachment(guest);
    for (const entry of this.ctx.storage.sql.exec("SELECT name, text, at FROM said ORDER BY id")) socket.send(JSON.stringify(entry));
    this.tell({ joined: guest.name, guests: this.guests() });
  }

  leave(socket: WebSocket) {
    const guest: Guest | null = socket.deserializeAttachment();
    if (guest !== null) this.tell({ left: guest.name, guests: this.guests(socket) }, socket);
  }

  /** The connections of those who have said who they are. */
  present(without?: WebSocket) {
    const open = this.ctx.getWebSockets().filter((socket) => socket !== without && socket.readyState === WebSocket.OPEN);
    return open.filter((socket) => socket.deserializeAttachment() !== null);
  }

  guests(without?: WebSocket): string[] {
    return this.present(without).map((socket) => socket.deserializeAttachment().name).sort();
  }

  tell(what: object, without?: WebSocket) {
    const text = JSON.stringify(what);
    for (const socket of this.present(without)) socket.send(text);
  }
}

function parse(message: string | ArrayBuffer): Record<string, unknown> | undefined {
  try {
    const said = JSON.parse(message as string);
    return typeof said === "object" && said !== null ? said : undefined;
  } catch {
    return undefined;
  }
}

export default {
  async fetch(request: Request, env: Env) {
    const [, room, rest] = new URL(request.url).pathname.match(/^\/([\w-]{1,64})(\/socket)?$/) ?? [];
    if (room === undefined) return Response.redirect(new URL("/lobby", request.url), 302);
    if (rest === "/socket") return env.ROOMS.getByName(room).fetch(request);
    return new Response(page, { headers: { "Content-Type": "text/html; charset=utf-8" } });
  },
} satisfies ExportedHandler<Env>;
