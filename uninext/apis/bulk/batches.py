"""The actor class of Ray Data's ``map_batches``; it needs pyarrow, and no Ray."""

from __future__ import annotations

from typing import Any

from uninext.apis.bulk.parquet import items_of
from uninext.apis.bulk.shards import row_schema, table_of
from uninext.apis.bulk.worker import Find, rows_of_images


class FindInBatches:
    """Images of a table -> the table, with what was found in each row.

    Args:
        find: An inferencer; None: it is made of ``model``, in the process of the actor.
        column: Of the images, as :func:`uninext.apis.bulk.parquet.items_of` takes them.
        model: Arguments of :class:`uninext.apis.UninextInferencer`.
        **asked: Arguments of its call: prompts, ``score_thr``, ``batch_size``.

    Example:
        >>> import ray
        >>> ray.data.read_binary_files('photos').map_batches(
        ...     FindInBatches, batch_format='pyarrow', batch_size=32, concurrency=2,
        ...     fn_constructor_kwargs=dict(column='bytes', categories='star'),
        ... ).write_parquet('found')                                 # doctest: +SKIP
    """

    def __init__(
        self,
        find: Find | None = None,
        *,
        column: str = 'image',
        model: dict[str, Any] | None = None,
        **asked: Any,
    ) -> None:
        if find is None:
            from uninext.apis.inferencer import UninextInferencer

            find = UninextInferencer(**(model or {}))
        self._find, self._column, self._asked = find, column, asked

    def __call__(self, batch: Any) -> Any:
        """Take and give a ``pyarrow.Table``.

        Returns:
            The table without its images, and the columns of
            :func:`uninext.apis.bulk.shards.row_schema`, which replace others of one
            name; ``path`` is kept where the table has it.
        """
        values = batch.column(self._column).to_pylist()
        items = items_of(values, [str(row) for row in range(len(values))])
        rows = rows_of_images(self._find, items, self._asked)
        found = table_of([row.to_dict() for row in rows])
        kept = batch.drop_columns([self._column])
        for name in row_schema().names:
            if name == 'path' and name in kept.column_names:
                continue
            if name in kept.column_names:
                kept = kept.drop_columns([name])
            kept = kept.append_column(name, found.column(name))
        return kept
