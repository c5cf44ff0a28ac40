"""A report as a reader of HTML sees it: text, elements and what they would load."""

import re
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "link", "img", "br", "wbr", "input", "line", "circle", "rect", "polyline"}
LOADING = {"src", "href", "srcset", "poster", "action", "data", "xlink:href", "formaction"}


class Page(HTMLParser):
    """Parses a page strictly: every element that opens must close in its turn."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.source = path.read_text("utf-8")
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.badly_nested: list[str] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.badly_nested.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        """All text, each run of white space as one space."""
        return " ".join("".join(self.words).split())

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}

    @property
    def ids(self) -> set[str]:
        return {attributes["id"] for _, attributes in self.elements if "id" in attributes}

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def loaded(self) -> list[str]:
        """Everything a browser would fetch, or follow when clicked."""
        named = [
            value
            for _, attributes in self.elements
            for name, value in attributes.items()
            if name in LOADING
        ]
        styles = [a["style"] for _, a in self.elements if "style" in a]
        styles += re.findall(r"<style>(.*?)</style>", self.source, re.DOTALL)
        return named + [
            url or imported
            for style in styles
            for url, imported in re.findall(r"url\(([^)]*)\)|@import (.*)", style)
        ]

    @property
    def handlers(self) -> list[str]:
        """Attributes that would run a script."""
        return [n for _, a in self.elements for n in a if n.startswith("on")]
