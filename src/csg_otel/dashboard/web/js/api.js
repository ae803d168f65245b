// Requests to the API of this origin. Every problem becomes one ApiError with a sentence for the user.

const DEADLINE_MS = 8000;

export class ApiError extends Error {
  /** `status` is the HTTP status, 0 where nothing answered. */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

let csrf = null;

/** Forget the process's CSRF token: another process answers from now on. */
export function forgetSession() {
  csrf = null;
}

/** Return the document at /api/v1/`path`. `parameters` is an object whose values are text or lists of texts. */
export function get(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined && item !== null && item !== "") query.append(name, item);
    }
  }
  const text = query.toString();
  return request(`/api/v1/${path}${text ? `?${text}` : ""}`, { signal });
}

/** Run an action. `body` is an object, or a text that is sent as it is: lines of JSON. */
export async function post(path, body) {
  csrf ??= (await get("session")).csrf;
  const isText = typeof body === "string";
  const text = isText ? body : JSON.stringify(body);
  const headers = { "Content-Type": isText ? "application/x-ndjson" : "application/json", "X-CSRF-Token": csrf };
  return request(`/api/v1/${path}`, { method: "POST", body: text, headers, deadline: 60000 });
}

async function request(url, { signal, deadline = DEADLINE_MS, ...options }) {
  const limits = [AbortSignal.timeout(deadline), ...(signal ? [signal] : [])];
  let response;
  try {
    response = await fetch(url, { ...options, signal: AbortSignal.any(limits), credentials: "same-origin" });
    if (response.ok) return await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("The program does not answer.", 0);
  }
  throw new ApiError(await reason(response), response.status);
}

async function reason(response) {
  if (response.status === 401) return "You are signed out.";
  try {
    const text = (await response.json()).error;
    if (typeof text === "string" && text) return text;
  } catch {
    // Not JSON: the status has to do.
  }
  return `The program answered ${response.status}.`;
}
