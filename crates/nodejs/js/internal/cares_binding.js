// `internalBinding('cares_wrap')`: names by the machine's resolver.

'use strict';

const {
  ArrayPrototypeMap, ArrayPrototypePush, Error, JSONParse, PromisePrototypeThen, ReflectApply, StringPrototypeIncludes,
} = primordials;
const { notImplemented } = require('internal/not_implemented');

const VERBATIM = 0;
const IPV4_FIRST = 1;
const IPV6_FIRST = 2;

/** By the order of Node's options: those of one family before the others. */
function ordered(addresses, order) {
  if (order === VERBATIM) return addresses;
  const first = [];
  const rest = [];
  for (let i = 0; i < addresses.length; i++) {
    const isV6 = StringPrototypeIncludes(addresses[i], ':');
    ArrayPrototypePush(isV6 === (order === IPV6_FIRST) ? first : rest, addresses[i]);
  }
  for (let i = 0; i < rest.length; i++) ArrayPrototypePush(first, rest[i]);
  return first;
}

module.exports = (binding) => {
  const { canonicalizeIp, lookup, query, reverse, servers } = binding;

  binding.AI_ADDRCONFIG = 32;
  binding.AI_ALL = 16;
  binding.AI_V4MAPPED = 8;
  binding.DNS_ORDER_VERBATIM = VERBATIM;
  binding.DNS_ORDER_IPV4_FIRST = IPV4_FIRST;
  binding.DNS_ORDER_IPV6_FIRST = IPV6_FIRST;
  binding.GetAddrInfoReqWrap = class GetAddrInfoReqWrap {};
  binding.GetNameInfoReqWrap = class GetNameInfoReqWrap {};
  binding.QueryReqWrap = class QueryReqWrap {};
  binding.canonicalizeIP = canonicalizeIp;

  binding.getaddrinfo = (req, hostname, family, _hints, order) => {
    PromisePrototypeThen(lookup(hostname, family), (found) => {
      const result = typeof found === 'number' ? [found] : [null, ordered(JSONParse(found), order)];
      ReflectApply(req.oncomplete, req, result);
    });
    return 0;
  };
  binding.getnameinfo = notImplemented('dns.lookupService');

  /** `answered`: a promise of JSON. */
  function tell(req, answered) {
    PromisePrototypeThen(answered, (text) => {
      if (req.cancelled) return;
      const { code, records, ttls } = JSONParse(text);
      ReflectApply(req.oncomplete, req, code === undefined ? [null, records, ttls] : [code]);
    });
    return 0;
  }

  class ChannelWrap {
    #asked = [];

    getServers() { return ArrayPrototypeMap(JSONParse(servers()), (address) => [address, 53]); }
    // Whom a Worker may ask is not for it to say.
    setServers() { throw new Error('Not implemented'); }
    setLocalAddress() { throw new Error('Not implemented'); }

    cancel() {
      const asked = this.#asked;
      this.#asked = [];
      for (let i = 0; i < asked.length; i++) {
        if (asked[i].cancelled === false) {
          asked[i].cancelled = true;
          ReflectApply(asked[i].oncomplete, asked[i], ['ECANCELLED']);
        }
      }
    }

    #ask(req, answered) {
      req.cancelled = false;
      ArrayPrototypePush(this.#asked, req);
      // Those that were answered are forgotten.
      const { oncomplete } = req;
      req.oncomplete = function(...args) {
        req.cancelled = true;
        return ReflectApply(oncomplete, this, args);
      };
      if (this.#asked.length > 64) this.#forget();
      return tell(req, answered);
    }

    #forget() {
      const waiting = [];
      for (let i = 0; i < this.#asked.length; i++) {
        if (this.#asked[i].cancelled === false) ArrayPrototypePush(waiting, this.#asked[i]);
      }
      this.#asked = waiting;
    }

    getHostByAddr(req, address) { return this.#ask(req, reverse(address)); }
    queryA(req, name) { return this.#ask(req, query(name, 'A')); }
    queryAaaa(req, name) { return this.#ask(req, query(name, 'AAAA')); }
    queryCaa(req, name) { return this.#ask(req, query(name, 'CAA')); }
    queryCname(req, name) { return this.#ask(req, query(name, 'CNAME')); }
    queryMx(req, name) { return this.#ask(req, query(name, 'MX')); }
    queryNaptr(req, name) { return this.#ask(req, query(name, 'NAPTR')); }
    queryNs(req, name) { return this.#ask(req, query(name, 'NS')); }
    queryPtr(req, name) { return this.#ask(req, query(name, 'PTR')); }
    querySoa(req, name) { return this.#ask(req, query(name, 'SOA')); }
    querySrv(req, name) { return this.#ask(req, query(name, 'SRV')); }
    queryTxt(req, name) { return this.#ask(req, query(name, 'TXT')); }
  }
  // Servers refuse to answer it (RFC 8482).
  ChannelWrap.prototype.queryAny = notImplemented('dns.resolveAny');
  binding.ChannelWrap = ChannelWrap;
  binding.strerror = (code) => code;
};
