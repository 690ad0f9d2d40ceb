// `internalBinding('uv')`: the names and messages of libuv's errors.

'use strict';

const { SafeMap } = primordials;
const ERRORS = require('internal/uv_errors');

module.exports = (binding) => {
  const map = new SafeMap();
  for (let i = 0; i < ERRORS.length; i++) {
    const { 0: number, 1: name, 2: message } = ERRORS[i];
    binding[`UV_${name}`] = number;
    map.set(number, [name, message]);
  }
  binding.getErrorMap = () => map;
  binding.errname = (number) => map.get(number)?.[0] ?? `Unknown system error ${number}`;
};
