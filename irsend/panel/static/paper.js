// Lays the text of a printed page over its picture, so that it can be selected. The page works without it.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const pages = document.querySelectorAll("[data-text]");
  if (!pages.length) return;

  // The text of a page is fetched when the page is visible; there may be many.
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      // Without its text a page is still a picture.
      read(target).catch(() => {});
    }
  });
  for (const page of pages) seen.observe(page);

  async function read(page) {
    const answer = await fetch(page.dataset.text);
    if (!answer.ok) return;
    const told = await answer.json();
    // A fax has no text.
    if (told.lines.length) page.append(text_of(told, page.dataset.words));
  }

  function make(name, given) {
    const made = document.createElementNS(SVG, name);
    for (const [attribute, value] of Object.entries(given)) made.setAttribute(attribute, value);
    return made;
  }

  function text_of({ width, height, lines }, words) {
    const over = make("svg", {
      class: "page-text",
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      role: "group",
      "aria-label": words,
    });
    for (const line of lines) {
      const text = make("text", {
        x: line.x,
        // The baseline is above the lower edge of the box.
        y: line.y + line.height * 0.78,
        "font-size": line.height * 0.86 || 1,
        textLength: line.width || 1,
        lengthAdjust: "spacingAndGlyphs",
      });
      text.textContent = line.text;
      over.append(text);
    }
    return over;
  }

  // Text side by side on the paper is copied as one line.
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return;
    const range = selection.getRangeAt(0);
    const chosen = [...document.querySelectorAll(".page-text text")].filter((one) => range.intersectsNode(one));
    if (!chosen.length || !of_paper(range.commonAncestorContainer)) return;
    let copied = "";
    let last = null;
    for (const one of chosen) {
      const part = document.createRange();
      part.selectNodeContents(one);
      if (one.contains(range.startContainer)) part.setStart(range.startContainer, range.startOffset);
      if (one.contains(range.endContainer)) part.setEnd(range.endContainer, range.endOffset);
      if (!part.toString()) continue;
      const box = one.getBoundingClientRect();
      const beside = last && box.left >= last.right - 1 && Math.min(box.bottom, last.bottom) - Math.max(box.top, last.top) > box.height / 2;
      copied += (last ? (beside ? "\t" : "\n") : "") + part.toString();
      last = box;
    }
    event.clipboardData.setData("text/plain", copied);
    event.preventDefault();
  });

  function of_paper(node) {
    return Boolean((node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement).closest(".pages"));
  }
})();
