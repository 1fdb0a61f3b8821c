# shellcheck shell=bash
# shellcheck disable=SC2034 # whoever sources this uses the variables
# What install and uninstall share: where everything lies, and steps that a dry run only tells. Sourced, never run.

# shellcheck source=../scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

# What install makes is read by others, and written by nobody else, whatever root's own umask is.
umask 022

account=sandbox-api
etc=/etc/sandbox-api
prefix=/usr/local
units=/etc/systemd/system
sysctl_file=/etc/sysctl.d/60-sandbox-api.conf
modprobe_file=/etc/modprobe.d/sandbox-api.conf
caddyfile=/etc/caddy/Caddyfile
# The root certificate of Caddy's own authority, which names without a public certificate get.
caddy_root=/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt
caddy_dropin=$units/caddy.service.d/sandbox-api.conf
daemon_json=/etc/docker/daemon.json
engine_socket=/var/run/docker.sock
export DOCKER_HOST=unix://$engine_socket
our_units=(sandbox-api.service sandbox-api-reap.service sandbox-api-reap.timer)

# What install did to files that are not its own, so that uninstall can take back that and no more: lines "KIND VALUE".
record=$prefix/lib/sandbox-api/install.record

dry_run=

step() {
	printf '\n== %s\n' "$*" >&2
}

# act TEXT COMMAND...: says it and does it; a dry run only says it.
act() {
	say "${dry_run:+would }$1"
	shift
	[ -n "$dry_run" ] || "$@"
}

# recorded KIND: the value, or nothing.
recorded() {
	sed -n "s/^$1 //p" "$record" 2>/dev/null | tail -n 1
}

set_record() { # KIND VALUE
	mkdir -p "${record%/*}"
	{ grep -v "^$1 " "$record" 2>/dev/null || :; printf '%s %s\n' "$1" "$2"; } >"$record.new"
	mv "$record.new" "$record"
}

digest() {
	sha256sum "$1" 2>/dev/null | cut -d' ' -f1
}

has_systemd() {
	[ -d /run/systemd/system ]
}

is_active() {
	systemctl is-active --quiet "$1" 2>/dev/null
}

# value FILE NAME: what an environment file says, quoted or not, or nothing.
value() {
	sed -n "s/^$2=//p" "$1" 2>/dev/null | tail -n 1 | tr -d "\"'"
}

# setting NAME: its value in the installed configuration, or nothing.
setting() {
	value "$etc/sandbox-api.env" "$1"
}

# The first name, where there are several.
site() {
	value "$etc/site.env" SANDBOX_DOMAIN | cut -d, -f1
}

# One at a time on a host, from whatever checkout. A lock on a directory leaves nothing behind.
lock_host() {
	exec 9<"$units"
	flock -n 9 || die "another deploy/install or deploy/uninstall is running"
}

# edit_daemon_json JQ-ARGUMENT...: changes the Engine's configuration and lets the Engine read it again, which disturbs no
# container. Mode and owner of the file stay, and the link, where it is one. Fails with nothing changed.
edit_daemon_json() {
	local file old='{}' new
	file=$(readlink -m "$daemon_json")
	! grep -q '[^[:space:]]' "$file" 2>/dev/null || old=$(cat "$file")
	if ! new=$(jq -e "$@" <<<"$old"); then
		say "$daemon_json is not the JSON that the Engine wants: mend it first; nothing was changed"
		return 1
	fi
	mkdir -p "${file%/*}" && { [ ! -e "$file" ] || cp -p "$file" "$file.new"; } &&
		printf '%s\n' "$new" >"$file.new" && mv "$file.new" "$file" || return
	! is_active docker || systemctl reload docker
}

# take_runtime NAME: out of the Engine's configuration, which then is as it was before it came.
take_runtime() {
	local before=$daemon_json.before-sandbox-api
	[ -e "$daemon_json" ] || return 0
	# shellcheck disable=SC2016 # jq's
	edit_daemon_json --arg name "$1" 'del(.runtimes[$name]) | if .runtimes == {} then del(.runtimes) else . end' || return
	[ -e "$before" ] || [ "$(cat "$daemon_json")" != '{}' ] || rm -f "$daemon_json"
	rm -f "$before"
}
