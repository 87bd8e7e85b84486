"""The world of shapes: a seed enters, images and videos for ten tasks leave.

``vocabulary``: the words: categories, colours, sizes, textures, relations.
``backgrounds``: what lies behind. Images: ``scenes`` draws and paints what one shows,
``expressions`` says what is true for exactly one object of it, ``taxonomies`` gives all
objects other names, ``image_set`` writes images and annotation files. Videos:
``motion`` moves a shape, ``videos`` draws and paints, ``video_expressions`` describes,
``video_labels`` has all that is known of a video, ``video_set`` writes annotation
files. ``layouts`` writes the benchmarks' own layouts; ``suite`` does all of it.
``report`` evaluates a checkpoint on the suite. Nothing but ``web``, tools and the demo
imports this room.
"""

from uninext.shapes import (
    backgrounds,
    expressions,
    image_set,
    layouts,
    motion,
    scenes,
    suite,
    taxonomies,
    video_expressions,
    video_labels,
    video_set,
    videos,
    vocabulary,
)
from uninext.shapes.expressions import describe
from uninext.shapes.image_set import generate_image_set
from uninext.shapes.scenes import Scene, SceneObject, draw_scene
from uninext.shapes.suite import LAYOUTS, ShapesSuite, generate_suite
from uninext.shapes.taxonomies import TAXONOMIES, Taxonomy
from uninext.shapes.video_expressions import Expression, describe_video
from uninext.shapes.video_labels import LabelledVideo, Track, generate_video
from uninext.shapes.video_set import (
    CROWD,
    SCENE,
    VideoStyle,
    generate_videos,
    write_video_set,
)
from uninext.shapes.videos import (
    Frame,
    MovingObject,
    VideoScene,
    draw_video,
    render,
)
from uninext.shapes.vocabulary import CATEGORIES

__all__ = [
    'CATEGORIES',
    'CROWD',
    'LAYOUTS',
    'SCENE',
    'TAXONOMIES',
    'Frame',
    'LabelledVideo',
    'MovingObject',
    'Scene',
    'SceneObject',
    'Expression',
    'ShapesSuite',
    'Taxonomy',
    'Track',
    'VideoScene',
    'VideoStyle',
    'backgrounds',
    'describe',
    'describe_video',
    'draw_scene',
    'draw_video',
    'generate_image_set',
    'generate_suite',
    'generate_video',
    'generate_videos',
    'image_set',
    'layouts',
    'motion',
    'render',
    'scenes',
    'expressions',
    'suite',
    'taxonomies',
    'video_labels',
    'video_expressions',
    'video_set',
    'videos',
    'vocabulary',
    'write_video_set',
]
