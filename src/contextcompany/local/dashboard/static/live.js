// One stream of changes for the page, open only while the page is seen: browsers allow a few per server.

const listeners = new Set();
let source = null;
// What the page shows already; a page that does not say is told with the first word.
let last = document.querySelector("[data-runs], [data-refresh], [data-session]")?.dataset.change ?? null;

/** Call `listener(change)` with the number of the newest change, whenever there is one. */
export function onChange(listener) {
  listeners.add(listener);
  follow();
  return () => {
    listeners.delete(listener);
    if (!listeners.size) close();
  };
}

function follow() {
  if (source || document.hidden || !listeners.size) return;
  source = new EventSource("/live");
  // The first word of a stream: what happened while there was none is found by its number.
  source.addEventListener("here", (event) => {
    document.documentElement.dataset.connected = "yes";
    const isNews = event.data !== last;
    last = event.data;
    if (isNews) tell(event.data);
  });
  source.addEventListener("change", (event) => {
    last = event.data;
    tell(event.data);
  });
  source.addEventListener("error", () => {
    document.documentElement.dataset.connected = "no";
    // A browser gives up after an answer that is no stream; a server that starts again is found this way.
    if (source?.readyState === EventSource.CLOSED) {
      close();
      setTimeout(follow, 5000);
    }
  });
}

function tell(change) {
  for (const listener of [...listeners]) listener(change);
}

function close() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : follow()));
addEventListener("pagehide", close);
addEventListener("pageshow", follow);
