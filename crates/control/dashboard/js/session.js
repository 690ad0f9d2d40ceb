// Who is logged in: the token and its account. Kept as long as the tab, in sessionStorage, and sent to this server alone.

const KEY = "skerry.session";

let session = read();

function read() {
  try {
    const { token, account } = JSON.parse(sessionStorage.getItem(KEY)) ?? {};
    if (typeof token === "string" && typeof account?.id === "string") return { token, account };
  } catch {
    // What can't be read is as if it were not there.
  }
  return null;
}

/** `{ token, account: { id, name, plan } }`, or null. */
export function current() {
  return session;
}

export function begin(token, account) {
  session = { token, account: { id: account.id, name: account.name, plan: account.plan } };
  sessionStorage.setItem(KEY, JSON.stringify(session));
}

export function end() {
  session = null;
  sessionStorage.removeItem(KEY);
}
