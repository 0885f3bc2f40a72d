// The page of a run and that of a session: choosing a span, folding the waterfall, copying, what comes later.

import { writeTimes } from "./app.js";
import { onChange } from "./live.js";

const page = document.querySelector("[data-run]");
const session = document.querySelector("[data-session]");
const tree = document.querySelector("[role=tree]");
const panel = document.querySelector("[data-span-panel]");
const status = document.querySelector("[data-said]");

function tell(text) {
  if (status) status.textContent = text;
}

async function fetchText(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.text();
}

function parsed(text) {
  return new DOMParser().parseFromString(text, "text/html");
}

// ---- The waterfall ---------------------------------------------------------------------------------------

const folded = new Set();

const lines = () => [...tree.querySelectorAll("[role=treeitem]")];
const level = (line) => Number(line.ariaLevel ?? line.getAttribute("aria-level"));
const seen = () => lines().filter((line) => !line.hidden);

function fold(line, yes) {
  if (!line.hasAttribute("aria-expanded")) return;
  if (yes) folded.add(line.dataset.span);
  else folded.delete(line.dataset.span);
  foldAll();
}

/** Hide what is below a folded line, however the lines came here. */
function foldAll() {
  let hiddenBelow = Infinity;
  for (const line of lines()) {
    const depth = level(line);
    if (depth <= hiddenBelow) hiddenBelow = Infinity;
    line.hidden = depth > hiddenBelow;
    const isFolded = folded.has(line.dataset.span);
    if (line.hasAttribute("aria-expanded")) line.setAttribute("aria-expanded", String(!isFolded));
    if (isFolded && !line.hidden) hiddenBelow = depth;
  }
}

/** One line takes the focus of the Tab key; the arrows go from there. */
function rove(line) {
  for (const one of tree.querySelectorAll("[role=treeitem][tabindex='0']")) one.tabIndex = -1;
  if (line) line.tabIndex = 0;
}

function startRoving() {
  const all = lines();
  const focused = all.find((line) => line === document.activeElement);
  for (const line of all) line.tabIndex = -1;
  rove(focused ?? all.find((line) => line.ariaSelected === "true") ?? all[0]);
}

let asked = 0;

async function choose(key, { push = true, reveal = false } = {}) {
  const number = ++asked;
  mark(key);
  const address = new URL(location.href);
  address.searchParams.set("span", key);
  address.hash = "";
  try {
    const text = await fetchText(`${page.dataset.run}/span?${new URLSearchParams({ span: key })}`);
    if (number !== asked) return;
    panel.replaceChildren(...parsed(text).body.childNodes);
    panel.scrollTop = 0;
  } catch {
    if (number === asked) location.assign(address);
    return;
  }
  if (push && address.href !== location.href) history.pushState({ span: key }, "", address);
  prepare(panel);
  const name = panel.querySelector("#span-title");
  tell(name ? `Shown: ${name.textContent}` : "");
  if (reveal) panel.scrollIntoView({ block: "nearest" });
}

function markTurns(key) {
  for (const turn of document.querySelectorAll("[data-key]")) turn.classList.toggle("is-shown", turn.dataset.key === key);
}

function mark(key) {
  for (const line of lines()) line.setAttribute("aria-selected", String(line.dataset.span === key));
  markTurns(key);
  const line = lines().find((one) => one.dataset.span === key);
  if (!line) return;
  // A span that is chosen elsewhere may be folded away.
  for (let one = line, depth = level(line); one && depth > 1; one = one.previousElementSibling) {
    if (level(one) < depth) {
      depth = level(one);
      folded.delete(one.dataset.span);
    }
  }
  foldAll();
  rove(line);
  line.scrollIntoView({ block: "nearest" });
}

const isPlain = (event) => !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.button);
const isStacked = () => getComputedStyle(document.querySelector(".run-right")).display === "contents";

if (page) {
  page.addEventListener("click", (event) => {
    const twist = event.target.closest(".twist");
    const line = event.target.closest("[role=treeitem]");
    if (twist && line?.hasAttribute("aria-expanded")) {
      event.preventDefault();
      fold(line, line.getAttribute("aria-expanded") === "true");
      return;
    }
    const link = event.target.closest("[data-span]");
    if (!link || !isPlain(event)) return;
    event.preventDefault();
    choose(link.dataset.span, { reveal: isStacked() });
  });

  tree.addEventListener("keydown", (event) => {
    const line = event.target.closest("[role=treeitem]");
    if (!line || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = seen();
    const place = all.indexOf(line);
    const isOpen = line.getAttribute("aria-expanded");
    let next = null;
    if (event.key === "ArrowDown") next = all[place + 1];
    else if (event.key === "ArrowUp") next = all[place - 1];
    else if (event.key === "Home") next = all[0];
    else if (event.key === "End") next = all.at(-1);
    else if (event.key === "ArrowRight") {
      if (isOpen === "false") fold(line, false);
      else if (isOpen === "true") next = all[place + 1];
    } else if (event.key === "ArrowLeft") {
      if (isOpen === "true") fold(line, true);
      else next = all.slice(0, place).findLast((one) => level(one) < level(line));
    } else if (event.key === " ") choose(line.dataset.span);
    else return;
    event.preventDefault();
    if (!next) return;
    rove(next);
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    chooseSoon(next.dataset.span);
  });

  addEventListener("popstate", () => {
    const key = new URL(location.href).searchParams.get("span");
    if (key) choose(key, { push: false });
    else location.reload();
  });

  startRoving();
  if (new URL(location.href).searchParams.has("span")) {
    mark(tree.querySelector("[aria-selected=true]")?.dataset.span);
  }
}

let waiting = 0;

/** While an arrow key is held down, only the line where it ends is fetched. */
function chooseSoon(key) {
  clearTimeout(waiting);
  waiting = setTimeout(() => choose(key), 120);
}

// ---- What comes later ------------------------------------------------------------------------------------

// The addresses of the parts that were loaded after the page, by the region they are in.
const loaded = { lines: [], turns: [] };

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-fragment]");
  if (!link || !isPlain(event)) return;
  event.preventDefault();
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  const isLines = link.dataset.into === "lines";
  try {
    const more = await part(link.dataset.fragment);
    loaded[isLines ? "lines" : "turns"].push(link.dataset.fragment);
    const first = more.querySelector("[role=treeitem], .turn");
    if (isLines) {
      tree.append(...more.children);
      offerMore(link.closest("[data-more]"), link);
      startRoving();
      foldAll();
    } else {
      prepare(more);
      link.closest("[data-more]").replaceWith(...more.children);
    }
    if (first && !first.hasAttribute("tabindex")) first.tabIndex = -1;
    first?.focus({ preventScroll: true });
  } catch {
    location.assign(link.href);
  }
});

/** Fetch what follows on the page; the way back that is in it is for pages of their own. */
async function part(address) {
  const found = parsed(await fetchText(address)).body;
  found.querySelector(":scope > .more-link:not([data-more])")?.remove();
  return found;
}

/** Let a link to more lines lead behind those that are there, or go where there are none. */
function offerMore(box, link) {
  const at = new URL(link.dataset.fragment, location.href);
  const begun = Number(link.dataset.first) + loaded.lines.length * Number(link.dataset.step);
  const left = Number(link.dataset.whole) - begun;
  at.searchParams.set("line", begun);
  link.dataset.fragment = at.pathname + at.search;
  link.textContent = `${left.toLocaleString("en")} more ${left === 1 ? "line" : "lines"}`;
  link.ariaBusy = "false";
  box.hidden = left <= 0;
}

// ---- Copying ---------------------------------------------------------------------------------------------

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    answer(button, "Copied");
  } catch {
    answer(button, "Could not copy");
  }
}

function answer(button, text) {
  button.dataset.name ??= button.textContent;
  button.textContent = text;
  tell(text);
  setTimeout(() => (button.textContent = button.dataset.name), 1600);
}

async function textOf(place) {
  const parts = [];
  for (const one of place.querySelectorAll("[data-copied]")) {
    const whole = one.querySelector("[data-whole]");
    if (whole) parts.push(await (await fetch(whole.href)).text());
    else parts.push([...one.querySelectorAll("p[dir], pre")].map((piece) => piece.textContent).join("\n"));
  }
  return parts.join("\n\n");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-json]");
  if (!button) return;
  if (button.dataset.copyJson) {
    try {
      const answered = await fetch(button.dataset.copyJson);
      if (!answered.ok) throw new Error(`${answered.status}`);
      await copy(JSON.stringify(await answered.json(), null, 2), button);
    } catch {
      answer(button, "Could not copy");
    }
    return;
  }
  await copy(await textOf(button.closest(".data, .turn, section")), button);
});

/** Show what works only with this script, in what is new on the page. */
function prepare(place) {
  for (const one of place.querySelectorAll("[data-copy], [data-copy-json], [data-filter]")) one.hidden = false;
}

prepare(document);

// ---- Attributes ------------------------------------------------------------------------------------------

document.addEventListener("input", (event) => {
  if (!(event.target instanceof Element) || !event.target.matches("[data-filter]")) return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const row of event.target.closest("details").querySelectorAll("[data-row]")) {
    row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
  }
});

// ---- Feedback --------------------------------------------------------------------------------------------

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-feedback]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  try {
    const answered = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!answered.ok && answered.status !== 400) throw new Error(`${answered.status}`);
    const found = parsed(await answered.text()).querySelector(".feedback");
    if (!found) throw new Error("no form");
    document.querySelector(".feedback").replaceWith(found);
    writeTimes(found);
    tell(found.querySelector("[role=alert]")?.textContent ?? "Thank you. The feedback is kept.");
    found.querySelector("[role=alert] ~ * textarea, textarea")?.focus({ preventScroll: true });
  } catch {
    button.disabled = false;
    tell("The feedback could not be sent.");
    button.textContent = "Try again";
  }
});

// ---- Live ------------------------------------------------------------------------------------------------

const QUIET = 800;
let timer = 0;
let busy = false;
let again = false;

async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    if (page && !(await hasChanged())) return;
    const found = parsed(await fetchText(location.href));
    for (const [name, addresses] of Object.entries(loaded)) await follow(found, name, addresses);
    for (const region of document.querySelectorAll("[data-live]")) {
      const fresh = found.querySelector(`[data-live="${region.dataset.live}"]`);
      if (fresh) renew(region, fresh);
    }
    if (page) {
      const fresh = found.querySelector("[data-run]");
      page.dataset.change = fresh.dataset.change;
      page.dataset.status = fresh.dataset.status;
      const chosen = tree.querySelector("[aria-selected=true]")?.dataset.span;
      foldAll();
      startRoving();
      if (new URL(location.href).searchParams.has("span")) markTurns(chosen);
      const shown = found.querySelector("[data-span-panel]");
      if (chosen && shown && !panel.contains(document.activeElement) && !panel.querySelector("details[open]")) {
        if (panel.textContent !== shown.textContent) panel.replaceChildren(...shown.childNodes);
        prepare(panel);
      }
    }
    writeTimes();
  } catch {
    // The server is away; the next change finds it again.
  } finally {
    busy = false;
    if (again) {
      again = false;
      soon();
    }
  }
}

/** Put what was loaded after the page into a new copy of it as well. */
async function follow(found, name, addresses) {
  const region = found.querySelector(`[data-live="${name}"]`);
  for (const address of addresses) {
    region.querySelector(":scope > [data-more]")?.remove();
    region.append(...(await part(address)).children);
  }
  const link = found.querySelector("[data-into=lines]");
  if (name === "lines" && addresses.length && link) offerMore(link.closest("[data-more]"), link);
}

async function hasChanged() {
  const answered = await fetch(`${page.dataset.run}/change`);
  return answered.ok && (await answered.text()) !== page.dataset.change;
}

/** Put new children in the place of old ones and leave those alone that say the same, with what is open in them. */
function renew(region, fresh) {
  if (region.contains(document.activeElement) && document.activeElement.matches("textarea, input")) return;
  if (region.dataset.live === "feedback" && region.querySelector("textarea")?.value) return;
  const old = [...region.children];
  const next = [...fresh.children];
  next.forEach((child, number) => {
    const before = old[number];
    if (!before) region.append(child);
    else if (plain(before) !== plain(child)) {
      const hadFocus = before.contains(document.activeElement);
      for (const [place, details] of [...before.querySelectorAll("details")].entries()) {
        const same = child.querySelectorAll("details")[place];
        if (same) same.open = details.open;
      }
      before.replaceWith(child);
      if (hadFocus) (child.matches("a, button") ? child : child.querySelector("a, button"))?.focus({ preventScroll: true });
    }
  });
  for (const one of old.slice(next.length)) one.remove();
  prepare(region);
}

function plain(element) {
  const copied = element.cloneNode(true);
  for (const one of [copied, ...copied.querySelectorAll("*")]) {
    for (const name of ["tabindex", "hidden", "aria-selected", "aria-expanded", "open", "title"]) one.removeAttribute(name);
    one.classList.remove("is-shown");
    if (one.tagName === "TIME") one.textContent = "";
  }
  return copied.outerHTML;
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, QUIET);
}

if (page || session) onChange(soon);
