// Runs before the page is drawn, so that a chosen theme never flashes the other one. No module: modules run later.
"use strict";
(() => {
  const KEY = "skerry.theme";
  let chosen = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch {
    // A browser that keeps nothing follows the system.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
