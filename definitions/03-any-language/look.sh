#!/bin/sh
# An observation without Python: any program that writes $UPWELL_RESULT will do.
set -eu
file="${DATA_DIR:-/data}/prices.csv"
version=$(sha256sum "$file" | cut -d ' ' -f 1)
rows=$(($(wc -l < "$file") - 1))
printf '{"dataVersion": "%s", "metadata": {"rows": %d, "file": {"type": "path", "value": "%s"}}}\n' \
  "$version" "$rows" "$file" > "$UPWELL_RESULT"
echo "$file: $rows rows, version $version"
