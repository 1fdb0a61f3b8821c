# awk -v date= -v change= -v machine= -f bench/cells.awk -f bench/record.awk FIELDS RESULTS: the results with a row more in each table whose
# figures the fields have. A column that a table does not have yet is added to it, a machine to the list.

BEGIN { FS = "\t" }

# --- the fields of this run ---

FNR == NR {
	title = column_of($2, $4)
	titles[$1] = titles[$1] (titles[$1] == "" ? "" : "\t") title
	cell = $7 == "" ? $5 : $5 " / " $6 " = **" $7 "**"
	cell = cell ($9 == "" ? "" : ", p99 " $9) ($8 == "missed" ? ", missed" : "")
	value[$1, title] = cell
	next
}

# --- the list of machines comes before the tables ---

/^\* [A-Z]: / {
	machines++
	if (substr($0, 6) == machine)
		letter = substr($0, 3, 1)
}
/^$/ && machines && letter == "" {
	letter = sprintf("%c", 65 + machines)
	print "* " letter ": " machine
}

# --- tables: held back until their end, since a column may be added to all of their rows ---

/^\|/ {
	if (!columns)
		columns = cells_of($0, heading)
	else if (!/^\|-/)
		rows[++count] = $0
	next
}
columns { print_table() }
/^## / { group = substr($0, 4) }
{ print }
END {
	if (columns)
		print_table()
}

function print_table(   i, n, known, added, cells) {
	for (i = 1; i <= columns; i++)
		known[heading[i]] = 1
	n = split(titles[group], added, "\t")
	for (i = 1; i <= n; i++)
		if (!(added[i] in known))
			heading[++columns] = added[i]
	print_row(heading)
	print_rule()
	for (i = 1; i <= count; i++) {
		split("", cells)
		cells_of(rows[i], cells)
		print_row(cells)
	}
	if (titles[group] != "")
		print_new_row()
	columns = count = 0
}

function print_new_row(   i, cells) {
	cells[1] = date
	cells[2] = letter
	cells[3] = change
	for (i = 4; i <= columns; i++)
		cells[i] = value[group, heading[i]]
	print_row(cells)
}

function print_row(cells,   i, line) {
	line = "|"
	for (i = 1; i <= columns; i++)
		line = line " " (cells[i] == "" ? "–" : cells[i]) " |"
	print line
}

function print_rule(   i, line) {
	line = "|"
	for (i = 1; i <= columns; i++)
		line = line (i < 4 ? "---|" : "--:|")
	print line
}
