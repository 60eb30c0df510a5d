"""JSON documents of any content, many of them close to a status document."""

from __future__ import annotations

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["status", "Status", "properties", "provisioningState", "percentComplete", "error"]) | st.text(),
    JSON | st.fixed_dictionaries({"provisioningState": JSON}),
    max_size=5,
)
