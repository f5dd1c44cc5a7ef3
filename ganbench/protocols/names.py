"""The name of the protocol of an evaluation, which every file and table of results tells."""

from __future__ import annotations

from dataclasses import replace

from ganbench.protocols.definition import Protocol, list_protocols, load_protocol
from ganbench.records import NAME, Results


def belongs(results: Results, protocol: Protocol, left_out: str = "") -> bool:
    """Whether results were made under a protocol: its data, judges, codes, seed and versions of metrics.

    Args:
        results: their metrics may be some of the protocol's, and others beside them.
        protocol: the named protocol.
        left_out: what the data set says of images that are not used.
    """
    versions = {name: spec.get("version") for name, spec in results.metrics.items()}
    return (
        results.seed == protocol.seed
        and protocol.left_out in (None, left_out)
        and all(protocol.versions.get(name, v) == v for name, v in versions.items())
        and not protocol.deviations(results.protocol)
    )


def named(results: Results, left_out: str = "") -> Results:
    """Results that tell the name of their protocol.

    It is the name of the frozen protocol that they belong to, or ``own:`` and the beginning of the hash of
    their own.

    Args:
        results, left_out: as for ``belongs``.
    """
    names = (name for name in list_protocols() if belongs(results, load_protocol(name), left_out))
    name = next(names, f"own:{results.protocol_hash[:8]}")
    return replace(results, protocol=results.protocol | {NAME: name})
