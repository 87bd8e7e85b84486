"""The Shapes suite: generated images and videos for ten tasks.

``vocabulary``: the words: categories, colours, sizes, textures, relations.
``backgrounds``, ``painting``: what scenes and videos paint alike. Images: ``scenes``
draws and paints what one shows, ``taxonomies`` gives all objects other names,
``image_set`` writes images and annotation files. Videos: ``motion`` moves a shape,
``videos`` draws and paints, ``video_labels`` has all that is known of a video,
``video_set`` writes annotation files. ``expressions`` says what is true for exactly one
object of either. ``layouts`` writes the benchmarks' own layouts; ``suite`` does all of
it. ``report`` evaluates a checkpoint on the suite. Nothing but ``web``, tools and the
demo imports this room.
"""

from uninext.shapes.expressions import Expression, Facts, describe
from uninext.shapes.image_set import generate_image_set
from uninext.shapes.scenes import Scene, SceneObject, draw_scene
from uninext.shapes.suite import LAYOUTS, ShapesSuite, generate_suite
from uninext.shapes.taxonomies import TAXONOMIES
from uninext.shapes.video_labels import LabelledVideo, Track, generate_video
from uninext.shapes.video_set import CROWD, SCENE, generate_videos
from uninext.shapes.videos import VideoScene, draw_video, render
from uninext.shapes.vocabulary import CATEGORIES

__all__ = [
    'CATEGORIES',
    'CROWD',
    'LAYOUTS',
    'SCENE',
    'TAXONOMIES',
    'Expression',
    'Facts',
    'LabelledVideo',
    'Scene',
    'SceneObject',
    'ShapesSuite',
    'Track',
    'VideoScene',
    'describe',
    'draw_scene',
    'draw_video',
    'generate_image_set',
    'generate_suite',
    'generate_video',
    'generate_videos',
    'render',
]
