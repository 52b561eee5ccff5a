#!/bin/sh
# A materialization without Python. $UPWELL_INPUTS says which versions it consumes.
set -eu
dir="${DATA_DIR:-/data}"
total=$(awk -F , 'NR > 1 { total += $2 } END { printf "%.2f", total }' "$dir/prices.csv")
echo "$total" > "$dir/total.txt"
printf '{"metadata": {"total": %s, "consumed": {"type": "json", "value": %s}}}\n' \
  "$total" "$UPWELL_INPUTS" > "$UPWELL_RESULT"
