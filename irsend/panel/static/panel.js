// Keeps the live parts of the page as the machine is. The page works without it.
"use strict";

(() => {
  let due = null;
  // A refused form is shown at an address of its own, and is the front page otherwise.
  const here = location.pathname.startsWith("/sessions/") ? location.pathname : "/";

  // The machine makes the page; here its live parts are only put in place, so
  // that a form half filled in stays as it is.
  async function refresh() {
    due = null;
    const answer = await fetch(here, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(part.id);
      const focused = part.contains(document.activeElement) && document.activeElement;
      // What was unfolded has the focus still, and is live all the same.
      const onFold = focused && focused.matches("summary");
      if (!now || (focused && !onFold)) continue;
      // What was unfolded stays so; a picture that is there already need not be fetched again.
      const folds = part.querySelectorAll("details");
      now.querySelectorAll("details").forEach((fold, at) => { fold.open = Boolean(folds[at]?.open); });
      if (now.isEqualNode(part)) continue;
      const pictures = [...part.querySelectorAll("img")];
      for (const picture of now.querySelectorAll("img")) {
        const known = pictures.find((one) => one.isEqualNode(picture));
        if (known) picture.replaceWith(known);
      }
      // The text of the status line changes inside its element, so that it is announced.
      const line = part.querySelector("[role=status]");
      const text = now.querySelector("[role=status]");
      if (line && text) {
        if (line.textContent !== text.textContent) line.textContent = text.textContent;
        text.replaceWith(line);
      }
      part.className = now.className;
      part.replaceChildren(...now.childNodes);
      if (onFold) part.querySelector("summary")?.focus({ preventScroll: true });
    }
  }

  function soon() {
    if (due === null && !document.hidden) due = setTimeout(() => refresh().catch(() => {}), 250);
  }

  const events = new EventSource("/api/events");
  for (const name of ["status", "session", "job", "tray"]) events.addEventListener(name, soon);
  events.addEventListener("open", soon);
  document.addEventListener("visibilitychange", soon);
  // A browser holds few connections to one place; a page that is left frees its own.
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (shown) => { if (shown.persisted) location.reload(); });
})();
