// The start: logged in or not, and the page that the address names.

import { fill } from "./dom.js";
import { failure } from "./parts.js";
import { where } from "./router.js";
import { current } from "./session.js";
import { shell } from "./shell.js";
import { audit } from "./pages/audit.js";
import { databases } from "./pages/d1.js";
import { namespace, namespaces } from "./pages/kv.js";
import { loginPage } from "./pages/login.js";
import { bucket, buckets } from "./pages/r2.js";
import { classes, objects } from "./pages/objects.js";
import { plan } from "./pages/plan.js";
import { version } from "./pages/version.js";
import { worker } from "./pages/worker.js";
import { workers } from "./pages/workers.js";

const app = document.getElementById("app");

let frame = null;
/** Ends what the page before has open. */
let leave = new AbortController();
let isFirst = true;

/** The page of an address: its title, where it stands in the menu, and what makes its content. */
function pageOf([area = "workers", name, tab, id]) {
  switch (area) {
    case "workers":
      if (name === undefined) return { title: "Workers", area, make: workers };
      if (tab === "versions" && id !== undefined) return { title: `Version of ${name}`, area, make: (context) => version(name, id, context) };
      return { title: name, area, make: (context) => worker(name, tab, context) };
    case "kv":
      if (name === undefined) return { title: "KV", area, make: namespaces };
      return { title: "KV namespace", area, make: (context) => namespace(name, context) };
    case "r2":
      if (name === undefined) return { title: "R2", area, make: buckets };
      return { title: name, area, make: (context) => bucket(name, tab ?? "", context) };
    case "d1":
      return { title: "D1", area, make: databases };
    case "objects":
      if (name === undefined) return { title: "Durable Objects", area, make: classes };
      return { title: "Durable Objects", area, make: (context) => objects(name, context) };
    case "usage":
      return { title: "Usage", area, make: plan };
    case "audit":
      return { title: "Audit log", area, make: audit };
    default:
      return { title: "Workers", area: "workers", make: workers };
  }
}

async function show() {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  if (current() === null) return showLogin();
  frame ??= shell();
  if (!app.contains(frame.element)) fill(app, frame.element);
  const page = pageOf(where());
  document.title = `${page.title} · Skerry`;
  frame.mark(page.area);
  frame.main.ariaBusy = "true";
  let content;
  try {
    content = await page.make({ signal });
  } catch (error) {
    if (signal.aborted || current() === null) return;
    content = failure(error, show);
  }
  if (signal.aborted) return;
  fill(frame.main, content);
  frame.main.ariaBusy = null;
  // A reader with a keyboard or a screen reader begins at the new page's title.
  if (!isFirst) (frame.main.querySelector("h1") ?? frame.main).focus({ preventScroll: true });
  if (!isFirst) scrollTo(0, 0);
  isFirst = false;
}

function showLogin(message) {
  frame = null;
  document.title = "Log in · Skerry";
  isFirst = false;
  fill(app, loginPage({ message, done: show }));
  app.querySelector("input").focus();
}

document.getElementById("skip").addEventListener("click", (event) => {
  // The address is the router's: the link moves the focus and nothing else.
  event.preventDefault();
  (document.getElementById("main") ?? app).focus();
});
addEventListener("hashchange", () => void show());
addEventListener("skerry:logged-out", (event) => {
  leave.abort();
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  showLogin(event.detail);
});
void show();
