from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.errors import ProtocolError
from sactui.slurm import hostlist


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("c1", ["c1"]),
        ("c[1-3]", ["c1", "c2", "c3"]),
        ("n[08-11]", ["n08", "n09", "n10", "n11"]),
        ("n[01,7-8]", ["n01", "n7", "n8"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("gpu-[1-2]-ib,login", ["gpu-1-ib", "gpu-2-ib", "login"]),
        ("a,b[1,3],c", ["a", "b1", "b3", "c"]),
        ("", []),
        ("(null)", []),
    ],
)
def test_expand(text: str, hosts: list[str]) -> None:
    assert hostlist.expand(text) == hosts
    assert hostlist.count(text) == len(hosts)
    assert hostlist.first(text) == (hosts[0] if hosts else "")


def test_a_huge_list_is_counted_and_not_built() -> None:
    assert hostlist.count("n[1-999999999]") == 999_999_999
    assert hostlist.count("n[1-99999][1-99999][1-99999]") == 99_999**3
    assert hostlist.first("n[0001-999999999]") == "n0001"
    with pytest.raises(ProtocolError, match="999999999 hosts"):
        hostlist.expand("n[1-999999999]")


@pytest.mark.parametrize(
    "text", ["c[1-", "c]1", "c[1[2]]", "c[]", "c[a]", "a,,b", "c[5-1]", "[1-2", "x" * 2_000_000]
)
def test_malformed(text: str) -> None:
    with pytest.raises(ProtocolError):
        hostlist.expand(text)


@pytest.mark.parametrize(
    ("hosts", "text"),
    [
        (["c1", "c2", "c3"], "c[1-3]"),
        (["n9", "n10"], "n[9-10]"),
        (["n08", "n09", "n10"], "n[08-10]"),
        (["a", "c3", "c1"], "a,c[1,3]"),
        (["c1"], "c1"),
        ([], ""),
    ],
)
def test_compress(hosts: list[str], text: str) -> None:
    assert hostlist.compress(hosts) == text


@given(
    st.lists(
        st.tuples(st.sampled_from(["n", "gpu-", "r1n"]), st.integers(0, 300), st.sampled_from([1, 3])),
        max_size=40,
    )
)
def test_compressing_keeps_every_host(parts: list[tuple[str, int, int]]) -> None:
    hosts = [f"{prefix}{number:0{width}d}" for prefix, number, width in parts]
    assert sorted(hostlist.expand(hostlist.compress(hosts))) == sorted(set(hosts))


@given(st.text(alphabet="ab[]-,0123456789", max_size=30) | st.text())
def test_any_text_expands_or_is_refused(text: str) -> None:
    try:
        hosts = hostlist.expand(text, limit=1000)
    except ProtocolError:
        return
    assert len(hosts) == hostlist.count(text) <= 1000
