# awk -f bench/cells.awk -f bench/compare.awk RESULTS FIELDS: says which ratios are more than a fifth worse than in the last row that
# has them. That is a finding to be explained, not a failure.

BEGIN { FS = "\t" }

# --- the results ---

FNR == NR && /^## / {
	group = substr($0, 4)
	columns = 0
}
FNR == NR && /^\|/ && !/^\|-/ {
	if (columns)
		take_row()
	else
		columns = cells_of($0, heading)
}
FNR == NR { next }

function take_row(   i, cells, key) {
	cells_of($0, cells)
	for (i = 4; i <= columns; i++) {
		if (!match(cells[i], /\*\*[0-9.]+\*\*/))
			continue
		key = group SUBSEP heading[i]
		last[key] = substr(cells[i], RSTART + 2, RLENGTH - 4)
		date[key] = cells[1]
	}
}

# --- the fields of this run ---

{ key = $1 SUBSEP column_of($2, $4) }

$7 > 0 && last[key] > 0 {
	worse = $3 == "rate" ? last[key] / $7 : $7 / last[key]
	if (worse > 1.2)
		printf "finding: %s: a ratio of %s, and %s on %s, %d %% worse\n", $2, $7, last[key], date[key], (worse - 1) * 100
}
