// Keeps the live parts of the page as the machine is, and helps with sending. The page works without it.
"use strict";

(() => {
  const here = location.pathname + location.search;
  const gone = document.getElementById("gone");
  let due = null;

  // -- live -------------------------------------------------------------------------

  // The machine makes the page; here its live parts are only put in place, so
  // that a form half filled in stays as it is.
  async function refresh() {
    due = null;
    const answer = await fetch(here, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    // After a restart the machine takes no form of before.
    const token = fresh.querySelector("input[name=token]");
    for (const field of document.querySelectorAll("input[name=token]")) field.value = token ? token.value : field.value;
    for (const part of document.querySelectorAll("[data-live]")) put(part, fresh.getElementById(part.id));
  }

  function put(part, now) {
    const focused = part.contains(document.activeElement) && document.activeElement;
    // What was unfolded has the focus still, and is live all the same; so is a key just pressed.
    const onFold = focused && focused.matches("summary");
    if (!now || (focused && !onFold && !focused.matches("button, a"))) return;
    const folds = part.querySelectorAll("details");
    now.querySelectorAll("details").forEach((fold, at) => { fold.open = Boolean(folds[at]?.open); });
    if (now.isEqualNode(part)) return;
    const reached = focused && [...part.querySelectorAll("summary, button, a")].indexOf(focused);
    // A picture that is there already need not be fetched again.
    const pictures = [...part.querySelectorAll("img")];
    for (const picture of now.querySelectorAll("img")) {
      const known = pictures.find((one) => one.isEqualNode(picture));
      if (known) picture.replaceWith(known);
    }
    // The text of the status line changes inside its element, so that it is announced.
    let arrived = false;
    const line = part.querySelector("[role=status]");
    const text = now.querySelector("[role=status]");
    if (line && text) {
      arrived = text.textContent !== line.textContent && text.textContent !== "";
      if (line.textContent !== text.textContent) line.textContent = text.textContent;
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
  for (const name of ["status", "session", "job", "tray", "setting"]) events.addEventListener(name, soon);
  events.addEventListener("open", () => { gone.hidden = true; soon(); });
  // It reconnects by itself.
  events.addEventListener("error", () => { if (events.readyState !== EventSource.OPEN) gone.hidden = false; });
  document.addEventListener("visibilitychange", soon);
  // A browser holds few connections to one place; a page that is left frees its own.
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (shown) => { if (shown.persisted) location.reload(); });

  // -- sending ----------------------------------------------------------------------

  const form = document.getElementById("send-form");
  if (!form) return;
  const files = form.elements.namedItem("page");
  const glass = files.closest(".glass");
  const list = document.getElementById("originals");
  const progress = document.getElementById("progress");

  files.addEventListener("change", () => {
    list.replaceChildren(...[...files.files].map((file) => {
      const item = document.createElement("li");
      const shown = /^image\/(png|jpeg)$/.test(file.type) ? new Image() : document.createElement("span");
      if (shown instanceof Image) {
        shown.alt = "";
        shown.src = URL.createObjectURL(file);
        shown.onload = () => URL.revokeObjectURL(shown.src);
      } else {
        shown.textContent = (file.name.split(".").pop() || "?").slice(0, 4).toUpperCase();
      }
      item.append(shown, file.name);
      item.title = file.name;
      return item;
    }));
  });

  glass.addEventListener("dragover", (event) => { event.preventDefault(); glass.classList.add("over"); });
  glass.addEventListener("dragleave", () => glass.classList.remove("over"));
  glass.addEventListener("drop", (event) => {
    event.preventDefault();
    glass.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    files.files = event.dataTransfer.files;
    files.dispatchEvent(new Event("change"));
  });

  events.addEventListener("page", (event) => {
    const told = JSON.parse(event.data);
    if (form.dataset.busy && told.direction === "tx") progress.textContent = `Scanning page ${told.page} of ${told.pages}`;
  });
  form.addEventListener("submit", () => {
    form.dataset.busy = "1";
    progress.textContent = "Scanning";
  });
})();
