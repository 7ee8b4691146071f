// Shows the API by Swagger UI. Without it the page is a table of the requests.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
// The name that Swagger UI's style sheet has for it.
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#swagger-ui",
  defaultModelsExpandDepth: 0,
  // Its colours lack contrast.
  syntaxHighlight: false,
  // Its makers' server would be asked to validate the document.
  validatorUrl: null,
});

// It gives some of its fields no name.
new MutationObserver(() => {
  for (const field of document.querySelectorAll("#swagger-ui :is(select, input, textarea):not([aria-label], [aria-labelledby])")) {
    field.setAttribute("aria-label", field.closest("[data-param-name]")?.dataset.paramName ?? "Media type");
  }
}).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
