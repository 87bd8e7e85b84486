# All that stage 3 reads, and the pipelines that make pairs of frames.
_base_ = [
    './clips.py',
    './coco.py',
    './refcoco.py',
    './ytvis.py',
    './ovis.py',
    './bdd100k.py',
    './refytvos.py',
    './lasot.py',
    './got10k.py',
    './trackingnet.py',
    './ytvos.py',
]
