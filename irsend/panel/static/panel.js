// Updates the live parts of the page as the machine changes. The page works without it.
"use strict";

(() => {
  const here = location.pathname + location.search;
  const gone = document.getElementById("gone");
  let due = null;

  // -- sleep ------------------------------------------------------------------------

  // As on the real machine the key darkens the screen; the machine still receives.
  const power = document.getElementById("power");
  if (power) {
    power.hidden = false;
    power.addEventListener("click", () => {
      const asleep = document.querySelector(".lcd").classList.toggle("asleep");
      power.setAttribute("aria-pressed", String(asleep));
    });
  }

  // -- the clock ----------------------------------------------------------------------

  // The page comes with local times. The choice of UTC is this browser's, for all pages.
  const local = document.documentElement.dataset.clock === "local";

  function in_utc() {
    try {
      return local && localStorage.getItem("clock") === "utc";
    } catch {
      return false; // the browser keeps nothing
    }
  }

  // Writes the times of a page in UTC, or as they came.
  function set_times(page) {
    const utc = in_utc();
    for (const one of page.querySelectorAll("time[datetime], .zone")) {
      one.dataset.local ??= one.textContent;
      one.textContent = utc ? utc_of(one) : one.dataset.local;
    }
    for (const key of page.querySelectorAll("[data-chooses]")) {
      if (!local) break;
      if ((key.dataset.chooses === "utc") === utc) key.setAttribute("aria-current", "true");
      else key.removeAttribute("aria-current");
    }
    for (const link of page.querySelectorAll("[data-report]")) {
      if (local) link.setAttribute("href", link.dataset.report + (utc ? "&clock=utc" : ""));
    }
  }

  function utc_of(one) {
    const [, day, , zone] = /^(\S+ )?(\d\d:\d\d:\d\d)( \S+)?$/.exec(one.dataset.local) ?? [];
    const [date, time] = one.matches("time") ? one.dateTime.slice(0, 19).split("T") : [];
    return time ? `${day ? `${date} ` : ""}${time}${zone ? " UTC" : ""}` : "UTC";
  }

  document.getElementById("clock").addEventListener("click", (event) => {
    const key = event.target.closest("[data-chooses]");
    if (!key || !local) return;
    try {
      localStorage.setItem("clock", key.dataset.chooses);
    } catch {
      return; // the address says it
    }
    event.preventDefault();
    set_times(document);
  });
  set_times(document);

  // -- live -------------------------------------------------------------------------

  // The machine renders the page; only its live parts are replaced here, so
  // that a form half filled in stays as it is.
  async function refresh() {
    due = null;
    const answer = await fetch(here, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    set_times(fresh);
    // After a restart the machine refuses the old token.
    const token = fresh.querySelector("input[name=token]");
    for (const field of document.querySelectorAll("input[name=token]")) field.value = token ? token.value : field.value;
    for (const part of document.querySelectorAll("[data-live]")) put(part, fresh.getElementById(part.id));
  }

  function put(part, now) {
    const focused = part.contains(document.activeElement) && document.activeElement;
    // A part is updated though its fold or a key in it has the focus; a field with focus is left alone.
    const onFold = focused && focused.matches("summary");
    if (!now || (focused && !onFold && !focused.matches("button, a"))) return;
    const folds = part.querySelectorAll("details");
    now.querySelectorAll("details").forEach((fold, at) => { fold.open = Boolean(folds[at]?.open); });
    if (now.isEqualNode(part)) return;
    const reached = focused && [...part.querySelectorAll("summary, button, a")].indexOf(focused);
    // A picture that is loaded already is not fetched again.
    const pictures = [...part.querySelectorAll("img")];
    for (const picture of now.querySelectorAll("img")) {
      const known = pictures.find((one) => one.isEqualNode(picture));
      if (known) picture.replaceWith(known);
    }
    // The status line keeps its element, so that screen readers announce the new text.
    let arrived = false;
    const line = part.querySelector("[role=status]");
    const text = now.querySelector("[role=status]");
    if (line && text) {
      arrived = text.textContent !== line.textContent && text.textContent !== "";
      if (line.innerHTML !== text.innerHTML) line.replaceChildren(...[...text.childNodes].map((one) => one.cloneNode(true)));
      text.replaceWith(line);
    }
    part.className = now.className + (arrived ? " arrived" : "");
    part.replaceChildren(...now.childNodes);
    if (focused) part.querySelectorAll("summary, button, a")[reached]?.focus({ preventScroll: true });
  }

  function soon() {
    if (due === null && !document.hidden) due = setTimeout(() => refresh().catch(() => {}), 250);
  }

  const events = new EventSource("/api/events");
  for (const name of ["status", "session", "job", "tray", "setting", "probe"]) events.addEventListener(name, soon);
  events.addEventListener("open", () => { gone.hidden = true; soon(); });
  // It reconnects by itself.
  events.addEventListener("error", () => { if (events.readyState !== EventSource.OPEN) gone.hidden = false; });
  document.addEventListener("visibilitychange", soon);
  // A browser allows few connections to one host; a page that is left frees its own.
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (shown) => { if (shown.persisted) location.reload(); });

  // -- a transcript as text -----------------------------------------------------------

  // Listens on the document, since updates replace the key while its session goes on.
  document.addEventListener("click", (event) => {
    const key = event.target.closest("[data-copies]");
    if (key) copy(key.dataset.copies).then(tell_copied, () => tell_copied("The machine does not answer."));
  });
  document.documentElement.classList.add("scripted");

  async function copy(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.statusText);
    const text = await answer.text();
    const lines = text.split("\n").length - 1;
    try {
      // Allowed only where the page came by HTTPS, or from this computer.
      await navigator.clipboard.writeText(text);
      return `Copied, ${lines} ${lines === 1 ? "line" : "lines"}.`;
    } catch {
      getSelection().selectAllChildren(document.getElementById("transcript"));
      // The next Ctrl+C copies the text, not the selected elements.
      document.addEventListener("copy", (event) => {
        event.clipboardData.setData("text/plain", text);
        event.preventDefault();
      }, { once: true });
      if (document.execCommand("copy")) {
        getSelection().removeAllRanges();
        return `Copied, ${lines} ${lines === 1 ? "line" : "lines"}.`;
      }
      return "This browser does not let it be copied; it is selected: press Ctrl+C.";
    }
  }

  function tell_copied(words) {
    document.getElementById("copied").textContent = words;
  }

  // `sending.js` shows the progress of a scan.
  events.addEventListener("page", (event) => {
    document.dispatchEvent(new CustomEvent("page-scanned", { detail: JSON.parse(event.data) }));
  });
})();
