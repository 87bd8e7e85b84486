# MOTS on the Shapes suite: masks of crowds.
# python tools/test.py configs/uninext/eval/mots_shapes.py CHECKPOINT
# HOTA, MOTA, IDF1 of masks. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = ['../stage3_video_shapes.py', '../../_base_/eval/shapes.py']
test_dataloader = dict(dataset=_base_.shapes_mot)
test_evaluator = dict(type='TrackingMetric', similarity='segm')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
