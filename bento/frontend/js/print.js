// Opens all details while the page is printed.

/** Print what is folded away as well. */
export function initPrinting() {
  let opened = [];
  window.matchMedia("print").addEventListener("change", ({ matches }) => {
    if (matches) opened = [...document.querySelectorAll("main details:not([open])")];
    for (const details of opened) details.open = matches;
  });
}
