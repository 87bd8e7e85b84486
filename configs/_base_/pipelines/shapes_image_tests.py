# How images of the Shapes suite are tested. Names as in images.py; small_: 128 pixels
# high, as those of small_train_pipeline.
(
    test_pipeline,
    expression_test_pipeline,
    small_test_pipeline,
    small_expression_test_pipeline,
) = (
    [
        dict(type='LoadImageOrExplain'),
        dict(type='Resize', scale=(320, height), keep_ratio=True, backend='pillow'),
        dict(type='LoadPromptAnnotations', with_mask=True),
        dict(type=prompt),
        dict(type='PackUninextInputs'),
    ]
    for height in (240, 128)
    for prompt in ('AllCategoryPrompt', 'SampleExpressionPrompt')
)
test_cfg = dict(type='TestLoop')
test_dataloader = dict(
    batch_size=1, num_workers=1, sampler=dict(type='DefaultSampler', shuffle=False)
)
