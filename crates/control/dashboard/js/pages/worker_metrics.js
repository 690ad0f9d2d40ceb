// A Worker's tab: what it used.

import { usage } from "../charts.js";

export async function metrics({ name, signal }) {
  return usage({ worker: name, signal });
}
