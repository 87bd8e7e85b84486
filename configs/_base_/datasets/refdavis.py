# Ref-DAVIS 2017: the videos of DAVIS, with expressions of two annotators, who saw the
# first frame or the whole video.
#
# data/refdavis/DAVIS/JPEGImages/480p/<video>/*.jpg
# data/refdavis/annotations/*.json, written for each of the four by
#   python tools/dataset_converters/video_set.py ref-davis data/refdavis \
#       data/refdavis/annotations/annot1-first.json --split annot1-first
refdavis_sets = ['annot1-first', 'annot1-full', 'annot2-first', 'annot2-full']
refdavis_val = [
    dict(
        type='ReferringVideoDataset',
        data_root='data/refdavis/',
        ann_file=f'annotations/{__name}.json',
        data_prefix=dict(img='DAVIS/JPEGImages/480p/'),
        set_name=__name,
        test_mode=True,
    )
    for __name in refdavis_sets
]
