import * as commonjs from "./module.cjs";
import { cases } from "./cases.js";
import { answer, more } from "./more_cases.js";
export { Echo, Store, Thenable } from "./more_cases.js";
let evaluated;
try { evaluated = [eval("1 + 1"), new Function("return 3")()]; } catch (error) { evaluated = `${error.name}: ${error.message}`; }
globalThis.evaluated = evaluated;
globalThis.commonjs = commonjs;
export default { async fetch(request, env, ctx) {
  const { hostname, pathname } = new URL(request.url);
  if (hostname === "self" || hostname.endsWith(".example")) return answer(request);
  const run = cases[pathname.slice(1)] ?? more[pathname.slice(1)];
  try { return Response.json((await run(request, env, ctx)) ?? null); } catch (error) { return Response.json(`failed: ${error.name}: ${error.message}`); }
} };
