#!/usr/bin/env bash
# From nothing but packages to the model that ships: data, three stages, the tables.
#   [SEED=0] [AMP=1] [SHAPES_ROOT=data/shapes] tools/misc/train_shapes.sh OUT [PROCESSES]
# PROCESSES: GPUs, or CPU processes of one thread (default: all of this machine).
# OUT/uninext_tiny.safetensors, beside it training.txt. AMP=0: no bfloat16, for CPUs
# that compute it slowly. Stopped at any moment, the same command goes on where it was.
set -euo pipefail
if [[ $# -lt 1 || $# -gt 2 ]]; then
    sed -n '2,6s/^# //p' "$0" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
processes=${2:-}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/_launch.sh
PYTHON=$(chosen_python)
export PYTHON SHAPES_ROOT=${SHAPES_ROOT:-data/shapes} OMP_NUM_THREADS=1
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
if [[ -z $processes ]]; then
    processes=$("$PYTHON" -c \
        'import os, torch; print(torch.cuda.device_count() or len(os.sched_getaffinity(0)))')
fi
seed=${SEED:-0}
amp=(--amp)
if [[ ${AMP:-1} == 0 ]]; then amp=(); fi

# say TEXT: a heading in the log.
say() { printf '\n== %s: %s\n' "$(date -u +%FT%TZ)" "$1" | tee -a "$out/training.txt"; }

# logged COMMAND...: its output on the screen and in the log; its failure is ours, and
# what ends us ends it: a training saves then.
logged() {
    "$@" > >(tee -a "$out/training.txt") 2>&1 &
    command=$!
    wait "$command"
}
trap 'kill -TERM "${command:-$$}"; wait; exit 143' TERM INT

# last_of STAGE: its last checkpoint.
last_of() { echo "$out/$1/$(basename "$(cat "$out/$1/last_checkpoint")")"; }

# stage NAME CONFIG [CHECKPOINT]: train it from there, unless that is done.
stage() {
    if [[ -e $out/$1/done ]]; then return; fi
    say "$1, seed $seed, $processes processes"
    logged tools/dist_train.sh "configs/uninext/$2" "$processes" "${amp[@]}" --resume \
        --work-dir "$out/$1" --cfg-options "randomness.seed=$seed" ${3:+"load_from=$3"}
    touch "$out/$1/done"
}

if [[ ! -e $SHAPES_ROOT/refs_motion_val.json ]]; then # written last
    say "$SHAPES_ROOT"
    logged "$PYTHON" tools/dataset_converters/shapes.py "$SHAPES_ROOT" --num-train 4000 \
        --num-val 200 --videos 300 30 --size 320 240 --frames 16
fi
stage stage1 stage1_pretrain_shapes.py
stage stage2 stage2_image_shapes.py "$(last_of stage1)"
stage stage3 stage3_video_shapes.py "$(last_of stage2)"
say 'ten tasks'
logged "$PYTHON" tools/analysis_tools/ten_tasks.py "$(last_of stage3)" \
    --num-expressions 1 --work-dir "$out/ten_tasks"
say 'uninext_tiny.safetensors'
logged "$PYTHON" tools/model_converters/publish_model.py "$(last_of stage3)" \
    stage3_video_shapes "$out/uninext_tiny.safetensors" \
    --metrics "$out/ten_tasks/ten_tasks.json"
say 'done'
