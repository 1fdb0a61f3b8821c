/*
 * The page, inside the program: x and x_end are its first byte and the one after its last, x_gz the
 * same file compressed. scripts/build-web made the files; -I says where.
 */
	.macro	asset name, file
	.global	asset_\name
	.global	asset_\name\()_end
	.balign	16
asset_\name:
	.incbin	"\file"
asset_\name\()_end:
	.byte	0
	.endm

	.section .rodata
	asset	index_html, "index.html"
	asset	index_html_gz, "index.html.gz"
	asset	terminal_js, "terminal.js"
	asset	terminal_js_gz, "terminal.js.gz"
	asset	terminal_css, "terminal.css"
	asset	terminal_css_gz, "terminal.css.gz"
	asset	favicon_svg, "favicon.svg"

	.section .note.GNU-stack, "", %progbits
