// DOM construction. External data is inserted as text or attribute, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const element = (name, attributes, ...children) =>
  populate(document.createElement(name), attributes, children);

export const svgElement = (name, attributes, ...children) =>
  populate(document.createElementNS(SVG, name), attributes, children);

/** Render [term, value] pairs as a description list; skip pairs without a value. */
export function definitionList(rows) {
  const known = rows.filter(([, value]) => value !== null && value !== undefined);
  const pairs = known.map(([term, value]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, value)),
  );
  return element("dl", { class: "definitions" }, ...pairs);
}

/** A card whose heading labels it for screen readers. */
export function card(title, name, ...children) {
  const heading = element("h2", { id: `${name}-title` }, title);
  const attributes = { class: `card ${name}`, "aria-labelledby": heading.id };
  return element("section", attributes, heading, ...children);
}

function populate(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}
