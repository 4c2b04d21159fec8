# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The parts of a self-contained page: no other file, no script needed to read it, light or dark, wide or narrow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#1b2430;--soft:#556070;--line:#d9dee6;--link:#1f4fbf;
--good:#186a3b;--good-bg:#e3f4e9;--warn:#7a4b00;--warn-bg:#fdf0d5;--bad:#a11a1a;--bad-bg:#fbe4e4;--calm:#3d4a5c;
--calm-bg:#e8ecf2;--p0:#3566d6;--p1:#0b8577;--p2:#b3570c;--p3:#7b3fc4;--p4:#8a6d00;--p5:#a8325e;--p6:#56616f}
@media(prefers-color-scheme:dark){:root{--page:#11161d;--card:#1a212b;--text:#e6ebf2;--soft:#a5b0bf;--line:#323c4a;
--link:#8fb4ff;--good:#8ddbab;--good-bg:#16341f;--warn:#f4c774;--warn-bg:#3a2c0d;--bad:#ff9d9d;--bad-bg:#431b1b;
--calm:#c1cad6;--calm-bg:#2a3441;--p0:#6f9bff;--p1:#35c4b1;--p2:#f0985a;--p3:#b78cf2;--p4:#d9bb4a;--p5:#ee7ba4;--p6:#a3afbd}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:68rem;margin:0 auto;padding:1.5rem 1rem 4rem}
header{margin-bottom:1.5rem}h1{font-size:1.6rem;line-height:1.25;margin:.4rem 0}h2{font-size:1.15rem;margin:0 0 .75rem}
p{margin:.4rem 0}a{color:var(--link)}.soft{color:var(--soft)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1.1rem 1.2rem;margin:0 0 1rem}
.badge{display:inline-block;border-radius:999px;padding:.1rem .7rem;font-size:.85rem;font-weight:600;white-space:nowrap}
.good{color:var(--good);background:var(--good-bg)}.warn{color:var(--warn);background:var(--warn-bg)}
.bad{color:var(--bad);background:var(--bad-bg)}.calm{color:var(--calm);background:var(--calm-bg)}
ol{margin:0;padding-left:1.4rem}li{margin:.35rem 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .7rem .45rem 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600;white-space:nowrap}tr:last-child>td,tr:last-child>th{border-bottom:0}
td.number,th.number{text-align:right}code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{overflow-wrap:anywhere}td code{white-space:nowrap}
pre{background:var(--calm-bg);border-radius:6px;padding:.7rem .9rem;overflow-x:auto;margin:.6rem 0 0}
.bar{display:block;width:100%;height:26px;border-radius:6px}
.keys{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin:.6rem 0 0;padding:0;list-style:none;font-size:.92rem}
.keys li{margin:0}.keys svg{width:.8rem;height:.8rem;margin-right:.4rem}
fieldset{border:0;padding:0;margin:0 0 .75rem;display:flex;flex-wrap:wrap;gap:.4rem 1.1rem}
legend{padding:0;color:var(--soft);float:left;margin-right:1rem}summary{cursor:pointer;font-weight:600}
button{font:inherit;font-size:.8rem;color:var(--text);background:var(--calm-bg);border:1px solid var(--line);
border-radius:6px;padding:.05rem .5rem;cursor:pointer;margin-left:.4rem}
footer{color:var(--soft);font-size:.85rem}
section:has(#show-before:checked) tr[data-when]:not([data-when=before]),
section:has(#show-day:checked) tr[data-when]:not([data-when=day]),
section:has(#show-after:checked) tr[data-when]:not([data-when=after]){display:none}
details{margin-top:.6rem}.brief{white-space:nowrap}
@media(max-width:40rem){.stack thead{display:none}.stack tr,.stack td{display:block}.stack td{border:0;padding:.1rem 0}
.stack tr:not(:last-child){border-bottom:1px solid var(--line)}.stack tr{padding:.6rem 0}td[data-name]{text-align:left}
td[data-name]::before{content:attr(data-name) " ";color:var(--soft)}td[data-name]:empty{display:none}
.stack td code{white-space:normal}}
@media print{body{background:#fff;font-size:11pt}section{border:0;padding:0}tr,li{break-inside:avoid}
fieldset,button{display:none}details:not([open])>*{display:block}.scroll{overflow:visible}}
"""
# Adds what only a script can do: copying.
_SCRIPT = """
if(navigator.clipboard)for(const item of document.querySelectorAll("[data-copy]")){
const button=document.createElement("button");
button.type="button";button.textContent="Copy";button.setAttribute("aria-label","Copy "+(item.dataset.copy||"value"));
button.onclick=async()=>{await navigator.clipboard.writeText(item.textContent);button.textContent="Copied";
setTimeout(()=>button.textContent="Copy",1500)};item.after(button)}
"""
COLORS = 7


class Html(str):
    """Text that is markup already; all other text is escaped where it is inserted."""


def html(value: Any) -> str:
    """Return O(value) as markup."""
    return value if isinstance(value, Html) else escape(str(value))


def tag(element: str, /, *content: Any, **attributes: str) -> Html:
    """Return an element; an underscore at the end of an attribute's name is left out, one inside becomes a hyphen."""
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' if value else f" {key.rstrip('_').replace('_', '-')}"
        for key, value in attributes.items()
    )
    return Html(f"<{element}{words}>{''.join(map(html, content))}</{element}>")


def document(title: str, *content: Any) -> str:
    """Return a whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(html(part) for part in content if part)
        + f"\n</main>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def section(title: str, *content: Any) -> Html:
    """Return a card with a heading."""
    return tag("section", tag("h2", title, id=anchor(title)), *content, aria_labelledby=anchor(title))


def anchor(title: str) -> str:
    """Return the id of a heading."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def badge(text: str, kind: str) -> Html:
    """Return a word that stands out; O(kind) is good, warn, bad or calm."""
    return tag("span", text, class_=f"badge {kind}")


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    when: Sequence[str] = (),
    numbers: Sequence[int] = (),
    stack: bool = False,
    named: bool = False,
) -> Html:
    """Return a table that scrolls on a narrow screen, or with O(stack) puts a row's cells below each other there.

    O(when) marks each row for the filter, O(numbers) are the columns to align right. With O(named) each cell of a stack
    begins with its column's name.
    """

    def cell(kind: str, place: int, content: Any) -> Html:
        attributes = {"class_": "number"} if place in numbers else {}
        if kind == "th":
            attributes["scope"] = "col"
        elif named:
            attributes["data_name"] = columns[place]
        return tag(kind, content, **attributes)

    head = tag("tr", *(cell("th", place, column) for place, column in enumerate(columns)))
    body = [
        tag(
            "tr",
            *(cell("td", place, content) for place, content in enumerate(row)),
            **({"data_when": when[number]} if when else {}),
        )
        for number, row in enumerate(rows)
    ]
    inside = tag("table", tag("thead", head), tag("tbody", *body), **({"class_": "stack"} if stack else {}))
    return tag("div", inside, class_="scroll", tabindex="0", role="group", aria_label=caption)


def phases_bar(caption: str, parts: Mapping[str, float], words: Mapping[str, str]) -> Html:
    """Return one bar made of O(parts), with a legend; O(words) are the parts' values as people read them."""
    whole = sum(parts.values()) or 1.0
    left, rectangles, keys = 0.0, [], []
    for number, (name, value) in enumerate(parts.items()):
        color = f"fill:var(--p{number % COLORS})"
        width = 1000 * value / whole
        title = tag("title", f"{name}: {words[name]}")
        rectangles.append(
            tag("rect", title, x=f"{left:.1f}", y="0", width=f"{max(width - 2, 1):.1f}", height="26", style=color)
        )
        square = tag("svg", tag("rect", width="10", height="10", style=color), viewBox="0 0 10 10", aria_hidden="true")
        keys.append(tag("li", square, f"{name} ", tag("strong", words[name])))
        left += width
    text = f"{caption}: {', '.join(f'{name} {words[name]}' for name in parts)}"
    drawing = tag(
        "svg", *rectangles, class_="bar", viewBox="0 0 1000 26", preserveAspectRatio="none", role="img", aria_label=text
    )
    return Html(drawing + tag("ul", *keys, class_="keys"))
