// What makes a Worker run: its own host, custom domains, routes, schedules.

import { change, get, path, zones } from "../api.js";
import { ask, field } from "../dialog.js";
import { h } from "../dom.js";
import { notice } from "../notices.js";
import { badge, button, empty, loading, section } from "../parts.js";
import { table } from "../table.js";
import { ago } from "../time.js";
import { urlLink } from "../worker_url.js";

/** Zones whose routes are asked for. */
const MAX_ZONES = 20;

export async function triggers(context) {
  return [ownHost(context), domains(context), routes(context), schedules(context)];
}

function ownHost({ name, signal, url }) {
  const base = path`/workers/scripts/${name}/subdomain`;
  return loading(async () => {
    let state = await get(base, {}, signal);
    const set = async (changed) => {
      try {
        state = await change("POST", base, { ...state, ...changed });
        notice("Saved.");
        return true;
      } catch (error) {
        notice(error.message, "bad");
        return false;
      }
    };
    const preview = url(`<version>-${name}`)?.replace(/^https?:\/\//, "");
    return section("Its own host", {},
      toggle("Answers at its own host", state.enabled, urlLink(url(name)),
        async (enabled) => (enabled || (await confirmed(name))) && (await set({ enabled }))),
      toggle("Each version answers at a host of its own", state.previews_enabled, preview && h("code", {}, preview),
        (previews_enabled) => set({ previews_enabled })));
  }).element;
}

async function confirmed(name) {
  return await ask({
    title: `Switch off the host of ${name}?`,
    body: [h("p", {}, "Requests to it are answered with 404 from now on. Routes and custom domains still lead to the Worker.")],
    confirm: "Switch off",
    danger: true,
    act: async () => {},
  });
}

/** A switch that takes effect at once. `flip(on)`: does it; whether it was done. */
function toggle(label, isOn, detail, flip) {
  const element = h("button", { type: "button", role: "switch", "aria-checked": String(isOn), class: "switch", on: { click } },
    h("span", { class: "knob" }), label);
  async function click() {
    element.disabled = true;
    if (await flip(!isOn)) isOn = !isOn;
    element.ariaChecked = String(isOn);
    element.disabled = false;
    element.focus();
  }
  return h("div", { class: "toggle" }, element, detail && h("span", { class: "quiet" }, detail));
}

function domains({ name, signal }) {
  return section("Custom domains", {}, loading(async () => {
    const domains = await get("/workers/domains", { service: name }, signal);
    const own = domains.filter((domain) => domain.service === name);
    if (own.length === 0) return empty("No custom domain leads here.", "Add a route with custom_domain = true to wrangler.toml, then deploy:", "npx wrangler deploy");
    return h("ul", { class: "plain" }, own.map((domain) => h("li", {}, h("code", {}, domain.hostname))));
  }, { unavailable: "The list of custom domains" }).element);
}

function routes({ name, signal }) {
  return section("Routes", {}, loading(async () => {
    const all = (await zones(signal)).slice(0, MAX_ZONES);
    const found = await Promise.all(all.map((zone) => zone.routes()));
    const own = found.flat().filter((route) => route.script === name);
    if (own.length === 0) return empty("No route leads here.", "Add routes to wrangler.toml, then deploy:", "npx wrangler deploy");
    return h("ul", { class: "plain" }, own.map((route) => h("li", {}, h("code", {}, route.pattern))));
  }, { unavailable: "The list of routes" }).element);
}

function schedules({ name, signal }) {
  const base = path`/workers/scripts/${name}/schedules`;
  const view = loading(async () => {
    const { schedules } = await get(base, {}, signal);
    const crons = schedules.map((schedule) => schedule.cron);
    return section("Schedules", {
      tools: [button("Add a schedule", () => add(crons), "primary")],
      note: "When the scheduled handler runs, as cron expressions in UTC. The next deployment by wrangler sets them to what wrangler.toml says.",
    }, schedules.length > 0 ? list(schedules, crons) : empty("It runs at no set time.", "Add one here, or crons under [triggers] in wrangler.toml, then deploy:", "npx wrangler deploy"));
  });
  return view.element;

  function list(schedules, crons) {
    return table({
      caption: `Schedules of ${name}`,
      rows: schedules,
      sorted: [0, "ascending"],
      columns: [
        { title: "Cron", sort: (schedule) => schedule.cron, cell: (schedule) => badge(schedule.cron, "mono") },
        { title: "Since", sort: (schedule) => Date.parse(schedule.created_on), cell: (schedule) => ago(schedule.created_on) },
        { title: "", cell: ({ cron }) => button("Delete", () => remove(cron, crons), "small danger-quiet", `Delete the schedule ${cron}`) },
      ],
    }).element;
  }

  async function add(crons) {
    const cron = field({ name: "cron", label: "Cron expression", required: true, placeholder: "*/5 * * * *", hint: "Minute, hour, day of month, month, day of week. In UTC." });
    const done = await ask({
      title: `Add a schedule to ${name}`,
      fields: [cron],
      confirm: "Add",
      act: async ({ cron }) => {
        await put([...crons, cron.trim()]);
      },
    });
    if (done) await view.reload();
  }

  async function remove(cron, crons) {
    const done = await ask({
      title: `Delete the schedule ${cron}?`,
      body: [h("p", {}, "The Worker stays deployed; it no longer runs at these times.")],
      confirm: "Delete",
      danger: true,
      act: async () => {
        await put(crons.filter((known) => known !== cron));
      },
    });
    if (done) await view.reload();
  }

  async function put(crons) {
    await change("PUT", base, [...new Set(crons)].map((cron) => ({ cron })));
    notice("The schedules are set.");
  }
}
