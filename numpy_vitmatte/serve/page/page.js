// What the parts of the page share: its elements, what is chosen, the photo, and words for the user.

import { useToken } from "./api.js";

export const $ = (id) => document.getElementById(id);

/** Chosen tools, and the photo: its blob, url, width and height. */
export const state = { label: 255, tool: "brush", size: 60, photo: null };

export function say(text, trouble = false) {
  $("status").textContent = text;
  $("status").classList.toggle("trouble", trouble);
  $("bar").hidden = !text && !state.photo && $("token-row").hidden;
}

/** Do something for the user; what goes wrong is said in words. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    if (error.status === 401) askForToken();
    say(error.message, true);
    return undefined;
  }
}

function askForToken() {
  $("token-row").hidden = $("bar").hidden = false;
}

/** Take the token that the user gives, and do again what needed it. */
export function listenForToken(again) {
  $("token-row").addEventListener("submit", (event) => {
    event.preventDefault();
    useToken($("token").value);
    $("token-row").hidden = true;
    attempt(again);
  });
}
