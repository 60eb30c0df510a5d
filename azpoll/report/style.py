"""The style of the HTML page of a report: light and dark, for wide and narrow screens, and for paper."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2430;--quiet:#566273;--line:#e1e5eb;--soft:#eef1f5;
--failed:#b3261e;--unknown:#8a5a00;--not_started:#7a3e8e;--canceled:#5b6675;--running:#1f6fb8;--intent:#4b6f94;
--succeeded:#2f7d5b}
@media(prefers-color-scheme:dark){:root{--page:#11151b;--card:#181e26;--ink:#e4e9f0;--quiet:#9aa7b8;--line:#2a323d;
--soft:#212934;--failed:#f2837b;--unknown:#e0ae55;--not_started:#c99add;--canceled:#a3afbf;--running:#6db3f2;
--intent:#92b4d6;--succeeded:#6cc39c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%;overflow-wrap:anywhere}
main{max-width:68rem;margin:0 auto;padding:2.5rem 1.25rem 3rem}
h1{font-size:1.55rem;line-height:1.25;margin:0;font-weight:650;letter-spacing:-.01em}
h2{font-size:1.02rem;margin:0 0 .9rem;font-weight:650}
p{margin:.25rem 0}
.quiet,footer{color:var(--quiet);font-size:.87rem}
header{margin-bottom:1.5rem}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.25rem;margin-top:1rem}
section>.quiet:last-child{margin-top:.9rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.5rem,1fr));gap:1.1rem;margin:0}
.tiles dt{color:var(--quiet);font-size:.83rem}
.tiles dd{margin:0;font-size:1.4rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums;
overflow-wrap:normal}
.share{display:flex;gap:2px;height:10px;border-radius:5px;overflow:hidden;margin:0 0 .75rem}
.share i{background:var(--state);min-width:3px}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.25rem;list-style:none;margin:0 0 1.35rem;padding:0;font-size:.9rem}
.legend b{font-variant-numeric:tabular-nums;font-weight:600}
.state{white-space:nowrap}
.state::before{content:"";display:inline-block;width:.6em;height:.6em;border-radius:50%;background:var(--state);
margin-right:.5em}
.s-failed{--state:var(--failed)}.s-unknown{--state:var(--unknown)}.s-not_started{--state:var(--not_started)}
.s-canceled{--state:var(--canceled)}.s-running{--state:var(--running)}.s-intent{--state:var(--intent)}
.s-succeeded{--state:var(--succeeded)}
.gantt{list-style:none;margin:0;padding:0;font-size:.84rem}
.gantt li,.axis{display:grid;grid-template-columns:minmax(0,13rem) minmax(0,1fr) 5.5rem;gap:0 .8rem;align-items:center}
.gantt li{min-height:1.6rem}
.gantt li:nth-child(odd) .track{background-color:var(--soft)}
.gantt .name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.gantt .took{color:var(--quiet);text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.track{position:relative;height:1.6rem;background-image:linear-gradient(to right,var(--line) 1px,transparent 1px);
background-size:25% 100%}
.track i{position:absolute;top:.42rem;height:.76rem;min-width:3px;border-radius:3px;background:var(--state)}
.track i.open{border-radius:3px 0 0 3px;-webkit-mask:linear-gradient(to right,#000 70%,#0006);
mask:linear-gradient(to right,#000 70%,#0006)}
.ticks{position:relative;height:1.7rem;color:var(--quiet);font-size:.78rem;font-variant-numeric:tabular-nums}
.ticks span{position:absolute;top:.3rem;left:50%;transform:translateX(-50%);white-space:nowrap}
.ticks span:first-child{left:0;transform:none}.ticks span:last-child{left:auto;right:0;transform:none}
.ticks span:nth-child(2){left:25%}.ticks span:nth-child(4){left:75%}
.axis .ticks{grid-column:2}
.chart{display:block;width:100%;height:9rem;background:var(--soft);border-radius:6px}
.chart rect{fill:var(--state)}
.chart .busy{fill:var(--running);fill-opacity:.22;stroke:var(--running);stroke-width:1.5;
vector-effect:non-scaling-stroke}
h3{font-size:.88rem;font-weight:600;margin:1.2rem 0 .45rem}
h3:first-of-type{margin-top:0}
h3 code{font-size:.98em}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.87rem}
caption{text-align:left;color:var(--quiet);padding:0 0 .6rem;font-size:.87rem}
th,td{text-align:left;padding:.42rem .8rem .42rem 0;vertical-align:top;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--quiet);font-weight:500;font-size:.8rem;white-space:nowrap}
tbody th{font-weight:500}
td:last-child,th:last-child{padding-right:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.t{white-space:nowrap;font-variant-numeric:tabular-nums}
code,.id{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86em}
.id{color:var(--quiet);display:block;font-weight:400}
details{border-top:1px solid var(--line);padding:.5rem 0}
details:last-of-type{padding-bottom:0}
summary{cursor:pointer;line-height:1.45}
summary .quiet{margin-left:.35rem}
summary:focus-visible,.wide:focus-visible{outline:2px solid var(--running);outline-offset:2px;border-radius:4px}
.code{font-weight:600;color:var(--state)}
.error{margin:.5rem 0 .2rem 1.1rem}
.error ul{margin:.35rem 0;padding-left:1.1rem}
.error dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.1rem .9rem;margin:.5rem 0 0;
font-size:.86rem}
.error dt{color:var(--quiet)}.error dd{margin:0}
footer{margin-top:1.5rem}
@media(max-width:640px){main{padding:1.5rem .75rem 2rem}section{padding:1rem;border-radius:10px}
h1{font-size:1.3rem}.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:.9rem}.tiles dd{font-size:1.2rem}
.gantt li{grid-template-columns:minmax(0,1fr) auto;padding-bottom:.5rem}.gantt .track{grid-column:1/-1;grid-row:2;
height:1rem}
.track i{top:.22rem;height:.56rem}.axis{grid-template-columns:minmax(0,1fr)}.axis .ticks{grid-column:1}
.ticks span:nth-child(even){display:none}.less{display:none}}
@media print{body{background:none}section{break-inside:avoid-page}main{padding:0;max-width:none}}
@media(forced-colors:active){.share i,.track i,.state::before{forced-color-adjust:none}}
"""
"""Texts have a contrast of at least 4.5 to their ground in both schemes (WCAG AA)."""
