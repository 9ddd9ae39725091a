"""How the report looks: light and dark, wide and on a phone."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2127; --soft: #59616c; --line: #d5d9df; --why: #a3261b;
  --gold: #0b6b3a; --hit: #b44a00; --mark: #ffe58a; --link: #0b57b7; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181c; --ink: #e6e9ed; --soft: #a4adb8; --line: #3a424c;
  --why: #ff9d90; --gold: #63d196; --hit: #ff9d52; --mark: #5c4a00; --link: #8ab8ff; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 90rem;
  margin: 0 auto; padding: 1rem 1.25rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: .5rem 0 0; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; }
h3 { font-size: 1.08rem; margin: 0; } h4 { font-size: .9rem; color: var(--soft); margin: .7rem 0 .4rem; }
p { margin: .25rem 0; } a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; } .skip:focus { position: static; }
.wide { overflow-x: auto; max-width: 100%; } .note { color: var(--soft); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
td, th { padding: .12rem .7rem; text-align: right; white-space: nowrap; }
tbody th { text-align: left; font-weight: 400; padding-left: 0; }
thead th { color: var(--soft); font-weight: 600; } .group { padding-top: .7rem; color: var(--soft); font-size: .9rem; }
tbody tr + tr { border-top: 1px solid var(--line); }
svg { width: 100%; max-width: 24rem; display: block; font: 12px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--line); fill: none; } polyline { stroke: var(--link); stroke-width: 2.5; fill: none; }
section { border-top: 2px solid var(--line); padding: 1rem 0 1.4rem; }
.why { color: var(--why); }
.sides { display: grid; grid-template-columns: minmax(9rem, 2fr) minmax(0, 7fr); gap: 0 1.6rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(9rem, 100%), 1fr)); gap: .9rem;
  align-items: start; }
figure { margin: 0; font-size: .82rem; line-height: 1.35; min-width: 0; }
figure:target { grid-column: 1 / -1; } figure ul { margin: .2rem 0; padding-left: 1.1rem; }
figcaption { margin-top: .3rem; } figcaption p { color: var(--soft); } figcaption .snippet { color: var(--ink); }
figure.gold figcaption > strong, .gold p strong { color: var(--gold); }
.shot { display: block; position: relative; width: 100%; background: #fff center / 100% 100% no-repeat;
  border: 1px solid var(--line); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
figure.gold .shot { border: 2px solid var(--gold); }
.shot.none { aspect-ratio: 3 / 4; background: none; color: var(--soft); padding: .6rem; }
/* On pages, which are white in dark mode too. */
.shot i { position: absolute; border: 2px solid #c24e00; background: rgb(255 140 0 / .12);
  box-shadow: 0 0 0 1px rgb(255 255 255 / .85), inset 0 0 0 1px rgb(255 255 255 / .85); }
.shot i.gold { border: 2px dashed #0b7a42; background: rgb(0 160 80 / .12); }
mark { background: var(--mark); color: inherit; border-radius: 2px; }
@media (max-width: 44rem) { .sides { grid-template-columns: minmax(0, 1fr); }
  .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); } td, th { padding: .12rem .4rem; }
  tbody th { white-space: normal; min-width: 6.5rem; } }
@media print { .skip { display: none; } section, figure { break-inside: avoid; } }
"""
