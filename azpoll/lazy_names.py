"""Import the public names of a package when they are first used.

pytest imports the plugin `azpoll.testing.plugin` in every run, also where no test uses it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy_names(
    package: dict[str, object], modules: Mapping[str, str], submodules: tuple[str, ...] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the functions `__getattr__` and `__dir__` of a package.

    Args:
        package: the `globals()` of the package.
        modules: module to the names that come from it, with blanks between them.
        submodules: that are attributes of the package after its own import.
    """
    module_of = {name: module for module, names in modules.items() for name in names.split()}

    def get(name: str) -> object:
        if name in submodules:
            return import_module(f"{package['__name__']}.{name}")
        if name not in module_of:
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
        package[name] = value = getattr(import_module(module_of[name]), name)
        return value

    def names() -> list[str]:
        return sorted({*package, *module_of})

    return get, names
