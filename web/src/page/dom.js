/** Small tools for the view. Text always goes in as text nodes; nothing here takes HTML. */

/**
 * @param {string} id
 * @returns {any} The element of index.html with this id.
 */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * @param {string} tag
 * @param {Record<string, any>} [properties] Properties of the element; `class` for its classes.
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function create(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  const { class: classes, ...rest } = properties;
  if (classes) element.className = classes;
  Object.assign(element, rest);
  element.append(...children);
  return element;
}

/**
 * Sets an element's text with the least change: a longer text is appended to, so that a selection in it survives.
 *
 * @param {Element} element
 * @param {string} wanted
 */
export function setText(element, wanted) {
  const node = element.firstChild;
  if (node instanceof Text && element.childNodes.length === 1) {
    if (node.data === wanted) return;
    if (wanted.startsWith(node.data)) node.appendData(wanted.slice(node.data.length));
    else node.data = wanted;
  } else if (wanted || node) element.textContent = wanted;
}

/**
 * @param {HTMLElement} element
 * @param {boolean} shown
 */
export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

/**
 * @param {string} text
 * @returns {Promise<boolean>} Whether the text is in the clipboard now.
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https there is no clipboard interface; the old command still works.
    const area = create("textarea", { value: text, class: "hidden-visually", readOnly: true });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/**
 * @param {string} name
 * @param {string} text
 */
export function saveText(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  create("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
