// navigator.sendBeacon (https://w3c.github.io/beacon/): a POST that nobody waits for but the event's end.

import { op_report_exception } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { fetch } from "../webapi/fetch.js";
import { Navigator, navigator } from "../webapi/navigator.js";
import { converters, illegalInvocation, requiredArguments } from "../webapi/webidl.js";
import { currentEvent, waitUntil } from "./context.js";
const { Error, ObjectDefineProperty, PromisePrototypeThen } = primordials;

function sendBeacon(url, data = undefined) {
  if (this !== navigator) illegalInvocation();
  requiredArguments(arguments.length, 1, "Failed to execute 'sendBeacon' on 'Navigator'");
  url = converters.USVString(url);
  const event = currentEvent();
  if (event === undefined) throw new Error("navigator.sendBeacon() can only be called while an event is being handled.");
  waitUntil(event, PromisePrototypeThen(fetch(url, { __proto__: null, method: "POST", body: data }), undefined, op_report_exception));
  return true;
}

ObjectDefineProperty(Navigator.prototype, "sendBeacon", { __proto__: null, value: sendBeacon, writable: true, enumerable: true, configurable: true });
