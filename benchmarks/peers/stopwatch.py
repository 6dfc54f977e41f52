"""From an act to the last change of what is on the page, shadow trees and all."""

from collections.abc import Callable

from playwright.sync_api import Page

LIMIT_S = 20
"""For one act; what takes longer has failed."""
BEFORE = """() => {
  window.busy = 0;
  const send = XMLHttpRequest.prototype.send, ask = window.fetch;
  XMLHttpRequest.prototype.send = function (...sent) {
    window.busy += 1;
    this.addEventListener('loadend', () => { window.busy -= 1; });
    return send.apply(this, sent);
  };
  window.fetch = (...asked) => {
    window.busy += 1;
    return ask(...asked).finally(() => { window.busy -= 1; });
  };
}"""
_TEXT = """() => {
  const parts = [];
  const walk = (root) => {
    for (const node of root.childNodes) {
      if (node.nodeType === 3) parts.push(node.data);
      else if (!['SCRIPT', 'STYLE'].includes(node.tagName)) walk(node);
    }
    if (root.shadowRoot) walk(root.shadowRoot);
  };
  walk(document.body);
  return parts.join('|');
}"""
_WATCH = """() => {
  window.changed = performance.now();
  const told = {subtree: true, childList: true, characterData: true};
  const follow = (root) => {
    window.watcher.observe(root, told);
    for (const one of root.querySelectorAll('*')) if (one.shadowRoot) follow(one.shadowRoot);
  };
  window.watcher = new MutationObserver((changes) => {
    window.changed = performance.now();
    for (const change of changes) for (const node of change.addedNodes)
      if (node.querySelectorAll) { if (node.shadowRoot) follow(node.shadowRoot);
        for (const one of node.querySelectorAll('*')) if (one.shadowRoot) follow(one.shadowRoot); }
  });
  follow(document.body);
  window.pressed = performance.now();
}"""
_QUIET = """quiet => window.busy === 0
  && !document.querySelector('[data-testid=stApp][data-test-script-state=running]')
  && performance.now() - Math.max(window.changed, window.pressed) > quiet"""
_READ = "() => { window.watcher.disconnect(); return window.changed - window.pressed; }"


class NothingChangedError(RuntimeError):
    """An act without a consequence is no measurement."""


def waited(page: Page, act: Callable[[], object], quiet_ms: int = 1500) -> float:
    """Milliseconds from an act to the last change; then it is quiet and nothing is asked for."""
    before = page.evaluate(_TEXT)
    page.evaluate(_WATCH)
    act()
    page.wait_for_function(_QUIET, arg=quiet_ms, timeout=1000 * LIMIT_S)
    taken = float(page.evaluate(_READ))
    if page.evaluate(_TEXT) == before:
        raise NothingChangedError("no word on the page changed")
    return taken
