"""What is wrong with a request, in words."""

from __future__ import annotations

from pydantic import ValidationError

_NAMED = 5
"""Faults that are named; a request may have thousands."""


def explain(error: ValidationError) -> str:
    """Return what is wrong with a request, without its values."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return " ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}." for one in found[:_NAMED])
