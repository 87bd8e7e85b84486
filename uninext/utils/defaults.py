"""Numbers that the command line, the web page and Python have in common."""

SCORE_THRESHOLD = 0.3  # predictions below are not shown, saved or counted
ACCEPT_THRESHOLD = 0.5  # labels from here on need no review
# Of each kind of prompt; expressions and targets report their best prediction.
DEFAULT_THRESHOLDS = {'category': SCORE_THRESHOLD, 'expression': 0.0, 'target': 0.0}
MAX_FPS = 1000  # of videos
PRECISIONS = ('float32', 'bf16', 'fp16')  # of a network at test
