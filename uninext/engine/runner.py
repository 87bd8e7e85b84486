"""The runner: mmengine's, with safe checkpoints, CPU processes, a readable screen."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from mmengine.device import get_device
from mmengine.dist import broadcast_object_list, is_distributed
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from torch import nn
from torch.utils.data import DataLoader

from uninext.checkpoint import (
    find_loadable,
    load_state,
    packaged_parts_of,
    refusing_pickled_code,
    state_dict_of,
)
from uninext.engine.distributed import has_accelerator, init_cpu_group
from uninext.engine.freezing import freeze_parameters
from uninext.engine.interruption import start_worker
from uninext.engine.run_identity import META_KEY, check_identity, identity_of
from uninext.engine.same_checkpoint import load_same_file
from uninext.registry import RUNNERS
from uninext.utils.files import FileError
from uninext.utils.optional_imports import import_optimizers
from uninext.utils.screen import file_only, screens

import_optimizers()  # before the runner, which imports them

from mmengine.optim import OptimWrapper  # noqa: E402
from mmengine.runner import BaseLoop, Runner  # noqa: E402

from uninext.engine.gathering import gathering  # noqa: E402

# arguments of DataLoader that it refuses without workers
_OF_WORKERS = ('persistent_workers', 'prefetch_factor', 'multiprocessing_context')


@RUNNERS.register_module()
class UninextRunner(Runner):
    """mmengine's ``Runner``; it differs in this:

    * Checkpoints are loaded with ``weights_only=True``, without a second try, and every
      key must fit. ``load_allow=['regex', ...]`` in the config names the keys that may
      differ when a run starts from ``load_from``; nothing may when it is resumed. A
      model with ``adapt_state_dict`` may derive its start from an earlier stage.
    * Checkpoints are written beside and moved into place: a kill or a full disk leaves
      the earlier ones intact.
    * ``resume='auto'`` (or ``resume=True`` without ``load_from``) takes the newest
      checkpoint of ``work_dir`` that can be read; if there is none, ``load_from``.
      Another seed, number of processes, mixture of data or annotation file is refused,
      unless ``resume_allow=['seed', 'processes', 'batches', 'files']`` names it.
    * ``frozen=['regex', ...]`` in the config names parameters that learn nothing.
    * ``sharded=['regex', ...]`` shares out weights, gradients and optimizer states
      among processes (FSDP); it names the blocks that are put together to run.
    * Several processes without GPUs run on gloo.
    * ``num_workers=0`` works beside ``persistent_workers=True``.
    * The environment, the config and the thousands of lines about initial values go to
      the log file; the screen speaks when the run starts, with a summary.
    """

    def prepare_training(self) -> None:
        """Build all that reads data files, so that a wrong path fails now.

        ``train`` reuses what was built; nothing is read twice.
        """
        self._train_loop = self.build_train_loop(self._train_loop)
        if self._val_loop is not None:
            self._val_loop = self.build_val_loop(self._val_loop)

    def prepare_testing(self) -> None:
        """Build the test data and evaluator; ``test`` reuses them."""
        self._test_loop = self.build_test_loop(self._test_loop)

    def setup_env(self, env_cfg: dict) -> None:
        """Set up processes, without GPUs on gloo; the config's text is not formatted.

        Raises:
            ValueError: If the launcher cannot run without GPUs.
        """
        if self.distributed and not is_distributed() and not has_accelerator():
            init_cpu_group(self._launcher)
        # yapf takes 10 s for a config of stage 3, at three places before a run starts
        # and for each checkpoint; the text means the same without.
        object.__setattr__(self.cfg, '_format_python_code', False)
        super().setup_env(env_cfg)

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        """Build the model; ``frozen`` of the config is applied before DDP sees it.

        Raises:
            ValueError: If a pattern of ``frozen`` finds nothing.
        """
        built = super().build_model(model)
        freeze_parameters(built, self.cfg.get('frozen') or [])
        return built

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict,
        seed: int | None = None,
        diff_rank_seed: bool = False,
    ) -> DataLoader:
        """Build a data loader; without workers, options about them are left out.

        So ``num_workers=0`` on the command line need not take ``persistent_workers``
        with it. Workers leave signals to the training.
        """
        if isinstance(dataloader, dict) and not dataloader.get('num_workers'):
            dataloader = {k: v for k, v in dataloader.items() if k not in _OF_WORKERS}
        built = Runner.build_dataloader(dataloader, seed, diff_rank_seed)
        if isinstance(dataloader, dict):
            built.worker_init_fn = partial(start_worker, init=built.worker_init_fn)
        return built

    def dump_config(self) -> None:
        """Save the whole config in ``work_dir``, but not over the file it came from.

        That one is somebody's, short and with comments; what it expands to is in the
        log's folder.
        """
        source, folder = self.cfg.filename, Path(self.work_dir).resolve()
        if source is None or Path(source).resolve().parent != folder:
            super().dump_config()

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Move the model to its device and wrap it, or share it out, for processes.

        Raises:
            ValueError: If ``sharded`` of the config names a module that is not there.
        """
        if self._is_sharded:
            if isinstance(self._train_loop, dict):  # before: nothing draws in parts
                with refusing_pickled_code():
                    super()._init_model_weights()
            from uninext.engine.sharding import shard  # loads much of torch

            device = get_device()
            shard(model.to(device), self.cfg.sharded, device)
            return model
        wrapper = model_wrapper_cfg
        if self.distributed and not has_accelerator():
            # mmengine passes the id of a device by default, which DDP refuses on CPU.
            unused = self.cfg.get('find_unused_parameters', False)
            default = dict(
                type='MMDistributedDataParallel',
                broadcast_buffers=False,
                find_unused_parameters=unused,
            )
            wrapper = {**(wrapper or default), 'device_ids': None}
        return super().wrap_model(wrapper, model)

    @property
    def _is_sharded(self) -> bool:
        return self.distributed and bool(self.cfg.get('sharded'))

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimizer; of sharded weights its states are saved whole."""
        with file_only(self.logger):  # it warns of each frozen parameter
            built = super().build_optim_wrapper(optim_wrapper)
        if self._is_sharded:
            from uninext.engine.sharding import shard_optimizer

            shard_optimizer(built.optimizer)
        return built

    def build_logger(
        self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any
    ) -> MMLogger:
        """Build the logger; the screen gets only warnings until the run starts."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        self._screen_levels = {h: h.level for h in screens(logger)}
        for handler in self._screen_levels:
            handler.setLevel(max(handler.level, logging.WARNING))
        return logger

    def _announce(self) -> None:
        """Let the screen speak, and say in three lines what runs where."""
        for handler, level in self._screen_levels.items():
            handler.setLevel(level)
        model = self._unwrapped_model()
        total = sum(p.numel() for p in model.parameters())
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        self.logger.info(
            f'{type(model).__name__}: {total / 1e6:.1f} M parameters, '
            f'{trained / 1e6:.1f} M of them trained; {self.world_size} process(es) '
            f'on {get_device()}; seed {self.seed}'
        )
        self.logger.info(
            f'Environment and full config: {self.log_dir}/{self.timestamp}.log'
        )
        if isinstance(self.optim_wrapper, OptimWrapper):
            self.logger.info(_learning_rates(self.optim_wrapper))

    @cached_property
    def _identity(self) -> str:
        """Of the data as they were read, whatever becomes of their files."""
        return identity_of(self)

    def load_or_resume(self) -> None:
        """Load weights, or the state of the run to resume, as configured."""
        if isinstance(self._train_loop, BaseLoop):
            self._identity  # noqa: B018  (now, not when a checkpoint is saved)
        self._announce()
        automatic = self._resume == 'auto' or (self._resume and not self._load_from)
        if not self._has_loaded and automatic:
            found = self._newest_loadable()
            if found is None:
                start = self._load_from or 'initial weights'
                self.logger.info(
                    f'Nothing to resume in {self.work_dir}: starting from {start}'
                )
            self._resume = found is not None
            self._load_from = found or self._load_from
        super().load_or_resume()

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: str | Callable = 'default',
    ) -> None:
        """Continue the run that was saved in ``filename``.

        Raises:
            FileError: If the file cannot be used, holds weights only, or is of a run
                with other data, seed or number of processes.
        """
        self._resume = True
        super().resume(filename, resume_optimizer, resume_param_scheduler, map_location)

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable = 'cpu',
        strict: bool = True,
        revise_keys: Sequence[tuple[str, str]] = ((r'^module\.', ''),),
    ) -> dict[str, Any]:
        """Load weights into the model; return the whole checkpoint.

        Args:
            filename: Path or address of the checkpoint.
            map_location: As in ``torch.load``.
            strict: Every key must fit, except those that ``load_allow`` of the config
                finds. False lets everything differ; what does is logged.
            revise_keys: Pairs (regular expression, replacement) applied to keys.

        Raises:
            FileError: If the file cannot be read safely, has no weights, does not
                fit, is another in another process, or holds weights only when a run
                is resumed.
        """
        checkpoint = load_same_file(str(filename), map_location)
        if self._resume and not {'optimizer', 'message_hub'} <= checkpoint.keys():
            raise FileError(
                f'{filename} holds weights but no state of training, so there is '
                'nothing to resume. To start a new run from these weights: '
                f'--cfg-options load_from={filename}'
            )
        if self._resume:
            allowed = list(self.cfg.get('resume_allow') or [])
            meta = checkpoint.get('meta') or {}
            for line in check_identity(meta, self._identity, allowed, str(filename)):
                self.logger.warning(line)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        state = state_dict_of(checkpoint, str(filename))
        for pattern, replacement in revise_keys:
            state = {re.sub(pattern, replacement, k): v for k, v in state.items()}
        allow = [''] if not strict else list(self.cfg.get('load_allow') or [])
        is_training = isinstance(self._train_loop, BaseLoop)
        differences = load_state(
            self._unwrapped_model(),
            state,
            allow=[] if self._resume else allow,
            source=str(filename),
            adapt=is_training and not self._resume,
            packaged=packaged_parts_of(checkpoint),
        )
        for note in differences.notes:
            self.logger.info(note)
        if differences:
            self.logger.warning(
                f'Allowed differences of {filename}:\n{differences.describe()}'
            )
        self._has_loaded = True
        self.logger.info(f'Loaded {len(state)} tensors from {filename}')
        return checkpoint

    def save_checkpoint(
        self, out_dir: str, filename: str, *args: Any, **kwargs: Any
    ) -> None:
        """Save a checkpoint; it appears under its name only when it is whole.

        ``out_dir`` is a folder, or an address that mmengine can write to.

        Raises:
            FileError: If the file cannot be written.
        """
        self.gather_checkpoint(out_dir, filename, *args, **kwargs)()

    def gather_checkpoint(
        self,
        out_dir: str,
        filename: str,
        *args: Any,
        copied: bool = False,
        **kwargs: Any,
    ) -> Callable[[], None]:
        """Return what writes a checkpoint of now; nothing, but in the main process.

        ``copied``: it may be called later, when weights have changed. Other arguments
        and errors are those of :meth:`save_checkpoint`.
        """
        if self.rank != 0:
            if self._is_sharded:  # the main process asks for both, in this order
                self.model.state_dict()
                self.optim_wrapper.state_dict()
            return lambda: None
        meta = dict(kwargs.pop('meta', None) or {})
        meta[META_KEY] = self._identity
        found: list[Callable[[], None]] = []
        with file_only(self.logger), gathering(found, copied):
            super().save_checkpoint(out_dir, filename, *args, meta=meta, **kwargs)
        return found[0]

    def _init_model_weights(self) -> None:
        if self._is_sharded:
            return  # they were before
        with refusing_pickled_code():
            super()._init_model_weights()

    def _newest_loadable(self) -> str | None:
        """Find what to resume from; the main process decides for all."""
        decision: list[Any] = [None, []]
        if self.rank == 0:
            path, passed_over = find_loadable(self.work_dir)
            decision = [None if path is None else str(path), passed_over]
        broadcast_object_list(decision)
        for reason in decision[1]:
            self.logger.warning(f'Not resumed from a newer checkpoint: {reason}')
        return decision[0]

    def _unwrapped_model(self) -> nn.Module:
        return self.model.module if is_model_wrapper(self.model) else self.model


def _learning_rates(optim_wrapper: OptimWrapper) -> str:
    """A line of the learning rates of what learns, and of how many numbers."""
    rates: Counter[float] = Counter()
    for group in optim_wrapper.param_groups:
        rates[group['lr']] += sum(p.numel() for p in group['params'] if p.requires_grad)
    rates = +rates  # without the rates of frozen parameters alone
    text = ', '.join(f'{r:g} ({n / 1e6:.1f} M)' for r, n in rates.most_common())
    return f'{type(optim_wrapper.optimizer).__name__}: learning rates {text}'
