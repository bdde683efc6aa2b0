// Nodes of the page. What comes from elsewhere goes in as text or attribute, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const element = (name, attributes, ...children) =>
  filled(document.createElement(name), attributes, children);

export const drawing = (name, attributes, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

/** Pairs of term and value as a description list; those without a value are left out. */
export function facts(rows) {
  const known = rows.filter(([, value]) => value !== null && value !== undefined);
  const pairs = known.map(([term, value]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, value)),
  );
  return element("dl", { class: "facts" }, ...pairs);
}

/** A card with a heading that names it to a screen reader. */
export function card(title, name, ...children) {
  const heading = element("h2", { id: `${name}-title` }, title);
  const attributes = { class: `card ${name}`, "aria-labelledby": heading.id };
  return element("section", attributes, heading, ...children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}
