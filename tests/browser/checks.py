"""Accessibility checks of a page: names, widths, target sizes, contrast, and axe-core if it is given."""

from __future__ import annotations

from typing import Any

from tests.browser.window import Window

UNNAMED = """() => [...document.querySelectorAll('button, a[href], input, textarea, select, summary, [tabindex="0"]')]
  .filter(each => each.checkVisibility({visibilityProperty: true}) && !each.closest('[aria-hidden=true]'))
  .filter(each => !(each.ariaLabel || each.textContent.trim() || each.labels?.length
    || [...each.querySelectorAll('img')].some(image => image.alt)))
  .map(each => each.outerHTML.slice(0, 120))"""

OVERFLOWING = """() => [...document.querySelectorAll('body *')]
  .filter(each => each.checkVisibility({visibilityProperty: true}))
  .filter(each => !each.closest('.visually-hidden, .skip, .scroll, dialog, #side'))
  .filter(each => each.getBoundingClientRect().right > innerWidth + 1)
  .map(each => each.outerHTML.slice(0, 120))"""

SMALL_TARGETS = """() => [...document.querySelectorAll('#conversation button, #conversation a[href]')]
  .filter(each => each.checkVisibility({visibilityProperty: true}) && !each.closest('.text, .fine'))
  .filter(each => { const box = each.getBoundingClientRect(); return box.width < 24 || box.height < 24; })
  .map(each => each.outerHTML.slice(0, 120))"""
"""WCAG 2.2, 2.5.8: at least 24 by 24 CSS pixels, except links in text."""

LOW_CONTRAST = """() => {
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(each => each / 255)
    .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const mixed = (top, under, share) => [0, 1, 2].map(at => top[at] * share + under[at] * (1 - share));
  const over = (top, under) => mixed(top, under, top[3] ?? 1);
  const behind = each => {
    const layers = [];
    for (let at = each; at; at = at.parentElement) layers.unshift(channels(getComputedStyle(at).backgroundColor));
    return layers.reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = texts.nextNode());) {
    const each = node.parentElement;
    if (!node.data.trim() || each.closest('.visually-hidden, .skip, :disabled, [disabled], noscript, .send')) continue;
    if (!each.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const under = behind(each), top = over(channels(getComputedStyle(each).color), under);
    const [high, low] = [light(top), light(under)].sort((one, other) => other - one);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${node.data.trim().slice(0, 40)} (${each.className})`);
  }
  return [...new Set(found)];
}"""
"""WCAG 2, 1.4.3: contrast of texts with their backgrounds, from the computed styles."""


def check(window: Window, axe: str | None) -> None:
    """Run every check."""
    assert window.page.evaluate(UNNAMED) == []
    assert window.page.evaluate(OVERFLOWING) == []
    assert window.page.evaluate(SMALL_TARGETS) == []
    assert window.page.evaluate(LOW_CONTRAST) == []
    if axe is not None:
        window.page.evaluate(axe)
        result: dict[str, Any] = window.page.evaluate("axe.run()")
        assert [(one["id"], one["nodes"][0]["html"][:160]) for one in result["violations"]] == []
        assert len(result["passes"]) > 15
