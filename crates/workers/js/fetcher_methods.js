// `get`, `put` and `delete` of service bindings and stubs, which only old compatibility dates have (fetcher_has_get_put_delete): each is a `fetch`.

import { primordials } from "../webapi/primordials.js";
import { Response } from "../webapi/response.js";
import { URL, URLSearchParams } from "../webapi/url.js";
import { converters, isObject } from "../webapi/webidl.js";

const { Error, ObjectGetOwnPropertyDescriptor, PromisePrototypeThen, PromiseReject, TypeError, uncurryThis } = primordials;

const getter = (Class, name) => uncurryThis(ObjectGetOwnPropertyDescriptor(Class.prototype, name).get);
const method = (Class, name) => uncurryThis(Class.prototype[name]);
const { prototype: { __proto__: body } } = Response;
const [statusOf, statusTextOf, bodyOf] = [getter(Response, "status"), getter(Response, "statusText"), uncurryThis(ObjectGetOwnPropertyDescriptor(body, "body").get)];
const READ = { __proto__: null, text: uncurryThis(body.text), json: uncurryThis(body.json), arrayBuffer: uncurryThis(body.arrayBuffer), stream: bodyOf };
const [paramsOf, hrefOf, append] = [getter(URL, "searchParams"), getter(URL, "href"), method(URLSearchParams, "append")];

function wrongParameter(name, place, type) {
  return new TypeError(`Failed to execute '${name}' on 'Fetcher': parameter ${place} is not of type '${type}'.`);
}

function checked(name, response) {
  const status = statusOf(response);
  if (status >= 200 && status < 300) return response;
  throw new Error(`HTTP ${name} request failed: ${status} ${statusTextOf(response)}`);
}

/** The URL with what a put says of how long its value is kept. */
function withExpiration(url, options) {
  if (options === undefined) return url;
  if (!isObject(options)) throw wrongParameter("put", 3, "PutOptions");
  const { expiration, expirationTtl } = options;
  if (expiration === undefined && expirationTtl === undefined) return url;
  const parsed = new URL(url);
  if (expiration !== undefined) append(paramsOf(parsed), "expiration", converters.long(expiration));
  if (expirationTtl !== undefined) append(paramsOf(parsed), "expiration_ttl", converters.long(expirationTtl));
  return hrefOf(parsed);
}

/** The three for a class, by `fetch(self, url, init)`, which throws for a wrong receiver. */
export function fetcherMethods(fetch) {
  /** A promise of `read(response)`. */
  const send = (self, url, init, read) => {
    try {
      return PromisePrototypeThen(fetch(self, converters.USVString(url), init), read);
    } catch (error) {
      return PromiseReject(error);
    }
  };
  const methods = {
    get(url = undefined, type = "text") {
      if (url === undefined) return PromiseReject(wrongParameter("get", 1, "string"));
      return send(this, url, undefined, (response) => {
        // What is not there is null, for whoever has a key-value store behind it.
        if (statusOf(response) === 404 || statusOf(response) === 410) return null;
        checked("GET", response);
        const read = READ[type];
        if (read === undefined) throw new TypeError('Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".');
        return read(response);
      });
    },
    put(url, value = undefined, options = undefined) {
      try {
        if (value === undefined) {
          throw wrongParameter("put", 2, "JsReadableStream or string or BufferSource or Blob or FormData or URLSearchParams or URLSearchParams or JsUrlSearchParams or AsyncGenerator");
        }
        const target = withExpiration(converters.USVString(url), options);
        return send(this, target, { __proto__: null, method: "PUT", body: value }, (response) => {
          checked("PUT", response);
        });
      } catch (error) {
        return PromiseReject(error);
      }
    },
    delete(url) {
      return send(this, url, { __proto__: null, method: "DELETE" }, (response) => {
        checked("DELETE", response);
      });
    },
  };
  return { __proto__: null, ...methods };
}
