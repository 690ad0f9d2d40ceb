// `internalBinding('url')`, by the platform's URL: what legacy URLs want of it.

'use strict';

const { StringPrototypeIndexOf, StringPrototypeSlice } = primordials;
const { host: { URL } } = require('internal/host');

/** The host of a URL with the special scheme ws; '' for what is none. */
function domainToASCII(domain) {
  if (domain === '') return '';
  const url = new URL('ws://x');
  url.hostname = domain;
  if (url.hostname !== 'x') return url.hostname;
  // A setter says nothing of failure, but for leaving what was there.
  const other = new URL('ws://y');
  other.hostname = domain;
  return other.hostname === 'x' ? 'x' : '';
}

/** A URL's serialisation, without the parts whose argument is false and with its host in Unicode. */
function format(href, fragment, unicode, search, auth) {
  const url = new URL(href);
  if (!fragment) url.hash = '';
  if (!search) url.search = '';
  if (!auth) {
    url.username = '';
    url.password = '';
  }
  const text = url.href;
  const { hostname } = url;
  if (!unicode || hostname === '') return text;
  const at = StringPrototypeIndexOf(text, '@');
  const slashes = StringPrototypeIndexOf(text, '//') + 2;
  const hasAuth = url.username !== '' || url.password !== '';
  const start = hasAuth ? at + 1 : slashes;
  return StringPrototypeSlice(text, 0, start) + internalBinding('encoding_binding').toUnicode(hostname) +
    StringPrototypeSlice(text, start + hostname.length);
}

module.exports = (binding) => {
  binding.domainToASCII = domainToASCII;
  binding.domainToUnicode = (domain) => internalBinding('encoding_binding').toUnicode(domainToASCII(domain));
  binding.format = format;
};
