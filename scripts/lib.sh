# shellcheck shell=bash
# shellcheck disable=SC2034 # whoever sources this uses the variables
# What the scripts share: messages, and calls to the Docker Engine. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=${0##*/}

# Progress and complaints go to standard error: standard output belongs to results.
say() {
	printf '%s: %s\n' "$program" "$*" >&2
}

die() {
	say "$*"
	exit 1
}

need_root() {
	[ "$(id -u)" = 0 ] || die "needs root${1:+: $1}"
}

# elapsed SINCE: whole seconds and a tenth since an earlier $EPOCHREALTIME.
elapsed() {
	awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", b - a }'
}

# indented_tail FILE LINES: the end of a log, for a message about a failure.
indented_tail() {
	tail -n "$2" "$1" | sed 's/^/    /' >&2
}

# engine_call PATH [CURL-OPTION...]: one request to the Engine at $DOCKER_HOST; the answer's body on
# standard output. Fails on an HTTP status of 400 and more. Without a version in the path the
# Engine speaks its own.
engine_call() {
	local path=$1
	shift
	curl --silent --show-error --fail-with-body --noproxy '*' --unix-socket "${DOCKER_HOST#unix://}" "$@" "http://engine$path"
}

# uri TEXT: as a part of a path or a query.
uri() {
	jq -rn --arg s "$1" '$s | @uri'
}

engine_answers() {
	[ -S "${DOCKER_HOST#unix://}" ] && engine_call /_ping --max-time 5 >/dev/null 2>&1
}

# private_namespace RUN-DIR: of a private Engine's containers in containerd, and of their control groups.
private_namespace() {
	echo "sandbox-engine-$(cksum <<<"$1" | cut -d' ' -f1)"
}
