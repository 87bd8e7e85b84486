#!/usr/bin/env bash
# Train on a Slurm cluster.
#   [GPUS=16 GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=...] \
#       tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of tools/train.py]
# GPUS_PER_NODE=0 asks for no GPUs: GPUS is the number of CPU processes then.
set -euo pipefail
if [[ $# -lt 4 ]]; then
    echo "usage: [GPUS=8 GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=...] $0 PARTITION JOB_NAME CONFIG WORK_DIR [options of tools/train.py]" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/_slurm.sh"
partition=$1
job_name=$2
config=$3
work_dir=$4
shift 4
submit "$partition" "$job_name" \
    "$here/train.py" "$config" --work-dir "$work_dir" --launcher slurm "$@"
