# What bench/compare and bench/record share: the form of bench/results.md, and of the fields that the load generator writes.
#
# Below a heading `## GROUP` stands a table, a column for each figure behind those of date, machine and change; a row is a run. A cell is
# `OURS / REFERENCE = **RATIO**`, or a value where nothing stands beside it; what follows it is for people.
#
# Fields: group, title, kind ("time", "rate" or "cost"), unit, ours, reference, ratio, verdict, p99. What does not apply is empty.

# The cells of a line of a table, without the blanks around them: cells[1] on; returns how many.
function cells_of(line, cells,   n, i) {
	n = split(line, cells, "|")
	for (i = 2; i < n; i++) {
		gsub(/^ +| +$/, "", cells[i])
		cells[i - 1] = cells[i]
	}
	delete cells[n - 1]
	delete cells[n]
	return n - 2
}

# The heading of a figure's column.
function column_of(title, unit) {
	return title (unit == "" ? "" : ", " unit)
}
