// node:trace_events: nothing is traced.

'use strict';

const { ArrayPrototypeJoin } = primordials;
const { codes: { ERR_TRACE_EVENTS_CATEGORY_REQUIRED } } = require('internal/errors');
const { validateObject, validateStringArray } = require('internal/validators');

class Tracing {
  #categories;
  constructor(categories) { this.#categories = categories; }
  enabled = false;
  get categories() { return ArrayPrototypeJoin(this.#categories, ','); }
  enable() { this.enabled = true; }
  disable() { this.enabled = false; }
}

module.exports = {
  createTracing(options) {
    validateObject(options, 'options');
    validateStringArray(options.categories, 'options.categories');
    if (options.categories.length === 0) throw new ERR_TRACE_EVENTS_CATEGORY_REQUIRED();
    return new Tracing(options.categories);
  },
  getEnabledCategories: () => undefined,
};
