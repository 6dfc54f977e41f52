"""Time a page as a person sees it: from an act to the last change that can be seen.

Whatever changes in the page's main part counts: elements, their attributes, words, and what is
painted on a canvas, as tables are. What lies *inside* a canvas does not: no one sees it, and the
tables' copy for screen readers is written there a fifth of a second later.
"""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

_QUIET_MS = 1200
_WATCH = """(answer) => {
  const watch = window.watch = {first: null, last: 0, answered: null};
  const main = document.querySelector('[data-testid=stMain]');
  const changed = ({target, type}) => {
    const element = target.nodeType === 1 ? target : target.parentElement;
    const canvas = element && element.closest('canvas');
    if (!element || (canvas && (canvas !== element || type === 'childList'))) return;
    watch.last = performance.now();
    if (answer && element.closest(answer)) watch.answered = watch.last;
  };
  watch.observer = new MutationObserver((changes) => changes.forEach(changed));
  watch.observer.observe(main, {
    subtree: true, childList: true, characterData: true, attributes: true});
  if (!window.painted) {
    const paint = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (...words) {
      if (this.canvas.isConnected) window.painted();
      return paint.apply(this, words);
    };
  }
  window.painted = () => { window.watch.last = performance.now(); };
  // Of a press, the moment it is let go of; of a key, the moment it goes down.
  watch.start = performance.now();
  const began = () => { watch.start = performance.now(); };
  for (const kind of ['keydown', 'mouseup'])
    window.addEventListener(kind, began, {capture: true, once: true});
}"""
_QUIET = """(quiet) =>
  performance.now() - Math.max(window.watch.last, window.watch.start) > quiet"""
_READ = """() => {
  const watch = window.watch;
  watch.observer.disconnect();
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


def waited(page: Page, act: Callable[[], object], answer: str | None = None) -> Waited:
    """Act, and wait until nothing has changed for a while.

    Args:
        page: On which something is about to happen.
        act: A click or a key.
        answer: A selector of what the act was for.
    """
    page.evaluate(_WATCH, answer)
    act()
    page.wait_for_function(_QUIET, arg=_QUIET_MS, timeout=60_000)
    everything, answered = page.evaluate(_READ)
    return Waited(everything, answered)
