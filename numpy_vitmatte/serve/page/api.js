// Calls of the service. An error is thrown with the one sentence that the service says.

let token = "";

export function useToken(value) {
  token = value;
}

export class ServiceError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

function form(parts) {
  const data = new FormData();
  for (const [name, value] of Object.entries(parts)) {
    if (value !== null && value !== undefined && value !== "") data.append(name, value);
  }
  return data;
}

async function sentence(response) {
  try {
    return (await response.json()).detail ?? response.statusText;
  } catch {
    return `the service answered with status ${response.status}`;
  }
}

/** Call the service; where it is busy, come again when it says so. `onwait` hears for how many seconds. */
async function call(path, parts, { signal, onwait } = {}) {
  for (;;) {
    const options = { signal, headers: token ? { Authorization: `Bearer ${token}` } : {} };
    if (parts) Object.assign(options, { method: "POST", body: form(parts) });
    let response;
    try {
      response = await fetch(path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ServiceError("the service cannot be reached; is it still running?", 0);
    }
    if (response.ok) return response;
    const pause = Number(response.headers.get("Retry-After"));
    if (response.status !== 503 || !pause) throw new ServiceError(await sentence(response), response.status);
    onwait?.(pause, await sentence(response));
    await sleep(pause * 1000, signal);
  }
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

export async function models() {
  return (await call("v1/models")).json();
}

/** Matte, and get report, alpha, cut-out and perhaps a trust map in one answer. */
export async function matte(parts, options) {
  const response = await call("v1/matte", { ...parts, output: "all", report: "part" }, options);
  const answer = await response.formData();
  const report = JSON.parse(await textOf(answer.get("report")));
  return { report, alpha: answer.get("alpha"), cutout: answer.get("cutout"), trust: answer.get("trust") };
}

function textOf(part) {
  return typeof part === "string" ? part : part.text();
}

/** A trimap of a mask, or of a trimap whose unknown band is to be wider. */
export async function trimapOfMask(mask, erode, dilate, options) {
  const response = await call("v1/trimap", { mask, erode, dilate }, options);
  return { trimap: await response.blob(), report: JSON.parse(response.headers.get("X-Matting-Report")) };
}

/** The trimap doctor: a repaired trimap and what was found. */
export async function repairTrimap(trimap, image, options) {
  const response = await call("v1/trimap", { trimap, image, check: true, repair: true }, options);
  return { trimap: await response.blob(), report: JSON.parse(response.headers.get("X-Matting-Report")) };
}

export async function checkTrimap(trimap, options) {
  return (await call("v1/trimap", { trimap, check: true }, options)).json();
}
