"""README.md, docs/, and the docstrings and comments of azpoll/ are plain technical English (docs/contributing.md).

The test knows words and openings that hide the actor of a sentence, and private metaphors. A term in backticks is code
and is not read. To ban a word, add it to `BANNED`.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
MODULES = sorted(ROOT.glob("azpoll/**/*.py"))

BANNED = {
    "private metaphor": r"desks?|crews?|lanes?|(?<!thundering )herds?|errands?|rooms|houses?|long way|mend(?:s|ed)?",
    "pronoun without a noun": r"nobody|somebody|no one|whoever|whomever|what (?:is|was|came|comes|becomes) of",
    "passive without an actor": r"(?:is|are|was|were|be|been) (?:told|heard)|hears? of|(?:is|are) to be \w+ed",
    "vague or archaic": r"at once|for ever|beside the point|of no use|made-up|none was|or was none|it is what",
}
"""Kind to words. They are found anywhere in a sentence, in upper and lower case."""

SUBJECT = re.compile(r"(?:What|Whatever|Who|Whose|Whom|Those|Such|Of (?:which|these|those)|That which)\b(?!.*\?$)")
"""Openings of a sentence whose subject is a clause or a pronoun. A question may begin like this."""

SUMMARY = re.compile(r"(?:Returns? (?:what|when|where|who)|Note|Let|Hear|Tell|Say|Have)\b")
"""Openings of a docstring that do not say what is true afterwards."""

LONGEST = 40
"""Words in a sentence. Most sentences have fewer than 20."""

WORDS = {kind: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for kind, pattern in BANNED.items()}
CODE = re.compile(r"`[^`]*`|\]\([^)]*\)|https?://\S+")
TABLE_ROW = re.compile(r"^.*\S {3,}\S.*$", re.MULTILINE)
BREAK = re.compile(r"(?<=[.!?:;])\s+|\n\s*(?=[-*] )|\n\s*\n")
DIRECTIVE = re.compile(r"#\s*(?:!|noqa|type:|pyright|ruff|shellcheck)")  # - a pattern, no directive


class Text(NamedTuple):
    """A paragraph, table cell, comment or docstring, and the line on which it begins."""

    line: int
    prose: str
    kind: str = ""


def breaches(text: Text) -> list[str]:
    """Return a line for each breach: the line number, the kind, the words and their sentence."""
    found: list[str] = []
    prose = TABLE_ROW.sub("", CODE.sub("`", text.prose))
    sentences = [" ".join(sentence.split()) for sentence in BREAK.split(prose)]
    for number, sentence in enumerate(sentences):
        matches = {kind: pattern.search(sentence) for kind, pattern in WORDS.items()}
        if text.kind != "heading":
            matches["subject without a noun"] = SUBJECT.match(sentence)
        if text.kind == "docstring" and number == 0:
            matches["summary"] = SUMMARY.match(sentence)
        found += [f"{text.line}: {kind}: {match[0]!r} in: {sentence}" for kind, match in matches.items() if match]
        if len(sentence.split()) > LONGEST:
            found.append(f"{text.line}: more than {LONGEST} words: {sentence}")
    return found


def texts_of_page(page: str) -> Iterator[Text]:
    """Yield headings, paragraphs, list items and table cells of a Markdown page. Code blocks are left out."""
    page = re.sub(r"^```.*?^```$", lambda block: "\n" * block[0].count("\n"), page, flags=re.MULTILINE | re.DOTALL)
    paragraph: list[str] = []
    for number, line in enumerate([*page.splitlines(), ""], 1):
        marker = re.match(r"\s*(?:[-*]|\d+\.) |#+ |\||    |$", line)
        if marker and paragraph:
            yield Text(number - len(paragraph), "\n".join(paragraph))
            paragraph = []
        if line.startswith("#"):
            yield Text(number, line.lstrip("# "), "heading")
        elif line.startswith("|"):
            yield from (Text(number, cell.strip()) for cell in line.strip("|").split("|"))
        elif line.strip() and not line.startswith("    "):
            paragraph.append(line[marker.end() :] if marker else line)


def texts_of_module(module: str) -> Iterator[Text]:
    """Yield the docstrings and the blocks of comments of a module."""
    for node in ast.walk(ast.parse(module)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield Text(node.lineno, node.value.value, "docstring")
    block: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(module).readline):
        if block and token.type not in (tokenize.COMMENT, tokenize.NL):
            yield Text(block[0].start[0], "\n".join(comment.string.lstrip("# ") for comment in block))
            block = []
        if token.type == tokenize.COMMENT and not DIRECTIVE.match(token.string):
            block.append(token)


@pytest.mark.parametrize("path", [*PAGES, *MODULES], ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_plain(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    texts = texts_of_page(content) if path.suffix == ".md" else texts_of_module(content)
    found = [f"{path.relative_to(ROOT)}:{breach}" for text in texts for breach in breaches(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "prose",
    [
        "Polls leave at once.",
        "The tracker polls.\nNobody waits.",
        "What is due leaves first.",
        "# The crew",
        "| state | the caller is told |",
        f"- {'word ' * 41}",
    ],
)
def test_a_breach_on_a_page_is_found(prose: str) -> None:
    assert [breach for text in texts_of_page(f"# Title\n\n{prose}\n") for breach in breaches(text)]


@pytest.mark.parametrize(
    "source", ['"""Return what is due."""', "x = 1  # a herd", "# Its lane\n# is full.", 'x = 1\n"""Whoever."""']
)
def test_a_breach_in_a_module_is_found(source: str) -> None:
    (found,) = [breach for text in texts_of_module(source) for breach in breaches(text)]
    assert found.startswith(("1: ", "2: "))


def test_good_prose_passes() -> None:
    page = "## What it is\n\nWhat is due? A `crew` polls.\n\n```\nat once\n```\n\n    nobody\n\n1. Thundering herds.\n"
    module = (
        '"""Return the delay before a poll.\n\nlanes   a table row\n"""\n'
        'NOBODY = "at once"  # noqa: nobody\n'  # - a sample: a directive is no prose
    )
    assert not [found for text in [*texts_of_page(page), *texts_of_module(module)] for found in breaches(text)]
