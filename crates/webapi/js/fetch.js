// fetch (Fetch section 4 and section 5.6). What is JavaScript here: validation, abort, data: URLs. The exchange itself, redirects included, is native.

import { primordials } from "./primordials.js";
import { abortedReason, addAbortAlgorithm, removeAbortAlgorithm } from "./abort.js";
import { bodyToNative, cancelBody } from "./body.js";
import { flags } from "./compatibility.js";
import { parseDataUrl } from "./data_url.js";
import { requestParts } from "./request.js";
import { abortResponseBody, governResponseBody, responseFromBytes, responseFromNative } from "./response.js";
import { op_fetch, op_fetch_abort, op_fetch_id } from "skerry:ops";
const {
  JSONStringify, Promise, PromisePrototypeThen, PromiseReject, PromiseResolve, StringPrototypeIndexOf, StringPrototypeSlice,
  StringPrototypeStartsWith, TypeError,
} = primordials;

const REDIRECT = { __proto__: null, follow: 0, manual: 1, error: 2 };

export function fetch(input, init = undefined) {
  try {
    if (arguments.length < 1) {
      throw new TypeError("Failed to execute 'fetch' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Request or string'.");
    }
    return send(requestParts(input, init));
  } catch (error) {
    return PromiseReject(error);
  }
}

function send(request) {
  const { url, signal } = request;
  if (!StringPrototypeStartsWith(url, "http:") && !StringPrototypeStartsWith(url, "https:")) {
    if (!flags.fetch_refuses_unknown_protocols && !StringPrototypeStartsWith(url, "data:")) {
      return send({ ...request, url: `http${StringPrototypeSlice(url, StringPrototypeIndexOf(url, ":"))}` });
    }
    if (signal !== null && abortedReason(signal) !== undefined) throw abortedReason(signal);
    return PromiseResolve(fetchLocal(request));
  }
  const options = request.cf === undefined && request.cache === undefined ? undefined : JSONStringify({ cf: request.cf, cache: request.cache });
  return exchange(request, (body, redirect, id) => op_fetch(request.method, url, request.headers, body, redirect, options, id));
}

/**
 * Sends a request (see requestParts) by `begin(body, redirect mode, id for op_fetch_abort)`, an op that returns what `op_fetch` does. The
 * request's signal governs the exchange, and then the response's body.
 */
export function exchange(request, begin) {
  const { signal } = request;
  const aborted = signal === null ? undefined : abortedReason(signal);
  if (aborted !== undefined) {
    cancelBody(request.body, aborted);
    throw aborted;
  }
  const body = request.body === null ? null : bodyToNative(request.body, signal);
  const redirect = REDIRECT[request.redirect];
  if (signal === null) return PromisePrototypeThen(begin(body, redirect, undefined), toResponse);
  const id = op_fetch_id();
  return abortable(signal, id, begin(body, redirect, id));
}

function toResponse(parts) {
  return responseFromNative(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6]);
}

/** The response, or the signal's reason when that comes first. The signal goes on to govern the body. */
function abortable(signal, id, exchange) {
  return new Promise((resolve, reject) => {
    let response;
    const abort = (reason) => {
      if (response !== undefined) abortResponseBody(response);
      op_fetch_abort(id);
      reject(reason);
    };
    addAbortAlgorithm(signal, abort);
    PromisePrototypeThen(
      exchange,
      (parts) => {
        response = toResponse(parts);
        // Without a body nothing is left that could be aborted.
        if (!governResponseBody(response, signal)) removeAbortAlgorithm(signal, abort);
        resolve(response);
      },
      (error) => {
        removeAbortAlgorithm(signal, abort);
        reject(error);
      },
    );
  });
}

/** Schemes that need no network. */
function fetchLocal({ method, url }) {
  if (StringPrototypeStartsWith(url, "data:")) {
    const fragment = StringPrototypeIndexOf(url, "#");
    const data = parseDataUrl(fragment === -1 ? url : StringPrototypeSlice(url, 0, fragment));
    if (data !== null) return responseFromBytes(method === "HEAD" ? null : data.bytes, data.type);
  }
  throw new TypeError(`Fetch API cannot load: ${url}`);
}
