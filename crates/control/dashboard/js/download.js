// Hands bytes to the browser as a file. They are never opened in this page's origin.

import { h } from "./dom.js";

export function download(blob, name) {
  const file = name.split("/").pop() || "download";
  // As bytes of no type, so that no browser thinks of showing them.
  const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  const link = h("a", { href: url, download: file, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
