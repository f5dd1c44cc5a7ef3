"""Named protocols: data, targets, judges and metrics that are frozen under one name and one hash."""

from __future__ import annotations

from ganbench.protocols.definition import FOLDER, Protocol, list_protocols, load_protocol

__all__ = ["FOLDER", "Protocol", "list_protocols", "load_protocol"]
