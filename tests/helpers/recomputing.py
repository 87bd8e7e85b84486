"""Which calls of a module are recomputed in the backward pass."""

from __future__ import annotations

from types import ModuleType

import pytest


def note_recomputed(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> list:
    """A list that gets an entry for each call of the module's ``checkpoint``."""
    calls, checkpoint = [], module.checkpoint

    def noting(*args: object, **kwargs: object) -> object:
        calls.append(args[0])
        assert kwargs['use_reentrant'] is False, 'the other kind breaks DDP and FSDP'
        return checkpoint(*args, **kwargs)

    monkeypatch.setattr(module, 'checkpoint', noting)
    return calls
