// What Node.js has of `performance` besides the standards. There is no event loop of the Worker's own to measure.

import { primordials } from "./primordials.js";
import { defineInterface, illegalInvocation, notOfType } from "./webidl.js";
import { Performance, performance, PerformanceEntry, token } from "./performance.js";
const { ObjectDefineProperties, ObjectDefineProperty, ObjectGetOwnPropertyDescriptors } = primordials;

const ZEROS = ["nodeStart", "v8Start", "bootstrapComplete", "environment", "loopStart", "loopExit", "idleTime"];

/** https://nodejs.org/api/perf_hooks.html#class-performancenodetiming */
class PerformanceNodeTiming extends PerformanceEntry {
  constructor(key) {
    super(key, "node", "node", 0, 0);
    for (let i = 0; i < ZEROS.length; i++) ObjectDefineProperty(this, ZEROS[i], { __proto__: null, value: 0, enumerable: true });
    ObjectDefineProperty(this, "uvMetricsInfo", { __proto__: null, value: { loopCount: 0, events: 0, eventsWaiting: 0 }, enumerable: true });
  }

  toJSON() {
    const told = { name: "node", entryType: "node", startTime: 0, duration: 0 };
    for (let i = 0; i < ZEROS.length; i++) told[ZEROS[i]] = 0;
    told.uvMetricsInfo = { loopCount: 0, events: 0, eventsWaiting: 0 };
    return told;
  }
}
defineInterface(PerformanceNodeTiming);
ObjectDefineProperty(PerformanceNodeTiming, "length", { __proto__: null, configurable: true, value: 0 });

const members = {
  get nodeTiming() { return this === performance ? new PerformanceNodeTiming(token) : illegalInvocation(); },
  eventLoopUtilization() { return this === performance ? { idle: 0, active: 0, utilization: 0 } : illegalInvocation(); },
  markResourceTiming() {
    if (this !== performance) illegalInvocation();
  },
  timerify(fn = undefined) {
    if (this !== performance) illegalInvocation();
    if (typeof fn !== "function") throw notOfType("Failed to execute 'timerify' on 'Performance'", "parameter 1", "function");
    return fn;
  },
};
ObjectDefineProperties(Performance.prototype, ObjectGetOwnPropertyDescriptors(members));
