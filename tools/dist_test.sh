#!/usr/bin/env bash
# Evaluate with one process per GPU of this node; without GPUs, with as many on CPU.
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]
# Several nodes: run it on each with NNODES, NODE_RANK, MASTER_ADDR and PORT set.
set -euo pipefail
if [[ $# -lt 3 ]]; then
    echo "usage: [NNODES=1 NODE_RANK=0 MASTER_ADDR=127.0.0.1 PORT=29500] $0 CONFIG CHECKPOINT GPUS [options of tools/test.py]" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/_launch.sh"
config=$1
checkpoint=$2
gpus=$3
shift 3
launch "$gpus" "$here/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
