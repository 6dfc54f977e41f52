"""Time a page as a person sees it: from an act to the last change that can be seen.

Whatever changes in a part of the page counts, shadow trees and all: elements, their attributes,
words, and what is painted on a canvas, as tables are. What lies *inside* a canvas does not: no one
sees it, and the tables' copy for screen readers is written there a fifth of a second later. Nor do
marks for programs (``aria-`` and ``data-``) count, or what WebGL draws.
"""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

MAIN = "[data-testid=stMain]"
"""The part of a page of ours that is not its menu or its sign that the server is busy."""
_CALM_MS, _LOOK_MS = 1200, 50
_WATCH = """([part, answer, look]) => {
  const watch = window.watch = {last: 0, answered: null, calm: 0};
  const seen = () => { watch.last = performance.now(); watch.calm = 0; };
  const within = (element, selector) => {
    for (let one = element; one; one = one.getRootNode().host)
      if (one.closest(selector)) return true;
    return false;
  };
  const told = {subtree: true, childList: true, characterData: true, attributes: true};
  const follow = (root) => {
    watch.observer.observe(root, told);
    for (const one of root.querySelectorAll('*')) if (one.shadowRoot) follow(one.shadowRoot);
  };
  const changed = ({target, type, attributeName, addedNodes}) => {
    for (const node of addedNodes) if (node.nodeType === 1) {
      if (node.shadowRoot) follow(node.shadowRoot);
      for (const one of node.querySelectorAll('*')) if (one.shadowRoot) follow(one.shadowRoot);
    }
    const element = target.nodeType === 1 ? target : target.parentElement || target.host;
    const canvas = element && element.closest('canvas');
    if (!element || (canvas && (canvas !== element || type === 'childList'))) return;
    if (attributeName && /^(aria|data)-/.test(attributeName)) return;
    seen();
    if (answer && within(element, answer)) watch.answered = watch.last;
  };
  watch.observer = new MutationObserver((changes) => changes.forEach(changed));
  follow(document.querySelector(part));
  if (!window.painted) {
    const paint = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (...words) {
      if (this.canvas.isConnected) window.painted();
      return paint.apply(this, words);
    };
    window.asked = 0;
    const send = XMLHttpRequest.prototype.send, ask = window.fetch;
    XMLHttpRequest.prototype.send = function (...sent) {
      window.asked += 1;
      this.addEventListener('loadend', () => { window.asked -= 1; });
      return send.apply(this, sent);
    };
    window.fetch = (...sent) => {
      window.asked += 1;
      return ask(...sent).finally(() => { window.asked -= 1; });
    };
  }
  window.painted = seen;
  // Of a press, the moment it is let go of; of a key, the moment it goes down; else that of input.
  watch.start = performance.now();
  const began = () => { watch.start = performance.now(); watch.calm = 0; };
  for (const kind of ['keydown', 'mouseup', 'input'])
    window.addEventListener(kind, began, {capture: true, once: true});
  // Looks are counted and not the time: a server may think, or this page be at work, for longer
  // than it has to be calm in the end.
  const busy = () => window.asked > 0
    || document.querySelector('[data-testid=stApp][data-test-script-state=running]');
  watch.timer = setInterval(() => { watch.calm = busy() ? 0 : watch.calm + 1; }, look);
}"""
_QUIET = "(looks) => window.watch.calm >= looks"
_READ = """() => {
  const watch = window.watch;
  watch.observer.disconnect();
  clearInterval(watch.timer);
  return [watch.last - watch.start, watch.answered === null ? null : watch.answered - watch.start];
}"""


@dataclass(frozen=True)
class Waited:
    """Milliseconds after an act.

    Attributes:
        everything: To the last change on the page.
        answer: To the last change within the part that was asked for; None if it never changed.
    """

    everything: float
    answer: float | None


def waited(
    page: Page, act: Callable[[], object], answer: str | None = None, part: str = MAIN
) -> Waited:
    """Act, and wait until nothing has changed for a while.

    Args:
        page: On which something is about to happen.
        act: A click or a key.
        answer: A selector of what the act was for.
        part: A selector of what is watched.
    """
    page.evaluate(_WATCH, [part, answer, _LOOK_MS])
    act()
    page.wait_for_function(_QUIET, arg=_CALM_MS / _LOOK_MS, timeout=60_000)
    everything, answered = page.evaluate(_READ)
    return Waited(everything, answered)
