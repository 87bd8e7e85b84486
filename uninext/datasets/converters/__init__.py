"""From downloads to annotation files that the datasets read.

Enter: data sets in their own download layout. Leave: JSON files, written whole or not
at all, and a count of what was left out and why.

``refer`` reads referring sets over images, ``mot_challenge`` MOT17 and its like;
``files`` reads and writes.
"""

from uninext.datasets.converters import files, mot_challenge, refer
from uninext.datasets.converters.files import load_json, load_plain_pickle, write_json
from uninext.datasets.converters.mot_challenge import (
    MOTConversion,
    convert_mot_challenge,
)
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
    'MOTConversion',
    'ReferSet',
    'ReferredObject',
    'convert_mot_challenge',
    'convert_refer',
    'convert_refexp_json',
    'files',
    'load_json',
    'load_plain_pickle',
    'mix_train_splits',
    'mot_challenge',
    'refer',
    'to_coco',
    'write_json',
]
