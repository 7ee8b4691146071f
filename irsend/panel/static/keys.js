// The machine's on-screen keypad and keyboard, for touch screens. The page works without it.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const ICONS = {
    keypad: "M5 5h2M11 5h2M17 5h2M5 11h2M11 11h2M17 11h2M5 17h2M11 17h2M17 17h2",
    keyboard: "M3 6h18v12H3zM6 10h1M10 10h1M13.5 10h1M17 10h1M8 14h8",
    left: "M14 6l-6 6 6 6",
    right: "M10 6l6 6-6 6",
    back: "M9 6h11v12H9l-6-6zM12 10l4 4M16 10l-4 4",
    shift: "M12 4l-7 8h4v7h6v-7h4z",
    line: "M19 6v7H6M10 9l-4 4 4 4",
  };
  // The letters of each key, plain and with Shift, which as on the machine locks until pressed again.
  const KEYBOARD = [
    ["1!", "2\"", "3#", "4$", "5%", "6&", "7'", "8(", "9)", "0="],
    ["qQ", "wW", "eE", "rR", "tT", "yY", "uU", "iI", "oO", "pP"],
    ["aA", "sS", "dD", "fF", "gG", "hH", "jJ", "kK", "lL", "-+"],
    ["zZ", "xX", "cC", "vV", "bB", "nN", "mM", ".,", "_?", "/\\"],
    ["shift", "@*", ":;", "space", "line", "left", "right", "back"],
  ];
  const KEYPAD = [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"], ["clear", "0", "back"]];
  const NAMES = {
    ".": "Full stop", ",": "Comma", "-": "Hyphen", "_": "Underscore", "/": "Slash", "\\": "Backslash",
    "@": "At sign", "*": "Asterisk", ":": "Colon", ";": "Semicolon", "!": "Exclamation mark",
    "\"": "Quotation mark", "#": "Number sign", "$": "Dollar sign", "%": "Per cent", "&": "Ampersand",
    "'": "Apostrophe", "(": "Opening bracket", ")": "Closing bracket", "=": "Equals", "+": "Plus",
    "?": "Question mark", space: "Space", line: "New line", left: "Cursor left", right: "Cursor right",
    back: "Backspace", shift: "Shift", clear: "Clear",
  };
  const lcd = document.querySelector(".lcd");
  let opened = null;

  // -- the keys beside the fields -----------------------------------------------------

  function make(name, given = {}, ...inside) {
    const made = document.createElement(name);
    for (const [attribute, value] of Object.entries(given)) made.setAttribute(attribute, value);
    made.append(...inside);
    return made;
  }

  function icon(name) {
    const drawn = document.createElementNS(SVG, "svg");
    drawn.setAttribute("viewBox", "0 0 24 24");
    drawn.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", ICONS[name]);
    drawn.append(path);
    return drawn;
  }

  function give_keys() {
    for (const field of lcd.querySelectorAll(".screen input, .screen textarea")) {
      if (!/^(text|number|password|textarea)$/.test(field.type) || field.dataset.keys) continue;
      field.dataset.keys = "1";
      const number = field.type === "number";
      const label = field.labels[0];
      const key = make("button", {
        type: "button",
        class: "key to-keys",
        "aria-haspopup": "dialog",
        "aria-label": `${number ? "Keypad" : "Keyboard"}: ${label.textContent.trim()}`,
        title: number ? "Keypad" : "Keyboard",
      }, icon(number ? "keypad" : "keyboard"));
      // Within the label the key's text would become part of the label.
      (label.contains(field) ? label : field).after(key);
      key.addEventListener("click", () => open(field, key, label.textContent.trim()));
    }
  }

  // -- the dialog ---------------------------------------------------------------------

  function open(field, key, title) {
    const number = field.type === "number";
    const many = field.type === "textarea";
    const told = make("p", { id: "keys-told", class: "help" }, number ? range(field) : "");
    const problem = make("p", { id: "keys-problem", class: "problem", role: "alert" });
    const entry = make(many ? "textarea" : "input", {
      id: "keys-entry",
      // The dialog has keys: the device's own keyboard need not open.
      inputmode: "none",
      autocomplete: field.type === "password" ? "new-password" : "off",
      autocapitalize: "off",
      spellcheck: "false",
      "aria-labelledby": "keys-title",
      "aria-describedby": "keys-told keys-problem",
      ...(many ? { rows: "3" } : { type: field.type === "password" ? "password" : "text" }),
    });
    if (field.maxLength > 0) entry.maxLength = field.maxLength;
    entry.value = field.value;
    const cancel = make("button", { type: "button", class: "key" }, "Cancel");
    const ok = make("button", { type: "submit", class: "key ok-key" }, "OK");
    const form = make("form", { method: "dialog", novalidate: "" },
      make("h2", { id: "keys-title" }, title), entry, told, problem,
      board(number ? KEYPAD : KEYBOARD, many), make("div", { class: "keys-end" }, cancel, ok));
    const dialog = make("dialog", { class: `board ${number ? "keypad" : "keyboard"}`, "aria-labelledby": "keys-title" }, form);
    opened = { dialog, entry, problem, number, many };
    lcd.append(dialog);

    cancel.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (number && !allowed(field, entry.value)) return refuse(`Not allowed. ${range(field)}`);
      const changed = field.value !== entry.value;
      field.value = entry.value;
      dialog.close();
      if (changed) for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      opened = null;
      key.focus();
    });
    entry.addEventListener("beforeinput", (event) => {
      if (number && event.data && /[^0-9]/.test(event.data)) event.preventDefault();
    });
    entry.addEventListener("input", () => refuse(""));
    dialog.addEventListener("keydown", typed);
    // Tab behind the last key returns to the entry, not to the browser's controls.
    ok.addEventListener("keydown", (event) => {
      if (event.key !== "Tab" || event.shiftKey) return;
      event.preventDefault();
      entry.focus();
    });
    entry.addEventListener("keydown", (event) => {
      if (event.key !== "Tab" || !event.shiftKey) return;
      event.preventDefault();
      ok.focus();
    });
    dialog.showModal();
    place();
    entry.focus();
    // A number is typed anew; a text is continued.
    if (number) entry.select();
    else entry.setSelectionRange(entry.value.length, entry.value.length);
  }

  function range(field) {
    const unit = field.closest(".entry")?.querySelector("span.quiet")?.textContent ?? "";
    return `Allowed: ${field.min} to ${field.max} ${unit}`.trim() + ".";
  }

  function allowed(field, text) {
    return /^[0-9]+$/.test(text) && Number(text) >= Number(field.min) && Number(text) <= Number(field.max);
  }

  function refuse(words) {
    opened.problem.textContent = words;
    opened.dialog.querySelector("#keys-told").hidden = words !== "";
    if (words === "") return opened.entry.removeAttribute("aria-invalid");
    opened.entry.setAttribute("aria-invalid", "true");
    opened.entry.focus();
    opened.entry.select();
  }

  // Placed over the machine's screen, as its windows are.
  function place() {
    if (!opened) return;
    const { dialog } = opened;
    // On a phone the keys are at the bottom, over the full width.
    const phone = innerWidth < 600;
    const screen = phone ? { left: 0, top: 0, width: innerWidth, bottom: innerHeight } : lcd.getBoundingClientRect();
    const width = Math.min(dialog.classList.contains("keypad") ? 304 : 640, screen.width - 16);
    dialog.style.width = `${width}px`;
    const height = dialog.offsetHeight;
    const middle = Math.max(screen.top, 0) + (Math.min(screen.bottom, innerHeight) - Math.max(screen.top, 0) - height) / 2;
    const low = innerHeight - height - 8;
    dialog.style.left = `${screen.left + (screen.width - width) / 2}px`;
    dialog.style.top = `${Math.max(8, phone ? low : Math.min(middle, low))}px`;
  }

  // -- its keys -----------------------------------------------------------------------

  function board(rows, many) {
    const group = make("div", { class: "board-keys", role: "group", "aria-label": "Keys" });
    for (const row of rows) {
      const line = make("div", { class: "board-row" });
      for (const sign of row) if (sign !== "line" || many) line.append(key_of(sign));
      group.append(line);
    }
    // Tab stops once at the keys; arrows move between them.
    group.querySelector("button").tabIndex = 0;
    // A press must not move the focus: the caret stays and is visible.
    group.addEventListener("mousedown", (event) => event.preventDefault());
    group.addEventListener("click", (event) => {
      const key = event.target.closest("button");
      if (key) press(key);
    });
    group.addEventListener("keydown", (event) => walk(group, event));
    return group;
  }

  function key_of(sign) {
    const key = make("button", { type: "button", class: "key", tabindex: "-1" });
    if (sign.length > 2) {
      key.dataset.does = sign;
      key.classList.add(sign);
      key.setAttribute("aria-label", NAMES[sign]);
      if (sign === "shift") key.setAttribute("aria-pressed", "false");
      key.append(ICONS[sign] ? icon(sign) : sign === "clear" ? "C" : "");
    } else {
      key.dataset.signs = sign;
      inscribe(key, sign[0]);
    }
    return key;
  }

  function inscribe(key, sign) {
    key.textContent = sign;
    if (NAMES[sign]) key.setAttribute("aria-label", NAMES[sign]);
    else key.removeAttribute("aria-label");
  }

  function press(key) {
    const { entry } = opened;
    const { does, signs } = key.dataset;
    if (signs) return enter(key.textContent);
    if (does === "space") return enter(" ");
    if (does === "line") return enter("\n");
    if (does === "back") return rub_out();
    if (does === "clear") {
      entry.value = "";
      return refuse("");
    }
    if (does === "shift") {
      const shifted = key.getAttribute("aria-pressed") !== "true";
      key.setAttribute("aria-pressed", String(shifted));
      for (const one of opened.dialog.querySelectorAll("[data-signs]")) inscribe(one, one.dataset.signs[Number(shifted)]);
      return undefined;
    }
    const at = does === "left"
      ? Math.max(0, entry.selectionStart - (entry.selectionStart === entry.selectionEnd ? 1 : 0))
      : Math.min(entry.value.length, entry.selectionEnd + (entry.selectionStart === entry.selectionEnd ? 1 : 0));
    return entry.setSelectionRange(at, at);
  }

  function enter(sign) {
    const { entry } = opened;
    const replaced = entry.selectionEnd - entry.selectionStart;
    refuse("");
    if (entry.maxLength > 0 && entry.value.length - replaced >= entry.maxLength) {
      opened.problem.textContent = `Up to ${entry.maxLength} characters.`;
      return;
    }
    entry.setRangeText(sign, entry.selectionStart, entry.selectionEnd, "end");
    shown();
  }

  function rub_out() {
    const { entry } = opened;
    refuse("");
    const from = entry.selectionStart - (entry.selectionStart === entry.selectionEnd ? 1 : 0);
    if (from >= 0) entry.setRangeText("", from, entry.selectionEnd, "end");
    shown();
  }

  // Text entered by keys scrolls into view, as typed text does.
  function shown() {
    const { entry } = opened;
    if (entry.selectionEnd === entry.value.length) entry.scrollLeft = entry.scrollWidth;
  }

  // -- the real keyboard --------------------------------------------------------------

  // It types into the entry, whichever key of the dialog has the focus.
  function typed(event) {
    if (event.target === opened.entry || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Backspace") rub_out();
    else if (event.key.length === 1 && event.key !== " " && (!opened.number || /[0-9]/.test(event.key))) enter(event.key);
    else return;
    event.preventDefault();
  }

  function walk(group, event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step || !event.target.matches("button")) return;
    event.preventDefault();
    const rows = [...group.children];
    const row = event.target.parentElement;
    const box = event.target.getBoundingClientRect();
    let to = step[1] < 0 ? event.target.previousElementSibling : event.target.nextElementSibling;
    if (step[0]) {
      // The nearest key above or below.
      const off = (one) => Math.abs(one.getBoundingClientRect().left + one.offsetWidth / 2 - box.left - box.width / 2);
      const keys = [...(rows[rows.indexOf(row) + step[0]]?.children ?? [])];
      to = keys.sort((one, other) => off(one) - off(other))[0];
    }
    if (!to) return;
    event.target.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }

  give_keys();
  addEventListener("resize", place);
  // A refused sending replaces the fields of the Send screen.
  document.addEventListener("fields", give_keys);
})();
