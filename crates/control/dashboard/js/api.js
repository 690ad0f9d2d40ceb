// The API under /client/v4: requests with the session's token, answers out of their envelope, errors with what the server said.

import { current, end } from "./session.js";

const BASE = "/client/v4";

/** What the server answered when it did not do what it was asked for. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }

  /** The server has no such part of the API. */
  get isUnavailable() {
    return this.code === 7003 || this.code === 7001 || this.status === 501;
  }

  get isForbidden() {
    return this.status === 403;
  }

  /** The token does not hold any more. */
  get isLoggedOut() {
    return this.status === 401;
  }
}

/** One segment of a path. The dot segments would be resolved away, however they are written. */
function segment(text) {
  if (text === "." || text === ".." || text === "") {
    throw new ApiError(0, 0, `The name ${JSON.stringify(text)} can't be asked for over HTTP.`);
  }
  return encodeURIComponent(text);
}

/** A path out of a template: path`/workers/scripts/${name}`, each value encoded. */
export function path(strings, ...values) {
  return strings.reduce((path, string, index) => path + segment(String(values[index - 1])) + string);
}

/** `path` within the session's account. */
function within(path) {
  return `/accounts/${segment(current().account.id)}${path}`;
}

function withQuery(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

async function send(method, path, { token, body, headers = {}, signal } = {}) {
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      body,
      signal,
      headers: { ...headers, authorization: `Bearer ${token ?? current().token}` },
      credentials: "omit",
      redirect: "error",
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, 0, "The server can't be reached.");
  }
  if (response.ok) return response;
  const { code, message } = await failure(response);
  if (response.status === 401 && token === undefined) {
    end();
    dispatchEvent(new CustomEvent("skerry:logged-out", { detail: "The token does not hold any more. Log in again." }));
  }
  throw new ApiError(response.status, code, message);
}

async function failure(response) {
  try {
    const { errors } = await response.json();
    const [{ code, message }] = errors;
    return { code, message: errors.length === 1 ? message : errors.map((error) => error.message).join("\n") };
  } catch {
    return { code: response.status === 404 ? 7003 : 0, message: `The server answered with status ${response.status}.` };
  }
}

async function envelope(response) {
  const { result, result_info: info } = await response.json();
  return { result, info: info ?? {} };
}

/** A token's account, or the error. */
export async function login(token) {
  await send("GET", "/user/tokens/verify", { token });
  const { result } = await envelope(await send("GET", "/accounts", { token }));
  if (result.length === 0) throw new ApiError(0, 0, "The token belongs to no account.");
  return result[0];
}

/** `{ result, info }` of a GET within the account. */
export async function list(path, query, signal) {
  return await envelope(await send("GET", withQuery(within(path), query), { signal }));
}

/** The result of a GET within the account. */
export async function get(path, query, signal) {
  return (await list(path, query, signal)).result;
}

/** The zones, each with `routes()`. They are outside of accounts in the API. */
export async function zones(signal) {
  const { result } = await envelope(await send("GET", "/zones", { signal }));
  return result.map(({ id, name }) => ({
    id, name,
    routes: async () => (await envelope(await send("GET", path`/zones/${id}/workers/routes`, { signal }))).result,
  }));
}

/** Sends JSON and answers with the result. */
export async function change(method, path, value, query) {
  const body = value === undefined ? undefined : JSON.stringify(value);
  const headers = value === undefined ? {} : { "content-type": "application/json" };
  return (await envelope(await send(method, withQuery(within(path), query), { body, headers }))).result;
}

/** A GET whose answer is no JSON: values and objects. */
export async function raw(path, signal) {
  return await send("GET", within(path), { signal });
}

/** A PUT whose body is no JSON. */
export async function put(path, body, { query, type } = {}) {
  const headers = type ? { "content-type": type } : {};
  return (await envelope(await send("PUT", withQuery(within(path), query), { body, headers }))).result;
}
