// Elements without markup: text stays text, whoever wrote it.

// h('button', {class: 'big', type: 'button', onclick: f}, 'Order', child, …):
// properties that begin with "on" are listeners, true is an empty attribute,
// false, null and undefined are none.
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else set(element, name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Sets an attribute only if it changes: what is set again may be read out again.
export function set(element, name, value) {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value === true ? '' : value)) {
    element.setAttribute(name, value === true ? '' : value);
  }
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Makes the children of `parent` those of `items`, in their order: `make(item)`
// for a new key, `update(element, item)` for each. Elements that stay are not
// touched, so focus and what is open stay too.
export function sync(parent, items, key, make, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let element = known.get(name);
    if (element) known.delete(name);
    else {
      element = make(item);
      element.dataset.key = name;
    }
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
    update(element, item);
  }
  for (const gone of known.values()) gone.remove();
}
