// The names that each of Node's modules exports, and those on its default. names.json has what workerd 2026-11-17 said (compatibility date 2026-11-17).
import { builtinModules } from "node:module";

const MODULES = [...builtinModules, "sqlite", "test"];

export default {
  async fetch(request) {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (name === "") return Response.json(MODULES);
    const module = await import(`node:${name}`);
    const own = Object(module.default) === module.default ? Object.getOwnPropertyNames(module.default) : [];
    return Response.json({ exports: Object.keys(module).sort(), default: own.filter((key) => !["length", "name", "prototype"].includes(key)).sort() });
  },
};
