"""Scripts that prepare a web page for its picture. They run in each frame of the page, and trust nothing in it.

What a visitor can open is opened, what only scrolls into view is laid out, and what covers the text is removed or put
into the flow. Words are read later (`page_text`), and only those that the picture shows.
"""

from __future__ import annotations

_LIBRARY = r"""
  const MAX_ELEMENTS = 50000;
  const all = (root = document, found = []) => {
    for (const e of root.querySelectorAll('*')) {
      if (found.length >= MAX_ELEMENTS) break;
      found.push(e);
      if (e.shadowRoot) all(e.shadowRoot, found);
    }
    return found;
  };
  const css = (e, rules) => { for (const name in rules) e.style.setProperty(name, rules[name], 'important'); };
  const shown = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const parent = e => e.assignedSlot || e.parentElement || (e.getRootNode().host ?? null);
  const words = e => {
    let text = '';
    const visit = node => {
      if (text.length > 20000) return;
      if (node.nodeType === 3) text += node.data + ' ';
      else if (node.nodeType === 1 || node.nodeType === 11) {
        if (node.nodeType === 1 && (/^(script|style|template|noscript)$/i.test(node.tagName) || !shown(node))) return;
        if (node.shadowRoot) visit(node.shadowRoot);
        node.childNodes.forEach(visit);
      }
    };
    visit(e);
    return text.replace(/\s+/g, ' ').trim();
  };
  const pause = ms => new Promise(done => setTimeout(done, ms));
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 40)));
  const CONSENT = new RegExp([
    'cookie', 'consent', 'gdpr', 'rgpd', 'dsgvo', 'we value your privacy', 'privacy (settings|choices|preferences)',
    'einwilligung', 'datenschutzeinstellung', 'vie privée', 'privacidad', 'privacidade', 'toestemming', 'eväste',
    'informasjonskapsl', 'kakor', 'ciasteczk', 'куки', 'クッキー', '隐私', '隱私',
    '쿠키', 'ملفات تعريف',
  ].join('|'), 'i');
  const CHOICE = new RegExp([
    'accept', 'agree', 'allow', 'got it', '^ok(ay)?$', 'reject', 'decline', 'consent', 'preferences', 'settings',
    'manage', 'continue', 'understand', 'akzept', 'zustimm', 'einverstanden', 'verstanden', 'ablehnen', 'einstellungen',
    'autoriser', 'refuser', 'acept', 'permitir', 'rechazar', 'aceit', 'concord', 'recusar', 'accett', 'rifiuta',
    'akcept', 'zgadzam', 'akkoord', 'weiger', 'hyväksy', 'godkänn', 'godta', 'tillad', 'принят', 'согла', '同意',
    '接受', '拒绝', '許可', '동의', 'موافق', 'قبول',
  ].join('|'), 'i');
  const CMP = new RegExp('cookie|consent|gdpr|onetrust|didomi|usercentrics|sp_message|qc-cmp|cmpbox|cmp-|truste|osano'
    + '|iubenda|klaro|cybot|trustarc|cc-window|cc-banner|borlabs', 'i');
  const label = e => ['id', 'class', 'aria-label', 'title', 'name'].map(name => e.getAttribute(name) || '').join(' ');
  const choices = (e, found = []) => {
    const buttons = 'button, a[href="#"], a:not([href]), input[type=submit], input[type=button], [role=button]';
    for (const b of e.querySelectorAll(buttons))
      found.push(b.value || b.innerText || b.getAttribute('aria-label') || '');
    for (const part of [e, ...e.querySelectorAll('*')]) if (part.shadowRoot) choices(part.shadowRoot, found);
    return found.filter(text => text.length < 80 && CHOICE.test(text.trim()));
  };
  const dialog = e => e.matches('dialog, [role=dialog], [role=alertdialog], [aria-modal=true]');
  const isConsent = (e, style) => {
    if (e.matches('html, body, main, article, nav, aside, [role=navigation]') || e.closest('nav')) return false;
    if (e.tagName === 'IFRAME') return CMP.test(label(e));
    const pinned = ['fixed', 'sticky'].includes(style.position) || dialog(e), named = CMP.test(label(e));
    const lifted = style.position === 'absolute' && Number(style.zIndex) > 0;
    if (!pinned && !lifted && !named) return false;
    // A part of the page can be about cookies, too.
    if (!pinned && e.querySelector('h1')) return false;
    if (!named && e.querySelectorAll('a').length > 6) return false;
    const text = words(e);
    if (text.length > (pinned ? 8000 : 1500) || !CONSENT.test(text)) return false;
    return choices(e).length > 0 || (pinned && text.length < 600);
  };
"""

REMOVE_WALLS = (
    r"""() => {"""
    + _LIBRARY
    + r"""
  const whole = words(document.body).length;
  let removed = 0;
  for (const e of all()) {
    if (!e.isConnected || e === document.body || !shown(e)) continue;
    if (!isConsent(e, getComputedStyle(e))) continue;
    if (words(e).length >= whole && whole > 0 && !dialog(e) && getComputedStyle(e).position !== 'fixed') continue;
    css(e, {display: 'none'});
    removed++;
  }
  if (removed) for (const e of [document.documentElement, document.body, ...document.body.children])
    if (/blur/.test(getComputedStyle(e).filter)) css(e, {filter: 'none'});
  return {removed, left: words(document.body).length, whole};
}"""
)
"""Remove requests for consent to cookies. Return how much text was there before, and is left."""

OPEN = (
    r"""async ([maxHeight, until]) => {"""
    + _LIBRARY
    + r"""
  const late = () => Date.now() > until;
  const MENUS = 'nav, header, [role=navigation], [role=menu], [role=menubar], [role=listbox], [role=banner]';
  const inMenu = e => e.closest(MENUS);
  const show = e => {
    e.removeAttribute('hidden');
    for (let at = e; at && at !== document.body && !shown(at); at = null) {
      const style = getComputedStyle(at);
      if (style.display === 'none') css(at, {display: at.tagName === 'TR' ? 'table-row' : 'block'});
      css(at, {visibility: 'visible', opacity: '1', transform: 'none'});
    }
    const style = getComputedStyle(e);
    if (['absolute', 'fixed'].includes(style.position)) css(e, {position: 'static'});
    if (style.overflowY !== 'visible' && e.scrollHeight > e.clientHeight)
      css(e, {height: 'auto', 'max-height': 'none', overflow: 'visible'});
  };

  // 1. What a visitor opens with a click. A click must not lead away from the page.
  globalThis.navigation?.addEventListener('navigate', event => { if (event.cancelable) event.preventDefault(); });
  const elements = all();
  const hasTabs = elements.some(e => e.matches('[role=tab], [role=tablist], [data-bs-toggle=tab], [data-toggle=tab]'));
  const places = e => (e.getAttribute('aria-controls') || '').split(/\s+/).filter(Boolean)
    .map(id => e.getRootNode().getElementById(id)).filter(Boolean);
  let clicks = 0;
  for (const e of elements) {
    if (e.tagName === 'DETAILS' && !inMenu(e)) {
      e.removeAttribute('name');  // else it closes the others of its group
      e.open = true;
      const floats = [...e.children].some(part => ['absolute', 'fixed'].includes(getComputedStyle(part).position));
      if (floats) e.open = false;  // a menu that would cover the text
      continue;
    }
    if (e.getAttribute('hidden') === 'until-found') { show(e); continue; }
    if (inMenu(e)) continue;
    const isPanel = hasTabs && (e.getAttribute('role') === 'tabpanel' || e.classList.contains('tab-pane'));
    if (isPanel || e.matches('.collapse:not(.show):not(.navbar-collapse), .accordion-collapse, .panel-collapse')) {
      show(e);
      continue;
    }
    if (e.getAttribute('aria-expanded') === 'false' && !e.hasAttribute('aria-haspopup')) {
      const controlled = places(e);
      controlled.forEach(show);
      const safe = e.tagName === 'BUTTON' && !e.form && e.type !== 'reset' && shown(e);
      if (!controlled.length && safe && clicks++ < 50) { e.click(); await frame(); }
    }
  }

  // Tabs that make their panel only when they are chosen: copies of the panels are added below.
  for (const list of elements.filter(e => e.getAttribute('role') === 'tablist' && !inMenu(e))) {
    const tabs = [...list.querySelectorAll('[role=tab]')].slice(0, 12), copies = [];
    const first = tabs.find(tab => tab.getAttribute('aria-selected') === 'true');
    const known = new Set(tabs.flatMap(places));
    for (const tab of tabs) {
      if (late() || !first || tab === first || tab.form || tab.hasAttribute('data-copied')) continue;
      if (places(tab).some(panel => known.has(panel) && words(panel))) continue;
      const before = new Set([...document.querySelectorAll('[role=tabpanel]')].map(words));
      tab.setAttribute('data-copied', '');
      tab.click();
      await frame();
      await frame();
      const panel = [...document.querySelectorAll('[role=tabpanel]')].find(e => words(e) && !before.has(words(e)));
      if (panel) copies.push([panel.parentElement, panel.cloneNode(true)]);
    }
    if (copies.length) { first.click(); await frame(); }
    for (const [place, copy] of copies) if (place?.isConnected) place.append(copy);
  }

  // 2. Text that is cut off by its box.
  for (const e of all()) {
    const style = getComputedStyle(e);
    if (style.webkitLineClamp !== 'none' && e.scrollHeight > e.clientHeight + 2)
      css(e, {'-webkit-line-clamp': 'none', display: 'block', 'max-height': 'none', height: 'auto',
        overflow: 'visible'});
    else if (style.textOverflow === 'ellipsis' && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 40)
      css(e, {'white-space': 'normal', overflow: 'visible', 'text-overflow': 'clip', height: 'auto'});
  }

  // 3. Panes that scroll by themselves.
  const release = e => {
    const style = getComputedStyle(e);
    if (style.position === 'fixed') css(e, {position: 'absolute'});
    if (['fixed', 'absolute'].includes(style.position)) css(e, {bottom: 'auto'});
    css(e, {height: 'auto', 'max-height': 'none', 'overflow-y': 'visible', 'overflow-x': 'visible', contain: 'none'});
    if (e !== document.documentElement) css(e, {'flex-shrink': '0'});
  };
  const scrolls = value => value === 'auto' || value === 'scroll' || value === 'overlay';
  for (const e of all()) {
    if (e.clientHeight < 8 || e.clientWidth < 40 || e.tagName === 'TEXTAREA' || !shown(e)) continue;
    const style = getComputedStyle(e), root = e === document.documentElement || e === document.body;
    if (!root && e.clientHeight >= 40 && scrolls(style.overflowY) && e.scrollHeight > e.clientHeight + 8) {
      for (let y = 0, idle = 0; y < maxHeight && idle < 8 && !late();) {
        e.scrollTop = y;
        await frame();
        if (y + e.clientHeight < e.scrollHeight) { y += Math.max(e.clientHeight / 2, 100); idle = 0; }
        else { idle++; await pause(60); }
      }
      e.scrollTop = 0;
      for (let at = e; at; at = parent(at)) release(at);
    }
    const wide = e.scrollWidth / e.clientWidth;
    if (!root && scrolls(style.overflowX) && e.scrollWidth > e.clientWidth + 8) {
      if (/^(PRE|CODE)$/.test(e.tagName) || e.querySelector('pre, code'))
        for (const part of [e, ...e.querySelectorAll('pre, code')])
          css(part, {'white-space': 'pre-wrap', 'overflow-wrap': 'anywhere'});
      else if (style.display.includes('flex')) css(e, {'flex-wrap': 'wrap'});
      if (e.scrollWidth > e.clientWidth + 8) css(e, {overflow: 'visible', zoom: String(Math.max(0.5, 1 / wide))});
    }
  }
}"""
)
"""Open closed parts and panes that scroll, in at most the given time. `until` is a time of Date.now()."""

UNCOVER = (
    r"""() => {"""
    + _LIBRARY
    + r"""
  scrollTo(0, 0);
  const area = innerWidth * innerHeight;
  const ownText = e => [...e.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  const covers = e => {
    const box = e.getBoundingClientRect();
    const x0 = Math.max(box.left, 0), x1 = Math.min(box.right, innerWidth);
    const y0 = Math.max(box.top, 0), y1 = Math.min(box.bottom, innerHeight);
    for (let i = 0; i < 12; i++) for (let k = 0; k < 40; k++) {
      const x = x0 + (x1 - x0) * (i + 0.5) / 12, y = y0 + (y1 - y0) * (k + 0.5) / 40;
      const stack = document.elementsFromPoint(x, y), at = stack.findIndex(other => e.contains(other));
      if (at < 0) continue;
      if (stack.slice(at).some(other => !e.contains(other) && !other.contains(e) && ownText(other))) return true;
    }
    return false;
  };
  const whole = words(document.body).length;
  for (const e of all()) {
    const style = getComputedStyle(e);
    if (style.position === 'sticky') { css(e, {position: 'relative', inset: 'auto'}); continue; }
    const modal = dialog(e) && style.position !== 'static';
    if ((style.position !== 'fixed' && !modal) || e === document.body || !shown(e)) continue;
    const box = e.getBoundingClientRect(), text = words(e).length, large = box.width * box.height >= area / 4;
    if (!box.width || !box.height || Number(style.zIndex) < 0) continue;
    if (!text && !e.querySelector('img, svg, canvas, video, iframe')) {
      if (large) css(e, {display: 'none'});  // a backdrop
    } else if (covers(e)) {
      if ((large || modal) && text < whole - text) css(e, {display: 'none'});
      else css(e, {position: 'static', transform: 'none', width: 'auto', height: 'auto', 'max-height': 'none'});
    }
  }
  for (const e of [document.documentElement, document.body])
    if (getComputedStyle(e).overflowY === 'hidden') css(e, {overflow: 'visible', height: 'auto', position: 'static'});
  if (document.documentElement.scrollWidth > innerWidth + 8)
    document.documentElement.style.zoom = String(Math.max(0.5, innerWidth / document.documentElement.scrollWidth));
}"""
)
"""Hide what lies over the text, and put bars that stay on the screen into the flow."""

SCROLL = (
    r"""async ([step, maxHeight, until]) => {"""
    + _LIBRARY
    + r"""
  const height = () => Math.max(document.documentElement.scrollHeight, document.body?.scrollHeight || 0);
  let grew = false, idle = 0;
  for (let y = 0, before = height(); y < maxHeight && idle < 10;) {
    if (Date.now() > until) return {cut: y + innerHeight < height() || grew};
    scrollTo(0, y);
    await frame();
    if (height() > before) { grew = true; idle = 0; before = height(); }
    if (y + innerHeight < height()) y += step;
    else { idle++; await pause(60); }  // a feed may load more
  }
  scrollTo(0, 0);
  await frame();
  return {cut: false};
}"""
)
"""Load what is only loaded when it becomes visible. Return whether the time ended before the page did."""

SETTLE = (
    r"""() => {"""
    + _LIBRARY
    + r"""
  for (const animation of document.getAnimations()) {
    try { animation.finish(); } catch { animation.pause(); }
  }
  for (const e of document.querySelectorAll('video, audio')) e.pause();
  scrollTo(0, 0);
  return Math.max(document.documentElement.scrollHeight, document.body?.scrollHeight || 0);
}"""
)
"""End animations. Return the page's height."""

HIDE_TEXT = (
    r"""() => {"""
    + _LIBRARY
    + r"""
  for (const e of all()) if (getComputedStyle(e).webkitBackgroundClip === 'text') css(e, {background: 'none'});
  const rules = `*, *::before, *::after, *::marker, *::placeholder, *::first-letter, *::first-line {
    -webkit-text-fill-color: transparent !important; text-shadow: none !important;
    -webkit-text-stroke-color: transparent !important; caret-color: transparent !important }
    svg text, svg tspan, svg textPath { fill: transparent !important; stroke: transparent !important }`;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules);
  const roots = [document, ...all().map(e => e.shadowRoot).filter(Boolean)];
  for (const root of roots) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  for (const e of all()) if (e.style.webkitTextFillColor) e.style.removeProperty('-webkit-text-fill-color');
}"""
)
"""Make all text transparent: where the picture does not change, there was no visible text."""

DESCRIBE = (
    r"""() => {"""
    + _LIBRARY
    + r"""
  const text = document.body ? words(document.body) : '';
  const fields = all().filter(e => e.tagName === 'INPUT' && shown(e));
  const USER = /user|e-?mail|login|account|identifier|phone/i;
  const SPACELESS = /[\u0e00-\u0eff\u3040-\u9fff\uac00-\ud7af]/g;
  const hint = e => `${e.type} ${e.name} ${e.id} ${e.autocomplete} ${e.placeholder}`;
  const heading = all().find(e => /^H[12]$/.test(e.tagName) && shown(e));
  const refresh = document.querySelector('meta[http-equiv=refresh i]')?.content || '';
  const [, delay, to] = /^\s*([\d.]+)\s*[;,]?\s*(?:url\s*=)?\s*['"]?(.*?)['"]?\s*$/i.exec(refresh) || [];
  const http = address => { try { return new URL(address, document.baseURI); } catch { return null; } };
  const target = to && Number(delay) <= 30 ? http(to) : null;
  const isPdf = address => address && /\.pdf$/i.test(address.pathname);
  const large = e => {
    const box = e.getBoundingClientRect();
    return box.width * box.height > innerWidth * innerHeight / 5;
  };
  const embedded = all().filter(e => /^(EMBED|OBJECT|IFRAME)$/.test(e.tagName) && shown(e) && large(e))
    .map(e => [http(e.src || e.data), e.type]).filter(([a, type]) => isPdf(a) || (a && type === 'application/pdf'));
  const links = new Set([...document.links].filter(shown).map(e => http(e.href)).filter(isPdf).map(String));
  const alone = [...document.links].filter(shown).length <= 2;
  return {
    title: document.title || '',
    heading: heading ? words(heading).slice(0, 200) : '',
    count: text.split(/\s+/).length + Math.floor((text.match(SPACELESS) || []).length / 3),
    text: text.slice(0, 4000),
    password: fields.some(e => e.type === 'password'),
    user: fields.some(e => /^(text|email|tel)/.test(hint(e)) && USER.test(hint(e))),
    choices: document.body ? choices(document.body).length : 0,
    consent: CONSENT.test(text),
    refresh: target && String(target) !== location.href ? String(target) : '',
    files: embedded.length ? embedded.map(([a]) => String(a)) : alone ? [...links] : [],
  };
}"""
)
"""Describe the page for `page_checks`."""

EXPAND_FRAME = r"""(e, height) => {
  const box = e.getBoundingClientRect();
  if (box.width > 100 && box.height > 40 && height > box.height + 8)
    e.style.setProperty('height', `${height}px`, 'important');
}"""
"""Make a frame as high as its content."""

SCROLL_TO = "y => scrollTo({top: y, behavior: 'instant'})"

PAINTED = """() => Promise.race([
  new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done()))),
  new Promise(done => setTimeout(done, 500)),
])"""
"""Wait until a frame has painted its last change."""
