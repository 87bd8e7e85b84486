# Sourced by slurm_train.sh and slurm_test.sh: one srun task per process.
# submit PARTITION JOB_NAME SCRIPT [arguments]

submit() {
    local partition=$1 job_name=$2
    shift 2
    local root
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    local gpus=${GPUS:-8} gpus_per_node=${GPUS_PER_NODE:-8}
    local placement=(--ntasks "$gpus")
    if [[ $gpus_per_node != 0 ]]; then
        placement+=(--gres "gpu:$gpus_per_node" --ntasks-per-node "$gpus_per_node")
    fi
    export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
    # SRUN_ARGS is split into words on purpose.
    # shellcheck disable=SC2086
    exec srun -p "$partition" --job-name "$job_name" \
        "${placement[@]}" \
        --cpus-per-task "${CPUS_PER_TASK:-5}" \
        --kill-on-bad-exit=1 \
        ${SRUN_ARGS:-} \
        "${PYTHON:-python}" -u "$@"
}
