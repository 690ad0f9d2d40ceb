// `internalBinding('block_list')`: addresses, and rules about them.

'use strict';

const { ArrayPrototypePush, ArrayPrototypeUnshift, Error, StringPrototypeIncludes } = primordials;
const { canonicalizeIP, ipBits } = internalBinding('cares_wrap');

const AF_INET = 2;
const AF_INET6 = 10;

class SocketAddress {
  #address;
  #port;
  #family;
  #flowLabel;

  constructor(address, port, family, flowLabel) {
    this.#address = canonicalizeIP(address);
    if (this.#address === undefined || StringPrototypeIncludes(this.#address, ':') !== (family === AF_INET6)) {
      const error = new Error('Invalid socket address');
      error.code = 'ERR_INVALID_ADDRESS';
      throw error;
    }
    this.#port = port;
    this.#family = family;
    this.#flowLabel = flowLabel;
  }

  detail(out) {
    out.address = this.#address;
    out.port = this.#port;
    out.family = this.#family;
    out.flowlabel = this.#flowLabel;
    return out;
  }

  flowlabel() { return this.#flowLabel; }
  get text() { return this.#address; }
  get name() { return this.#family === AF_INET ? 'IPv4' : 'IPv6'; }
}

/** Less than 0, 0 or more; undefined for addresses of different kinds. One of IPv4 within IPv6 counts as of IPv4. */
function compare(a, b) {
  if (a.length !== b.length) return undefined;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return a[i] - b[i];
  }
  return 0;
}

function isWithin(bits, network, prefix) {
  if (bits.length !== network.length) return false;
  for (let i = 0; i < prefix; i++) {
    const mask = 128 >> (i % 8);
    if ((bits[i >> 3] & mask) !== (network[i >> 3] & mask)) return false;
  }
  return true;
}

class BlockList {
  #rules = [];

  #add(text, matches) { ArrayPrototypeUnshift(this.#rules, { __proto__: null, text, matches }); }

  addAddress(address) {
    const bits = ipBits(address.text);
    this.#add(`Address: ${address.name} ${address.text}`, (other) => compare(other, bits) === 0);
  }

  /** False for a range that ends before it begins. */
  addRange(start, end) {
    const first = ipBits(start.text);
    const last = ipBits(end.text);
    if (compare(first, last) > 0) return false;
    this.#add(`Range: ${start.name} ${start.text}-${end.text}`, (other) => compare(other, first) >= 0 && compare(other, last) <= 0);
    return true;
  }

  addSubnet(network, prefix) {
    const bits = ipBits(network.text);
    this.#add(`Subnet: ${network.name} ${network.text}/${prefix}`, (other) => isWithin(other, bits, prefix));
  }

  check(address) {
    const bits = ipBits(address.text);
    for (let i = 0; i < this.#rules.length; i++) {
      if (this.#rules[i].matches(bits)) return true;
    }
    return false;
  }

  getRules() {
    const texts = [];
    for (let i = 0; i < this.#rules.length; i++) ArrayPrototypePush(texts, this.#rules[i].text);
    return texts;
  }
}

module.exports = (binding) => {
  binding.AF_INET = AF_INET;
  binding.AF_INET6 = AF_INET6;
  binding.BlockList = BlockList;
  binding.SocketAddress = SocketAddress;
};
