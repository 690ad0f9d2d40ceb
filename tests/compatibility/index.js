import * as commonjs from "./module.cjs";
import { cases } from "./cases.js";
let evaluated;
try { evaluated = [eval("1 + 1"), new Function("return 3")()]; } catch (error) { evaluated = `${error.name}: ${error.message}`; }
globalThis.evaluated = evaluated;
globalThis.commonjs = commonjs;
export default { async fetch(request, env, ctx) {
  const name = new URL(request.url).pathname.slice(1);
  try { return Response.json((await cases[name](request, env, ctx)) ?? null); } catch (error) { return Response.json(`failed: ${error.name}: ${error.message}`); }
} };
