// navigator (HTML section 8.10) with what Workers have of it.

import { primordials } from "./primordials.js";
import { defineInterface, illegalConstructor, illegalInvocation } from "./webidl.js";
const { ObjectDefineProperty, ObjectFreeze, Symbol } = primordials;

const INTERNAL = Symbol("Navigator");
const LANGUAGES = ObjectFreeze(["en"]);

export class Navigator {
  #brand = true;

  constructor(token) {
    if (token !== INTERNAL) illegalConstructor();
  }

  get userAgent() { return #brand in this ? "Cloudflare-Workers" : illegalInvocation(); }
  get hardwareConcurrency() { return #brand in this ? 1 : illegalInvocation(); }
  get language() { return #brand in this ? "en" : illegalInvocation(); }
  get languages() { return #brand in this ? LANGUAGES : illegalInvocation(); }
  get platform() { return #brand in this ? "" : illegalInvocation(); }
}
defineInterface(Navigator);
ObjectDefineProperty(Navigator, "length", { __proto__: null, configurable: true, value: 0 });

export const navigator = new Navigator(INTERNAL);
