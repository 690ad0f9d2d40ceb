// URLPattern (https://urlpattern.spec.whatwg.org). Patterns are parsed natively (src/urlpattern.rs) into regular expressions.

import { primordials } from "./primordials.js";
import { converters, createDictionary, defineInterface, illegalInvocation, isObject } from "./webidl.js";
import { URL } from "./url.js";
import { op_urlpattern_match_init, op_urlpattern_parse } from "skerry:ops";
const {
  JSONParse, JSONStringify, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, RegExp, RegExpPrototypeExec, StringPrototypeSlice, TypeError, uncurryThis,
} = primordials;

const COMPONENTS = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];

const INIT_MEMBERS = [{ key: "baseURL", converter: converters.USVString }];
for (let i = 0; i < COMPONENTS.length; i++) INIT_MEMBERS[i + 1] = { key: COMPONENTS[i], converter: converters.USVString };
const toInit = createDictionary("URLPatternInit", INIT_MEMBERS);
const toOptions = createDictionary("URLPatternOptions", [
  { key: "ignoreCase", converter: converters.boolean, defaultValue: () => false },
]);

const urlGetters = { __proto__: null };
for (let i = 0; i < COMPONENTS.length; i++) {
  urlGetters[COMPONENTS[i]] = uncurryThis(ObjectGetOwnPropertyDescriptor(URL.prototype, COMPONENTS[i]).get);
}
const { parse: parseURL } = URL;

/** A URL's components without their delimiters. */
function componentsOf(url) {
  const protocol = urlGetters.protocol(url);
  return {
    __proto__: null,
    protocol: StringPrototypeSlice(protocol, 0, protocol.length - 1),
    username: urlGetters.username(url),
    password: urlGetters.password(url),
    hostname: urlGetters.hostname(url),
    port: urlGetters.port(url),
    pathname: urlGetters.pathname(url),
    search: StringPrototypeSlice(urlGetters.search(url), 1),
    hash: StringPrototypeSlice(urlGetters.hash(url), 1),
  };
}

export class URLPattern {
  /** { protocol: { patternString, groupNameList, regexp }, ..., hasRegexpGroups } */
  #pattern;

  constructor(input = undefined, baseURLOrOptions = undefined, maybeOptions = undefined) {
    const prefix = "Failed to construct 'URLPattern'";
    let base;
    let options = maybeOptions;
    // The overload without a base URL has the options second.
    if (arguments.length >= 3 || (baseURLOrOptions !== undefined && baseURLOrOptions !== null && !isObject(baseURLOrOptions))) {
      base = converters.USVString(baseURLOrOptions, prefix, "parameter 2");
    } else {
      options = baseURLOrOptions;
    }
    const isInit = input === undefined || input === null || isObject(input);
    const source = isInit
      ? JSONStringify(toInit(input, prefix, "parameter 1"))
      : converters.USVString(input, prefix, "parameter 1");
    const { ignoreCase } = toOptions(options, prefix, "the options");
    const pattern = JSONParse(op_urlpattern_parse(source, isInit, base, ignoreCase));
    for (let i = 0; i < COMPONENTS.length; i++) {
      const component = pattern[COMPONENTS[i]];
      try {
        // Case matters in the first five components whatever the options say.
        component.regexp = new RegExp(component.regexpString, ignoreCase && i > 4 ? "vi" : "v");
      } catch {
        throw new TypeError(`${prefix}: ${COMPONENTS[i]} is invalid: ${component.patternString}`);
      }
    }
    this.#pattern = pattern;
  }

  get protocol() { return #pattern in this ? this.#pattern.protocol.patternString : illegalInvocation(); }
  get username() { return #pattern in this ? this.#pattern.username.patternString : illegalInvocation(); }
  get password() { return #pattern in this ? this.#pattern.password.patternString : illegalInvocation(); }
  get hostname() { return #pattern in this ? this.#pattern.hostname.patternString : illegalInvocation(); }
  get port() { return #pattern in this ? this.#pattern.port.patternString : illegalInvocation(); }
  get pathname() { return #pattern in this ? this.#pattern.pathname.patternString : illegalInvocation(); }
  get search() { return #pattern in this ? this.#pattern.search.patternString : illegalInvocation(); }
  get hash() { return #pattern in this ? this.#pattern.hash.patternString : illegalInvocation(); }
  get hasRegExpGroups() { return #pattern in this ? this.#pattern.hasRegexpGroups : illegalInvocation(); }

  test(input = undefined, baseURL = undefined) {
    if (!(#pattern in this)) illegalInvocation();
    const { components } = matchInput(input, baseURL, "Failed to execute 'test' on 'URLPattern'");
    if (components === null) return false;
    for (let i = 0; i < COMPONENTS.length; i++) {
      const name = COMPONENTS[i];
      if (RegExpPrototypeExec(this.#pattern[name].regexp, components[name]) === null) return false;
    }
    return true;
  }

  exec(input = undefined, baseURL = undefined) {
    if (!(#pattern in this)) illegalInvocation();
    const { components, inputs } = matchInput(input, baseURL, "Failed to execute 'exec' on 'URLPattern'");
    if (components === null) return null;
    const result = { inputs };
    for (let i = 0; i < COMPONENTS.length; i++) {
      const name = COMPONENTS[i];
      const { regexp, groupNameList } = this.#pattern[name];
      const match = RegExpPrototypeExec(regexp, components[name]);
      if (match === null) return null;
      const groups = {};
      for (let j = 0; j < groupNameList.length; j++) {
        ObjectDefineProperty(groups, groupNameList[j], { __proto__: null, value: match[j + 1], writable: true, enumerable: true, configurable: true });
      }
      result[name] = { input: components[name], groups };
    }
    return result;
  }
}
defineInterface(URLPattern);

/** What a match looks at, null when the input means no URL, and the inputs that the result repeats. */
function matchInput(input, baseURL, prefix) {
  const isInit = input === undefined || input === null || isObject(input);
  if (baseURL !== undefined) baseURL = converters.USVString(baseURL, prefix, "parameter 2");
  if (isInit) {
    const init = toInit(input, prefix, "parameter 1");
    if (baseURL !== undefined) throw new TypeError(`${prefix}: a base URL may not be given along with a URLPatternInit.`);
    const json = op_urlpattern_match_init(JSONStringify(init));
    return { __proto__: null, components: json === undefined ? null : JSONParse(json), inputs: [{ ...init }] };
  }
  input = converters.USVString(input, prefix, "parameter 1");
  const url = parseURL(input, baseURL);
  const inputs = baseURL === undefined ? [input] : [input, baseURL];
  return { __proto__: null, components: url === null ? null : componentsOf(url), inputs };
}
