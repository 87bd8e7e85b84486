# What VIS changes in any of the video models: all objects of the categories, judged over
# whole videos. model = _base_.pop('vis_follower'). Thresholds of the published runs.
vis_follower = dict(
    followers=dict(
        names=dict(
            _delete_=True,
            type='AveragedNames',
            select_score_thr=0.1,
            nms_iou_threshold=0.9,
            with_iou=False,
            tracker=dict(
                type='VideoInstanceTracker',
                init_score_thr=0.2,
                addnew_score_thr=0.2,
                match_score_thr=0.5,
                nms_thr_pre=0.5,
                nms_thr_post=0.05,
                memo_tracklet_frames=10,
                memory_len=3,
                result_score_thr=0.05,
            ),
        )
    )
)
