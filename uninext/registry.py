"""Registries of uninext: children of mmdet's, so configs need no prefixes.

A type name is looked up here, then in mmdet, then in mmengine. ``locations`` name both
packages because a registry imports only its own locations, never its parent's
(docs/architecture.md). Types of mmpretrain are written ``mmpretrain.Name``.

Enter: type names in configs. Leave: classes.
"""

from __future__ import annotations

from typing import Any

from mmengine.registry import Registry

from uninext.utils.late_packages import import_offered, is_importing, late_packages
from uninext.utils.optional_imports import ensure_mmcv_ops, import_mmpretrain

ensure_mmcv_ops()

from mmdet import registry as mmdet_registry  # noqa: E402  (needs mmcv._ext to stand)

_get = Registry.get


def _get_late(registry: Registry, key: str) -> Any:
    """``Registry.get``, and what late packages have (``utils.late_packages``).

    They are asked for the name before a parent is, which may have another class of that
    name; and run, one by one, if the type is known under a name that no list has.
    """
    scope, name = Registry.split_scope_key(key)
    if name not in registry._module_dict and scope in (None, registry.scope):
        for location in registry._locations:
            import_offered(location, name)
    found = _get(registry, key)
    if found is not None or is_importing():
        return found
    for package in late_packages():
        import_offered(package.__name__, name)
    found = _get(registry, key)
    while found is None and (late := late_packages()):
        late[0].complete()
        found = _get(registry, key)
    return found


Registry.get = _get_late


class _ModelRegistry(Registry):
    """A registry that imports mmpretrain when it is asked for a type of it."""

    def get(self, key: str) -> Any:
        if isinstance(key, str) and key.startswith('mmpretrain.'):
            import_mmpretrain()
        return super().get(key)


def _child(
    name: str, *rooms: str, scope: str = 'uninext', cls: type[Registry] = Registry
) -> Registry:
    parent = getattr(mmdet_registry, name)
    return cls(parent.name, parent=parent, scope=scope, locations=list(rooms))


RUNNERS = _child('RUNNERS', 'mmdet.engine', 'uninext.engine')
LOOPS = _child('LOOPS', 'mmdet.engine.runner', 'uninext.engine')
HOOKS = _child(
    'HOOKS', 'mmdet.engine.hooks', 'uninext.engine.hooks', 'uninext.checkpoint'
)
LOG_PROCESSORS = _child('LOG_PROCESSORS', 'uninext.engine')
# Nothing of ours is in these three; without them mmengine warns of the scope.
OPTIMIZERS = _child('OPTIMIZERS', 'mmdet.engine.optimizers')
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS', 'mmdet.models')
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', 'mmdet.models')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'mmdet.engine.optimizers', 'uninext.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    'OPTIM_WRAPPER_CONSTRUCTORS', 'mmdet.engine.optimizers', 'uninext.engine'
)
PARAM_SCHEDULERS = _child('PARAM_SCHEDULERS', 'mmdet.engine.schedulers')
DATASETS = _child('DATASETS', 'mmdet.datasets', 'uninext.datasets')
DATA_SAMPLERS = _child('DATA_SAMPLERS', 'mmdet.datasets', 'uninext.datasets')
TRANSFORMS = _child('TRANSFORMS', 'mmdet.datasets.transforms', 'uninext.datasets')
MODELS = _child('MODELS', 'mmdet.models', 'uninext.models', cls=_ModelRegistry)
TASK_UTILS = _child('TASK_UTILS', 'mmdet.models', 'uninext.models')
METRICS = _child('METRICS', 'mmdet.evaluation', 'uninext.evaluation.metrics')
EVALUATOR = _child('EVALUATOR', 'mmdet.evaluation', 'uninext.evaluation.metrics')
VISUALIZERS = _child('VISUALIZERS', 'mmdet.visualization', 'uninext.visualization')
VISBACKENDS = _child('VISBACKENDS', 'mmdet.visualization', 'uninext.visualization')
