// A small virtual DOM: `h` describes elements, `render` makes a parent's children equal to the descriptions.
// Data becomes text nodes and attributes only; nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "rect", "line", "circle", "g", "polyline"]);
const AS_PROPERTY = new Set(["checked", "disabled", "hidden", "open", "tabIndex", "indeterminate"]);

/** Describe an element. `props.key` identifies it among its siblings; `props.mount(el)` runs when it is made. */
export function h(tag, props, ...children) {
  const own = props ?? {};
  return { tag, props: own, key: own.key, kids: flatten(children), el: null };
}

function flatten(children, out = []) {
  for (const child of children) {
    if (child === null || child === undefined || child === false || child === true) continue;
    if (Array.isArray(child)) flatten(child, out);
    else if (typeof child === "object") out.push(child);
    else out.push({ tag: "", text: String(child), el: null });
  }
  return out;
}

/** Make the children of `parent` equal to `children`, keeping elements, focus and scroll positions where they match. */
export function render(parent, ...children) {
  const next = flatten(children);
  // What stood in the HTML until now makes room.
  if (!parent.drawn) parent.replaceChildren();
  patchKids(parent, parent.drawn ?? [], next);
  parent.drawn = next;
}

function patchKids(parent, old, next) {
  const byKey = new Map();
  const plain = [];
  for (const node of old) {
    if (node.key === undefined) plain.push(node);
    else byKey.set(node.key, node);
  }
  const kept = new Set();
  let position = 0;
  for (const node of next) {
    const match = node.key === undefined ? plain[position++] : byKey.get(node.key);
    if (match && match.tag === node.tag && !kept.has(match)) {
      kept.add(match);
      if (match !== node) patch(match, node);
    } else create(node);
  }
  for (const node of old) if (!kept.has(node)) remove(node);
  let cursor = parent.firstChild;
  for (const node of next) {
    if (node.el === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node.el, cursor);
  }
}

function create(node) {
  if (node.tag === "") {
    node.el = document.createTextNode(node.text);
    return;
  }
  const el = SVG_TAGS.has(node.tag) ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  node.el = el;
  for (const kid of node.kids) {
    create(kid);
    el.appendChild(kid.el);
  }
  for (const [name, value] of Object.entries(node.props)) setProp(el, name, undefined, value);
  node.props.mount?.(el);
}

function remove(node) {
  unmount(node);
  node.el.remove();
}

function unmount(node) {
  for (const kid of node.kids ?? []) unmount(kid);
  node.props?.unmount?.(node.el);
}

function patch(old, node) {
  const el = (node.el = old.el);
  if (node.tag === "") {
    if (old.text !== node.text) el.data = node.text;
    return;
  }
  patchKids(el, old.kids, node.kids);
  for (const name of Object.keys(old.props)) {
    if (!(name in node.props)) setProp(el, name, old.props[name], undefined);
  }
  for (const [name, value] of Object.entries(node.props)) {
    if (value !== old.props[name] || name === "value") setProp(el, name, old.props[name], value);
  }
  node.props.update?.(el);
}

function setProp(el, name, old, value) {
  if (name === "key" || name === "mount" || name === "update" || name === "unmount") return;
  if (name.startsWith("on")) return setListener(el, name.slice(2), value);
  if (name === "style") return setStyle(el, old ?? {}, value ?? {});
  if (name === "value") {
    // What a user is typing is not replaced under the cursor.
    if (document.activeElement !== el && el.value !== String(value ?? "")) el.value = value ?? "";
    return;
  }
  if (AS_PROPERTY.has(name)) el[name] = value ?? false;
  else if (value === undefined || value === null || value === false) el.removeAttribute(name === "class" ? "class" : name);
  else el.setAttribute(name, value === true ? "" : String(value));
}

function setStyle(el, old, value) {
  for (const name of Object.keys(old)) if (!(name in value)) el.style.removeProperty(name);
  for (const [name, text] of Object.entries(value)) if (old[name] !== text) el.style.setProperty(name, text);
}

function setListener(el, name, listener) {
  const listeners = (el.listeners ??= {});
  if (!(name in listeners)) el.addEventListener(name, (event) => listeners[name]?.(event));
  listeners[name] = listener;
}
