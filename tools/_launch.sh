# Sourced by dist_train.sh, dist_test.sh and misc/train_shapes.sh.

# chosen_python: PYTHON, or that of the environment, or the one make demo installed.
chosen_python() {
    local own
    own=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.venv/bin/python
    if [[ -n ${PYTHON:-} ]]; then
        echo "$PYTHON"
    elif [[ -z ${VIRTUAL_ENV:-} && -x $own ]]; then
        echo "$own"
    else
        echo python
    fi
}

# launch PROCESSES SCRIPT [arguments]: start the processes of one node.
launch() {
    local processes=$1
    shift
    if ! [[ $processes =~ ^[1-9][0-9]*$ ]]; then
        echo "error: the number of processes must be a positive number, got '$processes'" >&2
        exit 2
    fi
    local root
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    local nnodes=${NNODES:-1}
    # One node: any port, so that two runs on a machine do not meet. Several nodes must
    # agree on one.
    local port=${PORT:-29500}
    if [[ $nnodes == 1 && -z ${PORT:-} ]]; then
        port=$((29500 + RANDOM % 2000))
    fi
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
    export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
    exec "$(chosen_python)" -m torch.distributed.run \
        --nnodes "$nnodes" \
        --node-rank "${NODE_RANK:-0}" \
        --master-addr "${MASTER_ADDR:-127.0.0.1}" \
        --master-port "$port" \
        --nproc-per-node "$processes" \
        "$@"
}
