#!/bin/bash
# Trains on two machines (or more) without SLURM. The same line on each, with its number; the first is number 0:
#
#     bash two_machines.sh 0        on 192.168.0.10
#     bash two_machines.sh 1        on 192.168.0.11
#
# Each needs the checkout with its environment and the same corpus. Only number 0 writes the run directory.
# Ports 12345 and 22345 of number 0, and 12345 of the others, must be open between the machines, and to nobody else.
set -eu

machines=("192.168.0.10:12345" "192.168.0.11:12345")
number="${1:?the number of this machine, from 0 to $((${#machines[@]} - 1))}"

addresses=$(printf '"%s",' "${machines[@]}")
export TF_CONFIG="{\"cluster\": {\"worker\": [${addresses%,}]}, \"task\": {\"type\": \"worker\", \"index\": ${number}}}"

cd "${TF_GPT2_HOME:-$HOME/tf_gpt2}"
exec .venv/bin/python -m tf_gpt2.train \
    --corpus="${CORPUS:-novels/}" --run_dir="${RUN_DIR:-runs/cluster}" \
    --preset=gpt2 --batch_size=64 --epochs=10
