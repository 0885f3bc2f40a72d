// The list of runs: new ones arrive at its head, older ones when its end comes near, and the page stays small.

import { onChange } from "./live.js";
import { writeTimes } from "./app.js";

const list = document.querySelector("[data-runs]");
// Parts further from what is seen than this many are taken out, and fetched again when they come near.
const KEPT_PARTS = 12;
// Below this many pixels from its head, the reader looks at the head of the list.
const HEAD = 120;
const MOST_WAITING = 200;
// A page that stays open does not grow without end: beyond this many new runs it begins anew.
const MOST_ADDED = 1000;

function start(list) {
  goOn(list);
  if (!("live" in list.dataset)) return;
  const live = new Head(list);
  onChange(() => live.changed());
}

// ---- New and changed runs ---------------------------------------------------------------------------------

class Head {
  constructor(list) {
    this.list = list;
    this.first = list.querySelector(".runs-part");
    this.after = list.dataset.change;
    this.fragment = list.dataset.fragment;
    this.pill = list.querySelector("[data-new-runs]");
    this.toggle = document.querySelector("[data-live-toggle]");
    this.paused = false;
    this.busy = false;
    this.again = false;
    this.whole = true;
    this.added = 0;
    this.waiting = new Map();
    this.toggle.hidden = false;
    this.toggle.addEventListener("click", () => this.pause(!this.paused));
    this.pill.addEventListener("click", () => this.show());
    addEventListener("scroll", () => this.atHead() && this.waiting.size && this.put(), { passive: true });
  }

  pause(paused) {
    this.paused = paused;
    this.toggle.setAttribute("aria-pressed", String(!paused));
    this.toggle.querySelector("[data-live-name]").textContent = paused ? "Paused" : "Live";
    if (!paused) this.changed();
  }

  async changed() {
    if (this.paused) return;
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    do {
      this.again = false;
      await this.fetchChanged().catch(() => {});
    } while (this.again && !this.paused);
    this.busy = false;
  }

  async fetchChanged() {
    const join = this.fragment.includes("?") ? "&" : "?";
    // A run that is shown as running may end in a state that the filter does not want: it is shown as it is.
    const others = this.fragment.includes("?") && this.list.querySelector(".mark-open") ? "&others=yes" : "";
    const answer = await fetch(`${this.fragment}${join}after=${encodeURIComponent(this.after)}${others}`);
    if (!answer.ok) return;
    const text = await answer.text();
    this.after = answer.headers.get("X-Change") ?? this.after;
    if (answer.headers.get("X-Whole") === "no") this.whole = false;
    const { rows, changed } = parse(text);
    for (const row of rows) this.take(row);
    for (const row of changed) this.renew(row);
    if (this.atHead() && this.whole) this.put();
    else this.tell();
  }

  /** Put a row in the place of its older self at once; one that was not there waits. */
  take(row) {
    if (this.renew(row)) return;
    // One that is older than all that is here comes with the part it belongs to.
    const last = this.last();
    if (!last || !this.more() || began(row) >= began(last)) this.waiting.set(row.dataset.address, row);
  }

  renew(row) {
    const shown = this.list.querySelector(`[data-address="${CSS.escape(row.dataset.address)}"]`);
    if (!shown || shown.dataset.change === row.dataset.change) return shown !== null;
    const focused = shown.contains(document.activeElement);
    shown.replaceWith(row);
    if (focused) row.querySelector("[data-open]").focus({ preventScroll: true });
    return true;
  }

  put() {
    const rows = [...this.waiting.values()].sort((a, b) => (began(a) < began(b) ? 1 : -1));
    this.waiting.clear();
    for (const row of rows) {
      row.classList.add("run-new");
      const before = [...this.list.querySelectorAll("[data-address]")].find((one) => began(one) <= began(row));
      if (before) before.before(row);
      else (this.list.querySelector(".runs-part:last-of-type") ?? this.first).append(row);
    }
    this.added += rows.length;
    if (this.added > MOST_ADDED) this.whole = false;
    if (rows.length) {
      document.querySelector("[data-nothing]")?.setAttribute("hidden", "");
      say(rows.length === 1 ? "A new run" : `${rows.length} new runs`);
    }
    this.tell();
  }

  tell() {
    const number = this.waiting.size;
    const many = !this.whole || number > MOST_WAITING;
    this.pill.hidden = !number && !many;
    this.pill.textContent = many ? "Many new runs: show" : number === 1 ? "1 new run" : `${number} new runs`;
  }

  show() {
    if (!this.whole || this.waiting.size > MOST_WAITING) {
      location.reload();
      return;
    }
    this.put();
    scrollTo({ top: 0 });
    this.list.querySelector("[data-open]")?.focus({ preventScroll: true });
  }

  atHead() {
    const selected = this.list.contains(document.activeElement) && document.activeElement !== this.pill;
    return scrollY < HEAD && !selected;
  }

  last() {
    return [...this.list.querySelectorAll("[data-address]")].at(-1);
  }

  more() {
    return this.list.querySelector("[data-part]") !== null;
  }
}

function began(row) {
  return BigInt(row.dataset.start);
}

function parse(text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  const others = template.content.querySelector("template").content;
  writeTimes(template.content);
  writeTimes(others);
  return {
    rows: [...template.content.querySelectorAll("[data-address]")],
    changed: [...others.querySelectorAll("[data-address]")],
  };
}

function say(text) {
  document.querySelector("[data-said]").textContent = text;
}

// ---- Older runs -------------------------------------------------------------------------------------------

function goOn(list) {
  const near = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && next(), {
    rootMargin: "1500px 0px",
  });
  const far = new IntersectionObserver(weigh, { rootMargin: "3000px 0px" });
  let busy = false;
  const begin = list.querySelector(".older");
  if (begin) near.observe(begin);

  async function next() {
    const link = list.querySelector(".older");
    if (busy || !link) return;
    busy = true;
    link.setAttribute("aria-busy", "true");
    try {
      const part = await fetchPart(link.dataset.part);
      near.unobserve(link);
      const rows = part.querySelector(".runs-part");
      rows.dataset.source = link.dataset.part;
      leaveOutShown(rows);
      link.replaceWith(part);
      far.observe(rows);
      const following = list.querySelector(".older");
      if (following) near.observe(following);
    } catch {
      // The link stays and can be followed by hand.
      link.removeAttribute("aria-busy");
    } finally {
      busy = false;
    }
  }

  /** Take out parts that are far from what is seen; their room stays. */
  function weigh(seen) {
    for (const { target, isIntersecting } of seen) {
      if (isIntersecting && "height" in target.dataset) bring(target);
    }
    const parts = [...list.querySelectorAll(".runs-part[data-source]:not([data-height])")];
    if (parts.length <= KEPT_PARTS) return;
    const middle = innerHeight / 2;
    const away = (part) => {
      const box = part.getBoundingClientRect();
      return box.top > middle ? box.top - middle : Math.max(0, middle - box.bottom);
    };
    parts.sort((a, b) => away(b) - away(a));
    for (const part of parts.slice(0, parts.length - KEPT_PARTS)) {
      if (part.contains(document.activeElement)) continue;
      const height = part.offsetHeight;
      part.dataset.height = String(height);
      part.style.height = `${height}px`;
      part.replaceChildren();
    }
  }

  async function bring(part) {
    const height = part.dataset.height;
    delete part.dataset.height;
    try {
      const rows = (await fetchPart(part.dataset.source)).querySelector(".runs-part");
      leaveOutShown(rows);
      part.replaceChildren(...rows.childNodes);
      part.style.height = "";
    } catch {
      part.dataset.height = height;
    }
  }

  function leaveOutShown(rows) {
    const shown = new Set([...list.querySelectorAll("[data-address]")].map((one) => one.dataset.address));
    for (const row of rows.querySelectorAll("[data-address]")) if (shown.has(row.dataset.address)) row.remove();
  }
}

async function fetchPart(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  writeTimes(template.content);
  return template.content;
}

if (list) start(list);
