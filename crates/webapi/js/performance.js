// performance (High Resolution Time, Performance Timeline, User Timing Level 3). The clock stands still while code runs and moves at
// I/O; `timeOrigin` is 0, so that `now()` is the time of day as in Workers.

import { primordials } from "./primordials.js";
import {
  converters, createDictionary, createNullable, defineInterface, illegalConstructor, illegalInvocation, isObject, requiredArguments,
} from "./webidl.js";
import { DOMException } from "./domexception.js";
import { newEventCounts } from "./event_counts.js";
import { EventTarget, reportException } from "./events.js";
import { structuredClone } from "./structured_clone.js";
import { op_now } from "skerry:ops";
const {
  ArrayPrototypeFilter, ArrayPrototypeIncludes, ArrayPrototypeIndexOf, ArrayPrototypePush, ArrayPrototypeSlice, ArrayPrototypeSort,
  ArrayPrototypeSplice, FunctionPrototypeCall, ObjectDefineProperty, ObjectFreeze, PromisePrototypeThen, PromiseResolve, Symbol, TypeError,
} = primordials;

const INTERNAL = Symbol("performance");
/** For performance_node.js, which makes entries of its own. */
export const token = INTERNAL;

function hideParameters(Class, length) {
  ObjectDefineProperty(Class, "length", { __proto__: null, configurable: true, value: length });
}

// === Entries ===

export class PerformanceEntry {
  #name;
  #entryType;
  #startTime;
  #duration;

  constructor(token, name, entryType, startTime, duration) {
    if (token !== INTERNAL) illegalConstructor();
    this.#name = name;
    this.#entryType = entryType;
    this.#startTime = startTime;
    this.#duration = duration;
  }

  get name() { return #name in this ? this.#name : illegalInvocation(); }
  get entryType() { return #name in this ? this.#entryType : illegalInvocation(); }
  get startTime() { return #name in this ? this.#startTime : illegalInvocation(); }
  get duration() { return #name in this ? this.#duration : illegalInvocation(); }

  toJSON() {
    if (!(#name in this)) illegalInvocation();
    return { name: this.#name, entryType: this.#entryType, startTime: this.#startTime, duration: this.#duration, ...detailOf(this) };
  }

  static {
    entryName = (entry) => entry.#name;
    entryType = (entry) => entry.#entryType;
    entryStart = (entry) => entry.#startTime;
  }
}
var entryName, entryType, entryStart;
defineInterface(PerformanceEntry);
hideParameters(PerformanceEntry, 0);

const toMarkOptions = createDictionary("PerformanceMarkOptions", [
  { key: "detail", converter: converters.any },
  { key: "startTime", converter: converters.double },
]);

export class PerformanceMark extends PerformanceEntry {
  #detail;

  constructor(name, options = undefined) {
    const prefix = "Failed to construct 'PerformanceMark'";
    requiredArguments(arguments.length, 1, prefix);
    name = converters.DOMString(name, prefix, "parameter 1");
    const { detail, startTime } = toMarkOptions(options, prefix, "parameter 2");
    if (startTime < 0) throw new TypeError(`${prefix}: '${name}' cannot have a negative start time.`);
    super(INTERNAL, name, "mark", startTime ?? op_now(), 0);
    this.#detail = detail === undefined || detail === null ? null : structuredClone(detail);
  }

  get detail() { return #detail in this ? this.#detail : illegalInvocation(); }

  static {
    markDetail = (entry) => (#detail in entry ? { detail: entry.#detail } : undefined);
  }
}
var markDetail;
defineInterface(PerformanceMark);

/** There are none: no fetch leaves one. */
export class PerformanceResourceTiming extends PerformanceEntry {
  constructor() {
    illegalConstructor();
  }
}
defineInterface(PerformanceResourceTiming);

export class PerformanceMeasure extends PerformanceEntry {
  #detail;

  constructor(token, name, startTime, duration, detail) {
    super(token, name, "measure", startTime, duration);
    this.#detail = detail;
  }

  get detail() { return #detail in this ? this.#detail : illegalInvocation(); }

  static {
    measureDetail = (entry) => (#detail in entry ? { detail: entry.#detail } : undefined);
  }
}
var measureDetail;
defineInterface(PerformanceMeasure);
hideParameters(PerformanceMeasure, 0);

function detailOf(entry) {
  return markDetail(entry) ?? measureDetail(entry);
}

// === The timeline ===

let marks = [];
let measures = [];

function timeline(entries, name = undefined, type = undefined) {
  const found = ArrayPrototypeFilter(
    entries, (entry) => (name === undefined || entryName(entry) === name) && (type === undefined || entryType(entry) === type),
  );
  return ArrayPrototypeSort(found, (a, b) => entryStart(a) - entryStart(b));
}

function allEntries() {
  const all = ArrayPrototypeSlice(marks);
  for (let i = 0; i < measures.length; i++) ArrayPrototypePush(all, measures[i]);
  return all;
}

/** User Timing section 4.3 "convert a mark to a timestamp" */
function timestampOf(mark, prefix) {
  if (typeof mark === "number") {
    if (mark < 0) throw new TypeError(`${prefix}: a time stamp may not be negative.`);
    return mark;
  }
  for (let i = marks.length - 1; i >= 0; i--) {
    if (entryName(marks[i]) === mark) return entryStart(marks[i]);
  }
  throw new DOMException(`${prefix}: The mark '${mark}' does not exist.`, "SyntaxError");
}

/** `(DOMString or DOMHighResTimeStamp)` */
function toMarkOrTime(value, prefix, context) {
  return typeof value === "number" ? converters.double(value, prefix, context) : converters.DOMString(value, prefix, context);
}

const toMeasureOptions = createDictionary("PerformanceMeasureOptions", [
  { key: "detail", converter: converters.any },
  { key: "start", converter: toMarkOrTime },
  { key: "duration", converter: converters.double },
  { key: "end", converter: toMarkOrTime },
]);

export class Performance extends EventTarget {
  #brand = true;
  #eventCounts;

  constructor(token) {
    if (token !== INTERNAL) illegalConstructor();
    super();
  }

  get timeOrigin() { return #brand in this ? 0 : illegalInvocation(); }
  now() { return #brand in this ? op_now() : illegalInvocation(); }
  toJSON() { return #brand in this ? { timeOrigin: 0 } : illegalInvocation(); }

  get eventCounts() { return #brand in this ? (this.#eventCounts ??= newEventCounts()) : illegalInvocation(); }

  mark(name, options = undefined) {
    if (!(#brand in this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'mark' on 'Performance'");
    const mark = new PerformanceMark(name, options);
    ArrayPrototypePush(marks, mark);
    queueEntry(mark);
    return mark;
  }

  measure(name, startOrOptions = undefined, endMark = undefined) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'measure' on 'Performance'";
    requiredArguments(arguments.length, 1, prefix);
    name = converters.DOMString(name, prefix, "parameter 1");
    let options;
    let startMark;
    if (startOrOptions === undefined || startOrOptions === null || isObject(startOrOptions)) {
      options = toMeasureOptions(startOrOptions, prefix, "parameter 2");
    } else {
      startMark = converters.DOMString(startOrOptions, prefix, "parameter 2");
    }
    if (endMark !== undefined) endMark = converters.DOMString(endMark, prefix, "parameter 3");

    const { start, end, duration, detail } = options ?? { __proto__: null };
    if (start !== undefined || end !== undefined || duration !== undefined || detail !== undefined) {
      if (endMark !== undefined) throw new TypeError(`${prefix}: an end mark may not be given along with PerformanceMeasureOptions.`);
      if (start === undefined && end === undefined) throw new TypeError(`${prefix}: PerformanceMeasureOptions needs a start or an end.`);
      if (start !== undefined && end !== undefined && duration !== undefined) {
        throw new TypeError(`${prefix}: PerformanceMeasureOptions may not have start, end and duration together.`);
      }
    }
    let endTime;
    if (endMark !== undefined) endTime = timestampOf(endMark, prefix);
    else if (end !== undefined) endTime = timestampOf(end, prefix);
    else if (start !== undefined && duration !== undefined) endTime = timestampOf(start, prefix) + duration;
    else endTime = op_now();
    let startTime = 0;
    if (start !== undefined) startTime = timestampOf(start, prefix);
    else if (end !== undefined && duration !== undefined) startTime = endTime - duration;
    else if (startMark !== undefined) startTime = timestampOf(startMark, prefix);

    const cloned = detail === undefined || detail === null ? null : structuredClone(detail);
    const measure = new PerformanceMeasure(INTERNAL, name, startTime, endTime - startTime, cloned);
    ArrayPrototypePush(measures, measure);
    queueEntry(measure);
    return measure;
  }

  // Fetches leave no entries in the timeline.
  clearResourceTimings() {
    if (!(#brand in this)) illegalInvocation();
  }

  setResourceTimingBufferSize(maxSize) {
    if (!(#brand in this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'setResourceTimingBufferSize' on 'Performance'");
  }

  clearMarks(name = undefined) {
    if (!(#brand in this)) illegalInvocation();
    if (name !== undefined) name = converters.DOMString(name);
    marks = name === undefined ? [] : ArrayPrototypeFilter(marks, (mark) => entryName(mark) !== name);
  }

  clearMeasures(name = undefined) {
    if (!(#brand in this)) illegalInvocation();
    if (name !== undefined) name = converters.DOMString(name);
    measures = name === undefined ? [] : ArrayPrototypeFilter(measures, (measure) => entryName(measure) !== name);
  }

  getEntries() {
    if (!(#brand in this)) illegalInvocation();
    return timeline(allEntries());
  }

  getEntriesByType(type) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'getEntriesByType' on 'Performance'";
    requiredArguments(arguments.length, 1, prefix);
    return timeline(allEntries(), undefined, converters.DOMString(type, prefix, "parameter 1"));
  }

  getEntriesByName(name, type = undefined) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'getEntriesByName' on 'Performance'";
    requiredArguments(arguments.length, 1, prefix);
    name = converters.DOMString(name, prefix, "parameter 1");
    return timeline(allEntries(), name, type === undefined ? undefined : converters.DOMString(type, prefix, "parameter 2"));
  }
}
defineInterface(Performance);
hideParameters(Performance, 0);

export const performance = new Performance(INTERNAL);

// === Observers (Performance Timeline section 4) ===

const SUPPORTED = ObjectFreeze(["mark", "measure"]);
const observers = [];
let deliveryQueued = false;

const toObserverInit = createDictionary("PerformanceObserverInit", [
  { key: "buffered", converter: converters.boolean },
  { key: "entryTypes", converter: createNullable(converters["sequence<DOMString>"]) },
  { key: "type", converter: converters.DOMString },
]);

function queueEntry(entry) {
  for (let i = 0; i < observers.length; i++) {
    if (observes(observers[i], entryType(entry))) addRecord(observers[i], entry);
  }
}

/** Observers hear of their entries after the running code, all at once. */
function queueDelivery() {
  if (deliveryQueued) return;
  deliveryQueued = true;
  PromisePrototypeThen(PromiseResolve(undefined), () => {
    deliveryQueued = false;
    const listening = ArrayPrototypeSlice(observers);
    for (let i = 0; i < listening.length; i++) deliver(listening[i]);
  });
}

export class PerformanceObserverEntryList {
  #entries;

  constructor(token, entries) {
    if (token !== INTERNAL) illegalConstructor();
    this.#entries = entries;
  }

  getEntries() {
    if (!(#entries in this)) illegalInvocation();
    return timeline(this.#entries);
  }

  getEntriesByType(type) {
    if (!(#entries in this)) illegalInvocation();
    const prefix = "Failed to execute 'getEntriesByType' on 'PerformanceObserverEntryList'";
    requiredArguments(arguments.length, 1, prefix);
    return timeline(this.#entries, undefined, converters.DOMString(type, prefix, "parameter 1"));
  }

  getEntriesByName(name, type = undefined) {
    if (!(#entries in this)) illegalInvocation();
    const prefix = "Failed to execute 'getEntriesByName' on 'PerformanceObserverEntryList'";
    requiredArguments(arguments.length, 1, prefix);
    name = converters.DOMString(name, prefix, "parameter 1");
    return timeline(this.#entries, name, type === undefined ? undefined : converters.DOMString(type, prefix, "parameter 2"));
  }
}
defineInterface(PerformanceObserverEntryList);
hideParameters(PerformanceObserverEntryList, 0);

export class PerformanceObserver {
  #callback;
  #types = [];
  /** How `observe` was called first: with `type` or with `entryTypes`. They don't mix. */
  #mode;
  #records = [];

  constructor(callback) {
    const prefix = "Failed to construct 'PerformanceObserver'";
    requiredArguments(arguments.length, 1, prefix);
    this.#callback = converters.Function(callback, prefix, "parameter 1");
  }

  static get supportedEntryTypes() { return SUPPORTED; }

  observe(options = undefined) {
    if (!(#callback in this)) illegalInvocation();
    const prefix = "Failed to execute 'observe' on 'PerformanceObserver'";
    const { buffered, entryTypes, type } = toObserverInit(options, prefix, "parameter 1");
    if (entryTypes === undefined && type === undefined) throw new TypeError(`${prefix}: either entryTypes or type is needed.`);
    if (entryTypes !== undefined && (type !== undefined || buffered !== undefined)) {
      throw new TypeError(`${prefix}: entryTypes goes with neither type nor buffered.`);
    }
    const mode = type === undefined ? "multiple" : "single";
    if (this.#mode !== undefined && this.#mode !== mode) {
      throw new DOMException(`${prefix}: this observer was used with ${mode === "single" ? "entryTypes" : "type"} before.`, "InvalidModificationError");
    }
    this.#mode = mode;
    const wanted = mode === "single" ? [type] : entryTypes;
    const types = ArrayPrototypeFilter(wanted, (name) => ArrayPrototypeIncludes(SUPPORTED, name));
    if (types.length === 0) return;
    if (mode === "multiple") this.#types = types;
    else if (!ArrayPrototypeIncludes(this.#types, type)) ArrayPrototypePush(this.#types, type);
    if (!ArrayPrototypeIncludes(observers, this)) ArrayPrototypePush(observers, this);
    if (mode === "single" && buffered) {
      const past = timeline(allEntries(), undefined, type);
      for (let i = 0; i < past.length; i++) addRecord(this, past[i]);
    }
  }

  disconnect() {
    if (!(#callback in this)) illegalInvocation();
    const index = ArrayPrototypeIndexOf(observers, this);
    if (index !== -1) ArrayPrototypeSplice(observers, index, 1);
    this.#records = [];
    this.#types = [];
    this.#mode = undefined;
  }

  takeRecords() {
    if (!(#callback in this)) illegalInvocation();
    const records = this.#records;
    this.#records = [];
    return records;
  }

  static {
    observes = (observer, type) => ArrayPrototypeIncludes(observer.#types, type);
    addRecord = (observer, entry) => {
      ArrayPrototypePush(observer.#records, entry);
      queueDelivery();
    };
    deliver = (observer) => {
      const records = observer.#records;
      if (records.length === 0) return;
      observer.#records = [];
      try {
        FunctionPrototypeCall(observer.#callback, observer, new PerformanceObserverEntryList(INTERNAL, records), observer, {});
      } catch (error) {
        reportException(error);
      }
    };
  }
}
var observes, addRecord, deliver;
defineInterface(PerformanceObserver);
