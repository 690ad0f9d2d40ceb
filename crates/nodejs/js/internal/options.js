// There is no command line: options have the values that Node gives them without one.

'use strict';

const VALUES = {
  '__proto__': null,
  '--dns-result-order': '',
  '--max-http-header-size': 16384,
  '--network-family-autoselection': true,
  '--network-family-autoselection-attempt-timeout': 250,
};

module.exports = {
  getOptionValue: (name) => (name === '--tls-cipher-list' ? internalBinding('constants').crypto.defaultCoreCipherList : VALUES[name]),
};
