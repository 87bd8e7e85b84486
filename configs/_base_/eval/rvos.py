# R-VOS: the mask of what a sentence means, in every frame. Shortest side 480, as
# published.
#
# Files are written by tools/dataset_converters/video_set.py, e.g.
#   python tools/dataset_converters/video_set.py ref-davis data/refdavis \
#       data/refdavis/annotations/annot1-first.json --split annot1-first
_base_ = './video.py'
rvos_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 480), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]
rvos_refytvos = dict(
    type='ReferringVideoDataset',
    data_root='data/refytvos/',
    ann_file='annotations/valid.json',
    data_prefix=dict(img='valid/JPEGImages/'),
    test_mode=True,
    pipeline=rvos_pipeline,
)
rvos_refdavis_annotators = [
    'annot1-first',
    'annot1-full',
    'annot2-first',
    'annot2-full',
]
rvos_refdavis = [
    dict(
        rvos_refytvos,
        data_root='data/refdavis/',
        ann_file=f'annotations/{__name}.json',
        data_prefix=dict(img='DAVIS/JPEGImages/480p/'),
        set_name=__name,
    )
    for __name in rvos_refdavis_annotators
]
# The sentences of a video share its pixels by their probabilities (Ref-DAVIS).
rvos_merged = dict(followers=dict(sentence=dict(merge=dict(type='SoftAggregation'))))
