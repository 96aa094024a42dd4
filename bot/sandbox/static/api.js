// What the page asks of the workspace, and the live stream of what happens there.

async function answer(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    body = { error: `The workspace answered ${response.status} without a reason.` };
  }
  if (!response.ok && !body.error) body.error = `The workspace answered ${response.status}.`;
  return body;
}

const GONE = { error: "The workspace does not answer. Is it still running?" };

export async function get(name, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value);
  try {
    return await answer(await fetch(`/ui/${name}?${new URLSearchParams(kept)}`));
  } catch {
    return GONE;
  }
}

export async function post(name, told) {
  try {
    return await answer(await fetch(`/ui/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(told),
    }));
  } catch {
    return GONE;
  }
}

/** Calls onEvent for every event, and onOpen when the line is there, again or for the first time: look once then. */
export function listen(onEvent, onOpen) {
  const source = new EventSource("/ui/events");
  source.onmessage = (message) => onEvent(JSON.parse(message.data));
  source.onopen = onOpen;
}
