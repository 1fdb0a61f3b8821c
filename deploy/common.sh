# shellcheck shell=bash
# shellcheck disable=SC2034 # whoever sources this uses the variables
# What install and uninstall share: where everything lies, and steps that a dry run only tells. Sourced, never run.

# shellcheck source=../scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

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

# setting NAME: its value in the installed configuration, or nothing.
setting() {
	sed -n "s/^$1=//p" "$etc/sandbox-api.env" 2>/dev/null | tail -n 1
}

site() {
	sed -n 's/^SANDBOX_DOMAIN=//p' "$etc/site.env" 2>/dev/null | tail -n 1
}

# edit_daemon_json JQ-ARGUMENT...: changes the Engine's configuration and lets the Engine read it again, which disturbs no
# container. The file as it was stays beside it.
edit_daemon_json() {
	local old='{}' new
	[ ! -s $daemon_json ] || old=$(cat $daemon_json)
	new=$(jq "$@" <<<"$old") || die "$daemon_json is not the JSON that the Engine wants: mend it first; nothing was changed"
	mkdir -p "${daemon_json%/*}"
	[ ! -e $daemon_json ] || cp -p $daemon_json $daemon_json.before-sandbox-api
	printf '%s\n' "$new" >$daemon_json.new
	mv $daemon_json.new $daemon_json
	! is_active docker || systemctl reload docker
}
