# How images are tested, at the size of the paper. Names as in images.py.
__image = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True, backend='pillow'),
]
__masks = dict(type='LoadPromptAnnotations', with_mask=True)
__all_categories = [dict(type='AllCategoryPrompt'), dict(type='PackUninextInputs')]
# after resizing: ground truth stays in the frame of the original image
test_pipeline = [*__image, __masks, *__all_categories]
boxes_test_pipeline = [*__image, dict(type='LoadPromptAnnotations'), *__all_categories]
expression_test_pipeline = [
    *__image,
    __masks,
    dict(type='SampleExpressionPrompt'),
    dict(type='PackUninextInputs'),
]
test_cfg = dict(type='TestLoop')
test_dataloader = dict(
    batch_size=1, num_workers=2, sampler=dict(type='DefaultSampler', shuffle=False)
)
