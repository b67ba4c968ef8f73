"""A network of someone else's code, named ``module:function``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from torch import nn

from edgecnn.errors import InputError


def build_foreign(source: str) -> nn.Module:
    """Import a module and call its function, which returns the network.

    The module is looked for in the working directory first. Its code is run: only name code that
    you trust.

    Args:
        source: ``package.module:function``.

    Raises:
        InputError: no such module or function, it fails, or returns no torch module.
    """
    module_name, _, function_name = source.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        function = getattr(importlib.import_module(module_name), function_name)
        model = function()
    except ModuleNotFoundError as error:
        raise InputError(f"{source}: no module named {error.name}: is it installed?") from error
    except AttributeError as error:
        raise InputError(f"{source}: {error}") from error
    except Exception as error:  # foreign code may raise anything
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise InputError(f"{source} failed: {reason}") from error
    finally:
        sys.path.remove(here)
    if not isinstance(model, nn.Module):
        raise InputError(f"{source} returned {type(model).__name__}: expected a torch.nn.Module")
    return model
