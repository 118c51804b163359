"""How the report looks: light or dark as the reader's system is, on a phone too."""

STYLE = """
:root { --paper: #fbfaf7; --ink: #22252a; --faint: #646a73; --line: #dcd9d1; --card: #ffffff; --link: #0b5cad;
  --good: #1b6e3c; --good-back: #e2f2e7; --bad: #9c3b12; --bad-back: #fbe7dc; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181c; --ink: #e2e4e8; --faint: #9aa1ac; --line: #343941;
  --card: #1e2126; --link: #7db7f5; --good: #7fd6a0; --good-back: #1b3326; --bad: #f2a27c; --bad-back: #40261a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 1rem 0 .25rem; }
h2 { font-size: 1.4rem; line-height: 1.25; margin: 3rem 0 .75rem; padding-top: 1.25rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .25rem; }
p, dl, ul { max-width: 46rem; }
a { color: var(--link); }
code { font: .88em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .8rem;
  overflow-x: auto; }
.faint { color: var(--faint); }
.warning { border-left: .3rem solid var(--bad); background: var(--bad-back); padding: .6rem .9rem; }
.wide, .stack { overflow-x: auto; margin: 1rem 0; border: 1px solid var(--line); border-radius: .4rem;
  background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; line-height: 1.4; }
th, td { padding: .4rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tbody tr:last-child td { border-bottom: 0; }
th { font-weight: 600; color: var(--faint); vertical-align: bottom; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
.verdict { display: inline-block; padding: 0 .55rem; border-radius: 1rem; font-size: .82rem; font-weight: 600;
  white-space: nowrap; }
.holds { color: var(--good); background: var(--good-back); }
.fails { color: var(--bad); background: var(--bad-back); }
.claims { list-style: none; padding: 0; }
.claims li { margin: .6rem 0; padding: .6rem .9rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .4rem; }
.claims p { margin: .2rem 0; }
figure { margin: 1rem 0; padding: .75rem; background: #ffffff; border: 1px solid var(--line); border-radius: .4rem;
  overflow-x: auto; }
figure img { display: block; width: 100%; max-width: 60rem; height: auto; margin: 0 auto; }
summary { cursor: pointer; color: var(--link); }
dt { font-weight: 600; }
dd { margin: 0 0 .6rem; }
@media (max-width: 40rem) {
  body { padding: 1rem .9rem 3rem; }
  h1 { font-size: 1.5rem; }
  th, td { padding: .35rem .5rem; }
  .stack thead { display: none; }
  .stack tr, .stack td { display: block; border-bottom: 0; }
  .stack td { padding: .1rem .7rem; }
  .stack tr { padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .stack td:last-child { color: var(--faint); }
  figure { padding: .4rem; }
  figure img { min-width: 34rem; }
}
"""
