"""HTML in which every text is escaped: an element is made of texts and of other elements."""

from __future__ import annotations

from html import escape


class Markup(str):
    """HTML that is inserted unchanged. Any other text is escaped."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str | bool) -> Markup:
    """Return an element with escaped texts and attribute values.

    Args:
        tag: name of the element.
        children: texts, which are escaped, and `Markup`, which is not.
        attributes: by their names. A last underscore is dropped (`class_`), others become hyphens (`aria_label`). True
            is for an attribute without a value, False for none.
    """
    return Markup(f"{opening(tag, **attributes)}{joined(*children)}</{tag}>")


def opening(tag: str, **attributes: str | bool) -> Markup:
    """Return the start of an element, or one that has no end, such as `meta`."""
    return Markup(f"<{tag}{''.join(map(_attribute, attributes.items()))}>")


def joined(*children: str) -> Markup:
    """Return texts and elements one after the other; texts are escaped."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def _attribute(attribute: tuple[str, str | bool]) -> str:
    name, value = attribute
    name = name.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return f" {name}" if value else ""
    return f' {name}="{escape(value)}"'
