#!/usr/bin/env bash
# Train with one process per GPU of this node; without GPUs, with as many CPU processes.
#   tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
# Several nodes: run it on each with NNODES, NODE_RANK, MASTER_ADDR and PORT set.
set -euo pipefail
if [[ $# -lt 2 ]]; then
    echo "usage: [NNODES=1 NODE_RANK=0 MASTER_ADDR=127.0.0.1 PORT=29500] $0 CONFIG GPUS [options of tools/train.py]" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/_launch.sh"
config=$1
gpus=$2
shift 2
launch "$gpus" "$here/train.py" "$config" --launcher pytorch "$@"
