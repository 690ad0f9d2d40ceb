// cloudflare:node: the Worker's requests for servers of node:http.

'use strict';

const { ArrayPrototypePush, Error, FunctionPrototypeSymbolHasInstance, Promise } = primordials;
const { host: { Response, streams: { ReadableStream } } } = require('internal/host');
const { Buffer } = require('buffer');
const { IncomingMessage, headerPairs, incoming, writeTo } = require('internal/http_body');
const { URL } = require('internal/url');
const { Server, ServerResponse, serverOn } = require('_http_server');

/** The statuses whose responses have no body. */
const EMPTY = { __proto__: null, 101: true, 204: true, 205: true, 304: true };

/** A promise of the Response that `outgoing`, a ServerResponse, makes. */
function responseOf(outgoing, method) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let controller;
    let waiting;
    let begun = false;

    /** The listener may have ended the response in the turn in which it began it: then all of it is known. */
    const begin = () => {
      const init = { status: outgoing.statusCode, statusText: outgoing.statusMessage, headers: headerPairs(outgoing._header) };
      const isEmpty = method === 'HEAD' || EMPTY[outgoing.statusCode] === true;
      if (outgoing.writableEnded || isEmpty) {
        resolve(new Response(isEmpty ? null : Buffer.concat(chunks), init));
        return;
      }
      const body = new ReadableStream({
        __proto__: null,
        start(made) {
          controller = made;
          for (let i = 0; i < chunks.length; i++) controller.enqueue(chunks[i]);
        },
        pull() {
          waiting?.();
          waiting = undefined;
        },
        cancel(reason) { outgoing.destroy(reason); },
      });
      resolve(new Response(body, init));
    };

    writeTo(outgoing, (bytes, written) => {
      if (!begun) {
        begun = true;
        process.nextTick(begin);
      }
      if (bytes.length > 0) {
        const own = Buffer.from(bytes);
        if (controller === undefined) ArrayPrototypePush(chunks, own);
        else controller.enqueue(own);
      }
      if (typeof written === 'function') process.nextTick(written);
      if (controller === undefined || controller.desiredSize > 0) return true;
      waiting = () => outgoing.emit('drain');
      return false;
    });
    outgoing.once('finish', () => {
      controller?.close();
      outgoing.destroyed = true;
      outgoing._closed = true;
      outgoing.emit('close');
    });
    outgoing.destroy = function(error) {
      if (this.destroyed) return this;
      this.destroyed = true;
      error ??= new Error('The response was destroyed before it ended.');
      controller?.error(error);
      reject(error);
      process.nextTick(() => this.emit('close'));
      return this;
    };
  });
}

function handle(server, request) {
  const url = new URL(request.url);
  const message = incoming(IncomingMessage, request.headers, request.body, url.protocol === 'https:');
  message.method = request.method;
  message.url = `${url.pathname}${url.search}`;
  const outgoing = new ServerResponse(message, { highWaterMark: server.highWaterMark, rejectNonStandardBodyWrites: server.rejectNonStandardBodyWrites });
  outgoing.shouldKeepAlive = false;
  outgoing.useChunkedEncodingByDefault = false;
  outgoing.sendDate = false;
  const response = responseOf(outgoing, request.method);
  if (!server.emit('request', message, outgoing)) outgoing.end();
  return response;
}

async function handleAsNodeRequest(port, request) {
  const number = typeof port === 'object' && port !== null ? port.port : port;
  const server = serverOn(number);
  if (server === undefined) throw new Error(`Http server with port ${number} not found. This is likely a bug with your code. You should check if server.listen() was called with the same port (${number})`);
  return handle(server, request);
}

function httpServerHandler(descriptor) {
  if (descriptor === undefined || descriptor === null) throw new Error('Server descriptor cannot be null or undefined');
  if (FunctionPrototypeSymbolHasInstance(Server, descriptor)) {
    if (!descriptor.listening) descriptor.listen(0);
    return { fetch: async (request) => handle(descriptor, request) };
  }
  const { port } = descriptor;
  if (typeof port !== 'number') throw new Error('Failed to determine port for server');
  return { fetch: (request) => handleAsNodeRequest(port, request) };
}

module.exports = { handleAsNodeRequest, httpServerHandler };
