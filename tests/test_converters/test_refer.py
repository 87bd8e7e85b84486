from __future__ import annotations

import datetime
import json
import pickle

import pytest

from helpers.tools import run_tool
from uninext import converters as conv
from uninext.datasets import DatasetError, ReferringDataset

REFCOCO = 'tools/dataset_converters/refcoco.py'
REFEXP_JSON = 'tools/dataset_converters/refexp_json.py'


def ref(ref_id, image_id, ann_id, split, *expressions):
    return dict(
        ref_id=ref_id,
        image_id=image_id,
        ann_id=ann_id,
        split=split,
        category_id=1,
        file_name='with_suffix_1.jpg',
        sentences=[dict(sent=s, raw=s.upper(), tokens=s.split()) for s in expressions],
    )


@pytest.fixture
def refer_root(tmp_path):
    """Images 1..6, annotation 10 * image; image 5 is tested by refcoco+ only."""
    root = tmp_path / 'refer'
    polygon = [[0, 0, 4, 0, 4, 4, 0, 4]]
    instances = dict(
        images=[
            dict(id=i, file_name=f'COCO_train2014_{i}.jpg', width=40, height=30)
            for i in range(1, 7)
        ],
        annotations=[
            dict(id=10 * i, image_id=i, bbox=[0, 0, 4, 4], segmentation=polygon)
            for i in range(1, 7)
        ],
        categories=[dict(id=1, name='person')],
    )
    refs = {
        'refcoco/refs(unc).p': [
            ref(0, 1, 10, 'train', 'left man', 'left man', 'tall man'),
            ref(1, 2, 20, 'val', 'a dog'),
            ref(2, 5, 50, 'train', 'leaks'),
            ref(3, 99, 10, 'train', 'no image'),
            ref(4, 6, 999, 'testA', 'no annotation'),
            ref(5, 6, 60, 'testB', '...'),
        ],
        'refcoco+/refs(unc).p': [
            ref(0, 1, 10, 'train', 'tall man', 'bearded one'),
            ref(1, 5, 50, 'testB', 'held out'),
        ],
        'refcocog/refs(umd).p': [ref(0, 3, 30, 'train', 'the man who sits')],
        'refcocog/refs(google).p': [ref(0, 3, 30, 'val', 'the man who sits')],
    }
    for name, content in refs.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(pickle.dumps(content, protocol=2))
        (root / name).with_name('instances.json').write_text(json.dumps(instances))
    return root


def test_empty_conversion():
    assert conv.to_coco(conv.Conversion())['images'] == []
    assert conv.mix_train_splits([]).objects == []
    assert (
        conv.Conversion().summary('x') == 'x: 0 objects with 0 expressions on 0 images'
    )


def test_reading_counts_what_it_leaves_out(refer_root):
    splits = conv.convert_refer(refer_root, conv.REFER_SETS[0], progress=False)
    assert list(splits) == ['train', 'val', 'testA', 'testB']
    train = splits['train']
    assert [o.expressions for o in train.objects] == [
        ('left man', 'tall man'),
        ('leaks',),
    ]
    assert train.objects[0].file_name == 'COCO_train2014_1.jpg'
    assert train.skipped == {'its image is not in instances.json': 1}
    assert splits['testA'].skipped == {'it has no annotation or no box': 1}
    assert splits['testB'].skipped == {'it has no expression': 1}
    assert 'skipped 1: it has no expression' in splits['testB'].summary('testB')


@pytest.fixture
def read_sets(refer_root):
    return [conv.convert_refer(refer_root, s, False) for s in conv.REFER_SETS[:3]]


def test_mix_merges_objects_and_leaves_out_test_images(read_sets):
    mixed = conv.mix_train_splits(read_sets)
    assert [(o.image_id, o.expressions) for o in mixed.objects] == [
        (1, ('left man', 'tall man', 'bearded one')),
        (3, ('the man who sits',)),
    ]
    assert mixed.skipped == {
        'image occurs in a val or test split': 1,
        'object merged with one of another set': 1,
    }


def test_mix_as_published(read_sets):
    mixed = conv.mix_train_splits(read_sets, keep_leaks=True, keep_duplicates=True)
    assert [o.image_id for o in mixed.objects] == [1, 5, 1, 3]
    leaky = conv.mix_train_splits(read_sets, keep_leaks=True)
    assert [o.image_id for o in leaky.objects] == [1, 5, 3]


def test_written_layout_is_what_the_dataset_reads(read_sets, tmp_path):
    content = conv.to_coco(conv.mix_train_splits(read_sets))
    assert [i['id'] for i in content['images']] == [1, 2]
    assert [i['original_id'] for i in content['images']] == [1, 3]
    assert [a['image_id'] for a in content['annotations']] == [1, 2]
    conv.write_json(content, tmp_path / 'deep' / 'ann.json')
    assert [p.name for p in (tmp_path / 'deep').iterdir()] == ['ann.json']
    (tmp_path / 'img').mkdir()
    for image in content['images']:
        (tmp_path / 'img' / image['file_name']).touch()
    dataset = ReferringDataset(
        data_root=str(tmp_path),
        ann_file='deep/ann.json',
        data_prefix=dict(img='img'),
        pipeline=[],
        test_mode=True,
    )
    assert len(dataset) == 4
    assert dataset.get_data_info(3)['img_id'] == content['images'][1]['id']
    assert dataset.get_data_info(0)['has_masks']


def test_pickles_may_not_run_code(tmp_path):
    path = tmp_path / 'evil.p'
    path.write_bytes(pickle.dumps([datetime.date(2020, 1, 1)]))
    with pytest.raises(DatasetError, match=r'evil\.p is not a plain.*datetime\.date'):
        conv.load_plain_pickle(path)


@pytest.mark.parametrize('content', [b'', b'garbage', b'\x80\x02'])
def test_damaged_pickle_is_named(tmp_path, content):
    path = tmp_path / 'refs.p'
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r'refs\.p is not a plain pickle'):
        conv.load_plain_pickle(path)


def test_python2_strings_are_read(tmp_path):
    path = tmp_path / 'refs.p'
    path.write_bytes(b"(lp0\nS'caf\\xc3\\xa9'\np1\na.")  # protocol 0, as Python 2 wrote
    assert conv.load_plain_pickle(path) == ['caf\u00e9']


def test_refcoco_tool(refer_root, tmp_path, capsys):
    out = tmp_path / 'out'
    assert run_tool(REFCOCO, refer_root, out, '--mix') == 0
    written = sorted(str(p.relative_to(out)) for p in out.rglob('*.json'))
    assert len(written) == 4 + 4 + 3 + 2 + 1
    assert 'refcoco-mixed/instances_train.json' in written
    assert 'merged with one of another set' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['/nowhere'], 'does not exist'),
        (['/nowhere', '--mix', '--sets', 'refcoco-unc'], '--mix needs all its sets'),
        (['/nowhere', '--sets', 'refcoco-unc'], 'Expected the REFER download'),
    ],
)
def test_refcoco_tool_explains(args, message, tmp_path, capsys):
    assert run_tool(REFCOCO, args[0], tmp_path, *args[1:]) == 2
    assert message in capsys.readouterr().err


def simple_ref(**changes):
    record = dict(
        image_id=1,
        file_name='train/a.jpg',
        width=40,
        height=30,
        bbox=[0, 0, 4, 4],
        sentences=['a dog', dict(raw='The Dog')],
        segmentation=None,
    )
    return {**record, **changes}


def test_simple_json(tmp_path, capsys):
    path, out = tmp_path / 'refs.json', tmp_path / 'out.json'
    refs = [
        simple_ref(),
        simple_ref(no_target=True, bbox=None),
        simple_ref(bbox=None),
        simple_ref(bbox=[0, 0, 0, 4]),
        simple_ref(file_name='val/b.jpg'),
        simple_ref(sentences=[]),
        {k: v for k, v in simple_ref().items() if k != 'width'},
    ]
    path.write_text(json.dumps(dict(refs=refs)))
    args = [str(path), str(out), '--prefix', 'train/']
    assert run_tool(REFEXP_JSON, *args) == 0
    content = json.loads(out.read_text())
    assert [i['expressions'] for i in content['images']] == [['a dog', 'The Dog']]
    assert 'segmentation' not in content['annotations'][0]
    printed = capsys.readouterr().out
    assert '1 of them have a box but no mask' in printed
    assert printed.count('skipped 1') == 6


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (None, 'does not exist'),
        ('{', 'not valid JSON'),
        ('{"a": 1}', 'no list of refs'),
        ('[{"image_id": 1}]', r"refs[0] has no ['file_name', 'sentences']"),
    ],
)
def test_simple_json_explains(tmp_path, capsys, text, message):
    path = tmp_path / 'refs.json'
    if text is not None:
        path.write_text(text)
    assert run_tool(REFEXP_JSON, path, tmp_path / 'out.json') == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out.json').exists()
