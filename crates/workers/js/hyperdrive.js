// Hyperdrive's binding: https://developers.cloudflare.com/hyperdrive/configuration/connect-to-postgres/

import { primordials } from "../webapi/primordials.js";
import { connect } from "../webapi/sockets.js";
import { defineInterface, illegalInvocation } from "../webapi/webidl.js";

const { ObjectDefineProperty, Symbol, TypeError } = primordials;

const INTERNAL = Symbol("Hyperdrive");

class Hyperdrive {
  #host;
  #port;

  constructor(key, facts) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#host = facts.host;
    this.#port = facts.port;
    for (const name in facts) {
      ObjectDefineProperty(this, name, { __proto__: null, value: facts[name], enumerable: true, configurable: false, writable: false });
    }
  }

  /** A connection that nothing was said on yet, for code that speaks PostgreSQL's protocol itself. */
  connect() {
    if (!(#host in this)) illegalInvocation();
    return connect({ __proto__: null, hostname: this.#host, port: this.#port });
  }
}
defineInterface(Hyperdrive);

/** Hook: the face of a database that native code answers for at this host. */
export function makeHyperdrive(connectionString, host, user, password, database, port) {
  return new Hyperdrive(INTERNAL, { __proto__: null, connectionString, port, host, user, password, database });
}
