// Building the page: elements from names, attributes and children. Text only ever becomes a text node.

/** h("p", {class: "quiet", "data-testid": "x", onclick: f}, "text", node, [more]) */
export function h(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked" || key === "selected") node[key] = value;
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

export function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) node.append(child);
  }
  return node;
}

export function replace(node, ...children) {
  node.replaceChildren();
  return append(node, children);
}

/** Replace what is inside, without taking the focus or the place in a long list away from anybody. */
export function redraw(node, ...children) {
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
  const top = node.scrollTop;
  replace(node, ...children);
  node.scrollTop = top;
  if (focused) node.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus();
}

let counter = 0;
export const newId = (prefix) => `${prefix}-${(counter += 1)}`;

const TONES = 8;

/** A square with somebody's initials, in a tone that stays theirs. */
export function avatar(id, name, size = "") {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  const initials = name.split(/\s+/).filter(Boolean).slice(0, 2).map((word) => [...word][0]).join("");
  return h("span", { class: `avatar tone-${sum % TONES} ${size}`, "aria-hidden": "true" }, initials.toUpperCase());
}

export function appAvatar(size = "") {
  return h("span", { class: `avatar app-avatar ${size}`, "aria-hidden": "true" },
    h("img", { src: "/static/icon.svg", alt: "" }));
}
