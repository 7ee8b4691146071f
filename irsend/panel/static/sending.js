// Collects originals in several steps and any order, and shows the progress of a sending. The page works without it.
"use strict";

(() => {
  const form = document.getElementById("send-form");
  if (!form) return;
  const files = form.elements.namedItem("page");
  const list = document.getElementById("originals");
  const told = document.getElementById("originals-told");
  /** The originals, in the order in which they are sent. */
  let originals = [];

  // -- originals ----------------------------------------------------------------------

  function add(more) {
    if (!more.length) return put();
    originals.push(...[...more].map((file) => ({ file, item: item_of(file) })));
    put();
    say(`${originals.length === 1 ? "1 original" : `${originals.length} originals`} on the glass.`);
  }

  // The form sends what its file field holds.
  function put() {
    const box = new DataTransfer();
    for (const one of originals) box.items.add(one.file);
    files.files = box.files;
    list.replaceChildren(...originals.map((one) => one.item));
    originals.forEach((one, at) => {
      const [earlier, later, off] = one.item.querySelectorAll("button");
      const which = `original ${at + 1} of ${originals.length}, ${one.file.name}`;
      earlier.setAttribute("aria-label", `Move to the left: ${which}`);
      later.setAttribute("aria-label", `Move to the right: ${which}`);
      off.setAttribute("aria-label", `Remove ${which}`);
      earlier.disabled = at === 0;
      later.disabled = at === originals.length - 1;
    });
  }

  function item_of(file) {
    const item = document.createElement("li");
    let shown = document.createElement("span");
    shown.className = "thumbnail";
    shown.textContent = (file.name.split(".").pop() || "?").slice(0, 4).toUpperCase();
    if (/^image\/(png|jpeg)$/.test(file.type)) {
      const letters = shown;
      shown = new Image();
      shown.alt = "";
      shown.draggable = false;
      shown.src = URL.createObjectURL(file);
      const picture = shown;
      picture.onload = () => URL.revokeObjectURL(picture.src);
      // A file whose type says picture, but is none; the machine will refuse it.
      picture.onerror = () => picture.replaceWith(letters);
      shown.className = "thumbnail";
    }
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = file.name;
    const keys = document.createElement("span");
    keys.className = "move";
    for (const [sign, does] of [["‹", () => move(item, -1)], ["›", () => move(item, 1)], ["×", () => remove(item)]]) {
      const key = document.createElement("button");
      key.type = "button";
      key.className = "small";
      key.textContent = sign;
      key.addEventListener("click", does);
      keys.append(key);
    }
    item.append(shown, name, keys);
    item.title = file.name;
    item.draggable = true;
    return item;
  }

  const place_of = (item) => originals.findIndex((one) => one.item === item);

  function move(item, by) {
    const key = document.activeElement;
    shift(item, place_of(item) + by);
    // At the end of the row this key is disabled; the focus goes to the other one.
    (key.disabled ? item.querySelector("button:not(:disabled)") : key).focus();
  }

  function shift(item, to) {
    const from = place_of(item);
    if (from === to || to < 0 || to >= originals.length) return;
    originals.splice(to, 0, ...originals.splice(from, 1));
    put();
    say(`${originals[to].file.name} is original ${to + 1} of ${originals.length}.`);
  }

  function remove(item) {
    const at = place_of(item);
    const [gone] = originals.splice(at, 1);
    put();
    say(`${gone.file.name} is removed. ${originals.length} left.`);
    const next = originals[Math.min(at, originals.length - 1)];
    (next ? next.item.querySelector("button:last-child") : files).focus();
  }

  function say(words) {
    told.textContent = words;
  }

  // Chosen files are added; the browser's own field would replace the earlier ones.
  files.addEventListener("change", () => add(files.files));
  // After Back a browser may have restored the field.
  if (files.files.length) add(files.files);
  form.addEventListener("reset", () => { originals = []; put(); });

  // -- by dragging --------------------------------------------------------------------

  let dragged = null;
  const brings_files = (event) => event.dataTransfer.types.includes("Files");
  const glass = () => files.closest(".glass");

  function unmark() {
    for (const one of list.querySelectorAll(".before, .after")) one.classList.remove("before", "after");
    glass().classList.remove("over");
  }

  // Finds the position between the others where it would be dropped.
  function aim(event) {
    const over = event.target.closest?.(".originals li");
    if (!over) return null;
    const box = over.getBoundingClientRect();
    return { over, after: event.clientX > box.left + box.width / 2 };
  }

  form.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.(".originals li") ?? null;
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.title);
    dragged.classList.add("dragged");
  });
  form.addEventListener("dragend", () => {
    dragged?.classList.remove("dragged");
    dragged = null;
    unmark();
  });
  form.addEventListener("dragover", (event) => {
    if (!dragged && !brings_files(event)) return;
    unmark();
    if (!dragged) {
      event.preventDefault();
      return glass().classList.add("over");
    }
    const there = aim(event);
    if (!there) return undefined;
    event.preventDefault();
    return there.over.classList.add(there.after ? "after" : "before");
  });
  form.addEventListener("dragleave", (event) => { if (!form.contains(event.relatedTarget)) unmark(); });
  form.addEventListener("drop", (event) => {
    const there = aim(event);
    unmark();
    if (dragged && there) {
      event.preventDefault();
      const to = place_of(there.over) + Number(there.after);
      shift(dragged, to > place_of(dragged) ? to - 1 : to);
    } else if (!dragged && brings_files(event)) {
      event.preventDefault();
      add(event.dataTransfer.files);
    }
  });

  // -- sending ------------------------------------------------------------------------

  let under_way = null;

  function tell(words, done = null) {
    const line = document.getElementById("progress");
    const bar = document.getElementById("progress-bar");
    if (line.textContent !== words) line.textContent = words;
    bar.hidden = !under_way;
    if (done === null) bar.removeAttribute("value");
    else bar.value = done;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (under_way) return;
    under_way = new XMLHttpRequest();
    form.setAttribute("aria-busy", "true");
    document.getElementById("progress").classList.remove("problem");
    // Errors of the last attempt are removed.
    for (const one of form.querySelectorAll(".wrong")) one.classList.remove("wrong");
    for (const one of form.querySelectorAll(".refused, p.problem")) if (one.id !== "progress") one.remove();
    tell("Sending to the machine");
    document.getElementById("progress").scrollIntoView({ block: "nearest" });
    under_way.open("POST", form.getAttribute("action"));
    under_way.setRequestHeader("Accept", "text/html");
    under_way.upload.addEventListener("progress", (sent) => {
      if (!sent.lengthComputable) return;
      // In steps of 10 %, so that a screen reader does not announce a hundred.
      tell(`Sending to the machine ${Math.floor((10 * sent.loaded) / sent.total) * 10} %`, sent.loaded / sent.total);
    });
    under_way.upload.addEventListener("load", () => tell("Scanning"));
    under_way.addEventListener("load", answered);
    for (const name of ["error", "abort", "timeout"]) {
      under_way.addEventListener(name, () => refused("The machine does not answer."));
    }
    under_way.send(new FormData(form));
  });

  // Stop and all other keys leave the page, which aborts the request; nothing else need be stopped.
  document.addEventListener("page-scanned", ({ detail }) => {
    if (under_way && detail.direction === "tx") {
      tell(`Scanning page ${detail.page} of ${detail.pages}`, detail.pages ? detail.page / detail.pages : null);
    }
  });

  function answered() {
    const answer = under_way;
    if (answer.status < 300) {
      tell("Sent to the queue", 1);
      // The request has followed the redirect; the browser shows its target now.
      location.assign(answer.responseURL);
      return;
    }
    const kind = answer.getResponseHeader("Content-Type") ?? "";
    if (kind.startsWith("text/html")) return show(new DOMParser().parseFromString(answer.responseText, "text/html"));
    let why = `The machine answers ${answer.status}.`;
    try {
      why = `${JSON.parse(answer.responseText).detail}.`.replace(/\.\.$/, ".");
    } catch { /* It is no problem document: only its status is known. */ }
    refused(why);
  }

  function ended() {
    under_way = null;
    form.removeAttribute("aria-busy");
  }

  function refused(why) {
    ended();
    tell(`Nothing is sent. ${why}`);
    document.getElementById("progress").classList.add("problem");
  }

  // Shows the form that the machine has returned, with its errors; the originals stay.
  function show(page) {
    const given = page.getElementById("send-form");
    if (!given) return refused("The machine refuses it.");
    // Pictures that leave their document are fetched anew, but their URLs are revoked.
    const fresh = document.adoptNode(given);
    ended();
    const secret = form.elements.namedItem("password")?.value;
    fresh.querySelector("#page").replaceWith(files);
    fresh.querySelector("#originals").replaceWith(list);
    fresh.querySelector("#originals-told").replaceWith(told);
    form.replaceChildren(...fresh.childNodes);
    if (secret) form.elements.namedItem("password").value = secret;
    const problem = document.getElementById("page-problem");
    if (problem) files.setAttribute("aria-describedby", problem.id);
    else files.removeAttribute("aria-describedby");
    document.dispatchEvent(new Event("fields"));
    document.getElementById("screen").scrollTop = 0;
    const wrong = form.querySelector(".wrong input, .wrong textarea");
    if (wrong) wrong.focus();
    return undefined;
  }
})();
