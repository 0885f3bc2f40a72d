// What every page has: theme, keys, moving in lists, times that age, filters that complete and tidy up.

import { onChange } from "./live.js";

const root = document.documentElement;

// ---- Theme -----------------------------------------------------------------------------------------------

const THEMES = ["auto", "light", "dark"];

function theme() {
  return root.dataset.theme ?? "auto";
}

function setTheme(name) {
  if (name === "auto") delete root.dataset.theme;
  else root.dataset.theme = name;
  try {
    if (name === "auto") localStorage.removeItem("tcc-theme");
    else localStorage.setItem("tcc-theme", name);
  } catch {
    // Storage is switched off: it holds for this page.
  }
  nameTheme();
}

function nameTheme() {
  const names = { auto: "as the system", light: "light", dark: "dark" };
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    const text = `Theme: ${names[theme()]}`;
    button.hidden = false;
    button.title = text;
    button.querySelector("[data-theme-name]").textContent = text;
  }
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  button.addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]));
}
nameTheme();

// ---- Keys ------------------------------------------------------------------------------------------------

const dialog = document.getElementById("keys");
for (const button of document.querySelectorAll("[data-open-keys]")) {
  button.hidden = false;
  button.addEventListener("click", () => dialog.showModal());
}
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

const TYPING = "input, textarea, select, [contenteditable]";
let going = 0;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const typing = event.target instanceof Element && event.target.closest(TYPING);
  if (event.key === "Escape") {
    const open = document.querySelector("details.more[open]");
    if (typing) event.target.blur();
    else if (open) closePanel(open);
    return;
  }
  if (typing || document.querySelector("dialog[open]")) return;
  if (performance.now() < going) {
    going = 0;
    const link = [...document.querySelectorAll("[data-go]")].find((one) => one.dataset.go === event.key);
    if (link) {
      event.preventDefault();
      link.click();
      return;
    }
  }
  const act = { "/": focusSearch, "?": () => dialog.showModal(), j: () => move(1), k: () => move(-1), g: begin }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

function begin() {
  going = performance.now() + 1500;
}

function focusSearch() {
  const search = document.querySelector("[data-search]");
  search?.focus();
  search?.select();
}

function move(by) {
  const links = [...document.querySelectorAll("[data-item] [data-open]")].filter((one) => one.offsetParent);
  if (!links.length) return;
  const item = document.activeElement?.closest("[data-item]");
  let place = item ? links.indexOf(item.querySelector("[data-open]")) + by : firstSeen(links);
  place = Math.max(0, Math.min(links.length - 1, place));
  links[place].focus({ preventScroll: true });
  links[place].closest("[data-item]").scrollIntoView({ block: "nearest" });
}

function firstSeen(links) {
  const top = document.querySelector(".bar").offsetHeight;
  const place = links.findIndex((one) => one.getBoundingClientRect().top >= top);
  return place < 0 ? 0 : place;
}

// The part of the navigation that this page belongs to may be out of sight on a small screen.
const current = document.querySelector(".nav [aria-current]");
if (current) {
  const nav = current.closest(".nav");
  nav.scrollLeft = current.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;
}

// ---- Times -----------------------------------------------------------------------------------------------

const DAY = 86400;

/** Write ages of times anew, and whole times in the zone of this browser. */
export function writeTimes(within = document) {
  const now = Date.now() / 1000;
  for (const time of within.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const age = Math.floor(now - at.getTime() / 1000);
    time.textContent = ageText(age, at);
    time.title = at.toLocaleString(undefined, { dateStyle: "long", timeStyle: "long" });
  }
}

function ageText(age, at) {
  if (age > 7 * DAY || age < -60) {
    const part = (number) => String(number).padStart(2, "0");
    return `${at.getFullYear()}-${part(at.getMonth() + 1)}-${part(at.getDate())}`;
  }
  for (const [unit, length] of [["d", DAY], ["h", 3600], ["min", 60]]) {
    if (age >= length) return `${Math.floor(age / length)} ${unit} ago`;
  }
  return age >= 5 ? `${age} s ago` : "now";
}

writeTimes();
setInterval(() => document.hidden || writeTimes(), 20000);

// ---- Filters ---------------------------------------------------------------------------------------------

for (const form of document.querySelectorAll("[data-filters]")) {
  for (const button of form.querySelectorAll("[data-no-script]")) button.hidden = true;
  form.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement) form.requestSubmit();
  });
  // An address without what is not set can be read and kept.
  form.addEventListener("formdata", ({ formData }) => {
    for (const name of new Set(formData.keys())) {
      const kept = formData.getAll(name).filter((value) => value !== "" && !(name === "order" && value === "newest"));
      formData.delete(name);
      for (const value of kept) formData.append(name, value);
    }
  });
  for (const input of form.querySelectorAll("[list]")) suggest(form, input);
}

function suggest(form, input) {
  const list = document.getElementById(input.getAttribute("list"));
  let waiting = 0;
  let asked = null;
  const fetchValues = async () => {
    const key = input.dataset.suggestKey && form.elements[input.dataset.suggestKey].value;
    const of = input.dataset.suggest ?? (key && `metadata.${key}`);
    if (!of) return;
    const address = `/fragments/values?${new URLSearchParams({ of, prefix: input.value })}`;
    if (address === asked) return;
    asked = address;
    const answer = await fetch(address).catch(() => null);
    if (answer?.ok && asked === address) list.innerHTML = await answer.text();
  };
  input.addEventListener("focus", fetchValues);
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(fetchValues, 150);
  });
}

function closePanel(panel) {
  panel.open = false;
  panel.querySelector("summary").focus();
}

document.addEventListener("pointerdown", (event) => {
  for (const panel of document.querySelectorAll("details.more[open]")) {
    if (!panel.contains(event.target) && !panel.querySelector(".field-bad")) panel.open = false;
  }
});

// ---- Pages that show the state of now ---------------------------------------------------------------------

// A page is fetched again at most this often, and less where the server has much to sum up.
const LEAST_REST_MS = 3000;
const RESTS_PER_FETCH = 15;
let rest = LEAST_REST_MS;
let due = 0;
let refreshing = false;

if (document.querySelector("[data-refresh]") && !location.search.includes("cursor=")) {
  onChange(() => {
    due ||= setTimeout(refresh, rest);
  });
}

async function refresh() {
  due = 0;
  if (refreshing || document.hidden) return;
  refreshing = true;
  try {
    const begun = performance.now();
    const answer = await fetch(location.href);
    rest = Math.max(LEAST_REST_MS, RESTS_PER_FETCH * (performance.now() - begun));
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-refresh]");
    const old = document.querySelector("[data-refresh]");
    // The first run of all: the page becomes another one.
    if (!fresh) location.reload();
    else if (!inUse(old)) {
      keepOpen(old, fresh);
      old.replaceChildren(...fresh.childNodes);
      writeTimes(old);
    }
  } catch {
    // The server is gone; the next change finds it again.
  } finally {
    refreshing = false;
  }
}

/** Tell whether somebody is at work in a part of the page: it is not taken from under their hands. */
function inUse(part) {
  const selection = getSelection();
  return part.contains(document.activeElement) || (!selection.isCollapsed && part.contains(selection.anchorNode));
}

function keepOpen(old, fresh) {
  const before = old.querySelectorAll("details");
  fresh.querySelectorAll("details").forEach((one, place) => (one.open = before[place]?.open ?? one.open));
}
