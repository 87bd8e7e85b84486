"""From downloads to annotation files that the datasets read.

Enter: data sets in their own download layout. Leave: JSON files, written whole or not
at all, and a count of what was left out and why.

``refer`` reads referring sets over images, ``files`` reads and writes.
"""

from uninext.datasets.converters import files, refer
from uninext.datasets.converters.files import load_json, load_plain_pickle, write_json
from uninext.datasets.converters.refer import (
    MIXED_NAME,
    REFER_SETS,
    Conversion,
    ReferredObject,
    ReferSet,
    convert_refer,
    convert_refexp_json,
    mix_train_splits,
    to_coco,
)

__all__ = [
    'MIXED_NAME',
    'REFER_SETS',
    'Conversion',
    'ReferSet',
    'ReferredObject',
    'convert_refer',
    'convert_refexp_json',
    'files',
    'load_json',
    'load_plain_pickle',
    'mix_train_splits',
    'refer',
    'to_coco',
    'write_json',
]
