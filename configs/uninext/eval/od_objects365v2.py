# Detection of all 365 names of Objects365 v2 val, asked in parts that fit the budget.
# python tools/test.py configs/uninext/eval/od_objects365v2.py CHECKPOINT
# Writes work_dirs/od_objects365v2/results.bbox.json. Not measured here: docs/evaluation.md.
_base_ = '../stage1_pretrain.py'
test_evaluator = dict(outfile_prefix='work_dirs/od_objects365v2/results')
