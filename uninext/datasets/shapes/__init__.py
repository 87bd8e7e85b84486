"""Generated pictures of shapes: a seed enters, a COCO-format data set leaves.

``vocabulary``: the words: categories, colours, sizes, textures, relations.
``scenes``: draws what a picture shows, and paints it.
``sentences``: sentences that are true for exactly one object of a scene.
``image_set``: pictures and annotation files on disk.
"""

from uninext.datasets.shapes.image_set import generate_image_set
from uninext.datasets.shapes.scenes import Scene, SceneObject, draw_scene
from uninext.datasets.shapes.sentences import describe
from uninext.datasets.shapes.vocabulary import CATEGORIES

__all__ = [
    'CATEGORIES',
    'Scene',
    'SceneObject',
    'describe',
    'draw_scene',
    'generate_image_set',
]
