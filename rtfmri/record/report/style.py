"""How the page looks: light, dark, and on A4. Colours are Okabe and Ito's, shifted where text or lines need more contrast.

Contrast (WCAG 2.2): text at least 4.5 : 1 on its ground, lines of figures at least 3 : 1; tests/record/test_report_page.py computes it.
"""

from __future__ import annotations

LIGHT = {
    "ground": "#ffffff",
    "raised": "#f4f4f1",
    "ink": "#1b1b1b",
    "faint": "#595959",
    "rule": "#d4d4cf",
    "link": "#00558c",
    "shade": "#e3ecf3",
    "good": "#00694a",
    "caution": "#8a4b00",
    "poor": "#a32c00",
    "s0": "#0072b2",
    "s1": "#c24e00",
    "s2": "#00805c",
    "s3": "#a8488a",
    "s4": "#6b5d00",
    "s5": "#6a6a6a",
}
DARK = {
    "ground": "#141416",
    "raised": "#1f1f23",
    "ink": "#ececec",
    "faint": "#b0b0b4",
    "rule": "#3b3b40",
    "link": "#7cc4f0",
    "shade": "#24323d",
    "good": "#4ad0a0",
    "caution": "#f0b450",
    "poor": "#ff8a5c",
    "s0": "#56b4e9",
    "s1": "#f08a3c",
    "s2": "#3cc496",
    "s3": "#dd92c0",
    "s4": "#e6d94c",
    "s5": "#a8a8ac",
}
FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif'
SERIES = 6  # colours of lines; each has a dash pattern of its own besides
DASHES = ("", "7 3", "2 2.5", "9 3 2 3", "12 3", "4 2")


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


def _series() -> str:
    rules = []
    for number, dash in enumerate(DASHES):
        dashed = f";stroke-dasharray:{dash}" if dash else ""
        rules.append(f".l{number}{{stroke:var(--s{number}){dashed}}}.b{number}{{fill:var(--s{number})}}.p{number}{{fill:var(--s{number})}}")
    return "".join(rules)


STYLE = f"""
:root{{color-scheme:light dark;{_variables(LIGHT)}}}
@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}
@media print{{:root{{color-scheme:light;{_variables(LIGHT)}}}}}
*{{box-sizing:border-box}}
html{{scroll-behavior:auto}}
body{{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 {FONT}}}
.banner{{background:var(--raised);border-bottom:1px solid var(--rule);padding:.45rem 1.25rem;font-size:.86rem;text-align:center}}
.wrap{{max-width:66rem;margin:0 auto;padding:1.4rem 1.25rem 4rem}}
h1{{font-size:1.7rem;line-height:1.2;margin:0 0 .2rem;overflow-wrap:anywhere}}
h2{{font-size:1.25rem;line-height:1.25;margin:2.6rem 0 .6rem;padding-top:.7rem;border-top:1px solid var(--rule)}}
h3{{font-size:1.02rem;margin:1.5rem 0 .3rem}}
p{{margin:.5rem 0;max-width:48rem}}
a{{color:var(--link)}}
a:focus-visible,[tabindex]:focus-visible{{outline:2px solid var(--link);outline-offset:2px}}
.sub,.faint{{color:var(--faint)}}
.hide{{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}
.skip{{position:absolute;left:-100rem}}
.skip:focus{{left:1rem;top:.3rem;background:var(--ground);padding:.2rem .6rem}}
.verdict{{border-left:.4rem solid;padding:.7rem 1rem;background:var(--raised);margin:1.1rem 0}}
.verdict p{{margin:0;max-width:none;font-size:1.06rem}}
.verdict.good{{border-color:var(--good)}}.verdict.caution{{border-color:var(--caution)}}.verdict.poor{{border-color:var(--poor)}}
.good strong,strong.good{{color:var(--good)}}
.caution strong,strong.caution{{color:var(--caution)}}
.poor strong,strong.poor{{color:var(--poor)}}
ul.findings{{list-style:none;padding:0;margin:.6rem 0}}
ul.findings li{{padding:.12rem 0 .12rem 1.7rem;text-indent:-1.7rem}}
ul.findings strong{{display:inline-block;width:1.7rem;text-indent:0}}
dl{{margin:.8rem 0;display:grid;grid-template-columns:repeat(auto-fill,minmax(19rem,1fr));gap:.1rem 2rem}}
dl div{{display:flex;gap:.7rem;padding:.16rem 0;border-bottom:1px solid var(--rule)}}
dt{{color:var(--faint);flex:0 0 6.6rem}}dd{{margin:0;overflow-wrap:anywhere;min-width:0}}
nav ol{{columns:3 14rem;padding-left:1.4rem;margin:.4rem 0;font-size:.94rem}}
nav h2{{border:0;margin:1.2rem 0 0;padding:0;font-size:1rem}}
figure{{margin:1rem 0}}
figure svg{{display:block;width:100%;height:auto}}
figcaption,caption{{color:var(--faint);font-size:.88rem;text-align:left}}
figcaption{{margin-top:.35rem;max-width:56rem}}caption{{padding-bottom:.35rem}}table{{min-width:min(100%,27rem)}}
.scroll{{overflow-x:auto;margin:1rem 0}}
table{{border-collapse:collapse;font-size:.93rem;font-variant-numeric:tabular-nums}}
th,td{{padding:.24rem 1.1rem .24rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}}
thead th{{font-weight:600;border-bottom:2px solid var(--faint)}}tbody th{{font-weight:400}}
.n{{text-align:right}}
table.settings td,table.settings th{{overflow-wrap:anywhere;font-size:.88rem}}
pre{{background:var(--raised);padding:.6rem .8rem;overflow-x:auto;font-size:.86rem;margin:.5rem 0}}
.planes{{display:flex;flex-wrap:wrap;gap:.5rem}}.planes svg{{width:auto;flex:0 1 auto;max-width:100%}}
.item{{border-left:3px solid var(--rule);padding:.1rem 0 .1rem 1rem;margin:1rem 0}}
.item.filled{{border-color:var(--good)}}.item h4{{margin:.1rem 0;font-size:.97rem}}
.mark{{font-size:.84rem;font-weight:600}}
.prov{{border:1px solid var(--caution);color:var(--caution);padding:0 .35rem;border-radius:.2rem;font-size:.8rem;font-weight:600}}
svg text{{fill:var(--ink);font:12px {FONT}}}
svg text.f{{fill:var(--faint)}}svg text.m{{text-anchor:middle}}svg text.e{{text-anchor:end}}svg text.t{{font-weight:600}}
.ax{{stroke:var(--faint);fill:none}}.gr{{stroke:var(--rule);fill:none}}.lv{{stroke:var(--faint);stroke-dasharray:3 3;fill:none}}
.sh{{fill:var(--shade)}}.ln{{fill:none;stroke-width:1.6;stroke-linejoin:round}}.bd{{fill-opacity:.2;stroke:none}}
svg text.side{{fill:#fff;font-size:11px;paint-order:stroke;stroke:#000;stroke-width:2.5px}}
.thin{{stroke-width:1}}svg text.over{{paint-order:stroke;stroke:var(--ground);stroke-width:3px}}
.bar{{stroke-width:1.6;fill:none}}.pl{{fill:none;stroke-width:1.4}}.under{{stroke-width:3.4}}
{_series()}
@media (max-width:40rem){{nav ol{{columns:1}}}}
@page{{size:A4;margin:15mm 14mm}}
@media print{{
body{{font-size:10.5pt;line-height:1.4}}.wrap{{max-width:none;padding:0}}.banner{{padding:0 0 3mm;border:0;background:none;text-align:left}}
h2{{margin-top:7mm;break-after:avoid}}h3{{break-after:avoid}}.skip{{display:none}}
figure svg text{{font-size:13.5px}}table,table.settings td,table.settings th{{font-size:9pt}}
figure,tr,.item,.verdict,dl div{{break-inside:avoid}}.scroll{{overflow:visible}}thead{{display:table-header-group}}
pre{{white-space:pre-wrap;overflow-wrap:anywhere}}a{{color:inherit;text-decoration:none}}
*{{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
}}
"""
