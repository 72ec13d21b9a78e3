#!/bin/sh
# For cron: 15 2 * * *  /srv/films/nightly.sh
# Makes the films of jobs.csv that are new or changed, and leaves a log and a summary of each night.
set -eu
cd "$(dirname "$0")"
mkdir -p log
night=log/$(date +%F)
# A night that takes longer than a day must not meet the next one.
exec 9>log/.lock
flock -n 9 || { echo "the last run is still going on" >&2; exit 75; }
reelmill batch jobs.csv --jobs 2 --resume --summary "$night.json" --progress json 2>>"$night.log"
