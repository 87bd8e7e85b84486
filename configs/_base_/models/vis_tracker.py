# What VIS changes in any of the video models: all objects of the categories, evaluated over
# whole videos. model = _base_.pop('vis_tracker'). Thresholds of the published runs.
vis_tracker = dict(
    trackers=dict(
        category=dict(
            _delete_=True,
            type='VideoInstanceTracker',
            select_score_thr=0.1,
            nms_iou_threshold=0.9,
            with_iou=False,
            init_score_thr=0.2,
            addnew_score_thr=0.2,
            match_score_thr=0.5,
            nms_thr_pre=0.5,
            keep_lost=10,
            memory_len=3,
            result_score_thr=0.05,
        )
    )
)
