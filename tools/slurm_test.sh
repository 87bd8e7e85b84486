#!/usr/bin/env bash
# Evaluate on a Slurm cluster.
#   [GPUS=8 GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=...] \
#       tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]
# GPUS_PER_NODE=0 asks for no GPUs: GPUS is the number of CPU processes then.
set -euo pipefail
if [[ $# -lt 4 ]]; then
    echo "usage: [GPUS=8 GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=...] $0 PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/_slurm.sh"
partition=$1
job_name=$2
config=$3
checkpoint=$4
shift 4
submit "$partition" "$job_name" \
    "$here/test.py" "$config" "$checkpoint" --launcher slurm "$@"
