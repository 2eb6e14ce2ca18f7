// The console's own API. What changes something bears a header that no other page can send.

const HERE = new URL("api/", document.baseURI);

async function answer(response) {
  const document = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(document.detail ?? `the server answered ${response.status}`);
  return document;
}

/** Read something; `parameters` that are null or empty are left out. */
export async function get(name, parameters = {}, signal = undefined) {
  const url = new URL(name, HERE);
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(key, value);
  }
  return answer(await fetch(url, { signal, cache: "no-store" }));
}

/** Change something. */
export async function post(name, body) {
  const headers = { "Content-Type": "application/json", "X-Cqrsless-Console": "1" };
  return answer(await fetch(new URL(name, HERE), { method: "POST", headers, body: JSON.stringify(body) }));
}

/** Be told whenever something happened; a page that nobody sees is not. Gives what ends it. */
export function follow(told, lost) {
  let source = null;
  const open = () => {
    if (source !== null || document.hidden) return;
    source = new EventSource(new URL("live", HERE));
    source.onmessage = (event) => told(JSON.parse(event.data));
    source.onerror = () => {
      lost();
      if (source?.readyState === EventSource.CLOSED) {
        source = null;
        setTimeout(open, 500);
      }
    };
  };
  const close = () => {
    source?.close();
    source = null;
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
}
