#!/usr/bin/env bash
# What a newcomer types, from the README alone, and what is printed: docs/first_ten_minutes.md.
# tools/misc/first_ten_minutes.sh REPOSITORY FOLDER > recording.txt
# FOLDER must not exist: the repository is cloned into it, as anybody would.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
[ ! -e "$2" ] || { echo "$2 is there already: give a folder that is not." >&2; exit 2; }
repository=$1 folder=$2
start=$SECONDS

# shown LINE: a line of the recording, with the minutes since the start.
shown() {
    local now=$((SECONDS - start))
    printf '\n[%d:%02d] $ %s\n' $((now / 60)) $((now % 60)) "$1"
}

# typed COMMAND: show it, run it, and show all it prints; without what pip says of this
# machine's own package folders.
typed() {
    shown "$1"
    eval "$1" 2>&1 | tr '\r' '\n' | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g; s/[[:space:]]*$//' |
        grep -v -e '^$' -e "^WARNING: Location 'file:" || true
}

typed "git clone -q $repository $folder"
cd "$folder"
shown "cd $folder"
typed 'make demo'
typed 'ls demo_output demo_output/images'
shown 'source .venv/bin/activate'
source .venv/bin/activate
typed "python - <<'END'
from uninext.apis import UninextInferencer

find = UninextInferencer()
(result,) = find('demo_output/scene.jpg', categories='star, ring', expression='the small red star')
result.save('found/scene.jpg')
print(result)
END"
typed "uninext predict demo_output/scene.jpg --categories 'star, ring' --expression 'the small red star'"
typed 'uninext predict demo_output/video.mp4 --categories circle --box 45 135 115 205'
typed 'pip install -q -r requirements/web.txt'
shown 'uninext demo --no-browser > demo.log &   # on a machine without a browser'
uninext demo --no-browser > demo.log 2>&1 &
page=$!
trap 'kill $page' EXIT
for _ in $(seq 60); do grep -q http demo.log && break || sleep 1; done
typed 'cat demo.log'
typed 'uninext info'
typed 'uninext predict demo_output/scene.jpg --categorys star   # a slip'
typed 'uninext predict nothing.jpg --categories star'
typed 'ls found*'
