// Which page an address shows. Addresses are after the #, so the server sees none of the names in them.

/** A link's address: each part encoded. */
export function to(...parts) {
  return `#/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
}

/** The parts of the present address. */
export function where() {
  const parts = location.hash.replace(/^#\/?/, "").split("/");
  return parts.map(decoded).filter((part) => part !== "");
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Goes to an address, or shows the page anew where it is the present one. */
export function go(address) {
  if (location.hash === address) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = address;
}
