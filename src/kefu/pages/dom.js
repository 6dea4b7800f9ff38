// Making elements. Text always goes in as text, never as markup.
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const LINK = /https?:\/\/[^\s<>"'，。；！？、）】》」]+[^\s<>"'，。；！？、）】》」.,;:!?)\]]/g;

// Text with its web addresses as links.
export function write(node, text) {
  node.replaceChildren();
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    node.append(text.slice(at, match.index), make("a", { href: match[0], rel: "noopener noreferrer", target: "_blank", text: match[0] }));
    at = match.index + match[0].length;
  }
  node.append(text.slice(at));
}

const NAMESPACE = "http://www.w3.org/2000/svg";

export function icon(path) {
  const svg = document.createElementNS(NAMESPACE, "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linejoin": "round", "aria-hidden": "true" })) {
    svg.setAttribute(name, value);
  }
  const shape = document.createElementNS(NAMESPACE, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

export const THUMB = "M7 11v9H4v-9h3Zm0 0 4-8c1.7 0 2.6 1.3 2.3 3L12.8 9H18c1.3 0 2.3 1.2 2 2.500l-1.5 6.700c-.2 1-1.1 1.8-2.2 1.800H7";
